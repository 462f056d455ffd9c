"""The SSH door of a lab router: ``python -m netpulse.lab.router_shell SPEC.json``, run inside the router's namespace.

A ``junos`` router answers a Junos-style command line; a ``linux`` router hands the exec string to its account's wrapper
program, as sshd does with a forced command. Single commands only: there is no interactive shell. The control socket
exists once the router answers.
"""

from __future__ import annotations

import asyncio
import logging
import random
import shlex
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import asyncssh

from netpulse.lab.children import Child
from netpulse.lab.junos_run import JunosRun
from netpulse.lab.router_control import Asked, Faults, Ledger, control_socket
from netpulse.lab.router_spec import RouterSpec, read_spec

MAX_CHANNELS_PER_CONNECTION = 10
LINUX_PROGRAMS = ("ping", "traceroute", "vtysh")
ENDING_SIGNALS = ("HUP", "KILL", "QUIT", "TERM")
NO_SHELL = "This router answers single commands only; give one, as in: ssh {user}@{name} 'show version'\n"


class Cut(Exception):
    """The session is to be closed here, without an exit status."""


class Session(asyncssh.SSHServerSession[bytes]):
    """One exec channel: one command, its faults, its end."""

    def __init__(self, router: Router, on_end: Any) -> None:
        self._router = router
        self._faults = router.faults
        self._on_end = on_end
        self._chan: asyncssh.SSHServerChannel[bytes]
        self._command: str | None = None
        self._entry: Asked | None = None
        self._task: asyncio.Task[None] | None = None
        self._junos: JunosRun | None = None
        self._child: Child | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._lines = 0
        self._closed = False
        self._input_over = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._chan = chan

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        self._entry = self._router.ledger.begin(command, started=not self._faults.refuse_commands)
        return self._entry.started

    def session_started(self) -> None:
        if self._command is None:
            spec = self._router.spec
            self._chan.write(NO_SHELL.format(user=spec.user, name=spec.name).encode())
            self._chan.exit(1)
            return
        self._task = self._router.start(self._serve(self._command), self)

    def eof_received(self) -> bool:
        # The channel stays: whether the command goes on is the command's own matter.
        self._input_over = True
        if self._child is not None and not self._faults.ignore_close:
            self._child.end_input()
        return True

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def break_received(self, msec: int) -> bool:
        self.signal_received("INT")
        return True

    def signal_received(self, signal: str) -> None:
        # sshd does not pass signals on to a forced command, so neither does a Linux router with a wrapper.
        if self._faults.ignore_close or (self._router.spec.platform == "linux" and self._router.spec.wrapper):
            return
        interrupted = signal == "INT" and self._junos is not None and self._junos.interrupt()
        if not interrupted and signal in (*ENDING_SIGNALS, "INT"):
            self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._writable.set()
        self._on_end()
        if self._faults.ignore_close:
            return
        if self._router.spec.platform == "linux" and self._child is not None:
            self._child.hang_up()
        else:
            self.end()

    def end(self) -> None:
        """Kills the command, whatever it does."""
        if self._task is not None:
            self._task.cancel()

    @property
    def orphaned(self) -> bool:
        """True if the command runs on although its channel is gone."""
        return self._closed and self._task is not None and not self._task.done()

    async def _serve(self, command: str) -> None:
        assert self._entry is not None  # noqa: S101
        status: int | None = None
        try:
            await self._before()
            status = await self._run(command)
            if not self._closed:
                self._chan.exit(status)
        except Cut:
            self._chan.close()
        except OSError as fault:
            # A program that is missing or cannot start: the visitor of a lab should read why.
            status = 1
            self._write(True, f"error: {fault}\n")
            self._chan.exit(1)
        finally:
            self._router.ledger.end(self._entry, status)
            if not self._closed and status is None:
                self._chan.close()

    async def _before(self) -> None:
        if self._faults.delay_s:
            await asyncio.sleep(self._faults.delay_s)
        if self._faults.hang_before:
            await asyncio.Event().wait()
        if self._faults.garbage:
            for line in _garbage():
                await self._put(False, line)
        while self._faults.flood and not self._closed:
            await self._say(False, "all work and no route makes a dull router " * 2 + "\n")
            await asyncio.sleep(0)

    async def _run(self, command: str) -> int:
        spec = self._router.spec
        if self._faults.garbage:
            return 0
        if spec.platform == "junos":
            self._junos = JunosRun(spec, self._say)
            return await self._junos.run(command)
        if spec.wrapper is not None:
            argv = [spec.wrapper]
        else:
            argv = _words(command)
            if not argv or argv[0] not in LINUX_PROGRAMS:
                await self._say(True, "This account may run only: " + ", ".join(LINUX_PROGRAMS) + "\n")
                return 1
        environment = {**spec.environment, "SSH_ORIGINAL_COMMAND": command}
        self._child = await Child.start(argv, environment, with_input=spec.wrapper is not None)
        if self._input_over and not self._faults.ignore_close:
            self._child.end_input()
        return await self._child.relay(self._relay)

    async def _relay(self, is_error: bool, piece: bytes) -> None:
        await self._put(is_error, piece)

    async def _say(self, is_error: bool, text: str) -> None:
        await self._put(is_error, text.encode())

    async def _put(self, is_error: bool, data: bytes) -> None:
        """Sends data as far as the faults let it, and waits while the visitor does not read."""
        whole = self._faults.close_after_lines is None and self._faults.hang_after_lines is None
        for line in [data] if whole else data.splitlines(keepends=True):
            if self._faults.close_after_lines is not None and self._lines >= self._faults.close_after_lines:
                raise Cut
            if self._faults.hang_after_lines is not None and self._lines >= self._faults.hang_after_lines:
                await asyncio.Event().wait()
            self._write(is_error, line)
            self._lines += line.endswith(b"\n")
        await self._writable.wait()

    def _write(self, is_error: bool, data: str | bytes) -> None:
        raw = data.encode() if isinstance(data, str) else data
        if not self._closed:
            if is_error:
                self._chan.write_stderr(raw)
            else:
                self._chan.write(raw)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        # An unbalanced quote: no program is named.
        return []


