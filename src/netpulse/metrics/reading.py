"""What a scrape looks at, as values: taken in the event loop in one go, rendered elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """One device of the inventory and how it is being used; one that was never asked is idle."""

    key: str
    sessions: int
    most_sessions: int
    waiting: int
    places: int
    breaker_open: bool


@dataclass(frozen=True, slots=True)
class ConnectionReading:
    """One connection of the inventory."""

    router: str
    id: int
    name: str
    type: str
    asn: str


@dataclass(frozen=True, slots=True)
class StoreReading:
    """The database: what waits to be written, what was given up, whether it can be written at all.

    `oldest_audit_s` is the age in seconds of the oldest audit row that is not on disk yet, 0 if there is none.
    """

    audit_rows: int
    oldest_audit_s: float
    audit_failures: int
    audit_lost: int
    results_lost: int
    queued_bytes: int
    writable: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of devices: how often each failed in which way, and when route sources answered and failed.

    Kept by device, and by router and device (Unix time); shown only for those that the inventory has.
    """

    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: dict[tuple[str, str], float] = field(default_factory=dict)
    failed: dict[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that is looked at, under the settings of now."""

    version: str
    python: str
    draining: bool
    devices: tuple[DeviceReading, ...]
    maintenance: Mapping[str, bool]  # every router by its slug
    connections: tuple[ConnectionReading, ...]
    route_sources: tuple[tuple[str, str], ...]  # router's slug, device's key
    runs: int
    streams: int
    most_streams: int
    store: StoreReading
    limited: Mapping[str, int] = field(default_factory=dict)  # times that a limit of this kind refused
    log_lines_dropped: int = 0
