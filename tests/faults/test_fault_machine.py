"""A disk that is really full, and a limit of memory that the kernel really keeps: rows F19 and F28."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

from doubles.fake_router import FakeRouter
from doubles.faulty import PING_PATH, hangs, well
from doubles.faulty_process import log_of, server_of
from doubles.machine import DISK, fill, memory_group, on_a_small_disk
from doubles.steps import Exit, Say

_DISK_KIB = 1024
_MEMORY = 256 * 1024 * 1024
_STREAMS, _PINGS = 500, 500


async def test_f19_a_full_disk(tmp_path: Path) -> None:
    small = on_a_small_disk(_DISK_KIB)
    async with (
        FakeRouter(well) as router,
        server_of(tmp_path, router, inside=small, database=f"{DISK}/test.db") as server,
        server.client() as client,
    ):
        logged = asyncio.create_task(log_of(server.process.stderr))
        root = server.url.removesuffix("/api/v1")
        assert (await client.get(PING_PATH)).status_code == 200
        disk = Path(f"/proc/{server.process.pid}/root{tmp_path}/{DISK}")
        filler = fill(disk)
        answered = 1
        while (
            refused := await client.get(PING_PATH)
        ).status_code == 200:  # the write-ahead log has some room of its own
            answered += 1
            assert answered < 500
        assert (refused.status_code, refused.json()["code"]) == (500, "audit_unavailable")
        before = len(router.commands)
        assert (await client.get(PING_PATH)).json()["code"] == "audit_unavailable"
        assert len(router.commands) == before
        seen = {
            path: (await client.get(root + path)).status_code
            for path in ("/", "/healthz", "/readyz", "/api/v1/routers")
        }
        assert seen == {"/": 200, "/healthz": 200, "/readyz": 503, "/api/v1/routers": 200}

        filler.unlink()
        assert (await client.get(PING_PATH)).status_code == 200
        async with asyncio.timeout(10):
            while (await client.get(root + "/readyz")).status_code != 200:
                pass  # it looks at the database once a second
        for part in ("test.db", "test.db-wal"):  # SQLite follows no path into another process's files
            shutil.copy(disk / part, tmp_path / f"copied-{part}")
        with closing(sqlite3.connect(tmp_path / "copied-test.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            outcomes = [
                outcome for (outcome,) in database.execute("SELECT outcome FROM audit WHERE outcome IS NOT 'refused'")
            ]
        assert len(outcomes) >= answered
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 0
        assert not [line for line in await logged if line.get("exception")]
        assert len(router.commands) == answered + 1


async def test_f28_crowds_in_256_mib(tmp_path: Path) -> None:
    """Five hundred that listen and five hundred that ask for floods: who is one too many is told so, and nothing is killed."""
    with memory_group("f28") as group:
        group.limit(_MEMORY)
        async with (
            FakeRouter(hangs) as router,
            server_of(tmp_path, router, sessions=8, inside=group.inside) as server,
            server.client(most=1100) as client,
        ):
            logged = asyncio.create_task(log_of(server.process.stderr))
            async with AsyncExitStack() as listening:
                event_stream = {"Accept": "text/event-stream"}
                first = await listening.enter_async_context(client.stream("GET", PING_PATH, headers=event_stream))
                run_id = (await anext(first.aiter_lines())).removeprefix("id: ").partition(".")[0]
                more = {**event_stream, "Last-Event-ID": f"{run_id}.0"}
                streams = await asyncio.gather(
                    *(
                        listening.enter_async_context(client.stream("GET", PING_PATH, headers=more))
                        for _ in range(_STREAMS - 1)
                    )
                )
                assert {stream.status_code for stream in streams} == {200}
                router.script = lambda _: [*([Say("x" * 4000 + "\n")] * 70), Exit(0)]
                answers = await asyncio.gather(*(client.get(PING_PATH) for _ in range(_PINGS)))
            assert {one.json().get("code") for one in answers} == {None, "router_busy"}
            assert all(one.json()["data"]["truncated"] for one in answers if one.status_code == 200)
            router.script = well
            assert (await client.get(PING_PATH)).json()["data"]["result"]["received"] == 5
            assert group.kills == 0
            assert group.peak < _MEMORY
            server.process.send_signal(signal.SIGTERM)
            assert await server.process.wait() == 0
    assert not [line for line in await logged if line.get("exception")]
    rows = [
        row for row in await server.audit() if row.code != "router_busy"
    ]  # that has a row from when it began to wait
    assert len(rows) == len(router.commands)
    assert all(row.outcome for row in rows)
