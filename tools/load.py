"""What this program stands: many clients, slow ones, impatient ones, ones that leave, and its own violent death.

    .venv/bin/python tools/load.py                          everything, as a Markdown table; about ten minutes
    .venv/bin/python tools/load.py --only crowds slow       only these subjects
    .venv/bin/python tools/load.py --seconds 10             the long measurements are that short

A server in a process of its own before routers in another one, on loopback only; the clients come from 127.0.0.2 and the
addresses after it. Every row has its bar; one that is missed is printed as missed, and then the exit status is 1. A row says
where a bar was scaled to what one machine can show.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from endurance import crowds, hostile, kills, proxied, rates, refusals, slow, streams
from endurance.ground import Scale, room_for
from measure.fakes import Fakes, fake_routers
from measure.rows import Row, table

Measurement = Callable[[Fakes, Path, Scale], Awaitable[list[Row]]]
SUBJECTS: dict[str, tuple[Measurement, ...]] = {
    "rates": (rates.rates,),
    "streams": (streams.idle, streams.full),
    "crowds": (crowds.unannounced, crowds.one_client, crowds.patient, crowds.one_target),
    "slow": (slow.slow, proxied.slow_behind_nginx),
    "leaving": (streams.leaving,),
    "refusals": (refusals.refusals,),
    "hostile": (hostile.hostile,),
    "kills": (kills.kills,),
}
_OPEN_FILES = 20_000


async def measured(names: list[str], scale: Scale) -> list[Row]:
    """The rows of these subjects; a measurement that fails says so in its place and the others go on."""
    rows: list[Row] = []
    for name in names:
        for measurement in SUBJECTS[name]:
            began_s = time.monotonic()
            try:
                rows += await _one(measurement, scale)
            except (OSError, EOFError, RuntimeError, TimeoutError) as fault:
                rows.append(
                    Row(f"everything about {measurement.__name__}", "", f"{type(fault).__name__}: {fault}", False)
                )
            print(f"{measurement.__name__}: {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
    return rows


async def _one(measurement: Measurement, scale: Scale) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="netpulse-load-") as folder:
        async with fake_routers(Path(folder)) as fakes:
            return await measurement(fakes, Path(folder) / "glass", scale)


def main() -> int:
    parser = argparse.ArgumentParser(description="Put this program under load and see what it stands.")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), help="only these subjects")
    parser.add_argument("--seconds", type=int, default=60, help="how long the long measurements take")
    given = parser.parse_args()
    room_for(_OPEN_FILES)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(measured(given.only, Scale(given.seconds)))
    print(table(rows), end="")
    return 1 if any(row.held is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
