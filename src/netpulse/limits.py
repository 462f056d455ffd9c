"""How often somebody may ask: exact moving windows in memory, on a clock that never jumps.

A bucket holds the times of its admitted hits. A hit is admitted while fewer than `limit` of them are younger than the
window, so no stretch of `window_s` seconds ever holds more than `limit` admitted hits. Refused hits cost nothing.

The buckets in use: `key:ID`, `bad-key:CLIENT`, `target:WHERE`, `visitor:WHO`, `miss:WHO`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address
from math import ceil
from typing import NamedTuple

from netpulse.values import Address

MOST_BUCKETS = 100_000
"""Buckets kept per window length; one more drops the one that has been idle longest."""

# After the announced wait, adding and subtracting floats may land a hair before the window's end.
_ROUNDING_S = 1e-6


KINDS = ("key", "bad-key", "target", "visitor", "miss")
"""What buckets stand for: the part of their name before the colon."""


class LimitState(NamedTuple):
    """Where a bucket stands.

    `reset_s` is whole seconds, rounded up, until one more is admitted if none is left, else until the limit is whole.
    """

    admitted: bool
    limit: int
    remaining: int
    reset_s: int

    @property
    def retry_after_s(self) -> int:
        """Whole seconds, at least 1, after which a request is admitted."""
        return max(1, self.reset_s) if self.remaining == 0 else 1


class Windows:
    """Every bucket of this process. `clock` gives monotonic seconds; memory is bounded by `most_buckets`."""

    def __init__(self, clock: Callable[[], float], *, most_buckets: int = MOST_BUCKETS) -> None:
        self._clock = clock
        self._most = most_buckets
        self.refused: Counter[str] = Counter()  # hits that were not admitted, by what their bucket stands for
        # Per window length, in the order of the last admitted hit: whoever is first has been idle longest.
        self._buckets: dict[float, dict[str, list[float]]] = {}

    def hit(self, bucket: str, limit: int, window_s: float) -> LimitState:
        """Ask for one admission and count it if it is given. `limit` is at least 1."""
        now_s = self._clock()
        cutoff_s = now_s - window_s + _ROUNDING_S
        buckets = self._buckets.get(window_s)
        if buckets is None:
            buckets = self._buckets[window_s] = {}
        hits = buckets.get(bucket)
        if hits is None:
            hits = []
        elif hits[0] <= cutoff_s:
            del hits[: bisect_right(hits, cutoff_s)]
        if len(hits) >= limit:
            self.refuse(bucket)
            return _state(False, hits, limit, now_s, window_s)
        hits.append(now_s)
        buckets.pop(bucket, None)
        buckets[bucket] = hits
        self._drop_idle(buckets, cutoff_s)
        return _state(True, hits, limit, now_s, window_s)

    def refuse(self, bucket: str) -> None:
        """Count a refusal that somebody decided by `look`."""
        self.refused[bucket.partition(":")[0]] += 1

    def look(self, bucket: str, limit: int, window_s: float) -> LimitState:
        """What `hit` would find, without counting anything: `admitted` says whether it would be let in."""
        now_s = self._clock()
        hits = self._buckets.get(window_s, {}).get(bucket, [])
        alive = hits[bisect_right(hits, now_s - window_s + _ROUNDING_S) :]
        return _state(len(alive) < limit, alive, limit, now_s, window_s)

    def __len__(self) -> int:
        """How many buckets are held."""
        return sum(map(len, self._buckets.values()))

    def _drop_idle(self, buckets: dict[str, list[float]], cutoff_s: float) -> None:
        # At most two a hit: each hit adds at most one bucket, so idle ones go faster than new ones come.
        for _ in range(2):
            idlest = next(iter(buckets))
            if buckets[idlest][-1] > cutoff_s and len(buckets) <= self._most:
                return
            del buckets[idlest]


def _state(admitted: bool, hits: list[float], limit: int, now_s: float, window_s: float) -> LimitState:
    used = len(hits)
    if used >= limit:
        # A limit lowered by a reload leaves more hits than it admits: as many must pass as are too many.
        return LimitState(admitted, limit, 0, _wait_s(hits[used - limit], now_s, window_s))
    return LimitState(admitted, limit, limit - used, _wait_s(hits[-1], now_s, window_s) if used else 0)


def _wait_s(hit_s: float, now_s: float, window_s: float) -> int:
    return max(1, ceil(hit_s + window_s - now_s - _ROUNDING_S))


def client_bucket(client: Address) -> str:
    """Who an address is for counting: an IPv4 address itself, or the /64 of an IPv6 one."""
    if isinstance(client, IPv4Address):
        return str(client)
    mapped = client.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return f"{type(client)(int(client) >> 64 << 64)}/64"
