"""L2 and L8: ten thousand clients that only listen, the one client too many, and a thousand that leave in the middle."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from endurance.ground import PLENTY, Scale, accounted, client, descriptors, free_again, ping_of, room_for, source
from endurance.probe import probing
from measure.fakes import STAMP, Command, Fakes, held_path
from measure.glass import Glass, served
from measure.http import Connection
from measure.rows import Row, percentile

_IDLE = 10_000
_MOST_KIB = 40.0
_FREE_WITHIN_S = 5.0
_HOLD_S = 20
"""No command may take longer than 55 s, so no stream is idle for ten minutes: all are open at once for this long."""

_OPEN_WITHIN_S = 30.0
_DEFAULT_CAP = 2000
_LEAVING = 1000
_LEASE_S = 5.0
_AFTER_LEASE_S = 2.0
_ROUTERS, _SESSIONS = 16, 64


async def idle(fakes: Fakes, folder: Path, scale: Scale) -> list[Row]:
    """Ten thousand streams of a few runs, held open while a normal client asks for `/healthz`."""
    what = f"L2: {_IDLE:,} idle event streams from 50 addresses"
    if not room_for(2 * _IDLE - 1000):
        return [Row(what, "", "this machine allows too few open files", None)]
    config = fakes.config(folder, routers=_ROUTERS, sessions=_SESSIONS, streams=2 * _IDLE)
    hold_s = min(_HOLD_S, scale.seconds)
    async with served(config, (PLENTY,)) as glass:
        await _warmed(glass)
        files, before_kib = descriptors(glass.pid), glass.memory_kib()
        async with AsyncExitStack() as stack:
            opened, holder = await _opened(glass, _IDLE, "read")
            each_kib = (glass.memory_kib() - before_kib) / max(1, opened)
            waits = await stack.enter_async_context(probing(glass, "/healthz"))
            await asyncio.sleep(hold_s)
        dropped = opened - (descriptors(glass.pid) - files)
        holder.kill()
        await holder.wait()
        freed_s = await free_again(glass.pid, files + 2, 4 * _FREE_WITHIN_S)
    return [
        Row(
            f"{what}, open together for {hold_s} s (no run may last longer than 55 s)",
            f"≤ {_MOST_KIB:.0f} KiB each, none dropped",
            f"{opened:,} open, {each_kib:.1f} KiB each, {max(0, dropped)} dropped",
            opened == _IDLE and each_kib <= _MOST_KIB and dropped <= 0,
        ),
        Row("L2: `/healthz` meanwhile", "p99 ≤ 100 ms", str(waits), waits.p(99) <= 100 and not waits.failed),
        Row(
            "L2: all descriptors given back after they left",
            f"≤ {_FREE_WITHIN_S:.0f} s",
            f"{freed_s:.1f} s" if freed_s is not None else f"not within {4 * _FREE_WITHIN_S:.0f} s",
            freed_s is not None and freed_s <= _FREE_WITHIN_S,
        ),
        accounted("L2", config, fakes.commands()),
    ]


async def full(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    """The default number of streams is open; one more client comes."""
    began_s = time.monotonic()
    config = fakes.config(folder, routers=_ROUTERS, sessions=_SESSIONS)
    async with served(config, (PLENTY,)) as glass:
        await _warmed(glass)
        opened, holder = await _opened(glass, _DEFAULT_CAP, "read")
        asked_s = time.perf_counter()
        async with client(glass, 0) as web:
            answer = await web.open_stream(held_path(0, 0))
        took_ms = (time.perf_counter() - asked_s) * 1000
        holder.kill()
        await holder.wait()
    code = json.loads(answer.body or b"{}").get("code")
    wait = answer.headers.get("retry-after", "none")
    return [
        Row(
            f"L2: one client more than the default {_DEFAULT_CAP:,} streams",
            "429 `server_busy` with Retry-After",
            f"after {opened:,}: {answer.status} `{code}`, Retry-After {wait}, in {took_ms:.0f} ms",
            opened == _DEFAULT_CAP
            and (answer.status, code) == (429, "server_busy")
            and wait.isdigit()
            and int(wait) >= 1,
        ),
        accounted("L2, the default cap", config, fakes.commands(began_s)),
    ]


async def leaving(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    """A thousand clients each start a trace and are gone in its middle."""
    began_s = time.monotonic()
    config = fakes.config(folder, routers=_ROUTERS, sessions=_SESSIONS)
    async with served(config, (PLENTY,)) as glass:
        await _warmed(glass)
        opened, holder = await _opened(glass, _LEAVING, "start")
        holder.kill()
        left_s = time.monotonic()
        await holder.wait()
        commands = await _ended(fakes, began_s, left_s + _LEASE_S + 5 * _AFTER_LEASE_S)
        ended_s = [command.ended_s or time.monotonic() for command in commands]
        late_s = [end_s - left_s - _LEASE_S for end_s in ended_s if end_s > left_s]
        closed = [s for s in late_s if s <= _AFTER_LEASE_S]
        await asyncio.sleep(_AFTER_LEASE_S)
        free = await _served_again(glass)
    return [
        Row(
            f"L8: {_LEAVING:,} clients leave in the middle of a trace: the command ends after the lease of {_LEASE_S:.0f} s",
            f"≤ {_AFTER_LEASE_S:.0f} s each",
            f"{opened:,} begun, {len(closed):,} ended in time; p99 {percentile(late_s or [0.0], 99):.2f} s, "
            f"last {max(late_s, default=0):.2f} s",
            opened == _LEAVING == len(closed) == len(late_s),
        ),
        Row(
            f"L8: sessions free again {_AFTER_LEASE_S:.0f} s after the last end",
            f"all {_ROUTERS * _SESSIONS:,}",
            f"{free:,} pings side by side answered",
            free == _ROUTERS * _SESSIONS,
        ),
        accounted("L8", config, fakes.commands(began_s)),
    ]


async def _ended(fakes: Fakes, since_s: float, until_s: float) -> list[Command]:
    """The commands since then, once all have ended or the time is over."""
    while True:
        commands = fakes.commands(since_s)
        if time.monotonic() >= until_s or all(command.ended_s is not None for command in commands):
            return commands
        await asyncio.sleep(0.1)


async def _warmed(glass: Glass) -> None:
    """Each router has its SSH connection before the first look."""
    async with glass.connect() as web:
        for n in range(_ROUTERS):
            await web.get(ping_of(n, "45.0.0.1"))
    await asyncio.sleep(0.5)  # and this client is forgotten


async def _served_again(glass: Glass) -> int:
    """How many pings are answered when every session of every router is asked for at once."""

    async def one(n: int) -> bool:
        async with client(glass, n) as web:
            return (await web.get(ping_of(n % _ROUTERS, f"45.{1 + n // 250}.5.{n % 250 + 1}"))).status == 200

    return sum(await asyncio.gather(*(one(n) for n in range(_ROUTERS * _SESSIONS))))


async def _opened(glass: Glass, count: int, how: str) -> tuple[int, asyncio.subprocess.Process]:
    """A process that opens so many streams and holds them, and how many it has.

    `read`: they follow a few runs; `start`: each has a run of its own.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "endurance.streams", glass.host, str(glass.port), glass.keys[0], str(count), how,
        cwd=Path(__file__).parent.parent, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if process.stdout is None:
        raise RuntimeError("the holder's standard output is not a pipe")
    try:
        async with asyncio.timeout(_OPEN_WITHIN_S):
            return int(await process.stdout.readline() or b"0"), process
    except TimeoutError:
        process.kill()
        await process.wait()
        raise TimeoutError(f"{count:,} streams were not open within {_OPEN_WITHIN_S:.0f} s") from None


async def _hold(host: str, port: int, key: str, count: int, how: str) -> None:
    seats = asyncio.Semaphore(100)
    kept: list[Connection] = []

    async def one(n: int, after: str = "") -> str:
        """The id of an event of the stream, once its command has begun; nothing if it was refused."""
        async with seats:
            web = Connection(host, port, key, source(n))
            kept.append(web)
            await web.__aenter__()
            if (await web.open_stream(held_path(n % _ROUTERS, n), after)).status != 200:
                return ""
            if after:
                return after
            event = ""
            async for line in web.lines():
                if line.startswith(b"id: "):
                    event = line.removeprefix(b"id: ").decode()
                if line.startswith(b"data: ") and STAMP.encode() in line:
                    return event
            return ""

    if how == "start":
        events = await asyncio.gather(*(one(n) for n in range(count)))
    else:
        events = await asyncio.gather(*(one(n) for n in range(_ROUTERS)))
        events += await asyncio.gather(*(one(n, events[n % _ROUTERS]) for n in range(_ROUTERS, count)))
    print(sum(map(bool, events)), flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_hold(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]))