def _garbage() -> list[bytes]:
    noise = random.Random(4242)  # noqa: S311
    lines = [b"\x1b[2J\x1b[1;31m{master}\x07\r\n", b"\xff\xfe\x00\x01 64 bytes from \x1b]0;owned\x07\r\r\n"]
    return lines + [noise.randbytes(120).replace(b"\n", b" ") + b"\n" for _ in range(20)]


class Door(asyncssh.SSHServer):
    """One SSH connection: who may come in, and how many channels it may have."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._conn: asyncssh.SSHServerConnection
        self._channels = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._router.open_connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._router.open_connections.discard(self._conn)

    def begin_auth(self, username: str) -> bool:
        if username == self._router.spec.user and not self._router.faults.refuse_login:
            self._conn.set_authorized_keys(self._router.spec.authorized_keys)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def auth_completed(self) -> None:
        self._router.ledger.logins += 1

    def session_requested(self) -> Session | bool:
        if self._channels >= MAX_CHANNELS_PER_CONNECTION:
            return False
        self._channels += 1
        return Session(self._router, self._channel_ended)

    def unix_connection_requested(self, dest_path: str) -> bool:
        return dest_path in self._router.spec.forward_unix

    def _channel_ended(self) -> None:
        self._channels -= 1


class Router:
    """One lab router's command line: its listeners, connections, commands, faults."""

    def __init__(self, spec: RouterSpec) -> None:
        self.spec = spec
        self.faults = Faults()
        self.ledger = Ledger()
        self.open_connections: set[asyncssh.SSHServerConnection] = set()
        self._acceptors: list[asyncssh.SSHAcceptor] = []
        self._sessions: dict[asyncio.Task[None], Session] = {}

    @property
    def connections(self) -> int:
        """How many SSH connections are open now."""
        return len(self.open_connections)

    def start(self, serving: Any, session: Session) -> asyncio.Task[None]:
        """Runs a session's command; `close` ends what is left."""
        task: asyncio.Task[None] = asyncio.create_task(serving)
        self._sessions[task] = session
        task.add_done_callback(self._sessions.pop)
        return task

    def set_faults(self, given: dict[str, Any]) -> None:
        """Sets the given faults; commands that run already keep theirs."""
        host_key = given.get("host_key", 0)
        if not isinstance(host_key, int) or not 0 <= host_key < len(self.spec.host_keys):
            raise ValueError(f"host_key {host_key!r} does not exist; this router has {len(self.spec.host_keys)}")
        changed = Faults(**{name: getattr(self.faults, name) for name in Faults.__slots__})
        changed.set(given)
        self.faults = changed
        self._show_host_key()

    def heal(self) -> None:
        """Takes every fault back and ends the commands that outlived their channels."""
        self.faults = Faults()
        self._show_host_key()
        for session in list(self._sessions.values()):
            if session.orphaned:
                session.end()

    def drop(self) -> None:
        """Breaks every SSH connection, as a router does that restarts."""
        for connection in list(self.open_connections):
            connection.abort()

    async def listen(self, listener: socket.socket) -> None:
        """Answers on one more listening socket, which is closed with this router."""
        listener.setblocking(False)
        self._acceptors.append(await asyncssh.listen(
            sock=listener, server_factory=lambda: Door(self), encoding=None, server_version="netpulse-lab",
            server_host_keys=[self._host_key()], allow_pty=False, line_editor=False, agent_forwarding=False,
            password_auth=False, kbdint_auth=False, gss_host=None, login_timeout=30,
        ))

    async def unlisten(self) -> None:
        """Answers on no socket any more; connections that are open stay."""
        while self._acceptors:
            self._acceptors.pop().close()

    async def close(self) -> None:
        """Ends every command, connection and listener."""
        await self.unlisten()
        tasks = list(self._sessions)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.drop()

    def _host_key(self) -> str:
        return self.spec.host_keys[self.faults.host_key]

    def _show_host_key(self) -> None:
        for acceptor in self._acceptors:
            acceptor.update(server_host_keys=[self._host_key()])


async def serve(spec: RouterSpec) -> None:
    """Answers as this router until SIGTERM or SIGINT."""
    router = Router(spec)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        if spec.listen_fd is not None:
            await router.listen(socket.socket(fileno=spec.listen_fd))
        async with control_socket(spec.control, router):
            await stopped.wait()
    finally:
        await router.close()


def main(arguments: list[str]) -> int:
    """The program: one argument, the path of the specification."""
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m netpulse.lab.router_shell SPEC.json\n")
        return 2
    try:
        spec = read_spec(Path(arguments[0]))
    except ValueError as fault:
        sys.stderr.write(f"{fault}\n")
        return 78
    asyncio.run(serve(spec))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
