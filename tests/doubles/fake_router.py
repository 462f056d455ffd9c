"""A scripted router on 127.0.0.1: real SSH, answers from the test, and a record of everything that reached it."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import asyncssh

from doubles.steps import Close, Exit, Hang, Reset, Say, Step, WaitFor

Script = Mapping[str, Sequence[Step]] | Callable[[str], Sequence[Step]]

UNKNOWN: tuple[Step, ...] = (Say("\nerror: unknown command\n"), Exit(1))


@functools.cache
def fixed_key(name: str) -> asyncssh.SSHKey:
    """The same key for the same name for as long as the tests run."""
    return asyncssh.generate_private_key("ssh-ed25519", comment=name)


@dataclass(slots=True)
class Attempt:
    """One try to log in: the user, ``offered`` (``publickey`` or ``password``), and whether it was let in."""

    user: str
    offered: str
    accepted: bool


@dataclass(slots=True)
class Exec:
    """One exec channel: what was asked and what came of it."""

    command: bytes
    connection: int
    stdin: bytearray = field(default_factory=bytearray)
    eof: bool = False
    signals: list[str] = field(default_factory=list)
    closed: bool = False
    """The channel is gone, whoever closed it."""
    running: bool = True
    """The command still runs; with ``ignore_closes`` it outlives its channel."""


class FakeRouter:
    """``async with FakeRouter({"show version": [Say("Junos"), Exit(0)]}) as router:``

    Public: ``port``, ``host_key``, ``client_key`` (the one that is let in), ``user``; the switches below, which may be
    turned at any moment; and the record: ``connections`` (open now), ``connected`` (ever), ``attempts``, ``execs``,
    ``channels_opened``, ``channels_open``, ``peak`` (most commands at once). `until` waits for the record to say something.
    """

    def __init__(self, script: Script | None = None, *, max_channels: int | None = None, user: str = "netpulse") -> None:
        self.script: Script = script if script is not None else {}
        self.user = user
        self.host_key = fixed_key("router")
        self.client_key = fixed_key("client")
        self.max_channels = max_channels
        self.refuse_auth = False
        self.refuse_exec = False
        self.refuse_channels = False
        self.ignore_closes = False
        self.login_gate: asyncio.Event | None = None
        self.attempts: list[Attempt] = []
        self.execs: list[Exec] = []
        self.connected = 0
        self.channels_opened = 0
        self.channels_open = 0
        self.peak = 0
        self._open: dict[int, asyncssh.SSHServerConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._released = asyncio.Event()
        self._port = 0
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def __aenter__(self) -> Self:
        logging.getLogger("asyncssh").setLevel(logging.WARNING)
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_listening()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        connections = list(self._open.values())
        self.drop_connections()
        for connection in connections:
            await connection.wait_closed()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1; the same after `stop_listening` and `listen`."""
        return self._port

    @property
    def connections(self) -> int:
        """SSH connections open now."""
        return len(self._open)

    @property
    def running(self) -> int:
        """Commands that run now, those that outlived their channel included."""
        return sum(one.running for one in self.execs)

    @property
    def commands(self) -> list[str]:
        """The exec strings, in order."""
        return [one.command.decode() for one in self.execs]

    @property
    def host_key_line(self) -> str:
        """The public host key as an operator writes it: type and base64."""
        return " ".join(self.host_key.export_public_key().decode().split()[:2])

    async def listen(self) -> None:
        """Accepts connections, on the port of before if there was one."""
        self._acceptor = await asyncssh.listen(
            "127.0.0.1", self._port, server_factory=lambda: _Door(self), server_host_keys=[self.host_key],
            encoding=None, allow_pty=True, line_editor=False, password_auth=True, gss_host=None,
        )
        self._port = self._acceptor.get_port()

    async def stop_listening(self) -> None:
        """Refuses new connections; open ones stay."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None

    def drop_connections(self) -> None:
        """Breaks every open connection."""
        for connection in list(self._open.values()):
            connection.abort()

    def swap_host_key(self, name: str = "another router") -> asyncssh.SSHKey:
        """Shows another host key to new connections."""
        self.host_key = fixed_key(name)
        if self._acceptor is not None:
            self._acceptor.update(server_host_keys=[self.host_key])
        return self.host_key

    def release(self) -> None:
        """Ends the commands that outlived their channels, and those that hang."""
        self._released.set()
        self._released = asyncio.Event()

    async def until(self, true: Callable[[Self], bool], timeout_s: float = 10.0) -> None:
        """Returns once ``true(router)``; looked at whenever the record changes. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not true(self):
                self._changed.clear()
                await self._changed.wait()

    def noticed(self) -> None:
        """The record has changed."""
        self._changed.set()

    def admit(self, connection: asyncssh.SSHServerConnection) -> int:
        """Counts a connection that has come; gives its number from 0."""
        number, self.connected = self.connected, self.connected + 1
        self._open[number] = connection
        self.noticed()
        return number

    def dismiss(self, number: int) -> None:
        """A connection is gone."""
        self._open.pop(number, None)
        self.noticed()

    def run(self, entry: Exec, chan: asyncssh.SSHServerChannel[bytes]) -> asyncio.Task[None]:
        """Plays the script for one command."""
        self.execs.append(entry)
        self.peak = max(self.peak, self.running)
        self.noticed()
        command = entry.command.decode()
        steps = self.script(command) if callable(self.script) else self.script.get(command, UNKNOWN)
        task = asyncio.create_task(self._play(entry, chan, steps))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _play(self, entry: Exec, chan: asyncssh.SSHServerChannel[bytes], steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                match step:
                    case Say() if not entry.closed:
                        (chan.write_stderr if step.on_stderr else chan.write)(step.raw)
                    case WaitFor(event=event):
                        await event.wait()
                    case Hang():
                        await self._released.wait()
                        break
                    case Exit(status=status):
                        self._end(entry, chan, status)
                        return
                    case Close():
                        break
                    case Reset():
                        self._open[entry.connection].abort()
                        return
                    case _:
                        pass
            else:
                self._end(entry, chan, 0)
                return
            self._end(entry, chan, None)
        finally:
            entry.running = False
            self.noticed()

    def _end(self, entry: Exec, chan: asyncssh.SSHServerChannel[bytes], status: int | None) -> None:
        if entry.closed:
            return
        if status is None:
            chan.close()
        else:
            chan.exit(status)


class _Door(asyncssh.SSHServer):
    def __init__(self, router: FakeRouter) -> None:
        self._router = router
        self._number = -1
        self._user = ""
        self.channels = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._number = self._router.admit(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._router.dismiss(self._number)

    async def begin_auth(self, username: str) -> bool:
        self._user = username
        if self._router.login_gate is not None:
            await self._router.login_gate.wait()
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        ours = key.public_data == self._router.client_key.public_data
        return self._record("publickey", ours and username == self._router.user)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._record("password", False)

    def session_requested(self) -> _Channel | bool:
        limit = self._router.max_channels
        if self._router.refuse_channels or (limit is not None and self.channels >= limit):
            return False
        self.channels += 1
        self._router.channels_opened += 1
        self._router.channels_open += 1
        return _Channel(self._router, self, self._number)

    def _record(self, offered: str, right: bool) -> bool:
        accepted = right and not self._router.refuse_auth
        self._router.attempts.append(Attempt(self._user, offered, accepted))
        self._router.noticed()
        return accepted


class _Channel(asyncssh.SSHServerSession[bytes]):
    def __init__(self, router: FakeRouter, door: _Door, number: int) -> None:
        self._router = router
        self._door = door
        self._entry = Exec(b"", number)
        self._task: asyncio.Task[None] | None = None
        self._chan: asyncssh.SSHServerChannel[bytes]

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._chan = chan

    def exec_requested(self, command: str) -> bool:
        self._entry.command = command.encode()
        if self._router.refuse_exec:
            self._entry.running = False
            self._router.execs.append(self._entry)
            self._router.noticed()
        return not self._router.refuse_exec

    def session_started(self) -> None:
        self._task = self._router.run(self._entry, self._chan)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._entry.stdin += data
        self._router.noticed()

    def eof_received(self) -> bool:
        self._entry.eof = True
        self._router.noticed()
        return True

    def signal_received(self, signal: str) -> None:
        self._entry.signals.append(signal)
        if self._task is not None and not self._router.ignore_closes:
            self._task.cancel()
            self._chan.exit_with_signal(signal)
        self._router.noticed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._entry.closed = True
        self._door.channels -= 1
        self._router.channels_open -= 1
        if self._task is not None and not self._router.ignore_closes:
            self._task.cancel()
        self._router.noticed()


class TcpGreeter:
    """A plain TCP server that greets with ``greeting`` and then holds the connection or closes it: not an SSH router."""

    def __init__(self, greeting: bytes, *, hold: bool = False) -> None:
        self._greeting = greeting
        self._hold = hold
        self.received = bytearray()
        self.connected = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        self._writers.add(writer)
        try:
            writer.write(self._greeting)
            await writer.drain()
            while self._hold and (data := await reader.read(65536)):
                self.received += data
        except ConnectionError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()
