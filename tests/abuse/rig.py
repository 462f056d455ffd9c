"""A looking glass over doubles that write down whatever reaches them, and the fence that proves that nothing did.

    async with watched(tmp_path) as rig:
        async with rig.untouched():
            answer = await rig.get("/ping?target=10.0.0.1&router=router1&connection=1")

Behind `router1` is real SSH to a scripted Junos, its routes are asked of a scripted BIRD, names of a scripted name server.
Nothing is waited for by the clock: after what must not reach them, a harmless question goes the whole way, and what the
doubles saw must be that question alone.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx2

from doubles.bird_proxy import RESTRICTED, SYNTAX_ERROR, FakeBird, Reply
from doubles.fake_dns import FakeDns
from doubles.fake_dns import Script as DnsScript
from doubles.fake_router import FakeRouter, fixed_key
from doubles.faulty import by_ssh
from doubles.glass import SETTINGS, Glass
from doubles.steps import Exit, Say, Step
from netpulse import logs
from netpulse.inventory import BirdSocket, Connection, Device, Inventory, Router, RouteSource, RouteTable
from netpulse.settings import Captcha, Resolver, Settings
from netpulse.store.audit import AuditFilter, AuditRow
from netpulse.values import Family
from netpulse.web.server import bound_socket, serving

HTML = {"Accept": "text/html,*/*;q=0.8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FENCE = "fence.example.net"
FENCE_COMMAND = "ping 9.9.9.9 source 203.0.113.1 count 5"
FENCE_ROUTE = "show route for 9.9.9.9 table router1_v4 all"
OURS = "185.1.2.3"
"""An address of the operator's own."""

ALPHABET = re.compile(rb"\A[A-Za-z0-9 .:/-]+\Z")
"""All that may ever be in a command to a router."""

NAMES: dict[tuple[str, str], DnsScript] = {
    (FENCE, "A"): ["9.9.9.9"],
    (FENCE, "AAAA"): [],
    ("dns.google", "A"): ["8.8.8.8", "8.8.4.4"],
    ("dns.google", "AAAA"): ["2001:4860:4860::8888"],
    ("xn--bcher-kva.example.net", "A"): ["9.9.9.9"],
    ("six.example.net", "A"): [],
    ("six.example.net", "AAAA"): ["2606:4700:4700::1111"],
}


def ping_text(address: str = "8.8.8.8") -> str:
    """What a Junos router prints for a ping that is answered."""
    echoes = "".join(f"64 bytes from {address}: icmp_seq={n} ttl=57 time=1.{n}00 ms\n" for n in range(5))
    return (
        f"PING {address} ({address}): 56 data bytes\n{echoes}\n--- {address} ping statistics ---\n"
        "5 packets transmitted, 5 packets received, 0% packet loss\n"
        "round-trip min/avg/max/stddev = 1.000/1.200/1.400/0.141 ms\n"
    )


TRACE = (
    "traceroute to 8.8.8.8 (8.8.8.8) from 203.0.113.1, 30 hops max, 52 byte packets\n"
    " 1  192.0.2.9  0.511 ms  0.402 ms  0.399 ms\n 2  8.8.8.8  1.511 ms  1.402 ms  1.399 ms\n"
)


def route_text(prefix: str) -> str:
    """What BIRD says of one route to this prefix, codes included."""
    return (
        f"1007-Table router1_v4:\n {prefix}  unicast [core1_all 08:00:23.047 from 10.0.0.1] * (100) [AS15169i]\n"
        "1008-\tType: BGP univ\n1012-\tBGP.origin: IGP\n \tBGP.as_path: 174 15169\n"
        " \tBGP.next_hop: 192.0.2.9\n \tBGP.local_pref: 100\n0000 \n"
    )


CLOCK = "1000-BIRD 2.0.12\n1011-Current server time is 2026-11-24 08:00:25.000\n0013 Daemon is up and running\n"


def printed(command: str) -> list[Step]:
    """What the router prints."""
    if command.startswith("traceroute"):
        return [Say(TRACE), Exit(0)]
    words = command.split()
    return [Say(ping_text(words[2] if words[1] == "inet6" else words[1])), Exit(0)]


