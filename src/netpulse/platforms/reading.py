"""Small safe pieces for readers: numbers and addresses out of untrusted text. Nothing here ever raises."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from netpulse.values import Prefix, address, prefix

_DECIMAL = re.compile(r"\A[0-9]{1,12}(?:\.[0-9]{1,12})?\Z", re.ASCII)


def whole(text: str) -> int | None:
    """The whole number this text writes with at most 18 digits, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def decimal(text: str) -> float | None:
    """The number this text writes with digits and at most one point, or None."""
    return float(text) if _DECIMAL.match(text) else None


@lru_cache(maxsize=4096)  # the same few next hops stand in every route
def literal(text: str) -> str | None:
    """The canonical address that this text writes, without a zone id (`fe80::1%eth0`); None if it is none."""
    value = address(text.partition("%")[0])
    return None if value is None else value.compressed


@lru_cache(maxsize=4096)
def network(text: str) -> Prefix | None:
    """The prefix that this text writes as ADDRESS/LENGTH without host bits, or None."""
    try:
        return prefix(text)
    except ValueError:
        return None


def covers(outer: Prefix, inner: Prefix) -> bool:
    """Whether every address of `inner` is in `outer`; both may be the same, families may differ."""
    if outer.version != inner.version or outer.prefixlen > inner.prefixlen:
        return False
    return int(outer.network_address) >> _spare(outer) == int(inner.network_address) >> _spare(outer)


def _spare(one: Prefix) -> int:
    return one.max_prefixlen - one.prefixlen


_CLOCK = re.compile(
    r"\A(?:(?P<date>\d{4}-\d{2}-\d{2})(?:[ T](?=\d)|\Z))?(?:(?P<time>\d{2}:\d{2}:\d{2})(?:\.\d{1,6})?)?\Z", re.ASCII
)
_DAY_S = 86400


def seconds_since(since: str, now: str) -> int | None:
    """Whole seconds from one time to another as BIRD writes both: a time of day, a date, or a date and a time.

    A time of day alone lies within the last 24 hours. A date alone counts from its midnight. None if unreadable.
    """
    start, end = _CLOCK.match(since), _CLOCK.match(now)
    if start is None or end is None or end["date"] is None or end["time"] is None:
        return None
    try:
        reached = datetime.fromisoformat(f"{end['date']}T{end['time']}")
        if start["date"] is None:
            if start["time"] is None:
                return None
            began = datetime.fromisoformat(f"{end['date']}T{start['time']}")
            return int((reached - began).total_seconds()) % _DAY_S
        began = datetime.fromisoformat(f"{start['date']}T{start['time'] or '00:00:00'}")
    except ValueError:
        return None
    return max(0, int((reached - began).total_seconds()))
