"""Commands over SSH: a refused, slow or abandoned channel harms no other command and is never lost from sight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from doubles.fake_router import FakeRouter, fixed_key
from doubles.steps import Exit, Hang, Say, WaitFor
from netpulse import conversation as conversation_module
from netpulse.errors import Busy, NetPulseError
from netpulse.events import Event, Failed, Finished, Found, Output
from netpulse.execution import Execution
from netpulse.executor import Executor
from netpulse.inventory import Device, Ssh
from netpulse.pool import Pool
from netpulse.transports import ssh as ssh_module
from netpulse.transports.ssh import SshTransport
from test_executor import events_of, job

GO = [Say("word one\n"), Hang()]
HI = [Say("word hi\n"), Exit(0)]


def reach_of(folder: Path, port: int, host_key: str, user: str = "netpulse") -> Ssh:
    key_file = folder / "key"
    key_file.write_bytes(fixed_key("client").export_private_key("openssh"))
    return Ssh("127.0.0.1", user, key_file, (host_key,), port)


def reach(folder: Path, router: FakeRouter, port: int | None = None) -> Ssh:
    return reach_of(folder, port or router.port, router.host_key_line, router.user)


class Scene:
    """An executor in front of one device, and the pool it stands on."""

    def __init__(self, device: Device, clock: Callable[[], float] | None = None) -> None:
        self.device = device
        self.pool = Pool(queue_places=10, queue_wait_s=5.0, login_s=8.0, clock=clock or asyncio.get_running_loop().time)
        self.executor = Executor(self.pool)

    def start(self, command: str = "go", **changes: Any) -> Execution:
        execution = self.executor.start(job(command, device=self.device, **changes))
        execution.join()
        return execution

    async def code_of(self, command: str, **changes: Any) -> str | None:
        """How the command ended: None if well."""
        last = (await events_of(self.executor.start(job(command, device=self.device, **changes))))[-1]
        return last.error.code if isinstance(last, Failed) else None

    @property
    def taken(self) -> int:
        return self.pool.post(self.device).slots.taken


@asynccontextmanager
async def scene(reach: Ssh, *, sessions: int = 3, clock: Callable[[], float] | None = None) -> AsyncIterator[Scene]:
    made = Scene(Device(key="router:r1", platform="toy", reach=reach, max_sessions=sessions), clock)
    try:
        yield made
    finally:
        await made.executor.close()
        await made.pool.close()


async def first(execution: Execution, kind: type[Event]) -> None:
    """Returns when the execution has told an event of this kind."""
    async for event in execution.follow():
        if isinstance(event, kind):
            return


async def ended(execution: Execution) -> Event:
    return [event async for event in execution.follow()][-1]


class Relay:
    """In front of a router: what the router says from `hold` on is held back until `let_go`; `holding` says that there is some.

    After `hold_after_next` one more piece goes through first.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.holding = asyncio.Event()
        self._through = asyncio.Event()
        self._through.set()
        self._one_more = False
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def hold(self) -> None:
        self.holding.clear()
        self._through.clear()

    def hold_after_next(self) -> None:
        self.holding.clear()
        self._one_more = True

    def let_go(self) -> None:
        self._through.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_router, to_router = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, to_router]
        await asyncio.gather(
            self._copy(reader, to_router, held=False),
            self._copy(from_router, writer, held=True),
            return_exceptions=True,
        )

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, held: bool) -> None:
        while data := await source.read(65536):
            if held:
                if not self._through.is_set():
                    self.holding.set()
                await self._through.wait()
                if self._one_more:
                    self._one_more = False
                    self._through.clear()
            sink.write(data)
        sink.close()


