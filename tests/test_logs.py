"""The log: one line to an event whatever is in it, nothing secret in any, and nobody waits for who reads it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

from doubles.glass import answers, looking_glass
from doubles.scripted import Scripted
from netpulse import logs
from netpulse.errors import Fault
from netpulse.store.audit import AuditFilter

PING_8 = "/ping?router=core1&connection=1&target=8.8.8.8"
HOSTILE = "\r\nX-Evil: 1\x1b[31m\x9b2J‮" + "long" * 1000
_log = logging.getLogger("netpulse.tests")


@contextmanager
def logging_to(stream: TextIO, **how: Any) -> Iterator[None]:
    """The log goes to this stream inside the scope; pytest's own handlers are back after it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with warnings.catch_warnings():
        logs.configure(stream=stream, **how)
        try:
            yield
        finally:
            for ours in root.handlers[:]:
                root.removeHandler(ours)
                ours.close()
            for handler in handlers:
                root.addHandler(handler)
            root.setLevel(level)
            logging.captureWarnings(False)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged meanwhile, as JSON."""
    stream = io.StringIO()
    with logging_to(stream, as_json=True):
        yield stream


def events(log: io.StringIO) -> list[dict[str, Any]]:
    """Every line so far, each of which must be one JSON object."""
    assert logs.flush(20)
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [event for event in found if event["logger"].startswith("netpulse")]


def requests(log: io.StringIO) -> list[dict[str, Any]]:
    return [event for event in events(log) if event["logger"] == "netpulse.access"]


def test_an_event_is_one_line_of_ascii_with_its_time_in_utc(log: io.StringIO) -> None:
    _log.warning("heard %s and %r", HOSTILE, ValueError(HOSTILE), extra={"facts": HOSTILE, "number": 7})
    (event,) = events(log)
    text = log.getvalue()
    assert text.count("\n") == 1
    assert text.isascii()
    assert text.strip().isprintable()
    assert (event["level"], event["logger"], event["number"]) == ("warning", "netpulse.tests", 7)
    assert event["timestamp"].endswith("Z")
    assert len(event["facts"]) == 256
    assert len(event["event"]) <= len("heard  and ") + 2 * 256


def test_the_handler_has_the_lock_that_python_3_13_enters_without_asking(log: io.StringIO) -> None:
    ours = next(handler for handler in logging.getLogger().handlers if type(handler).__module__ == "netpulse.logs")
    assert ours.lock is not None
    with ours.lock:
        _log.info("said")
    assert [event["event"] for event in events(log)] == ["said"]


def test_a_traceback_is_in_its_event(log: io.StringIO) -> None:
    try:
        raise RuntimeError(HOSTILE)
    except RuntimeError:
        _log.exception("it broke")
    (event,) = events(log)
    assert "RuntimeError" in event["exception"]
    assert log.getvalue().count("\n") == 1
    assert len(log.getvalue()) < 100_000


def test_a_line_that_cannot_be_made_is_one_that_says_so() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    log = io.StringIO()
    with logging_to(log, as_json=True):
        _log.info("counted %d", "not a number")
        _log.info("heard %s", Broken())
        _log.info("after")
        first, second, third = events(log)
    assert ["could not be made" in first["event"], "could not be made" in second["event"]] == [True, True]
    assert third["event"] == "after"


def test_at_a_terminal_nothing_starts_a_line_of_its_own_or_moves_the_cursor() -> None:
    stream = io.StringIO()
    with logging_to(stream, as_json=False):
        try:
            raise RuntimeError(HOSTILE)
        except RuntimeError:
            _log.exception("heard %s", HOSTILE, extra={"facts": HOSTILE})
        assert logs.flush(20)
    first, *rest = stream.getvalue().splitlines()
    assert "heard" in first
    assert all(line.startswith("  ") for line in rest)
    assert not {"\x1b", "\x9b", "‮", "\r"} & set(stream.getvalue())


async def test_a_request_is_one_line_by_the_template_of_its_path(tmp_path: Path, log: io.StringIO) -> None:
    async with looking_glass(tmp_path) as glass:
        answer = await glass.get(PING_8)
        await glass.get("/results/0123456789abcdef0123456789abcdef")
        await glass.client.get(f"{glass.url}/nowhere/at?all=1")
        await glass.client.request("PROPFIND", f"{glass.url}/api/v1/ping", headers=glass.headers())
    asked, missing, nowhere, strange = requests(log)
    assert (strange["method"], strange["route"], strange["code"]) == ("other", "/api/v1/ping", "method_not_allowed")
    ms = asked.pop("ms")
    assert isinstance(ms, int)
    assert asked == {
        "timestamp": asked["timestamp"],
        "level": "info",
        "logger": "netpulse.access",
        "event": "request",
        "request_id": answer.headers["x-request-id"],
        "method": "GET",
        "route": "/api/v1/ping",
        "status": 200,
        "client": "127.0.0.0/24",
        "key_id": glass.key.split("_")[1],
        "query": "ping",
        "router": "core1",
        "connection": 1,
        "target": "8.8.8.8",
        "run_id": answer.headers["x-result-id"],
    }
    assert (missing["route"], missing["status"], missing["code"]) == ("/api/v1/results/{id}", 404, "not_found")
    assert (nowhere["route"], nowhere["status"], "key_id" in nowhere) == ("(none)", 404, False)


async def test_a_stream_that_fails_is_one_line_with_its_code(tmp_path: Path, log: io.StringIO) -> None:
    broken = Scripted(lambda _command: [Fault("router_closed", "The router closed the session.")])
    async with looking_glass(tmp_path, {"router:core1": broken}) as glass:
        await glass.all_events(PING_8)
        await glass.get(PING_8)
    assert [(event["status"], event["code"]) for event in requests(log)] == [(200, "router_closed"), (500, "router_closed")]


async def test_every_line_and_audit_row_of_a_question_names_its_request(tmp_path: Path, log: io.StringIO) -> None:
    broken = Scripted(lambda _command: [Fault("router_closed", "The router closed the session.")])
    async with looking_glass(tmp_path, {"router:core1": broken}) as glass:
        ids = [(await glass.get(path)).headers["x-request-id"] for path in (PING_8, "/ping?router=nowhere", PING_8)]
        await glass.services.store.database.writer.drained()
        rows = [row async for row in glass.services.store.audit.find(AuditFilter(request_id=ids[0]))]
        refused = [row.outcome async for row in glass.services.store.audit.find(AuditFilter(request_id=ids[1]))]
    assert {row.kind for row in rows} == {"ping", "ping:routes"}
    assert refused == ["refused"]
    of_runs = {event["request_id"] for event in events(log) if "router_closed" in event["event"]}
    assert of_runs == {ids[0], ids[2]}


async def test_what_callers_write_is_in_no_line(tmp_path: Path, log: io.StringIO) -> None:
    evil = "zz-evil"
    agent = evil.encode() + b"\x9b31m\t" + b"a" * 4000
    headers = [(b"User-Agent", agent), (b"Referer", evil.encode()), (b"Cookie", b"np_lang=" + evil.encode())]
    async with looking_glass(tmp_path) as glass:
        for path in (f"/{evil}%0d%0a{evil}", f"/?router={evil}", f"/r/{evil}", f"/api/v1/{evil}"):
            await glass.client.get(glass.url + path, headers=headers)
            await glass.client.get(glass.url + path, headers=[*headers, (b"Authorization", f"Bearer {glass.key}".encode())])
        await glass.get(f"/ping?router=core1&connection=1&target={evil}%0d%0a%1b[31m")
        await glass.client.post(f"{glass.url}/", data={"target": evil, "query": evil, "answer": evil}, headers=headers)
        await glass.client.request("BREW", f"{glass.url}/api/v1/ping", headers=glass.headers())
    assert len(requests(log)) == 10
    assert [event for event in events(log) if "evil" in json.dumps(event).lower()] == []


async def test_no_secret_is_in_any_line(tmp_path: Path, log: io.StringIO) -> None:
    """Each kind of request that carries one: a key, a wrong one, an expired one, a login that fails, the sum of the form."""
    refusing = Scripted(answers, fault=Fault("router_login", "The router refused the login.", detail="Permission denied"))
    async with looking_glass(tmp_path, {"router:core2": refusing}) as glass:
        wrong = "np_00000000_" + "S3cret" * 7 + "A"
        other = await glass.new_key(1)
        await glass.services.store.keys.revoke(other.split("_")[1])
        for key in (glass.key, wrong, other, "S3cretNoForm"):
            await glass.get(PING_8, key=key)
            await glass.get("/ping?router=core2&connection=4&target=8.8.8.8", key=key)
            await glass.all_events(PING_8) if key == glass.key else None
            await glass.client.get(f"{glass.url}/api/v1/routers?key={key}", headers=glass.headers(key))
            await glass.client.get(f"{glass.url}/?key={key}", headers={"Cookie": f"np_person={key}"})
        sum_of = (await glass.client.get(f"{glass.url}/captcha")).json()
        form = {"target": "8.8.8.8", "query": "ping", "router": "core1", "connection": "1"}
        a, _, b = sum_of["sum"].partition(" + ")
        right = {**form, "token": sum_of["token"], "answer": str(int(a) + int(b))}
        answer = await glass.client.post(f"{glass.url}/", data=right)
        earned = "".join(answer.headers.get_list("set-cookie")).partition("=")[2].partition(";")[0]
        await glass.client.post(f"{glass.url}/", data={**right, "answer": "999"})
    secrets = [glass.key, wrong, other, "S3cretNoForm", sum_of["token"], earned]
    secrets += [key.split("_")[-1] for key in (glass.key, wrong, other)]
    assert all(len(secret) >= 12 for secret in secrets)
    lines = events(log)
    assert len([event for event in lines if event["logger"] == "netpulse.access"]) >= 18
    assert "router_login" in log.getvalue()
    text = "".join(json.dumps(event) for event in lines)
    assert [secret for secret in secrets if secret in text] == []


@contextmanager
def full_pipe() -> Iterator[tuple[int, TextIO]]:
    """The reading end of a pipe that takes nothing more, and its writing end as a stream."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"-" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    with open(writing, "w") as stream:
        try:
            yield reading, stream
        finally:
            os.close(reading)


