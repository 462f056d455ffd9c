"""The audit trail: there before the command runs, closed when it ends, honest about what was interrupted."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import event

from netpulse.errors import Fault
from netpulse.settings import Retention
from netpulse.store import Store, export, open_store
from netpulse.store.audit import COLUMNS, AuditFilter, AuditRow, cut_client
from netpulse.store.housekeeping import keep_tidy, tidy

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PING = {
    "key_id": "0a1b2c3d", "router": "core1", "device": "router:core1", "connection": 1, "target": "8.8.8.8",
    "command": "ping 8.8.8.8 source 203.0.113.1 count 5", "run_id": "r1",
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "netpulse.db"


def on_disk(path: Path) -> list[tuple[str, str | None, str | None]]:
    """Every row's id, outcome and code as another program sees them."""
    other = sqlite3.connect(path)
    try:
        return other.execute("SELECT id, outcome, code FROM audit ORDER BY seq").fetchall()
    finally:
        other.close()


async def rows_of(store: Store, wanted: AuditFilter | None = None) -> list[AuditRow]:
    await store.database.writer.drained()
    return [row async for row in store.audit.find(wanted or AuditFilter(), newest_first=False)]


async def test_a_started_row_is_on_disk_when_start_returns_and_closed_after_its_end(path: Path) -> None:
    async with open_store(f"sqlite:///{path}", wall=lambda: NOW) as store:
        row = store.audit.row("192.0.2.7", "ping", **PING)
        await store.audit.start(row)
        assert on_disk(path) == [(row.id, None, None)]
        assert await rows_of(store) == [row]
        store.audit.end(row.id, "failed", "router_timeout", 20_000)
        ended = replace(row, outcome="failed", code="router_timeout", duration_ms=20_000)
        assert await rows_of(store) == [ended]


