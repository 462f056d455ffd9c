"""BIRD's control socket: a restricted session, one command at a time, replies freed of their codes.

Protocol (BIRD 2 source, doc/reply_codes; measured on 2.0.12): each line starts with a four-digit code and `-` (more to
come) or a blank (the last line), or with a blank (continues the line above), or `+` (an asynchronous message). Codes 0xxx
are good ends, 8xxx run-time errors, 9xxx parse errors. `restrict` is sent first and its `0016` awaited: without it no
command is ever sent. A connection is kept for the next command; closing it makes BIRD forget a query at once. Every
command only reads BIRD's memory, so one that died with its connection before anything of its reply came is sent again,
once and in silence; so is one that BIRD ended because it was given a new configuration.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from netpulse.errors import Fault
from netpulse.transports.seam import BIRD

_CHUNK = 65536
_LONGEST_REPLY_LINE = 65536
_RECONFIGURED = b"8004"
_CODE = re.compile(rb"\A([0-9]{4})([ -])(.*)\Z", re.DOTALL)
_COMMANDS = re.compile(
    r"\A(?:restrict|show status"
    r"|show protocols(?: all)?(?: [A-Za-z_][A-Za-z0-9_]{0,63})?"
    r"|show route (?:for )?[0-9a-f.:]{2,39}(?:/[0-9]{1,3})?"
    r"(?: (?:table|protocol) [A-Za-z_][A-Za-z0-9_]{0,63}){0,2} all)\Z",
    re.ASCII,
)
"""The only shapes of line that are ever written to a BIRD, whoever built them."""


class Reading(Protocol):
    async def read(self, n: int, /) -> Any: ...


class Writing(Protocol):
    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...


Connect = Callable[[], Awaitable[tuple[Reading, Writing]]]


class _Reconfigured(Fault):
    """BIRD took a new configuration and ended the command."""

    def __init__(self) -> None:
        super().__init__(
            "router_closed",
            "The route server was reconfigured before its answer was whole; try again.",
            detail="BIRD said 8004, stopped due to reconfiguration",
        )


class _Session:
    """One connection, restricted."""

    def __init__(self, reading: Reading, writing: Writing) -> None:
        self._reading = reading
        self._writing = writing
        self._rest = b""
        self.closed = False

    def send(self, command: str) -> bool:
        """Write the command; False if the connection turns out dead."""
        try:
            self._writing.write(BIRD.check(command).encode("ascii") + b"\n")
        except OSError:
            self.close()
            return False
        return True

    async def lines(self) -> tuple[bytes, bool]:
        """The text of the lines that have arrived, and whether the reply is over. EOF raises Fault `router_closed`."""
        while True:
            text, over = self._finished_lines()
            if text or over:
                return text, over
            try:
                data = await self._reading.read(_CHUNK)
            except OSError as error:
                raise _closed(f"BIRD connection broke: {error}") from error
            if not data:
                raise _closed("BIRD closed the connection before the end of its reply")
            self._rest += data
            if len(self._rest) > _LONGEST_REPLY_LINE and b"\n" not in self._rest:
                raise Fault(
                    "router_garbled",
                    "The route server sent a reply that is not of its protocol.",
                    detail="a line of a BIRD reply is longer than 64 KiB",
                )

    def _finished_lines(self) -> tuple[bytes, bool]:
        text = bytearray()
        over = False
        start = 0
        while not over and (end := self._rest.find(b"\n", start)) >= 0:
            line = self._rest[start:end]
            start = end + 1
            if line.startswith(b" "):
                text += line[1:] + b"\n"
            elif line.startswith(b"+"):
                continue  # an asynchronous log line of another session's doing
            elif coded := _CODE.match(line):
                over = coded[2] == b" "
                if coded[1] == _RECONFIGURED:
                    raise _Reconfigured
                if coded[1][:1] in (b"8", b"9"):
                    text += line + b"\n"
                elif coded[3]:
                    text += coded[3] + b"\n"
            else:
                raise Fault(
                    "router_garbled",
                    "The route server sent a reply that is not of its protocol.",
                    detail="a BIRD reply line has neither code nor continuation mark",
                )
        self._rest = self._rest[start:]
        return bytes(text), over

    @property
    def in_step(self) -> bool:
        """Whether nothing has come beyond the last reply, which the next command would take for its own."""
        return not self._rest

    def close(self) -> None:
        self.closed = True
        self._writing.close()


def _closed(detail: str) -> Fault:
    return Fault("router_closed", "The route server closed the session before its answer was whole.", detail=detail)


class _Running:
    """A reply being read. Ends well when its final code line came; the session then serves the next command."""

    def __init__(self, transport: BirdTransport, session: _Session, command: str, *, kept: bool) -> None:
        self._transport = transport
        self._session = session
        self._command = command
        self._kept = kept  # nothing has come yet on a connection from before: it may have died unnoticed
        self._untold = True  # nothing has come yet, and it was not sent a second time
        self._over = False
        self._stopped = False

    async def read(self) -> bytes:
        if self._over or self._stopped:
            return b""
        try:
            text, self._over = await self._session.lines()
        except Fault as fault:
            self._session.close()
            again = self._untold and (self._kept or isinstance(fault, _Reconfigured))
            if not again or fault.code != "router_closed":
                raise
            self._untold = False
            self._session = await self._transport.fresh(self._command)
            if self._stopped:
                self._session.close()
            return await self.read()
        except BaseException:
            self._session.close()  # half a reply is in it; it can serve no other command
            raise
        self._untold = False
        if self._over:
            self._transport.give_back(self._session)
        return text

    @property
    def ended_well(self) -> bool:
        return self._over

    def stop(self) -> None:
        if not self._over:
            self._stopped = True
            self._session.close()

    async def ended(self) -> None:
        return  # BIRD frees a query when its connection closes


class BirdTransport:
    """Commands to one BIRD, on kept connections."""

    def __init__(self, connect: Connect, *, login_s: float, most_idle: int = 4) -> None:
        self._connect = connect
        self._login_s = login_s
        self._most_idle = most_idle
        self._idle: list[_Session] = []

    async def start(self, command: str) -> _Running:
        if not _COMMANDS.match(command):
            raise Fault("internal", "The command could not be sent.", detail="not one of the shapes allowed for BIRD")
        while self._idle:
            session = self._idle.pop()
            if not session.closed and session.send(command):
                return _Running(self, session, command, kept=True)
        return _Running(self, await self.fresh(command), command, kept=False)

    async def fresh(self, command: str) -> _Session:
        """A new session with the command sent on it."""
        session = await self._open()
        if not session.send(command):
            raise _closed("BIRD closed the connection before the command")
        return session

    async def _open(self) -> _Session:
        try:
            async with asyncio.timeout(self._login_s):
                session = _Session(*await self._connect())
                try:
                    await session.lines()  # the banner, 0001
                    if not session.send("restrict"):
                        raise _closed("BIRD closed the connection after its banner")
                    answer, over = await session.lines()
                except BaseException:
                    session.close()
                    raise
        except TimeoutError as error:
            raise Fault(
                "router_timeout", "The route server did not answer in time.", detail="no BIRD banner or restrict reply"
            ) from error
        except OSError as error:
            raise Fault(
                "router_unreachable", "The route server does not accept a connection.", detail=str(error)
            ) from error
        if not over or b"restricted" not in answer:
            session.close()
            raise Fault(
                "router_refused",
                "The route server refused the session.",
                detail="BIRD did not confirm restrict with 0016; no query was sent",
            )
        return session

    def give_back(self, session: _Session) -> None:
        if len(self._idle) < self._most_idle and session.in_step and not session.closed:
            self._idle.append(session)
        else:
            session.close()

    async def close(self) -> None:
        for session in self._idle:
            session.close()
        self._idle.clear()


def local_socket(path: str) -> Connect:
    """Connects to a control socket in this host's file system."""

    async def connect() -> tuple[Reading, Writing]:
        return await asyncio.open_unix_connection(path)

    return connect
