"""Event streams: how soon a line reaches its reader, and what an open stream costs."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from measure.fakes import STAMP, held_path, ping_path
from measure.glass import Glass
from measure.http import Connection
from measure.rows import Row, median, percentile

_TIMES = 150
_WARM_UP = 30
_MOST_KIB = 25.0
_MANY = 2000
_OPEN_WITHIN_S = 60.0


async def first_line(glass: Glass) -> list[Row]:
    """From the moment the router printed it, by its own word, to the moment the client has read it."""
    late_ms: list[float] = []
    for n in range(-_WARM_UP, _TIMES):
        async with glass.connect() as web:
            late_ms.append(await _late_ms(web, f"45.0.0.{n % 250 + 1}"))
    measured = late_ms[_WARM_UP:]
    return [
        Row(
            "a ping's first line at the SSE client after the router printed it",
            "≤ 3 ms p50",
            f"{median(measured):.2f} ms p50, {percentile(measured, 99):.1f} ms p99",
            median(measured) <= 3,
        )
    ]


async def _late_ms(web: Connection, target: str) -> float:
    answer = await web.open_stream(ping_path(0, target))
    if answer.status != 200:
        raise RuntimeError(f"a stream was refused with {answer.status}: {answer.body[:200]!r}")
    late_ms = 0.0
    async for line in web.lines():
        if not late_ms and line.startswith(b"data: ") and STAMP.encode() in line:
            text = json.loads(line.removeprefix(b"data: "))["text"]
            late_ms = (time.monotonic_ns() - int(text.split()[-2])) / 1e6
    return late_ms


async def readers(glass: Glass, routers: int) -> list[Row]:
    """What 2,000 streams cost the server: readers of a few runs, which is the stream alone."""
    return [await _opened(glass, "readers", routers, "open event streams, readers of a few runs")]


async def runs(glass: Glass, routers: int) -> list[Row]:
    """What 2,000 streams cost the server, each a run with a command of its own over SSH."""
    title = f"the same, each with a command of its own over SSH on {routers} routers"
    return [await _opened(glass, "runs", routers, title)]


async def _opened(glass: Glass, what: str, routers: int, title: str) -> Row:
    """Opened by a process of its own; memory before and with them. The server is fresh: memory once used is not given back."""
    async with glass.connect() as web:
        for n in range(routers):  # every SSH connection is there before the first look
            await web.get(ping_path(n, "45.0.0.1"))
    before_kib = glass.memory_kib()
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "measure.streams", glass.host, str(glass.port), glass.keys[0], str(routers), what,
        cwd=Path(__file__).parent.parent, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if client.stdout is None:
            raise RuntimeError("the client's standard output is not a pipe")
        async with asyncio.timeout(_OPEN_WITHIN_S):
            opened = int(await client.stdout.readline() or b"0")
        each_kib = (glass.memory_kib() - before_kib) / max(1, opened)
        async with glass.connect() as web:
            began_s = time.perf_counter()
            await web.get("/api/v1/routers")
            still_ms = (time.perf_counter() - began_s) * 1000
    finally:
        client.kill()
        await client.wait()
    return Row(
        title,
        f"≤ {_MOST_KIB:.0f} KiB each; {_MANY:,} at once",
        f"{each_kib:.1f} KiB each; {opened:,} at once (`/routers` then takes {still_ms:.1f} ms)",
        each_kib <= _MOST_KIB and opened >= _MANY,
    )


class _Holder:
    """Opens the streams and keeps them until its process is ended."""

    def __init__(self, host: str, port: int, key: str, routers: int) -> None:
        self._place = host, port, key
        self._routers = routers
        self._seats = asyncio.Semaphore(50)
        self._kept: list[Connection] = []

    async def runs(self, count: int) -> list[str]:
        """Starts that many commands; the id of an event of each whose command has begun."""
        return [event for event in await asyncio.gather(*map(self._run, range(count))) if event]

    async def readers(self, count: int) -> list[str]:
        """That many streams, a few of which start a run and the others of which read those."""
        events = await self.runs(self._routers)
        readers = await asyncio.gather(*(self._read(n, events[n % len(events)]) for n in range(count - len(events))))
        return [*events, *(event for event in readers if event)]

    async def _connection(self) -> Connection:
        web = Connection(*self._place)
        self._kept.append(web)
        return await web.__aenter__()

    async def _run(self, n: int) -> str:
        async with self._seats:
            web = await self._connection()
            answer = await web.open_stream(held_path(n % self._routers, n))
            if answer.status != 200:
                return ""
            event = ""
            async for line in web.lines():
                if line.startswith(b"id: "):
                    event = line.removeprefix(b"id: ").decode()
                if line.startswith(b"data: ") and STAMP.encode() in line:
                    return event
        return ""

    async def _read(self, n: int, event: str) -> str:
        async with self._seats:
            answer = await (await self._connection()).open_stream(held_path(n % self._routers, n), after=event)
        return event if answer.status == 200 else ""


async def _hold_open(host: str, port: int, key: str, routers: int, what: str) -> None:
    """Says how many streams have begun, and keeps them until it is ended."""
    holder = _Holder(host, port, key, routers)
    opened = await (holder.readers(_MANY) if what == "readers" else holder.runs(_MANY))
    print(len(opened), flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(_hold_open(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]))
