"""The numbers that this program holds itself to, measured in one run on this machine, on the lab and on fake routers.

    .venv/bin/python tools/bench.py                     everything, as a Markdown table
    .venv/bin/python tools/bench.py --only load start   only these subjects
    .venv/bin/python tools/bench.py --write README.md   the table also goes between the markers in that file

Each figure is a median after a warm-up, and every measurement is bounded in count and in time. Nothing leaves loopback and
the lab's own namespaces. A missed bar is printed as missed; the exit status is 0 all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import uvloop

from measure import crowds, load, pages, questions, sessions, start, streams
from measure.fakes import fake_routers
from measure.glass import served
from measure.rows import Row, table
from netpulse.lab.lab import Lab, LabError, refusal

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
_MANY_ROUTERS = 32
_ROOMY = 64
Subject = Callable[[Path], Awaitable[list[Row]]]


async def on_the_lab(folder: Path) -> list[Row]:
    """AS path against BIRD, requests a second, dead ends."""
    if why_not := refusal():
        return [Row("everything on the lab", "", why_not, None)]
    with ExitStack() as held:
        lab = held.enter_context(Lab(folder, fast=True))
        try:
            await asyncio.to_thread(lab.start, "all")
        except LabError as fault:
            return [Row("everything on the lab", "", str(fault), None)]
        async with served(lab.config_file, per_minute=(50_000_000, 1), core=load.SERVER_CORE) as glass:
            rows = await load.requests_a_second(glass)
        async with served(lab.config_file) as glass:
            return [
                *await questions.added_to_bird(glass, lab.bird_sockets["rs1"]),
                *await questions.dead_ends(glass),
                *rows,
            ]


async def on_fake_routers(folder: Path) -> list[Row]:
    """How commands start, first lines, many at once."""
    async with fake_routers(folder) as fakes:
        rows = await sessions.command_start(fakes)
        async with served(fakes.config(folder / "roomy", sessions=_ROOMY)) as glass:
            rows = [*await streams.first_line(glass), *rows]
            rows += [*await crowds.side_by_side(glass), *await crowds.unnoticed(glass)]
        many = fakes.config(folder / "streams", routers=_MANY_ROUTERS, sessions=_ROOMY)
        for subject in (streams.readers, streams.runs):
            async with served(many) as glass:
                rows += await subject(glass, _MANY_ROUTERS)
        async with served(fakes.config(folder / "crowd", sessions=3)) as glass:
            rows += await crowds.crowd(glass, fakes)
    return rows


async def from_nothing(folder: Path) -> list[Row]:
    """Start and memory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return await start.start(folder, port)


SUBJECTS: dict[str, Subject] = {"lab": on_the_lab, "routers": on_fake_routers, "start": from_nothing, "pages": pages.pages}


async def measured(names: list[str]) -> list[Row]:
    """The rows of these subjects; one that fails says so in its place and the others go on."""
    rows: list[Row] = []
    for name in names:
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="netpulse-bench-") as folder:
            try:
                rows += await SUBJECTS[name](Path(folder))
            except (OSError, RuntimeError, TimeoutError) as fault:
                rows.append(Row(f"everything about {name}", "", f"{type(fault).__name__}: {fault}", None))
        print(f"{name}: {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
    return rows


def write_into(file: Path, text: str) -> None:
    """Replaces what stands between the markers of the file; ValueError if it has none."""
    before, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{file} has no {BEGIN} … {END} to put the table between; add the two lines.")
    file.write_text(f"{before}{begin}\n{text}{end}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure this program on this machine.")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), help="only these subjects")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the markers of this file")
    given = parser.parse_args()
    # Two thousand streams need as many descriptors here and in every process started from here.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        text = table(runner.run(measured(given.only)))
    print(text, end="")
    if given.write is not None:
        try:
            write_into(given.write, text)
        except (OSError, ValueError) as fault:
            print(fault, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
