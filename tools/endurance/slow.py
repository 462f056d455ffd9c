"""L7: two thousand clients that send a byte now and then, bodies that never end, and readers that do not read."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from endurance.ground import PLENTY, Scale, accounted, ping_of, room_for
from endurance.probe import Waits, probing
from measure.fakes import MANY_LINES, Fakes
from measure.glass import Glass, served
from measure.rows import Row

SOCKETS = 2000
BODIES = 200
READERS = 20
BYTE_EVERY_S = 10.0
HEADER_S, BODY_S, READER_S = 15.0, 15.0, 30.0
_GIVEN_UP_S = 60.0
_NORMAL_MS = 200.0
_PIPELINED = 1000


async def slow(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    what = f"L7: {SOCKETS:,} sockets that send one byte of a header every {BYTE_EVERY_S:.0f} s"
    if not room_for(2 * SOCKETS):
        return [Row(what, "", "this machine allows too few open files", None)]
    began_s = time.monotonic()
    config = fakes.config(folder, routers=2, sessions=READERS + 4)
    async with (
        served(config, (PLENTY,)) as glass,
        _Crowd(glass) as crowd,
        probing(glass, ping_of(1, "45.0.0.9")) as waits,
    ):
        headers = await crowd.send(SOCKETS, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", trickle=True)
        bodies = await crowd.send(
            BODIES, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n", trickle=True
        )
        askers = await crowd.send(READERS, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * _PIPELINED)
        readers = await crowd.send(READERS, stream_of(glass, MANY_LINES))
        closed = await crowd.closed()
    return [
        closed_row(what, [closed[port] for port in headers], HEADER_S),
        closed_row(
            f"L7: {BODIES} bodies, one byte every {BYTE_EVERY_S:.0f} s", [closed[port] for port in bodies], BODY_S
        ),
        closed_row(
            f"L7: {READERS} clients that ask {_PIPELINED:,} times and read nothing",
            [closed[port] for port in askers],
            READER_S,
        ),
        closed_row(
            f"L7: {READERS} streams full of output that nobody reads", [closed[port] for port in readers], READER_S
        ),
        normal_row("L7", waits),
        accounted("L7", config, fakes.commands(began_s)),
    ]


def stream_of(glass: Glass, tenths: int) -> bytes:
    """What asks for a stream that takes so long, or is one of the strange ones."""
    path = ping_of(0, f"45.0.{tenths}.1")
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {glass.keys[0]}\r\n"
    return f"{head}Accept: text/event-stream\r\n\r\n".encode()


class _Crowd:
    """Sockets that send and never read. Whether the server has let go of one is read from the kernel's own table."""

    def __init__(self, glass: Glass) -> None:
        self._glass = glass
        self._sockets: dict[int, tuple[socket.socket, float]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for sock, _ in self._sockets.values():
            sock.close()

    async def send(self, count: int, first: bytes, *, trickle: bool = False) -> list[int]:
        """So many more that begin with these bytes; those that trickle go on with single ones. The ports they have."""
        ports = []
        for _ in range(count):
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            sock.bind(("127.0.0.1", 0))  # one address, so that a port tells who it is
            await asyncio.get_running_loop().sock_connect(sock, (self._glass.host, self._glass.port))
            self._tasks.append(asyncio.create_task(_send(sock, first, trickle)))
            port = sock.getsockname()[1]
            self._sockets[port] = (sock, time.monotonic())
            ports.append(port)
        return ports

    async def closed(self) -> dict[int, float]:
        """Seconds after which the server had let go of each; infinite for those it still holds after a long while."""
        after_s: dict[int, float] = {}
        seen: set[int] = set()  # one that waits to be let in has no owner either
        until_s = time.monotonic() + _GIVEN_UP_S
        while len(after_s) < len(self._sockets) and time.monotonic() < until_s:
            await asyncio.sleep(0.25)
            held, now_s = held_by_server(self._glass.port), time.monotonic()
            for port, (_, came_s) in self._sockets.items():
                if ("127.0.0.1", port) in held:
                    seen.add(port)
                elif port in seen:
                    after_s.setdefault(port, now_s - came_s)
        return {port: after_s.get(port, float("inf")) for port in self._sockets}


async def _send(sock: socket.socket, first: bytes, trickle: bool) -> None:
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(sock, first)
        while trickle:
            await asyncio.sleep(BYTE_EVERY_S)
            await loop.sock_sendall(sock, b"x")
    except OSError:
        return  # the server has closed it


def held_by_server(port: int) -> set[tuple[str, int]]:
    """The addresses and ports of those whose connection to this port a process still has: one without an owner has inode 0."""
    held = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[9] != "0":
            address, _, theirs = fields[2].partition(":")
            held.add((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(theirs, 16)))
    return held


def closed_row(what: str, after_s: list[float], bar_s: float) -> Row:
    late = sum(s > bar_s for s in after_s)
    measured = f"after {min(after_s):.1f} to {max(after_s):.1f} s, {late} later than the bar"
    return Row(what, f"all closed ≤ {bar_s:.0f} s", measured, not late)


def normal_row(what: str, waits: Waits) -> Row:
    bar = f"p99 ≤ {_NORMAL_MS:.0f} ms, none failed"
    held = waits.p(99) <= _NORMAL_MS and not waits.failed
    return Row(f"{what}: pings of a normal client meanwhile", bar, str(waits), held)
