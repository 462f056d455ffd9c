"""Questions to a running server: printed as they come, taken up again when the stream breaks, stopped by Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from doubles.glass import PING, looking_glass
from doubles.scripted import Hold, Say, Scripted
from netpulse.cli.app import app
from netpulse.screen import clean

KEY = "np_01234567_" + "a" * 43
BEGUN = {"router": "Core Router 1", "connection": "Cogent", "source_ip": "203.0.113.1", "command": "ping 8.8.8.8"}
RESULT = {"sent": 5, "received": 5, "loss_pct": 0.0, "rtt_min_ms": 1.0, "rtt_avg_ms": 2.0, "rtt_max_ms": 3.0}
DATA = {**BEGUN, "output": "line 1\nline 2\n", "result": RESULT, "url": "/r/abc"}


def event(number: int, name: str, body: Any) -> bytes:
    return f"id: run.{number}\nevent: {name}\ndata: {json.dumps(body)}\n\n".encode()


STARTED = event(1, "started", BEGUN)
FIRST = event(2, "output", {"text": "line 1"})
SECOND = event(3, "output", {"text": "line 2"})
FINISHED = event(4, "finished", DATA)
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n"


def error(status: int, code: str, sentence: str, more: str = "") -> bytes:
    body = json.dumps({"error": sentence, "code": code}).encode()
    head = f"HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    head += f"{more}connection: close\r\n\r\n"
    return head.encode() + body


@dataclass
class Server:
    """Answers each connection with the next of its replies and closes; a reply may wait for what the test does."""

    replies: list[Sequence[bytes | asyncio.Event]]
    url: str = ""
    requests: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            for piece in self.replies.pop(0):
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                else:
                    writer.write(piece)
                    await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def server(*replies: Sequence[bytes | asyncio.Event]) -> AsyncIterator[Server]:
    scripted = Server(list(replies))
    listening = await asyncio.start_server(scripted.answer, "127.0.0.1", 0)
    scripted.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield scripted


@dataclass
class Said:
    code: int
    out: str
    err: str


async def netpulse(url: str, *words: str, key: str | None = KEY) -> Said:
    """The command line in this process, beside the server of the test."""
    environment = {"NETPULSE_URL": url, "NETPULSE_KEY": key}
    said = await asyncio.to_thread(CliRunner().invoke, app, list(words), env=environment)
    assert said.exception is None or isinstance(said.exception, SystemExit)
    return Said(said.exit_code, said.stdout, said.stderr)


async def started(
    url: str, *words: str, key: str = KEY, out: int = asyncio.subprocess.PIPE
) -> asyncio.subprocess.Process:
    """The command line as a process of its own, that can be interrupted."""
    environment = {**os.environ, "NETPULSE_URL": url, "NETPULSE_KEY": key, "TERM": "xterm", "COLUMNS": "80"}
    error = out if out != asyncio.subprocess.PIPE else asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "netpulse", *words, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=error,
    )  # fmt: skip


PING_WORDS = ("ping", "8.8.8.8", "--router", "core1", "--connection", "1")


async def test_an_answer_is_printed_line_by_line_with_what_it_means() -> None:
    async with server([STREAM, STARTED, FIRST, SECOND, FINISHED]) as scripted:
        said = await netpulse(scripted.url, *PING_WORDS)
    assert said.code == 0
    assert said.out.splitlines() == [
        "Core Router 1, Cogent, from 203.0.113.1",
        "> ping 8.8.8.8",
        "line 1",
        "line 2",
        "",
        "5 sent, 5 received, 0 % loss, 1.0 / 2.0 / 3.0 ms",
        f"{scripted.url}/r/abc",
    ]
    head = scripted.requests[0]
    assert head.startswith("GET /api/v1/ping?target=8.8.8.8&router=core1&connection=1 HTTP/1.1\r\n")
    assert f"authorization: Bearer {KEY}" in head.replace("Authorization", "authorization")
    assert "text/event-stream" in head


async def test_json_is_the_data_object_and_nothing_else() -> None:
    async with server([STREAM, STARTED, FIRST, FINISHED]) as scripted:
        said = await netpulse(scripted.url, *PING_WORDS, "--json", "--family", "4")
    assert json.loads(said.out) == DATA
    assert (said.code, said.err) == (0, "")
    assert "family=4" in scripted.requests[0]


async def test_a_stream_that_breaks_is_taken_up_again_and_nothing_is_asked_twice() -> None:
    async with server([STREAM, STARTED, FIRST], [STREAM, SECOND, FINISHED]) as scripted:
        said = await netpulse(scripted.url, *PING_WORDS)
    assert said.code == 0
    assert said.out.count("line 1") == said.out.count("line 2") == 1
    assert "run.2" not in scripted.requests[0]
    assert "last-event-id: run.2" in scripted.requests[1].lower()


async def test_a_run_that_cannot_be_continued_ends_with_the_words_of_the_server() -> None:
    gone = error(400, "unknown_event", "That run is over.")
    async with server([STREAM, STARTED], [gone]) as scripted:
        said = await netpulse(scripted.url, *PING_WORDS)
    assert said.err == "That run is over.\n"
    assert said.code == 2


@pytest.mark.parametrize(
    ("reply", "code", "sentence"),
    [
        (error(400, "unknown_router", "There is no such router."), 2, "There is no such router."),
        (error(401, "unauthorized", "A valid API key is required."), 2, "A valid API key is required. The one in NETPULSE_KEY"),
        (error(429, "rate_limited", "Too often.", "retry-after: 7\r\n"), 2, "Too often. Ask again in 7 s."),
        (error(500, "router_unreachable", "It is away."), 1, "It is away."),
        (b"HTTP/1.1 502 Bad\r\ncontent-length: 2\r\n\r\nno", 1, "answered with status 502"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nno", 1, "not as the API does"),
        (STREAM, 1, "does not answer (it ended early)"),
        (STREAM + b"event: started\ndata: no json\n\n", 1, "not a JSON object"),
    ],
)
async def test_a_refusal_is_one_sentence_and_its_kind_the_exit_code(reply: bytes, code: int, sentence: str) -> None:
    async with server([reply]) as scripted:
        said = await netpulse(scripted.url, *PING_WORDS)
    assert said.code == code
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize(("code", "exit_code"), [("router_timeout", 1), ("router_busy", 2)])
async def test_a_run_that_fails_shows_what_there_was_and_ends_with_its_kind(code: str, exit_code: int) -> None:
    failed = event(4, "failed", {"error": "No end.", "code": code, "data": DATA})
    async with server([STREAM, STARTED, FIRST, failed], [STREAM, STARTED, FIRST, failed]) as scripted:
        said = await netpulse(scripted.url, *PING_WORDS)
        as_json = await netpulse(scripted.url, *PING_WORDS, "--json")
    assert said.out.endswith("line 1\n")
    assert said.err == as_json.err == f"No end. ({code})\n"
    assert said.code == as_json.code == exit_code
    assert json.loads(as_json.out) == DATA


async def test_no_server_is_one_sentence_with_what_to_do() -> None:
    async with server() as scripted:
        url = scripted.url
    said = await netpulse(url, *PING_WORDS)
    assert said.code == 1
    assert "is it running?" in said.err
    assert said.err.count("\n") == 1


async def test_without_a_key_nothing_is_asked() -> None:
    async with server() as scripted:
        said = await netpulse(scripted.url, *PING_WORDS, key=None)
    assert (said.code, scripted.requests) == (2, [])
    assert "NETPULSE_KEY" in said.err


async def test_all_routers_and_one_router_are_not_asked_for_together() -> None:
    async with server() as scripted:
        said = await netpulse(scripted.url, "aspath", "8.8.8.8", "--all", "--router", "core1")
    assert (said.code, scripted.requests) == (2, [])
    assert "leave out --router" in said.err


async def test_a_missing_option_is_named() -> None:
    said = await netpulse("http://127.0.0.1:9", "ping", "8.8.8.8", "--router", "core1")
    assert said.code == 2
    assert "--connection" in said.err


async def test_ctrl_c_tells_the_server_to_stop_the_run() -> None:
    forever = asyncio.Event()
    stopped = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    async with server([STREAM, STARTED, FIRST, forever], [stopped]) as scripted:
        process = await started(scripted.url, *PING_WORDS)
        assert process.stdout is not None
        while b"line 1" not in await process.stdout.readline():
            continue
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        forever.set()
    assert process.returncode == 130
    assert scripted.requests[1].startswith("DELETE /api/v1/results/run HTTP/1.1\r\n")
    assert b"The router's command was stopped." in err


async def test_a_place_in_the_queue_is_told_while_it_waits() -> None:
    async with server([STREAM, event(1, "queued", {"position": 2}), STARTED, FINISHED]) as scripted:
        said = await netpulse(scripted.url, *PING_WORDS)
    assert said.err == "waiting for a session, place 2 in the queue\n"
    # Nothing was streamed, so the whole output comes at the end.
    assert "line 1\nline 2\n" in said.out


async def test_a_terminal_sees_the_same_lines_with_a_sign_of_life_before_them() -> None:
    go = asyncio.Event()
    ours, theirs = os.openpty()
    async with server([STREAM, event(1, "queued", {"position": 2}), STARTED, go, FIRST, SECOND, FINISHED]) as scripted:
        process = await started(scripted.url, *PING_WORDS, out=theirs)
        os.close(theirs)
        shown = b""
        while b"waiting for the router" not in shown:
            shown += await asyncio.to_thread(os.read, ours, 4096)
        go.set()
        await process.wait()
    with contextlib.suppress(OSError):  # a terminal whose program has ended is at its end
        while piece := await asyncio.to_thread(os.read, ours, 4096):
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    said = clean(shown.decode().replace("\r\n", "|"))
    assert "|line 1|line 2||5 sent, 5 received, 0 % loss, 1.0 / 2.0 / 3.0 ms|" in said


async def test_all_routers_are_asked_and_compared() -> None:
    def job(number: int, name: str, router: str, body: Any) -> bytes:
        return event(number, name, {**body, "job": {"router": router, "connection": None}})

    routes = {"routes": [{"best": True, "as_path_text": "174 15169"}]}
    row = {
        "name": "Core Router 1",
        "router": "Core Router 1",
        "command": "show route",
        "prefix": "8.8.8.0/24",
        "result": routes,
    }
    data = {
        "routers": [
            {"slug": "core1", "ok": True, **row},
            {"slug": "core2", "ok": False, "error": "It is away.", "code": "router_unreachable"},
        ],
        "summary": {
            "origins": [15169],
            "best_paths": [{"router": "core1", "prefix": "8.8.8.0/24", "next_hop": "192.0.2.1"}],
            "upstreams": [{"asn": 174, "routers": ["core1"]}],
        },
    }
    stream = [
        job(1, "started", "core1", row),
        job(2, "started", "core2", row),
        job(3, "output", "core1", {"text": "8.8.8.0/24 …"}),
        job(4, "unanswered", "core2", {"error": "It is away.", "code": "router_unreachable"}),
        job(5, "answered", "core1", row),
        event(6, "finished", data),
    ]
    async with server([STREAM, *stream]) as scripted:
        said = await netpulse(scripted.url, "aspath", "8.8.8.8", "--all")
    assert scripted.requests[0].startswith("GET /api/v1/aspath/all-routers?target=8.8.8.8 HTTP/1.1")
    assert said.out.splitlines() == [
        "core2: It is away.",
        "",
        "Core Router 1",
        "> show route",
        "8.8.8.0/24 …",
        "",
        "core1  8.8.8.0/24, 1 route, best 174 15169",
        "core2  It is away.",
        "origins: 15169",
        "upstreams: 174 (core1)",
    ]
    assert said.code == 0


async def test_the_real_server_answers_the_command_line(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        pinged = await netpulse(glass.url, *PING_WORDS, key=glass.key)
        everywhere = await netpulse(glass.url, "aspath", "8.8.8.8", "--all", "--json", key=glass.key)
        refused = await netpulse(glass.url, "ping", "10.0.0.1", "-r", "core1", "-c", "1", key=glass.key)
        unknown = await netpulse(glass.url, *PING_WORDS)
    assert PING in pinged.out
    assert "5 sent, 5 received, 0 % loss" in pinged.out
    assert "Way out: enforced." in pinged.out
    assert [row["slug"] for row in json.loads(everywhere.out)["routers"]] == ["core1", "core2", "resting"]
    assert [said.code for said in (pinged, everywhere, refused, unknown)] == [0, 0, 2, 2]
    assert "special-purpose" in refused.err


async def test_ctrl_c_stops_the_command_on_the_router(tmp_path: Path) -> None:
    core1 = Scripted(lambda _: [Say("PING 8.8.8.8 (8.8.8.8) 56(84) bytes of data.\n"), Hold()])
    async with looking_glass(tmp_path, {"router:core1": core1}) as glass:
        process = await started(glass.url, *PING_WORDS, key=glass.key)
        assert process.stdout is not None
        while not (await process.stdout.readline()).startswith(b"PING"):
            continue
        process.send_signal(signal.SIGINT)
        await process.communicate()
        assert core1.stopped == 1
    assert process.returncode == 130
