"""The serving process: it ends in good order on the first signal, at once on the second, and follows its file."""

from __future__ import annotations

import asyncio
import json
import select
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import uvloop

from doubles import server_process
from doubles.glass import SETTINGS, parsed_events
from netpulse.store import open_store
from netpulse.web.server import bound_socket, serving

PING = "/api/v1/ping?target=8.8.8.8&router=core1&connection=1"
FILE = """\
site: {{name: {name}, organization: Example}}
storage: sqlite:///test.db
routers:
  - {{slug: here, name: Here, platform: linux}}
"""


@asynccontextmanager
async def process(folder: Path, *arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """A server process and its URL; it is gone at the end."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, server_process.__file__, str(folder), *arguments), stdout=PIPE, stderr=PIPE
    )
    assert running.stdout is not None
    try:
        yield running, f"http://127.0.0.1:{int(await running.stdout.readline())}"
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def new_key(folder: Path) -> dict[str, str]:
    async with open_store(f"sqlite:///{folder / 'test.db'}") as store:
        text, _ = await store.keys.create("tests", per_minute=1000)
    return {"Authorization": f"Bearer {text}"}


async def logged(running: Process, words: str) -> None:
    """Returns once the process has logged a line with these words."""
    assert running.stderr is not None
    async for line in running.stderr:
        if words.encode() in line:
            return


async def test_on_the_first_signal_every_stream_gets_its_last_event_and_the_process_ends_well(tmp_path: Path) -> None:
    headers = await new_key(tmp_path)
    async with process(tmp_path) as (running, url), httpx2.AsyncClient(timeout=30) as client:
        async with client.stream("GET", url + PING, headers={**headers, "Accept": "text/event-stream"}) as answer:
            events = parsed_events(answer.aiter_lines())
            assert [(await anext(events)).name for _ in range(2)] == ["started", "output"]
            waiting = asyncio.create_task(client.get(url + PING, headers=headers))
            async with client.stream("GET", url + "/healthz") as health:
                await health.aread()
            running.send_signal(signal.SIGTERM)
            rest = [event async for event in events]
        assert (rest[-1].name, rest[-1].data["code"]) == ("failed", "shutting_down")
        assert rest[-1].data["data"]["output"] == server_process.LINE + "\n"
        refused = await waiting
        assert (refused.status_code, refused.json()["code"]) == (500, "shutting_down")
        assert await running.wait() == 0
        with pytest.raises(httpx2.ConnectError):
            await client.get(url + "/healthz")
    async with open_store(f"sqlite:///{tmp_path / 'test.db'}") as store:
        assert await store.audit.mark_interrupted() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_on_the_second_signal_nobody_is_waited_for(tmp_path: Path, second: signal.Signals) -> None:
    async with process(tmp_path) as (running, url):
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), limit=1024)
        writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 900)
        async with httpx2.AsyncClient() as client:
            assert (await client.get(url + "/healthz")).status_code == 200
        running.send_signal(signal.SIGINT)
        await logged(running, "stopping")
        running.send_signal(second)
        assert await running.wait() == 1
        writer.close()


async def test_the_file_is_read_again_on_a_hangup_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text(FILE.format(name="First Name"))

    async def title(client: httpx2.AsyncClient, url: str) -> str:
        found: str = (await client.get(url + "/openapi.json")).json()["info"]["title"]
        return found

    async with process(tmp_path, str(file)) as (running, url), httpx2.AsyncClient() as client:
        assert await title(client, url) == "First Name"
        file.write_text(FILE.format(name="Second Name"))
        running.send_signal(signal.SIGHUP)
        await logged(running, "loaded")
        assert await title(client, url) == "Second Name"
        file.write_text("site: [")
        running.send_signal(signal.SIGHUP)
        await logged(running, "not loaded")
        assert await title(client, url) == "Second Name"


async def test_what_is_logged_about_a_question_names_its_request_and_never_its_key(tmp_path: Path) -> None:
    headers = await new_key(tmp_path)
    async with process(tmp_path) as (running, url), httpx2.AsyncClient(timeout=30) as client:
        refused = await client.get(url + "/api/v1/ping?target=9.9.9.9&router=core1&connection=1", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (500, "router_refused")
        running.send_signal(signal.SIGTERM)
        _, errors = await running.communicate()
    lines = [json.loads(line) for line in errors.splitlines()]
    about = [line for line in lines if line.get("request_id") == refused.headers["x-request-id"]]
    assert about
    assert headers["Authorization"].split("_")[2].encode() not in errors


def test_an_address_that_cannot_be_had_is_named_in_one_sentence() -> None:
    with bound_socket("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use"):
            bound_socket("127.0.0.1", port)


async def test_an_answer_in_several_writes_is_not_held_back_until_the_client_acknowledges_the_first() -> None:
    with bound_socket("127.0.0.1", 0) as listening:
        listening.listen()
        seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(connected, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            assert await seen
            writer.close()
            await writer.wait_closed()


def test_a_crowd_that_comes_at_once_does_not_wait_a_turn_of_the_loop_for_each_of_it(tmp_path: Path) -> None:
    crowd, turns = 64, 32

    async def story() -> int:
        settings = replace(SETTINGS, storage=f"sqlite:///{tmp_path / 'test.db'}")
        with ExitStack() as stack:
            listening = bound_socket("127.0.0.1", 0)
            async with serving(settings, [listening]):
                clients = [stack.enter_context(socket.create_connection(listening.getsockname())) for _ in range(crowd)]
                for client in clients:
                    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                for _ in range(turns):
                    await asyncio.sleep(0)
                return len(select.select(clients, [], [], 0)[0])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(story()) == crowd
