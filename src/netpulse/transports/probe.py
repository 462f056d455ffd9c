"""Small questions to a device, outside any query: does its name resolve, does it accept, what does it say to a command."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

from netpulse.errors import Fault
from netpulse.screen import Screen
from netpulse.transports.seam import Running, Transport

_MOST_BYTES = 1024 * 1024
_MOST_LINES = 20_000
_END_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a device said to one command.

    `start_s` is the time until it took the command (with the login, if that was needed), `first_s` from then until its
    first line, None if it said nothing; `whole` tells whether the device itself ended it, `late` that it was still
    running at the deadline and was stopped.
    """

    lines: tuple[str, ...]
    start_s: float
    first_s: float | None
    whole: bool
    late: bool = False


async def addresses_of(host: str, deadline_s: float) -> tuple[str, ...]:
    """The addresses of a host as this system resolves it, as a login would; empty if it has none or in no time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline_s):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (TimeoutError, OSError):
        return ()
    return tuple(dict.fromkeys(str(place[4][0]) for place in found))


async def accepts(host: str, port: int, deadline_s: float) -> float:
    """Seconds until a TCP connection stood; Fault `router_unreachable` or `router_timeout` if it did not."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(deadline_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError as fault:
        raise Fault("router_timeout", "The router did not answer in time.", detail="no TCP connection") from fault
    except OSError as fault:
        detail = fault.strerror or str(fault)
        raise Fault("router_unreachable", "The router does not accept a connection.", detail=detail) from fault
    took_s = loop.time() - began
    writer.close()
    return took_s


async def ask(
    transport: Transport, command: str, *, deadline_s: float, enough: Callable[[str], bool] = lambda line: False
) -> Reply:
    """What the device says, until it ends, `enough` says so of a line, or the time is over; then it is stopped.

    Raises the transport's Fault.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    running = await transport.start(command)
    started = loop.time()
    screen = Screen(_MOST_BYTES, _MOST_LINES)
    lines: list[str] = []
    first_s: float | None = None
    late = False
    try:
        async with asyncio.timeout(deadline_s):
            satisfied = False
            while not satisfied and not screen.full and (data := await running.read()):
                if first_s is None:
                    first_s = loop.time() - started
                fresh = screen.feed(data)
                lines += fresh
                satisfied = any(enough(line) for line in fresh)
            if not satisfied:
                lines += screen.close()
    except TimeoutError:
        late = True
        lines += screen.close()
    finally:
        await _end(running)
    return Reply(tuple(lines), started - began, first_s, running.ended_well, late)


async def _end(running: Running) -> None:
    running.stop()
    try:
        async with asyncio.timeout(_END_PATIENCE_S):
            await running.ended()
    except TimeoutError:
        return  # not every device tells; closing its transport is what remains
