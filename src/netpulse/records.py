"""What several kinds of answers share: BGP routes and egress verdicts. Field names are the public JSON names.

Units are the suffix of the name (`_ms`, `_s`, `_pct`). Every field is always present, null when not known. Records of
one query type alone live beside it in `queries/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that appears in an answer: immutable, rendered field by field in order."""


class AsSet(Record, frozen=True, kw_only=True):
    """An unordered set of ASes, as aggregation leaves it (RFC 4271 section 4.3, AS_SET)."""

    set: tuple[int, ...]


class AsConfed(Record, frozen=True, kw_only=True):
    """An ordered sequence inside a confederation (RFC 5065, AS_CONFED_SEQUENCE)."""

    confed: tuple[int, ...]


class AsConfedSet(Record, frozen=True, kw_only=True):
    """An unordered set inside a confederation (RFC 5065, AS_CONFED_SET)."""

    confed_set: tuple[int, ...]


PathElement = int | AsSet | AsConfed | AsConfedSet


class Community(Record, frozen=True, kw_only=True):
    """A community in the router's canonical text (`64500:100`, `64500:1:2`, `rt:64500:1`) and its meaning."""

    value: str
    name: str | None = None


WELL_KNOWN = {
    "65535:0": ("graceful-shutdown",),
    "65535:1": ("accept-own",),
    "65535:6": ("llgr-stale",),
    "65535:7": ("no-llgr",),
    "65535:666": ("blackhole",),
    "65535:65281": ("no-export",),
    "65535:65282": ("no-advertise",),
    "65535:65283": ("no-export-subconfed", "local-as"),
    "65535:65284": ("no-peer",),
}
"""The registry of well-known communities (IANA, RFC 1997, 3765, 7611, 7999, 8326, 9494), by their numbers, each with its
names. Systems write them as `no-export`, `NO_EXPORT` or `noExport`."""


class LearnedFrom(Record, frozen=True, kw_only=True):
    """The neighbour a route was heard from, and the connection of ours that it belongs to."""

    address: str | None = None
    asn: int | None = None
    name: str | None = None
    connection_id: int | None = None


class Neighbor(Record, frozen=True, kw_only=True):
    """A BGP neighbour as its router lists it."""

    address: str
    established: bool


class Neighbors(Record, frozen=True, kw_only=True):
    """All BGP neighbours of a router; one that is listed twice is established if it is once."""

    neighbors: tuple[Neighbor, ...]


class Rpki(Record, frozen=True, kw_only=True):
    """Route origin validation (RFC 6811): `valid`, `invalid`, `not_found`, or null without validated data."""

    state: Literal["valid", "invalid", "not_found"] | None = None
    reason: str | None = None


class Route(Record, frozen=True, kw_only=True):
    """One BGP route as a router or a route server knows it."""

    prefix: str
    as_path: tuple[PathElement, ...] | None
    as_path_text: str | None
    origin_asn: int | None
    next_hop: str | None
    learned_from: LearnedFrom
    local_pref: int | None = None
    med: int | None = None
    origin: Literal["IGP", "EGP", "incomplete"] | None = None
    communities: tuple[Community, ...] = ()
    large_communities: tuple[Community, ...] = ()
    ext_communities: tuple[Community, ...] = ()
    age_s: int | None = None
    best: bool | None = None
    best_by: Literal["router", "collector"] | None = None
    why_not_best: str | None = None
    rpki: Rpki = Rpki()


class Egress(Record, frozen=True, kw_only=True):
    """Whether packets from this source really leave by the connection that was asked for.

    `expected_connection` is what the router's best route for the address uses, by id. With mode `source` the address
    chooses only the way back; the way out is the router's best path.
    """

    mode: Literal["source", "policy", "routing_instance", "next_hop"]
    expected_connection: int | None
    verdict: Literal["enforced", "same", "differs", "unknown"]
    note: str


def ms_text(value_ms: float) -> str:
    """Milliseconds as every page and text writes them: one decimal from 1 ms on, two from 0.1 ms, else the three of routers."""
    if value_ms < 0.0005:
        return "0"
    return f"{value_ms:.{3 if value_ms < 0.0995 else 2 if value_ms < 0.995 else 1}f}"


def origin_of(path: tuple[PathElement, ...]) -> int | None:
    """The AS that originated a route: the last element, unless it is a set or the path is empty."""
    return path[-1] if path and isinstance(path[-1], int) else None


def first_asn_of(path: tuple[PathElement, ...]) -> int | None:
    """The neighbour AS a path begins with, past any confederation segments."""
    for element in path:
        if isinstance(element, int):
            return element
        if isinstance(element, AsSet):
            return None
    return None


def paths_of(kind: type[Record]) -> Iterator[str]:
    """Every field of a record by its path, an object or list of objects before what is inside: `learned_from.address`."""
    for found in msgspec.structs.fields(kind):
        yield found.name
        for inner in records_in(found.type):
            yield from (f"{found.name}.{path}" for path in paths_of(inner))


def records_in(annotation: Any) -> list[type[Record]]:
    """The kinds of records that a value of this type may be or hold."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [record for part in get_args(annotation) for record in records_in(part)]
