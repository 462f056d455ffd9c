"""A database that is locked, full, damaged, gone, from another version or half upgraded: rows F18 to F20, F33 and F34."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DatabaseError

from doubles.faulty import OTHER_PATH, PING_PATH, answer, audit, faulty_glass
from doubles.glass import Glass
from netpulse.store import StorageFault, open_store
from netpulse.store import writer as writer_module
from netpulse.store.audit import AuditFilter
from netpulse.store.database import known_schemas, open_database

Log = pytest.LogCaptureFixture
ROOT = Path(__file__).parents[2]
LOCKER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def locked_by_another_process(path: Path) -> AsyncIterator[None]:
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", LOCKER, str(path), stdin=PIPE, stdout=PIPE)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        await other.communicate(b"")


def sent(glass: Glass) -> int:
    """Commands that reached a device."""
    return sum(len(device.commands) for device in glass.devices.values())


async def status(glass: Glass, path: str) -> int:
    return (await glass.client.get(glass.url + path)).status_code


async def no_question_is_run_and_the_rest_is_served(glass: Glass, log: Log, result: str, *, gone: bool = False) -> None:
    """Stored results are read too, except where the file is gone: there it depends on which connections are open still."""
    before = sent(glass)
    log.clear()
    for path in (PING_PATH, OTHER_PATH):
        refused = await glass.get(path)
        assert (refused.status_code, refused.json()["code"]) == (500, "audit_unavailable"), refused.text
    assert sent(glass) == before
    read = {(await glass.get(f"/results/{result}")).status_code, await status(glass, f"/r/{result}")}
    assert read <= {200, 500} if gone else read == {200}
    assert (await glass.get("/routers")).status_code == 200
    assert (await glass.get("/routers", key="np_00000000_" + "0" * 43)).status_code == 401
    assert [await status(glass, path) for path in ("/healthz", "/")] == [200, 200]
    assert await status(glass, "/readyz") == 503
    told = [record for record in log.records if record.levelname != "INFO"]
    assert len([record for record in told if "audit_unavailable" in record.getMessage()]) == 2
    assert not [record for record in told if "8.8.8.8" in record.getMessage()]
    assert not [record for record in told if record.exc_info]


async def well_again(glass: Glass, path: Path) -> None:
    """The first question after it is answered; no row is half or open, and the file is whole."""
    await answer(glass)
    rows = await audit(glass)
    assert [row for row in rows if row.outcome is None] == []
    assert rows[-1].outcome == "finished"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_f18_locked_by_another_process(tmp_path: Path, caplog: Log) -> None:
    path = tmp_path / "glass.db"
    async with faulty_glass(tmp_path) as glass:
        result = (await answer(glass))["id"]
        await audit(glass)
        async with locked_by_another_process(path):
            await no_question_is_run_and_the_rest_is_served(glass, caplog, result)
        await well_again(glass, path)
        async with locked_by_another_process(path):
            pass  # what is read while it is locked opens its connections anew, too
        assert (await glass.get(f"/results/{result}")).status_code == 200


async def test_f19_disk_full(tmp_path: Path, caplog: Log) -> None:
    """The database's own limit of pages in place of the disk's; the same SQLITE_FULL."""
    path = tmp_path / "glass.db"
    async with faulty_glass(tmp_path) as glass:
        writer = glass.services.store.database.writer
        result = (await answer(glass))["id"]
        await audit(glass)
        most = await writer.exclusively(lambda c: c.exec_driver_sql("PRAGMA max_page_count").scalar())
        await writer.exclusively(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1").scalar())
        filled = 0
        while (got := await glass.get(PING_PATH)).status_code == 200:  # the pages there are have some room
            filled += 1
            assert filled < 500
        assert got.json()["code"] == "audit_unavailable"
        assert writer.failing == "database or disk is full"
        queued = writer.queued_bytes
        await no_question_is_run_and_the_rest_is_served(glass, caplog, result)
        assert queued > 0  # what could not be written waits, and nothing of it is lost
        await writer.exclusively(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {most}").scalar())
        await well_again(glass, path)
        assert writer.lost == 0
        assert sent(glass) == len([row for row in await audit(glass) if row.outcome == "finished"])


async def test_f20_deleted_or_replaced_while_running(tmp_path: Path, caplog: Log) -> None:
    path, aside = tmp_path / "glass.db", tmp_path / "aside.db"
    async with faulty_glass(tmp_path) as glass:
        result = (await answer(glass))["id"]
        await audit(glass)
        assert (await glass.get(f"/results/{result}")).status_code == 200
        path.rename(aside)
        await no_question_is_run_and_the_rest_is_served(glass, caplog, result, gone=True)
        assert not path.exists()  # nothing new and empty has taken its place
        glass.services.store.database.engine.dispose()  # as connections that are opened anew
        unread = await glass.get(f"/results/{result}")
        assert (unread.status_code, unread.json()["code"]) == (500, "audit_unavailable")
        assert not path.exists()
        shutil.copy(aside, path)
        assert (await glass.get(PING_PATH)).json()["code"] == "audit_unavailable"  # a copy is not what is written to
        assert "deleted or replaced" in caplog.text
        path.unlink()
        aside.rename(path)
        await well_again(glass, path)


async def test_f20_read_only(tmp_path: Path, caplog: Log) -> None:
    """SQLite's own switch in place of the file system's, which does not hold for root or for open files."""
    path = tmp_path / "glass.db"
    async with faulty_glass(tmp_path) as glass:
        result = (await answer(glass))["id"]
        await audit(glass)
        writer = glass.services.store.database.writer
        written_by: Any = await writer.exclusively(lambda c: c.connection.dbapi_connection)
        written_by.execute("PRAGMA query_only = 1")
        await no_question_is_run_and_the_rest_is_served(glass, caplog, result)
        written_by.execute("PRAGMA query_only = 0")
        await well_again(glass, path)


@pytest.mark.parametrize("damage", [b"not a database", bytes(100)], ids=["words", "zeros"])
async def test_f20_corrupt_header(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "glass.db"
    async with open_store(f"sqlite:///{path}"):
        pass
    whole = path.read_bytes()
    path.write_bytes(damage + whole[len(damage) :])
    found = path.read_bytes()
    with pytest.raises(StorageFault, match="not a database that can be opened") as refused:
        async with open_store(f"sqlite:///{path}", server=True):
            pass
    assert str(path) in str(refused.value)
    assert path.read_bytes() == found
    path.write_bytes(whole)
    async with open_store(f"sqlite:///{path}", server=True):
        pass


STUCK = """
import asyncio, sys
from netpulse.store import database
upgrade = database._upgrade
def stuck(connection):
    upgrade(connection)
    print("half way", flush=True)
    sys.stdin.read()
