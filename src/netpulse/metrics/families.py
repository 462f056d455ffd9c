"""A reading, and what was seen of devices, as metric families; a pure function.

Only what the inventory of now has is in it, so the series of a router that left the file end with the next scrape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from netpulse.errors import CODES
from netpulse.metrics.reading import Reading, Seen

DEVICE_FAULTS = tuple(code for code in CODES if code.startswith(("router_", "route_source_")) and code != "router_busy")
"""The codes that are a device's own doing. Each has a series from the first scrape on, so that the first fault is an increase."""

Rows = Iterable[tuple[tuple[str, ...], float]]


def families(reading: Reading, seen: Seen) -> Iterator[Metric]:
    """Every family that is looked at when somebody scrapes."""
    yield _gauge("build_info", "Always 1; what is running.", "version python", [((reading.version, reading.python), 1)])
    yield _gauge(
        "draining", "1 while the service is stopping and takes no further questions.", "", [((), reading.draining)]
    )
    yield from _devices(reading)
    yield from _seen(reading, seen)
    yield from _inventory(reading)
    yield _gauge("runs", "Questions under way.", "", [((), reading.runs)])
    yield _gauge("streams", "Event streams open, of the API and of pages.", "", [((), reading.streams)])
    yield _gauge(
        "streams_limit",
        "How many event streams may be open, and how many questions under way.",
        "",
        [((), reading.most_streams)],
    )
    yield from _store(reading)
    yield _counter(
        "rate_limit_hits",
        "Requests that met a limit: key (its requests a minute), visitor (their questions), target (probes of one address, "
        "by everyone together), bad-key (wrong keys from one client), miss (results that are not there and questions that are "
        "none, from one visitor).",
        "limit",
        [((kind,), count) for kind, count in sorted(reading.limited.items())],
    )
    yield _counter(
        "log_lines_dropped",
        "Lines of the log that were given up because whoever reads it did not take them. Audit rows are never among them.",
        "",
        [((), reading.log_lines_dropped)],
    )


def _seen(reading: Reading, seen: Seen) -> Iterator[Metric]:
    yield _counter(
        "device_faults",
        "Commands that failed by this device's doing, by code; also those of our own that nobody asked for.",
        "device code",
        [((device.key, code), seen.faults[device.key, code]) for device in reading.devices for code in DEVICE_FAULTS],
    )
    yield _gauge(
        "route_source_answered_timestamp_seconds",
        "When this route source last gave a good answer about this router (Unix time), 0 if not since the start. Sources are "
        "asked only when somebody asks, so one is stale where its last failure is newer than this.",
        "router source",
        [(pair, seen.answered.get(pair, 0)) for pair in reading.route_sources],
    )
    yield _gauge(
        "route_source_failed_timestamp_seconds",
        "When this route source last failed to answer about this router (Unix time), 0 if not since the start: it could not be "
        "reached, or its session to the router was not established or still loading.",
        "router source",
        [(pair, seen.failed.get(pair, 0)) for pair in reading.route_sources],
    )


def _devices(reading: Reading) -> Iterator[Metric]:
    devices = reading.devices
    yield _gauge(
        "sessions", "Commands that hold a session of this device.", "device", [((d.key,), d.sessions) for d in devices]
    )
    yield _gauge(
        "sessions_limit",
        "Commands that may run on this device at once.",
        "device",
        [((d.key,), d.most_sessions) for d in devices],
    )
    yield _gauge(
        "queue_waiting",
        "Questions that wait for a session of this device.",
        "device",
        [((d.key,), d.waiting) for d in devices],
    )
    yield _gauge(
        "queue_places",
        "Questions that may wait for a session of this device.",
        "device",
        [((d.key,), d.places) for d in devices],
    )
    yield _gauge(
        "breaker_open",
        "1 while this device counts as down: not reached three times in a row, a refused login, or another host key.",
        "device",
        [((d.key,), d.breaker_open) for d in devices],
    )


def _inventory(reading: Reading) -> Iterator[Metric]:
    yield _gauge(
        "router_maintenance",
        "1 while the file takes this router out of service.",
        "router",
        [((slug,), resting) for slug, resting in reading.maintenance.items()],
    )
    yield _gauge(
        "connection_info",
        "Always 1; what a connection's id stands for.",
        "router connection name type asn",
        [((c.router, str(c.id), c.name, c.type, c.asn), 1) for c in reading.connections],
    )


def _store(reading: Reading) -> Iterator[Metric]:
    store = reading.store
    yield _gauge("audit_rows_waiting", "Audit rows that are not on disk yet.", "", [((), store.audit_rows)])
    yield _gauge(
        "audit_lag_seconds",
        "Age of the oldest audit row that is not on disk yet; 0 if there is none.",
        "",
        [((), store.oldest_audit_s)],
    )
    yield _counter(
        "audit_failures",
        "Commands that were not run because their audit row could not be written in time.",
        "",
        [((), store.audit_failures)],
    )
    yield _counter(
        "audit_rows_lost",
        "Audit rows that were given up: no command belongs to them, they record refusals and answers from memory, or an end.",
        "",
        [((), store.audit_lost)],
    )
    yield _counter(
        "results_lost",
        "Results that were not kept because the database did not take them.",
        "",
        [((), store.results_lost)],
    )
    yield _gauge(
        "store_queued_bytes",
        "Bytes that wait to be written to the database; refusals and results are given up beyond 64 MiB.",
        "",
        [((), store.queued_bytes)],
    )
    yield _gauge("store_writable", "0 while the database cannot be written.", "", [((), store.writable)])


def _gauge(name: str, help_text: str, labels: str, rows: Rows) -> Metric:
    family = GaugeMetricFamily(f"netpulse_{name}", help_text, labels=labels.split())
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _counter(name: str, help_text: str, labels: str, rows: Rows) -> Metric:
    family = CounterMetricFamily(f"netpulse_{name}", help_text, labels=labels.split())
    for values, value in rows:
        family.add_metric(values, float(value))
    return family