async def test_starts_that_come_together_share_a_commit(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        commits: list[object] = []
        event.listen(store.database.engine, "commit", commits.append)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(100):
                tasks.create_task(store.audit.start(store.audit.row("192.0.2.7", "ping")))
        assert 1 <= len(commits) <= 2
        assert len(on_disk(path)) == 100


async def test_a_start_that_cannot_be_written_is_a_fault_and_the_next_one_works(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        first = store.audit.row("192.0.2.7", "ping")
        await store.audit.start(first)
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        store.audit.end(first.id, "finished")
        with pytest.raises(Fault) as caught:
            await store.audit.start(store.audit.row("192.0.2.7", "ping"))
        assert (caught.value.code, caught.value.status) == ("audit_unavailable", 500)
        assert await store.keys.refresh() is False  # reading goes on
        other.rollback()
        other.close()
        third = store.audit.row("192.0.2.7", "ping")
        await store.audit.start(third)
        await store.database.writer.drained()
        assert on_disk(path) == [(first.id, "finished", None), (third.id, None, None)]
        assert store.database.writer.failing is None


async def test_a_start_that_takes_too_long_is_a_fault_and_its_row_is_not_left_open(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        with pytest.raises(Fault, match="could not be recorded"):
            await store.audit.start(store.audit.row("192.0.2.7", "ping"), within_s=0)
        await store.database.writer.drained()
        assert [outcome for _, outcome, _ in on_disk(path)] in ([], ["failed"])


async def test_a_caller_who_leaves_while_the_row_is_written_leaves_no_open_row(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        committing = asyncio.Event()
        loop = asyncio.get_running_loop()
        event.listen(
            store.database.engine, "before_cursor_execute", lambda *_: loop.call_soon_threadsafe(committing.set)
        )
        starting = asyncio.create_task(store.audit.start(store.audit.row("192.0.2.7", "ping")))
        await committing.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await store.database.writer.drained()
        assert [(outcome, code) for _, outcome, code in on_disk(path)] == [("failed", "stopped")]


async def test_the_next_server_marks_what_an_earlier_process_left_open(path: Path) -> None:
    async with open_store(f"sqlite:///{path}", server=True) as store:
        done, left = store.audit.row("192.0.2.7", "ping"), store.audit.row("192.0.2.7", "ping")
        await store.audit.start(done)
        await store.audit.start(left)
        store.audit.end(done.id, "finished")
        async with open_store(f"sqlite:///{path}") as command:  # the command line beside the server touches nothing
            await command.database.writer.drained()
        assert await store.audit.mark_interrupted() == 0
    assert on_disk(path) == [(done.id, "finished", None), (left.id, None, None)]
    async with open_store(f"sqlite:///{path}", server=True):
        assert on_disk(path) == [(done.id, "finished", None), (left.id, "interrupted", None)]


async def test_refusals_are_recorded_without_being_waited_for(path: Path) -> None:
    async with open_store(f"sqlite:///{path}", wall=lambda: NOW) as store:
        assert store.audit.refused(store.audit.row("192.0.2.7", "ping", target="10.0.0.1"), "target_refused")
        (row,) = await rows_of(store)
        assert (row.outcome, row.code, row.target, row.command) == ("refused", "target_refused", "10.0.0.1", None)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(), "abcd"),
        (AuditFilter(since=NOW + timedelta(hours=1)), "bcd"),
        (AuditFilter(until=NOW + timedelta(hours=1)), "a"),
        (AuditFilter(key_id="0a1b2c3d"), "ab"),
        (AuditFilter(client=ip_network("192.0.2.0/24")), "ad"),
        (AuditFilter(client=ip_network("2001:db8:1:2::3/128")), "c"),
        (AuditFilter(kind="aspath", router="core2"), "c"),
        (AuditFilter(outcome="finished"), "b"),
        (AuditFilter(target="8.8.8.8", run_id="r1"), "a"),
        (AuditFilter(target="9.9.9.9"), ""),
    ],
)
async def test_rows_are_found_by_all_that_is_asked(path: Path, wanted: AuditFilter, found: str) -> None:
    now = [NOW]
    async with open_store(f"sqlite:///{path}", wall=lambda: now[0]) as store:
        rows = {}
        for name, client, kind, known in (
            ("a", "192.0.2.7", "ping", {"key_id": "0a1b2c3d", "router": "core1", "target": "8.8.8.8", "run_id": "r1"}),
            ("b", "198.51.100.1", "ping", {"key_id": "0a1b2c3d", "router": "core2", "target": "8.8.8.8"}),
            ("c", "2001:db8:1:2::/64", "aspath", {"router": "core2"}),
            ("d", "192.0.2.9", "aspath", {"router": "core1"}),
        ):
            row = store.audit.row(client, kind, **known)
            rows[row.id] = name
            await store.audit.start(row)
            if name == "b":
                store.audit.end(row.id, "finished")
            now[0] += timedelta(hours=1)
        assert "".join(rows[row.id] for row in await rows_of(store, wanted)) == found
        newest_first = [rows[row.id] async for row in store.audit.find(wanted)]
        assert "".join(reversed(newest_first)) == found


async def test_any_number_of_rows_is_walked_through_in_order(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        for number in range(1200):
            store.audit.refused(store.audit.row("192.0.2.7", "ping", connection=number), "bad_target")
        assert [row.connection for row in await rows_of(store)] == list(range(1200))
        assert [row.connection async for row in store.audit.find(AuditFilter())] == list(reversed(range(1200)))


async def test_purging_deletes_older_rows_only(path: Path) -> None:
    now = [NOW]
    async with open_store(f"sqlite:///{path}", wall=lambda: now[0]) as store:
        await store.audit.start(store.audit.row("192.0.2.7", "ping"))
        now[0] += timedelta(days=1)
        young = store.audit.row("192.0.2.7", "ping")
        await store.audit.start(young)
        assert await store.audit.purge(now[0]) == 1
        assert await rows_of(store) == [young]


async def test_old_client_addresses_are_cut_and_young_ones_are_not(path: Path) -> None:
    now = [NOW]
    async with open_store(f"sqlite:///{path}", wall=lambda: now[0]) as store:
        for client in ("192.0.2.7", "2001:db8:1:2::3", "2001:db8:1:2::/64", "unix"):
            await store.audit.start(store.audit.row(client, "ping"))
        now[0] += timedelta(days=30)
        await store.audit.start(store.audit.row("192.0.2.7", "ping"))
        later = now[0] + timedelta(seconds=1)
        assert await tidy(store.results, store.audit, retention=Retention(), now=later) == (0, 4)
        clients = [row.client for row in await rows_of(store)]
        assert clients == ["192.0.2.0/24", "2001:db8:1::/48", "2001:db8:1::/48", "unix", "192.0.2.7"]
        assert await tidy(store.results, store.audit, retention=Retention(), now=later) == (0, 0)


async def test_tidying_is_repeated_with_the_settings_of_the_moment(path: Path) -> None:
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        if len(asked) == 3:
            raise asyncio.CancelledError

    days = iter([30, 30, 1])
    async with open_store(f"sqlite:///{path}", wall=lambda: NOW) as store:
        await store.audit.start(store.audit.row("192.0.2.7", "ping"))
        with pytest.raises(asyncio.CancelledError):
            await keep_tidy(
                store.results,
                store.audit,
                retention=lambda: Retention(audit_days=next(days)),
                wall=lambda: NOW + timedelta(days=2),
                sleep=sleep,
            )
        assert [row.client for row in await rows_of(store)] == ["192.0.2.0/24"]
        assert max(asked) <= 3600


@pytest.mark.parametrize(
    ("whole", "cut"),
    [("192.0.2.7", "192.0.2.0/24"), ("192.0.0.0/16", "192.0.0.0/16"), ("::1", "::/48"), ("", ""), ("x/y", "x/y")],
)
def test_an_address_is_cut_to_its_24_or_48(whole: str, cut: str) -> None:
    assert cut_client(whole) == cut


def test_exported_rows_are_json_lines_and_csv_without_formulas() -> None:
    row = AuditRow("0" * 32, NOW, "192.0.2.7", "ping", target='=cmd|" /C calc"!A0', command="-1+1\n2", connection=0)
    assert json.loads(export.json_line(row)) == {
        **dict.fromkeys(COLUMNS),
        "id": "0" * 32,
        "at": "2026-11-24T12:00:00.000Z",
        "client": "192.0.2.7",
        "kind": "ping",
        "target": '=cmd|" /C calc"!A0',
        "command": "-1+1\n2",
        "connection": 0,
    }
    assert export.json_line(row).count("\n") == 1
    (read,) = csv.DictReader(StringIO(export.csv_header() + export.csv_line(row), newline=""))
    assert (read["target"], read["command"], read["connection"], read["code"]) == (
        '\'=cmd|" /C calc"!A0', "'-1+1\n2", "0", "",
    )  # fmt: skip