def told(command: str) -> Reply:
    """What the route server says."""
    if command.startswith("show status"):
        return CLOCK
    if not command.startswith("show route for "):
        return RESTRICTED if command == "restrict" else SYNTAX_ERROR
    target = command.split()[3]
    return route_text(target if "/" in target else f"{target}/{128 if ':' in target else 32}")


@dataclass
class Log:
    """The lines that the service logs, as it would write them."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    def text(self) -> str:
        assert logs.flush(10.0)
        return self.stream.getvalue()

    def lines(self, start: int = 0) -> list[dict[str, Any]]:
        """Every line from this offset on; each is one JSON object."""
        return [json.loads(line) for line in self.text()[start:].splitlines()]

    def requests(self, start: int = 0) -> list[dict[str, Any]]:
        return [line for line in self.lines(start) if line["logger"] == "netpulse.access"]


@contextmanager
def logged() -> Iterator[Log]:
    """The service logs into memory, as JSON, inside this scope."""
    root = logging.getLogger()
    handlers, level, log = list(root.handlers), root.level, Log()
    for theirs in handlers:
        root.removeHandler(theirs)  # else they would be closed, and another glass may still log there
    logs.configure(stream=log.stream, as_json=True)
    client = logging.getLogger("httpx2")
    client.setLevel(logging.WARNING)  # the tests' own client tells every URL
    try:
        yield log
    finally:
        for ours in list(root.handlers):
            root.removeHandler(ours)
            ours.close()
        for handler in handlers:
            root.addHandler(handler)
        root.setLevel(level)
        client.setLevel(logging.NOTSET)
        logging.captureWarnings(False)


@dataclass(frozen=True)
class Touched:
    """All that had reached anybody at one moment."""

    connects: int
    execs: list[str]
    stdin: bytes
    bird: list[str]
    dns: list[tuple[str, str]]


@dataclass
class Rig:
    """The service and those behind it."""

    glass: Glass
    router: FakeRouter
    bird: FakeBird
    dns: FakeDns
    log: Log

    def touched(self) -> Touched:
        execs = [one.command.decode("latin-1") for one in self.router.execs]
        stdin = b"".join(bytes(one.stdin) for one in self.router.execs)
        asked = [(one.name, one.kind) for one in self.dns.asked]
        return Touched(self.router.connected, execs, stdin, self.bird.asked, asked)

    @asynccontextmanager
    async def untouched(self) -> AsyncIterator[None]:
        """What happens inside reaches no router, no route server and no name server."""
        await self.glass.services.pipeline.runs.drained()
        before = self.touched()
        yield
        assert self.touched() == before
        answer = await self.get(f"/ping?target={FENCE}&router=router1&connection=1&family=4")
        assert answer.status_code == 200, answer.text
        after = self.touched()
        assert after.connects <= max(before.connects, 1)
        assert after.execs[len(before.execs) :] == [FENCE_COMMAND]
        assert after.stdin == before.stdin
        assert after.dns[len(before.dns) :] == [(FENCE, "A")]
        lines = after.bird[len(before.bird) :]
        assert set(lines) <= {"restrict", "show status", FENCE_ROUTE}, lines

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """GET below /api/v1 with a key; the path is sent as it is."""
        return await self.send("GET", f"/api/v1{path}", None, **{**self.glass.headers(), **headers})

    async def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> httpx2.Response:
        url = httpx2.URL(self.glass.url).copy_with(raw_path=path.encode())
        return await self.glass.client.request(method, url, content=body, headers=headers)

    @property
    def bearer(self) -> str:
        """The header that shows the key, for `ask`."""
        return f"Authorization: Bearer {self.glass.key}"

    async def post(self, body: str | bytes, **headers: str) -> httpx2.Response:
        """The form of the first page, sent by somebody with a browser."""
        content = body.encode() if isinstance(body, str) else body
        return await self.send("POST", "/", content, **{**HTML, **FORM, **headers})

    async def audit(self, since: int = 0) -> list[AuditRow]:
        """Every row from this number on, oldest first, once all that is queued is written."""
        await self.glass.services.store.database.writer.drained()
        rows = [row async for row in self.glass.services.store.audit.find(AuditFilter(), newest_first=False)]
        return rows[since:]


def key_file(folder: Path) -> None:
    (folder / "key").write_bytes(fixed_key("client").export_private_key("openssh"))


def inventory(folder: Path, router: FakeRouter, bird: FakeBird) -> Inventory:
    """One public router, one for keys and one for nobody, all of them the same double."""
    reach = by_ssh(folder, router)
    rs1 = Device("route_server:rs1", "bird", BirdSocket(str(bird.path)), max_sessions=4)
    transit = Connection(
        1, "Cogent Transit", "TRANSIT", 174, source_ipv4=ip_address("203.0.113.1"),
        source_ipv6=ip_address("2001:db8:174::1"), egress="policy",
    )  # fmt: skip
    four = Connection(2, "Lumen Transit", "TRANSIT", 3356, source_ipv4=ip_address("198.51.100.1"), egress="policy")
    keyed = Connection(9, "Key Transit", "TRANSIT", source_ipv4=ip_address("203.0.113.9"), visible="key")
    unseen = Connection(10, "Hidden Transit", "TRANSIT", source_ipv4=ip_address("203.0.113.10"), visible="hidden")
    other = Connection(21, "Other Transit", "TRANSIT", source_ipv4=ip_address("203.0.113.21"))
    tables: dict[Family, RouteTable] = {4: RouteTable(table="router1_v4"), 6: RouteTable(table="router1_v6")}
    return Inventory(
        (
            Router(
                "router1", "Router One", "DC1", "MX304", "junos", Device("router:router1", "junos", reach),
                connections=(transit, four, keyed, unseen), routes=(RouteSource(rs1, "rs1", tables),),
            ),
            Router(
                "hidden1", "Router Hidden", "DC1", "MX304", "junos", Device("router:hidden1", "junos", reach),
                connections=(other,), visible="hidden",
            ),
        ),
        infrastructure=(ip_network(f"{OURS}/32"), ip_network("127.0.0.1/32")),
    )  # fmt: skip


@asynccontextmanager
async def watched(
    folder: Path, names: Mapping[tuple[str, str], Any] | None = None, per_minute: int = 1_000_000, **changes: Any
) -> AsyncIterator[Rig]:
    """The service with the policy as it is by default, and everything behind it on record. `changes` are settings."""
    key_file(folder)
    async with (
        FakeRouter(printed) as router,
        FakeBird(folder / "bird.ctl", told) as bird,
        FakeDns({**NAMES, **(names or {})}) as dns,
    ):
        limits = replace(SETTINGS.limits, visitor_queries=1_000_000, queue_places=10, queue_wait_s=5.0)
        known: dict[str, Any] = {
            "inventory": inventory(folder, router, bird),
            "storage": f"sqlite:///{folder / 'glass.db'}",
            "resolver": Resolver(servers=(dns.address,), timeout_s=3.0),
            "captcha": Captcha(enabled=False),
            "limits": limits,
            "bgp_cache_s": 0.0,
            "trusted_proxies": (ip_network("127.0.0.0/8"),),
            **changes,
        }
        settings: Settings = replace(SETTINGS, **known)
        socket = bound_socket("127.0.0.1", 0)
        port = socket.getsockname()[1]
        with logged() as log:
            async with serving(settings, [socket]) as services, httpx2.AsyncClient(timeout=30) as client:
                key, _ = await services.store.keys.create("tests", per_minute=per_minute)
                yield Rig(Glass(services, {}, port, key, client), router, bird, dns, log)


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it came; header names in lower case, the last of equals."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(rig: Rig, head: str | bytes, *lines: str | bytes, method: str = "GET", body: bytes = b"") -> RawAnswer:
    """A request written by hand: its target, and header lines that no client would send. The connection closes after it."""
    written = [line.encode("latin-1") if isinstance(line, str) else line for line in (head, *lines)]
    if not any(line.lower().startswith(b"host:") for line in written):
        written.insert(1, b"Host: lg.example.com")
    written[0] = method.encode() + b" " + written[0] + b" HTTP/1.1"
    answer = await raw(rig, b"\r\n".join(written) + b"\r\nConnection: close\r\n\r\n" + body)
    top, _, content = answer.partition(b"\r\n\r\n")
    first, *fields = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in fields)}
    return RawAnswer(int(first.split(" ")[1]), headers, content)


async def raw(rig: Rig, data: bytes) -> bytes:
    """Whatever comes back for these bytes until the server closes."""
    async with asyncio.timeout(30):
        return await rig.glass.raw(data)