async def test_a_reader_that_has_stopped_holds_up_no_request_and_misses_only_what_it_is_told(tmp_path: Path) -> None:
    with full_pipe() as (reading, stream), logging_to(stream, as_json=True, most_queued=20):
        async with looking_glass(tmp_path, metrics=True) as glass:
            for _ in range(60):
                assert (await glass.get("/routers")).status_code == 200
            assert (await glass.get(PING_8)).status_code == 200
            page = (await glass.client.get(f"http://127.0.0.1:{glass.metrics_port}/metrics")).text
            await glass.services.store.database.writer.drained()
            rows = [row async for row in glass.services.store.audit.find(AuditFilter())]
        dropped = logs.dropped()
        assert dropped >= 20
        shown = next(line for line in page.splitlines() if line.startswith("netpulse_log_lines_dropped_total "))
        assert 20 <= float(shown.split()[1]) <= dropped
        assert {row.kind for row in rows} == {"ping", "ping:routes"}
        text = await asyncio.to_thread(taken_until, reading, b"are missing here")
    missing = next(json.loads(line)["event"] for line in text.splitlines() if b"are missing" in line)
    assert int(missing.split()[0]) >= dropped - 20


def taken_until(reading: int, words: bytes) -> bytes:
    """What the pipe holds from now on, without its filling, up to these words."""
    text = b""
    while words not in text or not text.endswith(b"\n"):
        data = os.read(reading, 65536)
        assert data, text
        text += data.lstrip(b"-") if not text else data
    return text


def test_a_stream_that_nobody_reads_any_more_ends_nothing() -> None:
    reading, writing = os.pipe()
    with open(writing, "w") as stream, logging_to(stream, as_json=True):
        os.close(reading)
        _log.warning("into nowhere")
        assert logs.flush(20)
        assert logs.dropped() == 1


async def test_a_level_above_information_has_no_line_for_each_request(tmp_path: Path) -> None:
    stream = io.StringIO()
    with logging_to(stream, as_json=True, level="WARNING"):
        async with looking_glass(tmp_path) as glass:
            await glass.get("/routers")
        assert logs.flush(20)
    assert stream.getvalue() == ""
