"""Many at once: pings side by side, a crowd before one router, and whether anybody else notices."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack

import asyncssh

from measure.fakes import STAMP, Fakes, held_path, ping_path
from measure.glass import Glass
from measure.http import Connection
from measure.rows import Row, median

_SIDE_BY_SIDE = 20
_CROWD = 500
_SESSIONS = 3
_SLOW = 4
_CROWD_WITHIN_S = 75.0


async def side_by_side(glass: Glass) -> list[Row]:
    """Twenty different pings at once; the router has the sessions and takes 0.2 s."""
    async with AsyncExitStack() as stack:
        webs = [await stack.enter_async_context(glass.connect()) for _ in range(_SIDE_BY_SIDE)]
        taken_s: list[float] = []
        for _ in range(8):
            began_s = time.perf_counter()
            answers = await asyncio.gather(*(web.get(ping_path(0, f"45.0.2.{n + 1}")) for n, web in enumerate(webs)))
            taken_s.append(time.perf_counter() - began_s)
            if any(answer.status != 200 for answer in answers):
                raise RuntimeError(f"not every ping was answered: {Counter(answer.status for answer in answers)}")
    worst_s = median(taken_s[2:])
    return [
        Row(
            f"{_SIDE_BY_SIDE} different pings at once, the router takes 0.2 s",
            "≤ 0.4 s",
            f"{worst_s:.3f} s for all",
            worst_s <= 0.4,
        )
    ]


async def unnoticed(glass: Glass) -> list[Row]:
    """`/routers` with four slow commands and without, in turns so that the machine is the same for both."""
    idle_ms: list[float] = []
    busy_ms: list[float] = []
    async with glass.connect() as web:
        await _list_ms(web, 300)
        for _ in range(3):
            idle_ms += await _list_ms(web, 400)
            async with AsyncExitStack() as stack:
                for n in range(_SLOW):
                    slow = await stack.enter_async_context(glass.connect())
                    await slow.open_stream(held_path(0, n))
                    async for line in slow.lines():
                        if STAMP.encode() in line:
                            break
                busy_ms += await _list_ms(web, 400)
    ratio = median(busy_ms) / median(idle_ms)
    return [
        Row(
            f"`/routers` while {_SLOW} slow commands run",
            "unchanged (≤ 1.1×)",
            f"{ratio:.2f}× ({median(idle_ms):.3f} ms idle, {median(busy_ms):.3f} ms with them)",
            ratio <= 1.1,
        )
    ]


async def _list_ms(web: Connection, times: int) -> list[float]:
    taken: list[float] = []
    for _ in range(times):
        began_s = time.perf_counter()
        await web.get("/api/v1/routers")
        taken.append((time.perf_counter() - began_s) * 1000)
    return taken


async def crowd(glass: Glass, fakes: Fakes) -> list[Row]:
    """500 pings at once before one router of 3 sessions; everybody who is told to come back does so, on time."""
    async with glass.connect() as web:
        for n in range(20):  # the service learns how long this router's commands take
            await web.get(ping_path(0, f"45.0.1.{n + 1}"))
    await _peak(fakes)
    outcomes: Counter[str] = Counter()
    tries: list[int] = []
    began_s = time.perf_counter()

    async def visitor(n: int) -> None:
        for attempt in range(1, 20):
            async with glass.connect() as web:
                answer = await web.get(ping_path(0, f"45.0.1.{n % 250 + 1}"))
            if answer.status != 429:
                outcomes[str(answer.status)] += 1
                tries.append(attempt)
                return
            await asyncio.sleep(int(answer.headers["retry-after"]))
        outcomes["still waiting"] += 1

    async with asyncio.timeout(_CROWD_WITHIN_S):
        await asyncio.gather(*(visitor(n) for n in range(_CROWD)))
    taken_s = time.perf_counter() - began_s
    peak = await _peak(fakes)
    served = outcomes["200"]
    return [
        Row(
            f"{_CROWD} pings at once to one router of {_SESSIONS} sessions",
            f"never more than {_SESSIONS} commands; an answer or a 429 for everyone; who obeys Retry-After is served",
            f"at most {peak} commands; {served} served within {taken_s:.0f} s, "
            f"{median(tries):.0f} tries at the median, {max(tries, default=0)} at most",
            peak <= _SESSIONS and served == _CROWD,
        )
    ]


async def _peak(fakes: Fakes) -> int:
    """The most commands that ran at once since this was asked before."""
    ssh = fakes.ssh
    pinned = [asyncssh.import_public_key(line) for line in ssh.host_keys]
    async with asyncssh.connect(
        ssh.host, ssh.port, username=ssh.user, client_keys=[str(ssh.key_file)], known_hosts=(pinned, [], []),
        config=None, agent_path=None,
    ) as connection:  # fmt: skip
        reply = await connection.run("peak", check=True)
    return int(str(reply.stdout))
