"""The process itself: told to stop, out of files or memory, nobody reading its log, credentials missing: F23 to F32."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import weakref
from pathlib import Path

import httpx2
import pytest

from doubles.fake_router import FakeRouter, fixed_key
from doubles.faulty import LINES, PING_PATH, answer, faulty_glass, hangs, well
from doubles.faulty_process import FILE, log_of, server_of
from doubles.glass import parsed_events
from doubles.steps import Exit, Say, Step
from netpulse import config
from netpulse.config.faults import ConfigFaults
from netpulse.execution import Execution
from netpulse.query import Job
from netpulse.runs import Run, Runs

EVENTS = {"Accept": "text/event-stream"}


async def test_f23_sigterm_during_a_stream(tmp_path: Path) -> None:
    async with FakeRouter(hangs) as router, server_of(tmp_path, router) as server, server.client() as client:
        async with client.stream("GET", PING_PATH, headers=EVENTS) as answer:
            events = parsed_events(answer.aiter_lines())
            assert [(await anext(events)).name for _ in range(3)] == ["started", "output", "output"]
            server.process.send_signal(signal.SIGTERM)
            rest = [event async for event in events]
        assert [(event.name, event.data.get("code")) for event in rest if event.name != "found"] == [
            ("failed", "shutting_down")
        ]
        assert rest[-1].data["data"]["output"] == "".join(LINES[:2])
        assert await server.process.wait() == 0
        # The command hangs still; its channel and connection are gone all the same.
        await router.until(lambda r: r.execs[0].closed and r.connections == 0)
        log = await log_of(server.process.stderr)
        assert not [line for line in log if line.get("exception") or line["level"] == "error"]
        rows = await server.audit()
        assert [(row.outcome, row.code) for row in rows] == [("failed", "shutting_down")]


async def test_f24_sigterm_twice_and_sighup_with_a_broken_config(tmp_path: Path) -> None:
    async with FakeRouter(hangs) as router, server_of(tmp_path, router) as server, server.client() as client:
        good = (tmp_path / "netpulse.yaml").read_text()
        stderr = server.process.stderr
        assert stderr is not None

        async def until_logged(words: str) -> None:
            async with asyncio.timeout(20):
                while words.encode() not in await stderr.readline():
                    pass

        (tmp_path / "netpulse.yaml").write_text(good.replace("name: Core", "nmae: Core"))
        server.process.send_signal(signal.SIGHUP)
        await until_logged("not loaded")
        rows = (await client.get("/routers")).json()["data"]
        assert [(row["slug"], row["name"]) for row in rows] == [("core1", "Core")]
        (tmp_path / "netpulse.yaml").write_text(good.replace("name: Core", "name: Kern"))
        server.process.send_signal(signal.SIGHUP)
        await until_logged("loaded, 1 routers")
        assert (await client.get("/routers")).json()["data"][0]["name"] == "Kern"

        # A client that asks and never reads keeps the first signal waiting; the second waits for nobody.
        port = httpx2.URL(server.url).port
        assert port is not None
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 900)
        await client.get("/routers")
        server.process.send_signal(signal.SIGTERM)
        await until_logged("stopping")
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 1
        writer.close()


FLOOD: list[Step] = [Say("x" * 4000 + "\n")] * 70


async def test_f28_memory_limit(tmp_path: Path) -> None:
    """More floods at once than there is memory for: those beyond sessions and queue are told to come back, none is lost."""
    async with (
        FakeRouter(lambda _: [*FLOOD, Exit(0)]) as router,
        server_of(tmp_path, router, sessions=8) as server,
        server.client() as client,
    ):
        assert (await client.get(PING_PATH)).status_code == 200
        server.limit(resource.RLIMIT_DATA, server.data_bytes() + 80 * 1024 * 1024)
        answers = await asyncio.gather(*(client.get(PING_PATH) for _ in range(90)))
        assert {one.json().get("code") for one in answers} == {None, "router_busy"}
        assert all(one.json()["data"]["truncated"] for one in answers if one.status_code == 200)
        router.script = well
        assert (await client.get(PING_PATH)).json()["data"]["result"]["received"] == 5
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 0
        assert not [line for line in await log_of(server.process.stderr) if line.get("exception")]
        assert len([row for row in await server.audit() if row.outcome == "finished"]) == 2 + sum(
            one.status_code == 200 for one in answers
        )


async def test_f28_finished_runs_are_dropped_by_size_the_oldest_first() -> None:
    runs = Runs(10, most_finished_bytes=1000)
    for name, size in (("a", 300), ("b", 300), ("c", 300)):
        runs.begin(run := Run(name, "me", 5.0))
        run.add("finished", b"x" * (size - 200))
        run.finish({}, None)
        runs.ended(run)
    assert [name for name in "abc" if runs.find(name, "me")] == ["a", "b", "c"]
    runs.begin(big := Run("d", "me", 5.0))
    big.add("finished", b"x" * 500)
    assert runs.live == 1
    runs.ended(big)
    assert [name for name in "abcd" if runs.find(name, "me")] == ["c", "d"]


async def test_f28_a_finished_run_holds_on_to_nothing_of_its_command(tmp_path: Path) -> None:
    async with faulty_glass(tmp_path) as glass:
        began: list[weakref.ref[Execution]] = []
        executor = glass.services.executor
        start = executor.start

        def noted(job: Job) -> Execution:
            execution = start(job)
            began.append(weakref.ref(execution))
            return execution

        executor.start = noted  # type: ignore[method-assign]
        run_id = (await answer(glass))["id"]
        assert glass.services.pipeline.runs.find(run_id, "key:" + glass.key.split("_")[1]) is not None
        gc.collect()
        assert [one() for one in began] == [None]


async def test_f29_out_of_file_descriptors(tmp_path: Path) -> None:
    async with FakeRouter(well) as router, server_of(tmp_path, router) as server, server.client() as client:
        port = httpx2.URL(server.url).port
        assert port is not None
        assert (await client.get(PING_PATH)).status_code == 200  # what is imported late is here now
        most = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0]
        server.limit(resource.RLIMIT_NOFILE, server.open_files)
        # No crowd in front of a door that nobody opens: who cannot be let in is told so at once.
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        assert (await client.get("/routers")).status_code == 200  # who is in already is served
        router.drop_connections()
        await router.until(lambda r: r.connections == 0)
        server.limit(resource.RLIMIT_NOFILE, 8)  # what the lost connection left is not to be had either
        failed = await client.get(PING_PATH)
        assert (failed.status_code, failed.json()["code"]) == (500, "router_unreachable")
        server.limit(resource.RLIMIT_NOFILE, most)
        assert (await client.get(PING_PATH)).status_code == 200
        assert (await client.get("/routers")).json()["data"][0]["status"] == "up"
        async with server.client() as another:
            assert (await another.get("/routers")).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 0
        log = await log_of(server.process.stderr)
        loud = [line for line in log if line["level"] not in ("info", "debug")]
        assert 1 <= len(loud) <= 4, loud
        assert not [line for line in loud if line.get("exception")]


@pytest.mark.parametrize("fault", ["missing", "open to others", "not a key", "no host key"])
def test_f31_credentials_missing_or_open_to_others(tmp_path: Path, fault: str) -> None:
    secret = fixed_key("client").export_private_key("openssh").decode()
    key, path = tmp_path / "key", tmp_path / "netpulse.yaml"
    line = " ".join(fixed_key("router").export_public_key().decode().split()[:2])
    if fault != "missing":
        key.write_text(secret if fault != "not a key" else "hunter2")
        key.chmod(0o644 if fault == "open to others" else 0o600)
    host_key = line if fault != "no host key" else "ssh-ed25519 AAAA"
    path.write_text(FILE.format(sessions=3, port=22, database="test.db", host_key=host_key))
    with pytest.raises(ConfigFaults) as refused:
        config.load(path)
    (told,) = (str(one) for one in refused.value.faults)
    assert told.startswith(f"{path}:12:")
    assert ("host" if fault == "no host key" else str(key)) in told
    assert not [word for word in (*secret.split(), "hunter2") if len(word) > 6 and word in told]


async def test_f32_log_sink_blocked(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(65536))
    except BlockingIOError:
        os.set_blocking(writing, True)  # full, and nobody reads it
    try:
        async with FakeRouter(well) as router, server_of(tmp_path, router, stderr=writing) as server:
            async with server.client() as client:
                for _ in range(20):
                    assert (await client.get(PING_PATH)).status_code == 200
                router.refuse_exec = True
                assert (await client.get(PING_PATH)).json()["code"] == "router_refused"
            server.process.send_signal(signal.SIGTERM)
            assert await server.process.wait() == 0
            rows = await server.audit()
            assert [row.code for row in rows] == [None] * 20 + ["router_refused"]
    finally:
        os.close(reading)
        os.close(writing)
