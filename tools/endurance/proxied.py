"""L7 once more, behind nginx with the file that is shipped: slow clients over TLS, from many addresses."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from endurance.ground import PLENTY, Scale, accounted, ping_of, room_for, source
from endurance.probe import probing
from endurance.slow import (
    BODIES,
    BODY_S,
    BYTE_EVERY_S,
    HEADER_S,
    READER_S,
    READERS,
    SOCKETS,
    closed_row,
    held_by_server,
    normal_row,
    stream_of,
)
from measure.fakes import MANY_LINES, Fakes
from measure.glass import served
from measure.nginx import Nginx, nginx_before
from measure.rows import Row
from netpulse.lab.binaries import find

_GIVEN_UP_S = 60.0
_AT_A_TIME = 50
_SLOW_HEADER = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
_SLOW_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n"
_WHAT = "L7 behind nginx"


async def slow_behind_nginx(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    program = find("nginx")
    if program is None:
        return [Row(_WHAT, "", "there is no nginx here", None)]
    if not room_for(4 * SOCKETS):
        return [Row(_WHAT, "", "this machine allows too few open files", None)]
    began_s = time.monotonic()
    config = fakes.config(folder, routers=2, sessions=READERS + 4)
    front = folder / "nginx"
    front.mkdir()
    async with served(config, (PLENTY,)) as glass, nginx_before(front, program, glass.port) as nginx:
        tls, turns = nginx.context(), asyncio.Semaphore(_AT_A_TIME)
        async with probing(glass, ping_of(1, "45.0.0.9"), nginx=nginx) as waits:
            headers, bodies, readers = await asyncio.gather(
                _all(SOCKETS, lambda n: _trickled(nginx, tls, n, _SLOW_HEADER, turns)),
                _all(BODIES, lambda n: _trickled(nginx, tls, n, _SLOW_BODY, turns)),
                _all(READERS, lambda n: _unread(nginx, tls, stream_of(glass, MANY_LINES), turns)),
            )
    return [
        closed_row(
            f"{_WHAT}: {SOCKETS:,} sockets that send one byte of a header every {BYTE_EVERY_S:.0f} s", headers, HEADER_S
        ),
        closed_row(f"{_WHAT}: {BODIES} bodies, one byte every {BYTE_EVERY_S:.0f} s", bodies, BODY_S),
        closed_row(f"{_WHAT}: {READERS} streams full of output that nobody reads", readers, READER_S),
        normal_row(_WHAT, waits),
        accounted(_WHAT, config, fakes.commands(began_s)),
    ]


async def _all(many: int, one: Callable[[int], Awaitable[float]]) -> list[float]:
    return await asyncio.gather(*(one(n) for n in range(many)))


async def _trickled(nginx: Nginx, tls: ssl.SSLContext, n: int, first: bytes, turns: asyncio.Semaphore) -> float:
    """Seconds until nginx has closed a connection that goes on with single bytes; infinite if it does not."""
    async with turns:
        reader, writer = await asyncio.open_connection(nginx.host, nginx.port, ssl=tls, local_addr=(source(n), 0))
    began_s = time.monotonic()
    try:
        writer.write(first)
        while time.monotonic() - began_s < _GIVEN_UP_S:
            try:
                async with asyncio.timeout(BYTE_EVERY_S):
                    await reader.read()
                return time.monotonic() - began_s
            except TimeoutError:
                writer.write(b"x")
    except OSError:
        return time.monotonic() - began_s
    finally:
        writer.close()
    return float("inf")


async def _unread(nginx: Nginx, tls: ssl.SSLContext, first: bytes, turns: asyncio.Semaphore) -> float:
    """Seconds until nginx has let go of a connection whose owner reads nothing; infinite if it does not."""

    def asked() -> ssl.SSLSocket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        sock.connect(("127.0.0.1", nginx.port))
        over_tls = tls.wrap_socket(sock, server_hostname=nginx.host)
        over_tls.sendall(first)
        return over_tls

    async with turns:
        sock = await asyncio.to_thread(asked)  # asyncio's own TLS would go on reading
    mine, began_s = sock.getsockname(), time.monotonic()
    with sock:
        while mine in held_by_server(nginx.port):
            if time.monotonic() - began_s > _GIVEN_UP_S:
                return float("inf")
            await asyncio.sleep(0.25)
        return time.monotonic() - began_s
