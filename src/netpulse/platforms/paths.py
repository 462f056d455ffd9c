"""Reads AS paths and communities as text, and puts one answer about routes together; shared by the routers' readers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from netpulse.platforms.reading import covers, network, whole
from netpulse.queries.aspath import AsPathResult
from netpulse.query import Ask
from netpulse.records import WELL_KNOWN, AsConfed, AsConfedSet, AsSet, Community, PathElement, Route
from netpulse.values import Prefix

_NUMBERS_INSIDE = r"[0-9., ]*"
_SEGMENT = re.compile(
    rf"[\s,]+|(?P<number>[0-9.]+)|\{{(?P<set>{_NUMBERS_INSIDE})\}}"
    rf"|\( ?[{{\[](?P<confed_set>{_NUMBERS_INSIDE})[}}\]] ?\)|\((?P<confed>{_NUMBERS_INSIDE})\)"
    rf"|\[(?P<square>{_NUMBERS_INSIDE})\]"
)
_LARGEST_ASN = 0xFFFFFFFF

_NUMBERS = {name.replace("-", ""): value for value, names in WELL_KNOWN.items() for name in names}


def asn(text: str) -> int | None:
    """An AS number as digits or as `high.low` (RFC 5396), or None."""
    high, dot, low = text.partition(".")
    if not dot:
        number = whole(text)
        return number if number is not None and number <= _LARGEST_ASN else None
    upper, lower = whole(high), whole(low)
    if upper is None or lower is None or upper > 0xFFFF or lower > 0xFFFF:
        return None
    return (upper << 16) + lower


def path_elements(text: str, *, square_is_set: bool = True) -> tuple[PathElement, ...] | None:
    """The elements of a written AS path; None if any part of it is not understood.

    `{…}` is a set, `(…)` a confederation sequence, `({…})`, `([…])` and a bare `[…]` a confederation set. Junos also
    puts local AS numbers in square brackets: with `square_is_set` False a bare `[…]` is part of the sequence.
    """
    path: list[PathElement] = []
    at = 0
    while at < len(text):
        found = _SEGMENT.match(text, at)
        if found is None or found.end() == at:
            return None
        at = found.end()
        if found.lastgroup is None:
            continue
        numbers = [asn(word) for word in found[found.lastgroup].replace(",", " ").split()]
        known = tuple(number for number in numbers if number is not None)
        if len(known) < len(numbers):
            return None
        if found.lastgroup == "set":
            path.append(AsSet(set=known))
        elif found.lastgroup == "confed":
            path.append(AsConfed(confed=known))
        elif found.lastgroup == "confed_set" or (found.lastgroup == "square" and square_is_set):
            path.append(AsConfedSet(confed_set=known))
        else:
            path += known
    return tuple(path)


def community(value: str) -> Community:
    """A community by its numbers or by a well-known name; the value is always the numbers.

    The names are spelled `no-export`, `NO_EXPORT` or `noExport` by different systems.
    """
    number = _NUMBERS.get(value.lower().replace("_", "").replace("-", ""), value)
    return Community(value=number, name=WELL_KNOWN.get(number, (None,))[0])


_EXT_TYPES = {"target": "rt", "origin": "ro", "soo": "ro"}


def ext_community(value: str) -> Community:
    """An extended community with its type in small letters: `rt:64500:1`, `ro:64500:1`, else as the router says."""
    kind, colon, rest = value.partition(":")
    kind = kind.lower()
    return Community(value=_EXT_TYPES.get(kind, kind) + colon + rest)


def answer(asked: Prefix, exact: bool, routes: Sequence[Route]) -> AsPathResult:
    """The result for a question about `asked`: only the routes of its prefix, the best first.

    With `exact` a route for another prefix is none, but the longest one around it is named in `covering`.
    """
    places = {route.prefix: network(route.prefix) for route in routes}
    around = [(place.prefixlen, text) for text, place in places.items() if place and covers(place, asked)]
    longest = max(around, default=None)
    if longest is None:
        return AsPathResult(prefix=None, covering=None, routes=())
    if exact and longest[0] != asked.prefixlen:
        return AsPathResult(prefix=None, covering=longest[1], routes=())
    of_it = [route for route in routes if route.prefix == longest[1]]
    return AsPathResult(prefix=longest[1], covering=None, routes=tuple(sorted(of_it, key=lambda route: not route.best)))


def asked_prefix(ask: Ask) -> tuple[Prefix, bool]:
    """What is asked about as a prefix, and whether it must match exactly; an address is its own longest prefix."""
    if ask.target is None:
        raise ValueError("a question about routes has a target")
    if isinstance(ask.target, IPv4Network | IPv6Network):
        return ask.target, True
    if isinstance(ask.target, IPv4Address):
        return IPv4Network(ask.target), False
    return IPv6Network(ask.target), False