async def test_a_refused_channel_is_busy_and_leaves_the_other_commands_of_the_connection_alone(tmp_path: Path) -> None:
    gate = asyncio.Event()
    script = {"go": [Say("word one\n"), WaitFor(gate), Exit(0)]}
    async with FakeRouter(script, max_channels=2) as router, scene(reach(tmp_path, router)) as desk:
        running = [desk.start(), desk.start()]
        for execution in running:
            await first(execution, Found)
        last = await ended(desk.start())
        assert isinstance(last, Failed)
        assert isinstance(last.error, Busy)
        assert last.error.code == "router_busy"
        assert last.error.retry_after_s is not None
        assert [execution.last for execution in running] == [None, None]
        gate.set()
        assert [type(await ended(execution)) for execution in running] == [Finished, Finished]
        assert router.connected == 1
        assert desk.pool.state(desk.device) == "up"


async def test_a_refused_exec_is_a_refusal_and_leaves_the_other_commands_of_the_connection_alone(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    script = {"go": [Say("word one\n"), WaitFor(gate), Exit(0)]}
    async with FakeRouter(script) as router, scene(reach(tmp_path, router)) as desk:
        running = desk.start()
        await first(running, Found)
        router.refuse_exec = True
        assert await desk.code_of("no such program") == "router_refused"
        assert running.last is None
        gate.set()
        assert isinstance(await ended(running), Finished)
        assert router.connected == 1


@pytest.mark.parametrize("at", ["the channel", "the command"])
async def test_who_leaves_while_a_channel_is_opened_keeps_the_session_taken_until_the_command_is_gone(
    tmp_path: Path, at: str
) -> None:
    script = {"go": GO, "hi": HI}
    async with (
        FakeRouter(script) as router,
        Relay(router.port) as relay,
        scene(reach(tmp_path, router, relay.port), sessions=1) as desk,
    ):
        assert await desk.code_of("hi") is None
        for number in range(1, 4):
            if at == "the channel":
                relay.hold()
            else:
                relay.hold_after_next()
            execution = desk.start()
            await relay.holding.wait()
            assert router.channels_opened == 2 * number
            assert router.running == (0 if at == "the channel" else 1)
            execution.leave()
            last = await ended(execution)
            assert isinstance(last, Failed)
            assert last.error.code == "stopped"
            assert desk.taken == 1
            relay.let_go()
            # The only session: the next question is served when the end of the one before is known.
            assert await desk.code_of("hi") is None
            await router.until(lambda r: all(one.closed for one in r.execs) and r.running == 0)
            assert router.commands == ["hi", *["go", "hi"] * number]
        assert router.connected == 1


async def test_who_leaves_a_transport_that_opens_a_channel_leaves_no_channel_behind(tmp_path: Path) -> None:
    async with FakeRouter({"go": GO, "hi": HI}) as router, Relay(router.port) as relay:
        transport = SshTransport(reach(tmp_path, router, relay.port), login_s=8.0)
        warm = await transport.start("hi")
        while await warm.read():
            pass
        relay.hold()
        starting = asyncio.create_task(transport.start("go"))
        await relay.holding.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        relay.let_go()
        await router.until(lambda r: r.channels_opened == 2 and r.channels_open == 0)
        assert router.commands == ["hi"]
        assert router.connected == 1
        await transport.close()


async def test_a_stopped_command_past_its_worst_case_is_still_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_module, "_STOP_S", 0.0)
    monkeypatch.setattr(ssh_module, "_STOP_PATIENCE_S", 0.05)
    async with FakeRouter({"go": GO}) as router, scene(reach(tmp_path, router)) as desk:
        router.ignore_closes = True  # as OpenSSH without a terminal: the command hears of nothing
        execution = desk.start(worst_case_s=0.0)
        await first(execution, Output)
        execution.leave()
        await router.until(lambda r: r.execs[0].closed)
        assert router.execs[0].signals == ["INT"]
        router.release()


class _Door(asyncssh.SSHServer):
    async def begin_auth(self, username: str) -> bool:
        return False


