"""The control socket of a lab router's command line: faults on request, and what it has been asked so far.

JSON lines over a Unix socket: each line is a request with a key ``do``, each gets one line back: ``{"ok": true, ...}``
or ``{"ok": false, "error": "..."}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

REQUEST_LIMIT_BYTES = 64 * 1024


@dataclass(slots=True)
class Faults:
    """What is to go wrong. They hold for every command and login that begins while they are set."""

    hang_after_lines: int | None = None
    hang_before: bool = False
    ignore_close: bool = False
    garbage: bool = False
    close_after_lines: int | None = None
    refuse_commands: bool = False
    refuse_login: bool = False
    host_key: int = 0
    flood: bool = False
    delay_s: float = 0.0

    def set(self, given: dict[str, Any]) -> None:
        """Sets the given ones and leaves the others. Raises ValueError for an unknown name; then nothing is set."""
        known = {one.name for one in fields(self)}
        for name in given:
            if name not in known:
                raise ValueError(f"{name} is not a fault; known are {', '.join(sorted(known))}")
        for name, value in given.items():
            setattr(self, name, value)


@dataclass(slots=True)
class Asked:
    """One exec request: whether it was begun, whether it has ended, and with which status (None: closed without)."""

    exec: str
    started: bool = False
    ended: bool = False
    status: int | None = None


class Ledger:
    """Everything that was asked of this router, in order, and how much of it at once."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.running = 0
        self.peak = 0
        self.logins = 0

    def begin(self, command: str, *, started: bool) -> Asked:
        """A request has come; it runs until `end`, unless it was refused."""
        entry = Asked(command, started=started, ended=not started)
        self.asked.append(entry)
        if started:
            self.running += 1
            self.peak = max(self.peak, self.running)
        return entry

    def end(self, entry: Asked, status: int | None) -> None:
        """The command is over; no program of it is left."""
        entry.ended, entry.status = True, status
        self.running -= 1


class Controlled(Protocol):
    """What the control socket steers."""

    ledger: Ledger

    def set_faults(self, given: dict[str, Any]) -> None: ...
    def heal(self) -> None: ...
    def drop(self) -> None: ...
    async def listen(self, listener: socket.socket) -> None: ...
    async def unlisten(self) -> None: ...

    @property
    def connections(self) -> int: ...


async def answer(router: Controlled, request: dict[str, Any], listeners: list[socket.socket]) -> dict[str, Any]:
    """Does what one request says. Raises ValueError, in one sentence, for a request that cannot be done."""
    rest = {key: value for key, value in request.items() if key != "do"}
    match request.get("do"):
        case "faults":
            router.set_faults(rest)
        case "heal":
            router.heal()
        case "commands":
            return {"commands": [asdict(entry) for entry in router.ledger.asked]}
        case "sessions":
            ledger = router.ledger
            return {"now": ledger.running, "peak": ledger.peak, "connections": router.connections,
                    "logins": ledger.logins}
        case "drop":
            router.drop()
        case "listen":
            if not listeners:
                raise ValueError("listen came without a socket; pass one listening socket along with the request")
            await router.listen(listeners.pop())
        case "unlisten":
            await router.unlisten()
        case other:
            raise ValueError(f"{other!r} cannot be done; known are faults, heal, commands, sessions, drop, listen, unlisten")
    return {}


@contextlib.asynccontextmanager
async def control_socket(path: str, router: Controlled) -> AsyncIterator[None]:
    """The control socket at ``path``, served while the block runs, and removed after it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    door = socket.socket(socket.AF_UNIX)
    door.setblocking(False)
    door.bind(path)
    door.listen(16)
    try:
        async with asyncio.TaskGroup() as tasks:
            visits: set[asyncio.Task[None]] = set()
            accepting = tasks.create_task(_accept(door, router, tasks, visits))
            try:
                yield
            finally:
                for task in (accepting, *visits):
                    task.cancel()
    finally:
        door.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


async def _accept(
    door: socket.socket, router: Controlled, tasks: asyncio.TaskGroup, visits: set[asyncio.Task[None]]
) -> None:
    while True:
        visitor, _ = await asyncio.get_running_loop().sock_accept(door)
        visit = tasks.create_task(_visit(visitor, router))
        visits.add(visit)
        visit.add_done_callback(visits.discard)


async def _visit(visitor: socket.socket, router: Controlled) -> None:
    loop = asyncio.get_running_loop()
    unread = b""
    listeners: list[socket.socket] = []
    with visitor:
        visitor.setblocking(False)
        try:
            while True:
                await _readable(visitor, loop.add_reader, loop.remove_reader)
                # asyncio's streams drop the file descriptors that come along, so the socket is read directly.
                data, fds, _, _ = socket.recv_fds(visitor, REQUEST_LIMIT_BYTES, 4)
                listeners += [socket.socket(fileno=fd) for fd in fds]
                if not data:
                    return
                *lines, unread = (unread + data).split(b"\n")
                if len(unread) > REQUEST_LIMIT_BYTES:
                    return
                for line in lines:
                    reply = await _reply(router, line, listeners)
                    await loop.sock_sendall(visitor, json.dumps(reply).encode() + b"\n")
        except (ConnectionError, BrokenPipeError):
            return
        finally:
            for listener in listeners:
                listener.close()


async def _reply(router: Controlled, line: bytes, listeners: list[socket.socket]) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise ValueError("a request is one JSON object on a line")
        return {"ok": True, **await answer(router, request, listeners)}
    except ValueError as fault:
        return {"ok": False, "error": str(fault)}


async def _readable(
    visitor: socket.socket, add: Callable[..., object], remove: Callable[[socket.socket], object]
) -> None:
    ready = asyncio.Event()
    add(visitor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(visitor)
