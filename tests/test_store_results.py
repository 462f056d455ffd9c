"""Results: readable at once, kept for their time, gone after it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netpulse.store import open_store, utc_now
from netpulse.store.database import open_database
from netpulse.store.results import Results, StoredResult

NOW = datetime(2026, 11, 24, 12, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "netpulse.db"


def result(result_id: str = "0" * 32, **changed: object) -> StoredResult:
    whole = StoredResult(
        id=result_id,
        kind="ping",
        key_id="0a1b2c3d",
        audience="public",
        routers=("core1",),
        connection=1,
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
        body=b'{"output": "64 bytes from 8.8.8.8"}',
        options={"family": "6"},
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


async def test_a_saved_result_can_be_read_at_once_and_later_and_after_a_restart(path: Path) -> None:
    saved = result()
    several = result("1" * 32, key_id=None, connection=None, routers=("core1", "core2"), body=b"\x00\xff" * 1000)
    async with open_store(f"sqlite:///{path}", wall=lambda: NOW) as store:
        assert store.results.save(saved)
        assert store.results.save(several)
        assert await store.results.get(saved.id) == saved
        await store.database.writer.drained()
        assert await store.results.get(saved.id) == saved
    async with open_store(f"sqlite:///{path}", wall=lambda: NOW) as store:
        assert await store.results.get(saved.id) == saved
        assert await store.results.get(several.id) == several
        assert await store.results.get("2" * 32) is None


async def test_a_result_is_gone_when_its_time_is_over_even_before_it_is_deleted(path: Path) -> None:
    now = [NOW]
    async with open_store(f"sqlite:///{path}", wall=lambda: now[0]) as store:
        store.results.save(result())
        now[0] = NOW + timedelta(days=7)
        assert await store.results.get("0" * 32) is None
        await store.database.writer.drained()
        assert await store.results.get("0" * 32) is None


async def test_purging_deletes_what_is_over_and_nothing_else(path: Path) -> None:
    async with open_store(f"sqlite:///{path}", wall=lambda: NOW) as store:
        for number in range(450):
            store.results.save(result(f"{number:032x}", expires_at=NOW + timedelta(days=number % 2)))
        await store.database.writer.drained()
        assert await store.results.purge(NOW) == 225
        assert await store.results.get(f"{0:032x}") is None
        assert await store.results.get(f"{1:032x}") is not None
        assert await store.results.purge(NOW) == 0


async def test_what_the_full_queue_cannot_take_is_refused_and_the_rest_is_kept(path: Path) -> None:
    async with open_database(f"sqlite:///{path}", most_queued_bytes=10_000) as database:
        results = Results(database, wall=utc_now, random_bytes=bytes)
        later = utc_now() + timedelta(days=1)
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        kept = [results.save(result(f"{number:032x}", body=bytes(3000), expires_at=later)) for number in range(5)]
        assert kept == [True, True, False, False, False]
        assert database.writer.lost == 3
        assert await results.get(f"{4:032x}") is None
        other.rollback()
        other.close()
        await database.writer.drained()
        assert await results.get(f"{1:032x}") is not None
        assert database.writer.queued_bytes == 0
        assert results.save(result(f"{5:032x}", body=bytes(3000), expires_at=later))


async def test_ids_are_32_hex_digits_of_random_bits(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        ids = {store.results.new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)
