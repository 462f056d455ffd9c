"""The writer: one transaction at a time, nobody's fault is another's loss."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from netpulse.store.database import open_database
from netpulse.store.faults import StorageFault
from netpulse.store.tables import revisions
from netpulse.store.writer import Lane, Writer

LANE = Lane("revisions", insert(revisions), rank=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "netpulse.db"


def names(path: Path) -> list[str]:
    other = sqlite3.connect(path)
    try:
        return [name for (name,) in other.execute("SELECT name FROM revisions WHERE name != 'keys' ORDER BY name")]
    finally:
        other.close()


async def test_a_row_that_cannot_be_written_takes_no_other_with_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_database(f"sqlite:///{path}") as database:
        writer = database.writer
        settled: dict[str, Exception | None] = {}
        for name in ("a", "keys", "b"):
            writer.put(LANE, {"name": name, "number": 1}, 10, partial(settled.__setitem__, name))
        with pytest.raises(IntegrityError):
            await writer.commit(LANE, {"name": "keys", "number": 1}, within_s=10)
        await writer.drained()
        assert names(path) == ["a", "b"]
        assert (settled["a"], settled["b"], type(settled["keys"])) == (None, None, IntegrityError)
        assert (writer.lost, writer.queued_bytes) == (1, 0)
        assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_row_whose_caller_has_left_is_not_written(path: Path) -> None:
    async with open_database(f"sqlite:///{path}") as database:
        gone = asyncio.create_task(database.writer.commit(LANE, {"name": "gone", "number": 1}, within_s=10))
        gone_too = asyncio.create_task(database.writer.commit(LANE, {"name": "gone too", "number": 1}, within_s=0))
        stays = asyncio.create_task(database.writer.commit(LANE, {"name": "stays", "number": 1}, within_s=10))
        gone.cancel()
        left = await asyncio.gather(gone, gone_too, stays, return_exceptions=True)
        assert list(map(type, left)) == [asyncio.CancelledError, TimeoutError, type(None)]
        assert "gone" not in names(path)
        assert "stays" in names(path)


async def test_a_turn_that_fails_leaves_no_trace_and_tells_its_caller(path: Path) -> None:
    async with open_database(f"sqlite:///{path}") as database:

        def work(connection: Connection) -> int:
            connection.execute(insert(revisions), [{"name": "half", "number": 1}])
            raise LookupError("no such thing")

        def count(connection: Connection) -> int:
            return len(connection.execute(select(revisions)).all())

        with pytest.raises(LookupError, match="no such thing"):
            await database.writer.exclusively(work)
        assert await database.writer.exclusively(count) == 1
        assert names(path) == []


async def test_what_is_queued_is_written_before_the_database_closes(path: Path) -> None:
    async with open_database(f"sqlite:///{path}") as database:
        for number in range(2500):
            assert database.writer.put(LANE, {"name": f"{number:04}", "number": 1}, 10)
    assert len(names(path)) == 2500
    assert not database.writer.put(LANE, {"name": "late", "number": 1}, 10)
    with pytest.raises(StorageFault, match="closing"):
        await database.writer.commit(LANE, {"name": "late", "number": 1}, within_s=10)


async def test_closing_does_not_wait_for_ever_for_a_locked_database(path: Path) -> None:
    other: sqlite3.Connection | None = None
    async with open_database(f"sqlite:///{path}") as database:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        database.writer.put(LANE, {"name": "lost", "number": 1}, 10)
    other.close()
    assert database.writer.lost == 1
    assert names(path) == []


async def test_a_defect_ends_the_writer_loudly_and_nobody_waits_for_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(_problem: Exception | None) -> None:
        raise ZeroDivisionError

    def last(connection: Connection) -> None:
        raise AssertionError("nothing may run after the defect")

    async def meet_it() -> None:
        async with open_database(f"sqlite:///{path}") as database:
            database.writer.put(LANE, {"name": "a", "number": 1}, 10, defect)
            await database.writer.drained()
            assert "ZeroDivisionError" in (database.writer.failing or "")
            with pytest.raises(StorageFault):
                await database.writer.commit(LANE, {"name": "b", "number": 1}, within_s=10)
            with pytest.raises(StorageFault):
                await database.writer.exclusively(last)

    with pytest.raises(ZeroDivisionError):
        await meet_it()
    assert "restart the server" in caplog.text


async def test_within_a_commit_the_lane_of_lower_rank_is_written_first(path: Path) -> None:
    later = Lane("later", insert(revisions), rank=1)
    async with open_database(f"sqlite:///{path}") as database:
        database.writer.put(later, {"name": "a", "number": 1}, 10)
        database.writer.put(LANE, {"name": "b", "number": 1}, 10)
    other = sqlite3.connect(path)
    order = other.execute("SELECT name FROM revisions WHERE name != 'keys' ORDER BY rowid").fetchall()
    other.close()
    assert order == [("b",), ("a",)]


async def test_a_writer_that_was_never_started_admits_up_to_its_bound() -> None:
    writer = Writer(most_queued_bytes=100)
    assert writer.put(LANE, {}, 60)
    assert not writer.put(LANE, {}, 60)
    assert writer.put(LANE, {}, 60, always=True)
    assert (writer.lost, writer.queued_bytes) == (1, 120)


async def test_what_waits_is_counted_by_lane_and_aged_by_its_oldest() -> None:
    now = [100.0]
    writer = Writer(most_queued_bytes=100, clock=lambda: now[0])
    other = Lane("other", insert(revisions), rank=1)
    assert writer.waiting("revisions") == (0, 0.0)
    writer.put(other, {}, 1)
    now[0] = 130.0
    writer.put(LANE, {}, 1)
    gone = asyncio.create_task(writer.commit(LANE, {}, within_s=0))  # its caller has left: it will not be written
    await asyncio.gather(gone, return_exceptions=True)
    now[0] = 140.0
    writer.put(LANE, {}, 1)
    now[0] = 150.0
    assert (writer.waiting("revisions"), writer.waiting("revisions", "other")) == ((2, 20.0), (3, 50.0))
    assert not writer.put(other, {}, 1000)
    assert writer.lost_rows == {"other": 1}


async def test_a_row_whose_commit_is_under_way_still_waits(path: Path) -> None:
    async with open_database(f"sqlite:///{path}") as database:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(database.writer.commit(LANE, {"name": "a", "number": 1}, within_s=20))
        database.writer.put(LANE, {"name": "b", "number": 1}, 10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # both are in the commit that cannot begin
        assert database.writer.waiting("revisions")[0] == 2
        other.rollback()
        other.close()
        await waiting
        await database.writer.drained()
        assert database.writer.waiting("revisions") == (0, 0.0)