database._upgrade = stuck
async def main():
    async with database.open_database(sys.argv[1]):
        pass
asyncio.run(main())
"""


async def test_f33_upgrade_killed_half_way_two_starts_and_an_old_program(tmp_path: Path) -> None:
    path = tmp_path / "glass.db"
    url = f"sqlite:///{path}"
    half = await asyncio.create_subprocess_exec(sys.executable, "-c", STUCK, url, stdin=PIPE, stdout=PIPE)
    assert half.stdout is not None
    assert await half.stdout.readline() == b"half way\n"
    half.kill()
    await half.communicate(b"")

    async def upgraded_from() -> str | None:
        async with open_database(url) as database:
            return database.upgraded_from

    both = await asyncio.gather(upgraded_from(), upgraded_from())
    assert sorted(both, key=str) == [None, "empty"]  # nothing of the half was there, and one of them did the whole
    async with open_store(url, server=True):
        with pytest.raises(StorageFault, match="another NetPulse server uses this database"):
            async with open_store(url, server=True):
                pass
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
        before = list(database.iterdump())
    with pytest.raises(StorageFault, match=f"9999 is newer than {known_schemas()[-1]}"):
        async with open_store(url, server=True):
            pass
    with closing(sqlite3.connect(path)) as database:
        assert list(database.iterdump()) == before


async def test_f34_backup_during_load(tmp_path: Path) -> None:
    """The command of the manual, while questions come; the copy is one moment of the original."""
    manual = (ROOT / "docs" / "operating.md").read_text()
    (command,) = re.findall(r"^(.*python3 -c .*VACUUM INTO.*)$", manual, re.MULTILINE)
    path, copy = tmp_path / "netpulse.db", tmp_path / "copy.db"
    over = asyncio.Event()

    async with faulty_glass(tmp_path, storage=f"sqlite:///{path}") as glass:

        async def load() -> int:
            asked = 0
            while not over.is_set():
                await answer(glass)
                asked += 1
            return asked

        loading = [asyncio.create_task(load()) for _ in range(2)]
        first = await answer(glass)
        await audit(glass)
        paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        backup = await asyncio.create_subprocess_shell(command, cwd=tmp_path, env={"PATH": paths})
        assert await backup.wait() == 0
        over.set()
        assert sum(await asyncio.gather(*loading)) > 0
        await audit(glass)
    assert copy.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(path)) as original, closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = copied.execute("SELECT seq, id, run_id FROM audit ORDER BY seq").fetchall()
        assert rows == original.execute("SELECT seq, id, run_id FROM audit ORDER BY seq LIMIT ?", [len(rows)]).fetchall()
        for table in ("api_keys", "alembic_version"):
            everything = f"SELECT * FROM {table}"  # noqa: S608
            assert copied.execute(everything).fetchall() == original.execute(everything).fetchall()
    async with open_store(f"sqlite:///{copy}", server=True) as store:
        assert [key.owner for key in store.keys.all()] == ["tests"]
        assert await store.results.get(first["id"]) is not None
        assert [row async for row in store.audit.find(AuditFilter(run_id=first["id"]))]


async def test_f20_damaged_while_running(tmp_path: Path, caplog: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SQLite says of a damaged page is of no class of its own; nothing that waits is given up for it."""
    path = tmp_path / "glass.db"
    commit = writer_module._commit

    def damaged(*_: object) -> None:
        raise DatabaseError("", None, sqlite3.DatabaseError("database disk image is malformed"))

    async with faulty_glass(tmp_path) as glass:
        result = (await answer(glass))["id"]
        await audit(glass)
        monkeypatch.setattr(writer_module, "_commit", damaged)
        waiting = glass.services.store.audit.row("192.0.2.7", "ping", outcome="finished")
        assert glass.services.store.audit.note(waiting)
        await no_question_is_run_and_the_rest_is_served(glass, caplog, result)
        monkeypatch.setattr(writer_module, "_commit", commit)
        assert waiting.id in {row.id for row in await audit(glass)}
        assert glass.services.store.database.writer.lost == 0
        await well_again(glass, path)
