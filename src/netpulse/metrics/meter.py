"""Counts and times what happens, in a registry of its own, and writes the page that Prometheus reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from netpulse.errors import CODES
from netpulse.metrics.families import DEVICE_FAULTS, families
from netpulse.metrics.reading import Reading, Seen
from netpulse.observer import STEPS, Observer, Step
from netpulse.query import Job

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
_NOT_THE_SOURCE = frozenset({"stopped", "shutting_down", "router_busy"})
"""Ends of a command that say nothing about the device that was asked."""


class Meter(Observer):
    """An observer with a page. `wall` gives Unix time."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody asks
        self._wall = wall
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._queries = Counter(
            "netpulse_queries",
            "Jobs of questions that have ended, by how: finished, or the error code. A question to all routers is one job each; "
            "connection is empty where a question has none.",
            ["router", "connection", "query", "outcome"],
            registry=registry,
        )
        self._steps = Histogram(
            "netpulse_step_seconds",
            "Where the time of a command goes: queue (until a session was free), login (from there until the command was "
            "sent: the login, or the opening of a channel on a connection that stands), command (the device itself), parse (our "
            "reading), enrich (names, meanings and the egress verdict before the answer goes out).",
            ["step", "device"],
            buckets=SECONDS,
            registry=registry,
        )
        self._requests = Counter(
            "netpulse_http_requests",
            "Requests answered, by the template of their path; a stream counts when it ends.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._errors = Counter(
            "netpulse_errors",
            "Requests that ended in an error, by its code (refusals are those of 4xx); a stream that failed counts too.",
            ["code"],
            registry=registry,
        )
        self._reloads = Counter(
            "netpulse_config_reloads",
            "Times the configuration file was read again: ok, or failed (the settings before stay in force).",
            ["result"],
            registry=registry,
        )
        self._last_reload_ok = Gauge(
            "netpulse_config_last_reload_successful", "0 if the file as it is now was refused.", registry=registry
        )
        self._last_reload_ok.set(1)
        self._last_reload_at = Gauge(
            "netpulse_config_last_accepted_timestamp_seconds",
            "When the settings in force were read (Unix time).",
            registry=registry,
        )
        self._last_reload_at.set(wall())
        for result in ("ok", "failed"):
            self._reloads.labels(result)
        for code in CODES:  # from the first scrape on, so that the first one of each is an increase
            self._errors.labels(code)
        self._seen = Seen()
        self._request_counters: dict[tuple[str, str, int], Counter] = {}

    def executed(self, job: Job, code: str | None, steps: Mapping[Step, float]) -> None:
        for step, seconds in steps.items():
            self._steps.labels(step, job.device.key).observe(seconds)
        if code in DEVICE_FAULTS:
            self._seen.faults[job.device.key, code] += 1
        if job.route_source is not None and code not in _NOT_THE_SOURCE:
            when = self._seen.answered if code is None else self._seen.failed
            when[job.router.slug, job.device.key] = self._wall()

    def enriched(self, job: Job, seconds: float) -> None:
        self._steps.labels(STEPS[-1], job.device.key).observe(seconds)

    def told(self, router: str, connection: int | None, query: str, code: str | None) -> None:
        self._queries.labels(router, "" if connection is None else str(connection), query, code or "finished").inc()

    def answered(self, method: str, route: str, status: int, code: str | None) -> None:
        key = (method if method in METHODS else "other", route, status)
        counter = self._request_counters.get(key)
        if counter is None:
            counter = self._request_counters[key] = self._requests.labels(*map(str, key))
        counter.inc()
        if code is not None:
            self._errors.labels(code).inc()

    def reloaded(self, accepted: bool) -> None:
        self._reloads.labels("ok" if accepted else "failed").inc()
        self._last_reload_ok.set(accepted)
        if accepted:
            self._last_reload_at.set(self._wall())

    def page(self, reading: Reading) -> bytes:
        """Everything in Prometheus's text form; from any thread."""
        return generate_latest(_Once(self._registry, reading, self._seen))


class _Once(Collector):
    """The registry and one reading, collected together; what `generate_latest` needs of a registry."""

    def __init__(self, registry: CollectorRegistry, reading: Reading, seen: Seen) -> None:
        self._registry = registry
        self._reading = reading
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield from families(self._reading, self._seen)
