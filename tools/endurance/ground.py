"""Many clients, and the account that must balance: each command that a router saw has its row in the audit trail."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from measure.fakes import Command
from measure.glass import Glass
from measure.http import Connection
from measure.rows import Row

PLENTY = 10_000_000
"""Requests a minute that nobody reaches."""


@dataclass(frozen=True)
class Scale:
    """How much of everything: seconds of the long measurements, and what this machine has for them."""

    seconds: int
    cores: int = len(os.sched_getaffinity(0))


def source(n: int) -> str:
    """The address that the n-th of many clients comes from."""
    return f"127.0.0.{2 + n % 50}"


def client(glass: Glass, n: int) -> Connection:
    """The n-th of many clients, with a key of its own as far as there are keys."""
    return Connection(glass.host, glass.port, glass.keys[n % len(glass.keys)], source(n))


def ping_of(router: int, target: str) -> str:
    return f"/api/v1/ping?target={target}&router=r{router}&connection={router + 1}"


def descriptors(pid: int) -> int:
    """Open files and sockets of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def room_for(files: int) -> bool:
    """Whether so many descriptors may be open here and in every process started from here; raises the limit if it can."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < files:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        except (ValueError, OSError):
            return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, files),) * 2)
    return True


def most_at_once(commands: Sequence[Command]) -> int:
    """The most of these commands that ran at the same time."""
    steps = sorted(
        [(command.began_s, 1) for command in commands]
        + [(command.ended_s, -1) for command in commands if command.ended_s is not None]
    )
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


def accounted(what: str, config: Path, commands: Sequence[Command]) -> Row:
    """The audit trail beside the routers' own log. The server of this configuration has ended, so everything is written."""
    with closing(sqlite3.connect(config.parent / "netpulse.db")) as database:
        rows = database.execute("SELECT router, command, outcome FROM audit").fetchall()
    recorded = Counter((router, command) for router, command, outcome in rows if outcome != "refused")
    seen = Counter((command.router, command.text) for command in commands)
    lost = (seen - recorded).total()
    open_rows = sum(outcome is None for _, _, outcome in rows)
    return Row(
        f"{what}: the audit trail",
        "no command without its row, no row left open",
        f"{len(commands):,} commands, {lost} without a row, {open_rows} of {len(rows):,} rows left open",
        not lost and not open_rows,
    )


async def free_again(pid: int, most: int, within_s: float) -> float | None:
    """Seconds until the process has at most so many descriptors; None if that takes too long."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while descriptors(pid) > most:
        if loop.time() - began_s > within_s:
            return None
        await asyncio.sleep(0.05)
    return loop.time() - began_s
