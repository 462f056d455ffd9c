"""Routers that are gone, dead, strange, slow or somebody else: each fault has its code, and the next good moment an answer.

The tests are named by the rows of the fault table: F1 to F12. `failure` asserts what holds for all of them.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doubles.fake_router import FakeRouter
from doubles.faulty import (
    HASTE,
    LINES,
    PATIENCE,
    Cable,
    answer,
    audit,
    by_ssh,
    core1,
    failure,
    faulty_glass,
    instead_of,
    sessions_free,
    well,
)
from doubles.glass import Glass
from doubles.steps import Close, Exit, Hang, Reset, Say, Step, WaitFor
from netpulse.settings import Deadlines
from netpulse.transports import addresses
from netpulse.transports import ssh as ssh_module

Log = pytest.LogCaptureFixture


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def state(glass: Glass) -> str:
    rows = (await glass.get("/routers")).json()["data"]
    return next(str(row["status"]) for row in rows if row["slug"] == "core1")


async def test_f01_router_port_closed(tmp_path: Path, caplog: Log) -> None:
    async with FakeRouter(well) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router)) as glass:
        await router.stop_listening()
        await failure(glass, caplog, "router_unreachable")
        await sessions_free(glass)
        await router.listen()
        assert (await answer(glass))["result"]["received"] == 5


@contextmanager
def blackhole(port: int) -> Iterator[None]:
    """A port whose connections are neither taken nor refused: its queue is full, so the kernel drops each SYN."""
    with ExitStack() as stack:
        door = stack.enter_context(socket.socket())
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", port))
        door.listen(0)
        for _ in range(4):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(("127.0.0.1", port))
        yield


async def test_f02_router_drops_syn(tmp_path: Path, caplog: Log) -> None:
    clock = Clock()
    async with (
        FakeRouter(well) as router,
        faulty_glass(tmp_path, by_ssh(tmp_path, router), clock=clock, deadlines=HASTE) as glass,
    ):
        await router.stop_listening()
        with blackhole(router.port):
            for _ in range(3):
                assert await state(glass) == "up"
                await failure(glass, caplog, "router_timeout")
        assert await state(glass) == "down"
        await router.listen()
        await failure(glass, caplog, "router_timeout", says="breaker open")
        clock.now_s += 14.9
        await failure(glass, caplog, "router_timeout", says="breaker open")
        assert router.connected == 0
        clock.now_s += 0.1
        await answer(glass)
        assert (router.connected, await state(glass)) == (1, "up")


async def test_f03_tcp_accepts_but_no_banner(tmp_path: Path, caplog: Log) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with FakeRouter(well) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router), deadlines=HASTE) as glass:
        async with instead_of(router, say_nothing):
            await failure(glass, caplog, "router_timeout", says="connect or login")
        await sessions_free(glass)
        await answer(glass)


ENDLESS = b"x" * 4000 + b"\n"
NOISE = random.Random(4).randbytes(1 << 20)  # noqa: S311


@pytest.mark.parametrize(
    ("banner", "endless", "code"),
    [
        (NOISE, False, "router_garbled"),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", False, "router_timeout"),
        (b"SSH-2.0-Router\r\n" + NOISE, False, "router_garbled"),
        (b"SSH-1.5-Router\r\n", False, "router_garbled"),
        (ENDLESS, True, "router_garbled"),
    ],
    ids=["noise", "http", "noise after the banner", "ssh 1", "endless lines"],
)
async def test_f04_garbage_banner(
    tmp_path: Path, caplog: Log, banner: bytes, endless: bool, code: str
) -> None:
    said = 0
    ended = asyncio.Event()

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        try:
            while endless or not said:
                writer.write(banner)
                await writer.drain()
                said += len(banner)
            await reader.read()
        finally:
            ended.set()

    patience = HASTE if code == "router_timeout" else PATIENCE
    async with (
        FakeRouter(well) as router,
        faulty_glass(tmp_path, by_ssh(tmp_path, router), deadlines=patience) as glass,
    ):
        async with instead_of(router, say):
            await failure(glass, caplog, code)
            await asyncio.wait_for(ended.wait(), 10)  # we hung up
        assert said < 32 << 20
        await answer(glass)


async def test_f05_host_key_mismatch(tmp_path: Path, caplog: Log) -> None:
    clock = Clock()
    async with FakeRouter(well) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router), clock=clock) as glass:
        wrong = router.swap_host_key()
        await failure(glass, caplog, "router_identity")
        assert (router.attempts, router.connected, await state(glass)) == ([], 1, "down")
        for _ in range(3):
            clock.now_s += 3600.0
            await failure(glass, caplog, "router_identity", says="breaker open")
        assert (router.attempts, router.connected) == ([], 1)  # marked: nobody tries until somebody has looked
        settings = glass.services.settings
        glass.services.reload(replace(settings, public_url="https://lg.example"))
        await failure(glass, caplog, "router_identity")
        assert (router.attempts, router.connected) == ([], 2)
        line = " ".join(wrong.export_public_key().decode().split()[:2])
        pinned = core1(replace(by_ssh(tmp_path, router), host_keys=(line,)))
        routers = (pinned, *settings.inventory.routers[1:])
        glass.services.reload(replace(settings, inventory=replace(settings.inventory, routers=routers)))
        await answer(glass)
        assert (router.connected, await state(glass)) == (3, "up")
        assert all(one.accepted for one in router.attempts)


@pytest.mark.parametrize(("printed", "records"), [(0, None), (3, 2)], ids=["before output", "mid-output"])
async def test_f06_command_hangs(tmp_path: Path, caplog: Log, printed: int, records: int | None) -> None:
    turns: list[list[Step]] = [[*map(Say, LINES[:printed]), Hang()]]
    script = lambda command: turns.pop() if turns else well(command)  # noqa: E731
    async with (
        FakeRouter(script) as router,
        faulty_glass(tmp_path, by_ssh(tmp_path, router), deadlines=HASTE) as glass,
    ):
        stored = await failure(glass, caplog, "router_timeout", says="no output for too long")
        assert stored["output"] == "".join(LINES[:printed])
        assert (stored["result"] and len(stored["result"]["echoes"])) == records
        await sessions_free(glass)
        assert router.execs[0].closed
        await answer(glass)
        assert router.connected == 1  # a command that hangs costs its channel, not the session


async def test_f07_output_trickles_for_ever(tmp_path: Path, caplog: Log) -> None:
    def trickle() -> Iterator[Step]:
        while True:
            on = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, on.set)
            yield from (Say("."), WaitFor(on))

    turns: list[Any] = [trickle()]
    patience = Deadlines(login_s=5.0, silence_s=30.0, ping_s=0.5)  # never silent: only the whole budget ends it
    script = lambda command: turns.pop() if turns else well(command)  # noqa: E731
    async with (
        FakeRouter(script) as router,
        faulty_glass(tmp_path, by_ssh(tmp_path, router), deadlines=patience) as glass,
    ):
        stored = await failure(glass, caplog, "router_timeout", says="no end within the deadline")
        assert stored["output"] == ""  # it never finished a line
        await sessions_free(glass)
        assert router.execs[0].closed
        await answer(glass)


@pytest.mark.parametrize("way", [Close(), Reset()], ids=["channel closed", "connection reset"])
async def test_f08_router_closes_mid_command(tmp_path: Path, caplog: Log, way: Step) -> None:
    printed = asyncio.Event()
    turns: list[list[Step]] = [[*map(Say, LINES[:3]), WaitFor(printed), way]]
    script = lambda command: turns.pop() if turns else well(command)  # noqa: E731
    async with FakeRouter(script) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router)) as glass:
        asking = asyncio.create_task(failure(glass, caplog, "router_closed"))
        await router.until(lambda r: len(r.execs) == 1)
        printed.set()
        stored = await asking
        assert stored["output"] == "".join(LINES[:3])
        assert (stored["code"], len(stored["result"]["echoes"])) == ("router_closed", 2)
        assert len(router.execs) == 1  # it may have run: it is not sent again
        if isinstance(way, Close):
            await sessions_free(glass)
        else:  # nobody knows whether the command lives on: its session is counted until its own worst case is over
            (slots,) = (post.slots for post in glass.services.pool.posts() if post.device.key == "router:core1")
            assert slots.taken == 1
        await answer(glass)


async def test_f09_login_refused(tmp_path: Path, caplog: Log) -> None:
    clock = Clock()
    async with FakeRouter(well) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router), clock=clock) as glass:
        router.refuse_auth = True
        await failure(glass, caplog, "router_login")
        for minute in range(1, 3):
            for wait_s in (0.0, 30.0, 29.0):
                clock.now_s += wait_s
                await failure(glass, caplog, "router_login", says="breaker open")
            assert len(router.attempts) == minute
            clock.now_s += 1.0
            together = await asyncio.gather(*(glass.get("/ping?target=8.8.8.8&router=core1&connection=1") for _ in "123"))
            assert {one.json()["code"] for one in together} == {"router_login"}
            assert len(router.attempts) == minute + 1
        assert {one.offered for one in router.attempts} == {"publickey"}
        router.refuse_auth = False
        clock.now_s += 60.0
        await answer(glass)
        assert await state(glass) == "up"


async def test_f10_exec_refused(tmp_path: Path, caplog: Log) -> None:
    words = "sh: 1: ping: not found\n\x1b[31m"
    turns: list[list[Step]] = [[Say(words, on_stderr=True), Exit(127)]]
    script = lambda command: turns.pop() if turns else well(command)  # noqa: E731
    async with FakeRouter(script) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router)) as glass:
        stored = await failure(glass, caplog, "router_refused")
        assert stored["output"] == words.partition("\n")[0] + "\n"
        router.refuse_exec = True
        await failure(glass, caplog, "router_refused")
        router.refuse_exec = False
        await sessions_free(glass)
        await answer(glass)
        # A status alone is no failure: `ping` ends with 1 when nothing came back. What was not understood is an answer.
        turns.append([Say("we are closed today\n"), Exit(1)])
        unread = await answer(glass)
        assert (unread["result"], unread["output"]) == (None, "we are closed today\n")
        assert unread["unread"]
        assert router.connected == 1


async def test_f11_pooled_session_dead_but_not_closed(tmp_path: Path, caplog: Log) -> None:
    reach = by_ssh(tmp_path, 1)
    hang = False
    script = lambda command: [Say(LINES[0]), Hang()] if hang else well(command)  # noqa: E731
    assert (ssh_module._KEEPALIVE_S, ssh_module._CONFIRM_S) == (15, 3.0)
    async with FakeRouter(script) as router, Cable(router.port) as cable:
        async with faulty_glass(tmp_path, replace(reach, port=cable.port), deadlines=HASTE) as glass:
            await answer(glass)
            cable.freeze()  # nothing of the next command can have been sent: one new session, in silence
            caplog.clear()
            await answer(glass)
            assert (router.connected, len(router.commands)) == (2, 2)
            assert not [record for record in caplog.records if record.levelname != "INFO"]
            cable.cut_after(1)  # the channel is confirmed, so the command was sent: it may have run
            await failure(glass, caplog, "router_closed")
            await answer(glass)
            assert (router.connected, len(router.commands)) == (3, 4)
            hang = True
            async with glass.events("/ping?target=8.8.8.8&router=core1&connection=1") as events:
                async for event in events:
                    if event.name == "output":
                        cable.freeze()
                    last = event
            assert (last.name, last.data["code"], len(router.commands)) == ("failed", "router_timeout", 5)
            hang = False
            await answer(glass)
        # The service closed with sessions frozen in its hands, and none is left.
        await router.until(lambda r: all(one.closed for one in r.execs[:4]))


async def test_f11_keepalive_finds_a_dead_session_that_nobody_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_module, "_KEEPALIVE_S", 0.1)
    async with (
        FakeRouter(well) as router,
        Cable(router.port) as cable,
        faulty_glass(tmp_path, by_ssh(tmp_path, cable.port)) as glass,
    ):
        await answer(glass)
        cable.freeze()
        await cable.until_broken(1)
        await answer(glass)
        assert router.connected == 2


async def test_f12_slow_dns_for_the_routers_own_name(
    tmp_path: Path, caplog: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_NAME_S", 0.05)
    loop = asyncio.get_running_loop()
    ask, asked, silent = loop.getaddrinfo, 0, False

    async def resolve(host: Any, port: Any, **how: Any) -> Any:
        nonlocal asked
        if host != "core1.example":
            return await ask(host, port, **how)
        asked += 1
        if silent:
            await loop.create_future()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    async with FakeRouter(well) as router:
        async with faulty_glass(tmp_path, by_ssh(tmp_path, router, "core1.example")) as glass:
            await answer(glass)
            router.drop_connections()
            await router.until(lambda r: r.connections == 0)
            silent = True
            await answer(glass)
            assert (asked, router.connected) == (2, 2)
            assert "its last addresses are used" in caplog.text
        (folder := tmp_path / "anew").mkdir()
        async with faulty_glass(folder, by_ssh(folder, router, "core1.example")) as glass:
            await failure(glass, caplog, "router_unreachable", says="cannot be resolved")
            silent = False
            await answer(glass)
            assert [row.code for row in await audit(glass)][:1] == ["router_unreachable"]


async def test_f12_a_user_id_without_a_name_logs_in_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number; the SSH library asks for the local user's name."""

    def nameless(_uid: int) -> None:
        raise KeyError("getpwuid(): uid not found")

    named = {"LOGNAME", "USER", "LNAME", "USERNAME"}
    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if name not in named})
    monkeypatch.setattr(pwd, "getpwuid", nameless)
    async with FakeRouter(well) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router)) as glass:
        await answer(glass)
