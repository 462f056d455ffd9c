"""A name server on 127.0.0.1 that answers what the test says, over UDP and TCP on one port, and writes down who asked.

    async with FakeDns({("dns.example", "A"): ["8.8.8.8"]}) as server:
        lookup = Lookup(Resolver(servers=(server.address,), timeout_s=0.5))

A script is a list of records' texts (none: the name exists without such a record), an `rcode` like `"SERVFAIL"`, or one of
the classes below; a list of scripts in `Turns` is used one after another, the last one for ever. What is not scripted is
`NXDOMAIN`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

LONGEST_UDP = 65_000


@dataclass(frozen=True)
class Silence:
    """No answer ever."""


@dataclass(frozen=True)
class Chain:
    """`hops` aliases and then these addresses; with `loop` the last alias leads back to the first."""

    hops: int
    addresses: Sequence[str] = ()
    loop: bool = False


@dataclass(frozen=True)
class AfterJunk:
    """Replies that belong to nothing first (another id, another question, another port), then this."""

    then: Sequence[str]
    instead: str = "10.0.0.1"


@dataclass(frozen=True)
class OnlyTcp:
    """Over UDP an empty, truncated answer; over TCP this."""

    records: Sequence[str]


Script = Sequence[str] | str | Silence | Chain | AfterJunk | OnlyTcp


@dataclass
class Turns:
    """One script after another; the last one stays."""

    scripts: list[Script]

    def next(self) -> Script:
        return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]


@dataclass(frozen=True)
class Asked:
    """One question as it came."""

    name: str
    kind: str
    over: str


@dataclass
class FakeDns:
    """The server; `asked` is every question in order."""

    scripts: Mapping[tuple[str, str], Script | Turns] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    _broken: Exception | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", 0)
        self._port: int = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._on_datagram), local_addr=("127.0.0.1", self._port)
        )
        self._elsewhere, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._udp.close()
        self._elsewhere.close()
        self._tcp.close()
        await self._tcp.wait_closed()
        if self._broken is not None:
            raise self._broken  # else a script that cannot be sent would look like silence

    async def until(self, true: Callable[[Self], bool], timeout_s: float = 10.0) -> None:
        """Returns once ``true(self)``; looked at whenever something was asked. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not true(self):
                self._changed.clear()
                await self._changed.wait()

    def kinds_asked(self, name: str) -> list[str]:
        """The record types asked for under this name, sorted."""
        return sorted(one.kind for one in self.asked if one.name == name)

    def _on_datagram(self, data: bytes, peer: tuple[str, int]) -> None:
        try:
            self._answer(dns.message.from_wire(data), peer)
        except Exception as broken:
            self._broken = broken
            raise

    def _answer(self, query: dns.message.Message, peer: tuple[str, int]) -> None:
        match self._script_of(query, "udp"):
            case Silence():
                return
            case OnlyTcp():
                cut = dns.message.make_response(query)
                cut.flags |= dns.flags.TC
                self._udp.sendto(cut.to_wire(), peer)
            case AfterJunk() as script:
                for junk, door in self._junk(query, script.instead):
                    door.sendto(junk, peer)
                self._udp.sendto(_reply(query, script.then).to_wire(), peer)
            case script:
                self._udp.sendto(_reply(query, script).to_wire(max_size=LONGEST_UDP), peer)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = int.from_bytes(await reader.readexactly(2), "big")
            query = dns.message.from_wire(await reader.readexactly(length))
            script = self._script_of(query, "tcp")
            wire = _reply(query, script.records if isinstance(script, OnlyTcp) else script).to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
            await writer.drain()
        finally:
            writer.close()

    def _script_of(self, query: dns.message.Message, over: str) -> Script:
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(Asked(name, kind, over))
        self._changed.set()
        found = self.scripts.get((name, kind), "NXDOMAIN")
        return found.next() if isinstance(found, Turns) else found

    def _junk(self, query: dns.message.Message, address: str) -> list[tuple[bytes, asyncio.DatagramTransport]]:
        wrong_id = _reply(query, [address])
        wrong_id.id ^= 0x5555
        other = dns.message.make_query("other.example", query.question[0].rdtype)
        other.id = query.id
        right = _reply(query, [address]).to_wire()
        return [
            (wrong_id.to_wire(), self._udp),
            (_reply(other, [address]).to_wire(), self._udp),
            (b"\x00", self._udp),
            (right, self._elsewhere),
        ]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, addr)


def _reply(query: dns.message.Message, script: Script) -> dns.message.Message:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    (question,) = query.question
    kind = dns.rdatatype.to_text(question.rdtype)
    if isinstance(script, str):
        answer.set_rcode(dns.rcode.from_text(script))
        return answer
    owner = question.name
    records: Sequence[str] = ()
    if isinstance(script, Chain):
        for hop in range(1, script.hops + 1):
            back = script.loop and hop == script.hops
            alias = question.name if back else dns.name.from_text(f"alias{hop}.example.")
            answer.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", alias.to_text()))
            owner = alias
        records = script.addresses
    elif not isinstance(script, Silence | AfterJunk | OnlyTcp):
        records = script
    if records:
        answer.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *records))
    return answer
