"""L1: two hundred connections that ask as fast as they can, for the home page and for `/routers`."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from endurance.ground import PLENTY, Scale
from measure.fakes import Fakes
from measure.glass import Glass, pinned, served
from measure.http import Connection
from measure.load import SERVER_CORE, WRK_CORE
from measure.rows import Row, percentile

_CONNECTIONS = 200
_PER_SECOND = 2000
_P99_MS = 100.0
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class Rate(NamedTuple):
    """`bad` are answers that are neither 200 nor 429, and connections that broke."""

    requests: int
    wall_s: float
    cpu_s: float
    p99_ms: float
    bad: int


async def rates(fakes: Fakes, folder: Path, scale: Scale) -> list[Row]:
    rows = []
    async with served(fakes.config(folder, routers=5), (PLENTY,), core=SERVER_CORE) as glass:
        for what, path in (("the home page", "/"), ("`/api/v1/routers`", "/api/v1/routers")):
            found = await _measured(glass, path, scale.seconds)
            per_core = found.requests / max(found.cpu_s, 0.01)
            held = per_core >= _PER_SECOND and found.p99_ms <= _P99_MS and not found.bad
            rows.append(
                Row(
                    f"L1: {what}, {_CONNECTIONS} connections for {scale.seconds} s, server and client a core each",
                    f"≥ {_PER_SECOND:,} req/s a core, p99 ≤ {_P99_MS:.0f} ms, only 200 or 429",
                    f"{per_core:,.0f} req/s a core ({found.requests / found.wall_s:,.0f} on the wall), "
                    f"p99 {found.p99_ms:.0f} ms, {found.bad} others",
                    held,
                )
            )
    return rows


async def _measured(glass: Glass, path: str, seconds: int) -> Rate:
    ask = _wrk if shutil.which("wrk") else _own
    await ask(glass, path, 1)
    cpu_s, began_s = glass.cpu_s(), time.perf_counter()
    requests, p99_ms, bad = await ask(glass, path, seconds)
    return Rate(requests, time.perf_counter() - began_s, glass.cpu_s() - cpu_s, p99_ms, bad)


async def _wrk(glass: Glass, path: str, seconds: int) -> tuple[int, float, int]:
    process = await asyncio.create_subprocess_exec(
        *pinned(WRK_CORE), "wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "--latency",
        "-H", f"Authorization: Bearer {glass.keys[0]}", glass.url(path),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    p99 = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)\b", said)
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    requests = re.search(r"(\d+) requests in", said)
    return (
        int(requests[1]) if requests else 0,
        float(p99[1]) * _UNITS_MS[p99[2]] if p99 else float("inf"),
        (sum(map(int, broken.groups())) if broken else 0) + (int(others[1]) if others else 0),
    )


async def _own(glass: Glass, path: str, seconds: int) -> tuple[int, float, int]:
    """Without wrk: the same by a client of ours, which is slower than the server may be."""
    taken_ms: list[float] = []
    bad = 0
    until_s = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal bad
        async with Connection(glass.host, glass.port, glass.keys[0]) as web:
            while (began_s := time.perf_counter()) < until_s:
                bad += (await web.get(path)).status not in (200, 429)
                taken_ms.append((time.perf_counter() - began_s) * 1000)

    await asyncio.gather(*(one() for _ in range(_CONNECTIONS)))
    return len(taken_ms), percentile(taken_ms, 99), bad