async def test_an_rsa_host_key_is_verified_with_sha2(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    (pair,) = asyncssh.load_keypairs([key])
    # As OpenSSH since 8.8: no signature with SHA-1.
    pair.host_key_algorithms = pair.sig_algorithms = [name for name in pair.sig_algorithms if name != b"ssh-rsa"]
    line = " ".join(key.export_public_key().decode().split()[:2])
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=_Door, server_host_keys=[pair], process_factory=_says)
    transport = SshTransport(reach_of(tmp_path, server.get_port(), line), login_s=8.0)
    try:
        running = await transport.start("go")
        assert await running.read() == b"word one\n"
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()


def _says(process: asyncssh.SSHServerProcess[str]) -> None:
    process.stdout.write("word one\n")
    process.exit(0)


@pytest.mark.parametrize(("text", "code"), [("word one\nend\n", None), ("word one\n", "router_closed")])
async def test_an_end_of_output_without_a_close_is_an_answer_if_it_is_complete_and_never_a_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: str | None
) -> None:
    monkeypatch.setattr(ssh_module, "_STATUS_AFTER_END_S", 0.05)
    over = asyncio.Event()

    async def ends_without_a_close(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write(text)
        process.channel.write_eof()
        await over.wait()
        process.exit(0)

    host_key = fixed_key("router")
    line = " ".join(host_key.export_public_key().decode().split()[:2])
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=_Door, server_host_keys=[host_key], process_factory=ends_without_a_close
    )
    async with scene(reach_of(tmp_path, server.get_port(), line)) as desk:
        assert await desk.code_of("go") == code
        over.set()
    server.close()
    await server.wait_closed()


async def test_refused_logins_of_callers_who_left_count_and_an_account_is_tried_once_a_minute(tmp_path: Path) -> None:
    now = [1000.0]
    async with FakeRouter({"hi": HI}) as router, scene(reach(tmp_path, router), clock=lambda: now[0]) as desk:
        router.refuse_auth = True
        router.login_gate = asyncio.Event()
        execution = desk.start("hi")
        await router.until(lambda r: r.connected == 1)
        execution.leave()  # just before the refusal comes
        assert isinstance(await ended(execution), Failed)
        router.login_gate.set()
        await router.until(lambda r: r.connections == 0)
        for _ in range(5):
            assert await desk.code_of("hi") == "router_login"
        assert router.connected == 1
        assert desk.pool.state(desk.device) == "down"
        now[0] += 60.5
        router.refuse_auth = False
        assert await desk.code_of("hi") is None
        assert (router.connected, desk.pool.state(desk.device)) == (2, "up")


async def test_one_attempt_to_connect_counts_once_however_many_wait_for_it(tmp_path: Path) -> None:
    async with FakeRouter({"hi": HI}) as router, scene(reach(tmp_path, router)) as desk:
        await router.stop_listening()
        post = desk.pool.post(desk.device)
        for attempt in (1, 2, 3):
            assert not post.breaker.open, f"open after {attempt - 1} attempts"
            found = await asyncio.gather(*(post.start("hi") for _ in range(3)), return_exceptions=True)
            assert [one.code if isinstance(one, NetPulseError) else one for one in found] == ["router_unreachable"] * 3
        assert post.breaker.open


async def test_an_end_that_is_told_while_our_close_is_on_its_way_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_module, "_STOP_PATIENCE_S", 0.0)

    class Late:
        """A channel whose device has not heard of the close yet."""

        def __init__(self) -> None:
            self.signals: list[str] = []
            self.closing = asyncio.Event()
            self.send_signal = self.signals.append
            self.close = self.closing.set
            self.write_eof = lambda: self.signals.append("the end of input")

    session, channel = ssh_module._Channel(), Late()
    session.connection_made(channel)
    running = ssh_module._Running(channel, session)
    running.stop()
    ended = asyncio.create_task(running.ended())
    async with asyncio.timeout(10):
        await channel.closing.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (channel.signals, ended.done()) == (["INT", "the end of input"], False)
        session.exit_status_received(130)
        session.connection_lost(None)
        await ended
    assert running.ended_well
