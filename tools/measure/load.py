"""Requests a second, with wrk on one core and the server on another.

A rate a core is requests by the processor seconds that the server used for them: on a machine with other work to do the
time on the wall says less. Both are printed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from typing import NamedTuple

from measure.glass import Glass, pinned
from measure.rows import Row

SERVER_CORE = 0
WRK_CORE = 1
_SECONDS = 3
_ROUNDS = 3
_CONNECTIONS = 16
NO_WRK = "wrk is not installed: apt-get install wrk"


class Rate(NamedTuple):
    requests: int
    wall_s: float
    cpu_s: float

    @property
    def per_core(self) -> float:
        return self.requests / max(self.cpu_s, 0.01)

    @property
    def per_second(self) -> float:
        return self.requests / self.wall_s

    def __str__(self) -> str:
        return f"{self.per_core:,.0f} req/s a core ({self.per_second:,.0f} on the wall)"


async def requests_a_second(glass: Glass) -> list[Row]:
    """`/routers`, a cached `/aspath`, and the same `/routers` for a key whose limit is reached (`glass.keys[1]`)."""
    what = {
        "list": ("`/routers` with key check and limit", "≥ 8,000 req/s a core"),
        "refused": ("a 429", "cheaper than a 200"),
        "cached": ("a cached `/aspath`", "≥ 5,000 req/s a core"),
    }
    if shutil.which("wrk") is None:
        return [Row(name, bar, NO_WRK, None) for name, bar in what.values()]
    routers, aspath = glass.url("/api/v1/routers"), glass.url("/api/v1/aspath?target=8.8.8.8&router=core1")
    rates: dict[str, list[Rate]] = {name: [] for name in what}
    for _ in range(_ROUNDS):  # in turns, so that the machine is the same for all
        rates["list"].append(await _rate(glass, routers, 0, expected=200))
        rates["refused"].append(await _rate(glass, routers, 1, expected=429))
    for _ in range(_ROUNDS):
        rates["cached"].append(await _rate(glass, aspath, 0, expected=200))
    listed, refused, cached = (sorted(some, key=lambda rate: rate.per_core)[_ROUNDS // 2] for some in rates.values())
    cheaper = listed.per_core / refused.per_core
    return [
        Row(*what["list"], str(listed), listed.per_core >= 8000),
        Row(*what["refused"], f"{cheaper:.2f} of a 200's processor time; {refused}", cheaper < 1),
        Row(*what["cached"], str(cached), cached.per_core >= 5000),
    ]


async def _rate(glass: Glass, url: str, key: int, *, expected: int) -> Rate:
    await _wrk(url, glass.keys[key], seconds=1)
    cpu_s, began_s = glass.cpu_s(), time.perf_counter()
    said = await _wrk(url, glass.keys[key], seconds=_SECONDS)
    wall_s, cpu_s = time.perf_counter() - began_s, glass.cpu_s() - cpu_s
    requests = int(_number(r"(\d+) requests in", said))
    errors = int(_number(r"Non-2xx or 3xx responses: (\d+)", said))
    wrong = errors if expected == 200 else requests - errors
    if wrong > requests // 100 or not requests:
        raise RuntimeError(f"{url} was to answer {expected}; wrk says: {said}")
    return Rate(requests, wall_s, cpu_s)


async def _wrk(url: str, key: str, *, seconds: int) -> str:
    process = await asyncio.create_subprocess_exec(
        *pinned(WRK_CORE), "wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "-H", f"Authorization: Bearer {key}", url,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    return said.decode()


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "0"
