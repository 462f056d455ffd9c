"""Killed while it writes, the database opens clean and has every row that was said to be there."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from netpulse.store import open_store

WRITER = """
import asyncio, sys
from netpulse.store import open_store, utc_now
from netpulse.store.results import StoredResult

async def ask(store):
    while True:
        row = store.audit.row("192.0.2.7", "ping", target="8.8.8.8", command="ping 8.8.8.8")
        await store.audit.start(row)
        sys.stdout.write(row.id + "\\n")
        sys.stdout.flush()
        store.audit.end(row.id, "finished", None, 1)
        now = utc_now()
        store.results.save(StoredResult(row.id, "ping", None, "public", ("core1",), 1, now, now, bytes(2000)))

async def main():
    async with open_store(sys.argv[1], server=True) as store, asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(ask(store))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 37, 400])
async def test_every_started_row_survives_a_kill_at_any_moment(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "netpulse.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, f"sqlite:///{path}", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    started = {line.decode().strip() for line in said if line.endswith(b"\n")}
    assert len(started) >= lines

    async with open_store(f"sqlite:///{path}", server=True):
        pass
    other = sqlite3.connect(path)
    outcomes = dict(other.execute("SELECT id, outcome FROM audit").fetchall())
    assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other.close()
    assert started <= outcomes.keys()
    assert set(outcomes.values()) <= {"finished", "interrupted"}
