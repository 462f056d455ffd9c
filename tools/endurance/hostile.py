"""What a router that prints absurd things costs the server: a line of 10 MB, and a million lines."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from endurance.ground import PLENTY, Scale, accounted, client, ping_of
from measure.fakes import LONG_LINE, MANY_LINES, Fakes
from measure.glass import Glass, served
from measure.rows import Row

_AT_ONCE = 8
_ROUNDS = 3
_EACH_MIB = 1.0
_FLOWING_MIB = 2.0
"""An answer of 256 KiB is kept for a minute, as its events and as a whole; what flows at once is bounded by the window."""


async def hostile(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    rows = []
    most_mib = _AT_ONCE * (_ROUNDS * _EACH_MIB + _FLOWING_MIB)
    began_s = time.monotonic()
    config = fakes.config(folder, sessions=_AT_ONCE)
    for what, number in (("one line of 10 MB", LONG_LINE), ("a million lines", MANY_LINES)):
        async with served(config, (PLENTY,)) as glass:
            for n in range(20):
                await _asked(glass, n, "45.0.0.1")
            before_kib = glass.memory_kib()
            cut = 0
            for _ in range(_ROUNDS):
                cut += sum(await asyncio.gather(*(_asked(glass, n, f"45.{n}.{number}.1") for n in range(_AT_ONCE))))
            grown_mib = (glass.memory_kib() - before_kib) / 1024
        rows.append(
            Row(
                f"a router prints {what} in answer to {_AT_ONCE} pings at once, {_ROUNDS} times",
                f"≤ {most_mib:.0f} MiB of memory: {_EACH_MIB:.0f} for each answer of 256 KiB, {_FLOWING_MIB:.0f} for each "
                "at once; all cut",
                f"{grown_mib:.1f} MiB; {cut} of {_AT_ONCE * _ROUNDS} answers were cut",
                grown_mib <= most_mib and cut == _AT_ONCE * _ROUNDS,
            )
        )
    return [*rows, accounted("hostile routers", config, fakes.commands(began_s))]


async def _asked(glass: Glass, n: int, target: str) -> bool:
    """Whether the answer says that it was cut."""
    async with client(glass, n) as web:
        answer = await web.get(ping_of(0, target))
    return answer.status == 200 and b'"truncated":true' in answer.body
