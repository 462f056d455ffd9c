"""A whole looking glass on 127.0.0.1 whose routers are scripts: real HTTP in front, devices in memory behind.

async with looking_glass(tmp_path, {"router:core1": Scripted(...)}) as glass:
    answer = await glass.get("/routers")
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2

from doubles.scripted import Say, Script, Scripted, making
from netpulse.inventory import (
    Connection,
    Device,
    Inventory,
    Router,
    RouteSource,
    RouteTable,
    Site,
    ThisHost,
    Visibility,
)
from netpulse.services import Services
from netpulse.settings import Limits, Resolver, Settings
from netpulse.web.server import bound_socket, serving

PING = """\
PING 8.8.8.8 (8.8.8.8) from 203.0.113.1 : 56(84) bytes of data.
64 bytes from 8.8.8.8: icmp_seq=1 ttl=61 time=1.50 ms
64 bytes from 8.8.8.8: icmp_seq=2 ttl=61 time=1.20 ms
64 bytes from 8.8.8.8: icmp_seq=3 ttl=61 time=1.30 ms
64 bytes from 8.8.8.8: icmp_seq=4 ttl=61 time=1.40 ms
64 bytes from 8.8.8.8: icmp_seq=5 ttl=61 time=1.60 ms

--- 8.8.8.8 ping statistics ---
5 packets transmitted, 5 received, 0% packet loss, time 4005ms
rtt min/avg/max/mdev = 1.200/1.400/1.600/0.141 ms
"""
TRACE = """\
traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 60 byte packets
 1  192.0.2.9  0.511 ms  0.402 ms  0.399 ms
 2  8.8.8.8  1.511 ms  1.402 ms  1.399 ms
"""
ROUTE = """\
Table core1_v4:
8.8.8.0/24           unicast [core1_all 08:00:23.047 from 10.0.0.1] * (100) [AS15169i]
\tvia 192.0.2.9 on eth0
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 174 {15169 15170} 15169
\tBGP.next_hop: 192.0.2.9
\tBGP.local_pref: 100
\tBGP.community: (64500,100)
"""
CLOCK = "Current server time is 2026-11-24 08:00:25.000\n"
SLOW_TARGET = "192.5.5.241"
"""A target whose commands wait for `go` after their first line."""

_OPEN = Resolver(servers=(("127.0.0.1", 9),), timeout_s=0.2)


def answers(command: str) -> Script:
    """What a router or route server prints for a command."""
    if command.startswith("show status"):
        return [Say(CLOCK)]
    if command.startswith("show route"):
        return [Say(ROUTE)]
    return [Say(TRACE if command.startswith("traceroute") else PING)]


def device(key: str, platform: str = "linux", sessions: int = 3) -> Device:
    return Device(key=key, platform=platform, reach=ThisHost(), max_sessions=sessions, own_routes=False)


def router(
    slug: str,
    connections: Iterable[Connection],
    *,
    sources: Iterable[str] = (),
    visible: Visibility = "public",
    maintenance: str | None = None,
    sessions: int = 3,
) -> Router:
    """A Linux router whose routes are asked of these BIRD route servers."""
    routes = tuple(
        RouteSource(device(f"route_server:{name}", "bird", 50), name, {4: RouteTable(table=f"{slug}_v4")})
        for name in sources
    )
    return Router(
        slug=slug,
        name=f"Router {slug}",
        location="DC1",
        model="box",
        platform="linux",
        device=device(f"router:{slug}", sessions=sessions),
        connections=tuple(connections),
        routes=routes,
        visible=visible,
        maintenance=maintenance,
    )


def transit(number: int, source: str, visible: Visibility = "public") -> Connection:
    return Connection(
        id=number,
        name=f"Transit {number}",
        type="TRANSIT",
        asn=174,
        source_ipv4=ip_address(source),
        egress="policy",
        visible=visible,
    )


INVENTORY = Inventory(
    (
        router(
            "core1",
            (
                transit(1, "203.0.113.1"),
                Connection(id=3, name="An IX", type="IX", asn=6695, source_ipv4=ip_address("203.0.113.65")),
                transit(9, "203.0.113.9", "key"),
                transit(10, "203.0.113.10", "hidden"),
            ),
            sources=("rs1",),
        ),
        router("core2", (transit(4, "203.0.113.129"),), sources=("rs1",)),
        router("keyed", (transit(20, "203.0.113.20"),), visible="key"),
        router("hidden", (transit(21, "203.0.113.21"),), visible="hidden"),
        router("resting", (transit(22, "203.0.113.22"),), sources=("rs1",), maintenance="new line card"),
    )
)
SETTINGS = Settings(
    inventory=INVENTORY,
    site=Site(name="Test Glass", organization="Example"),
    limits=Limits(target_per_minute=100_000, queue_wait_s=0.2, queue_places=2),
    resolver=_OPEN,
)


@dataclass(frozen=True)
class StreamEvent:
    """One server-sent event."""

    id: str
    name: str
    data: Any


@dataclass
class Glass:
    """The running service, a key for it, and a client that presents it."""

    services: Services
    devices: Mapping[str, Scripted]
    port: int
    key: str
    client: httpx2.AsyncClient
    metrics_port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def headers(self, key: str | None = None, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.key}", **{k.replace("_", "-"): v for k, v in more.items()}}

    async def get(self, path: str, *, key: str | None = None, accept: str = "application/json") -> httpx2.Response:
        """GET below /api/v1 with a key."""
        return await self.client.get(f"{self.url}/api/v1{path}", headers=self.headers(key, Accept=accept))

    async def new_key(self, per_minute: int = 1000, **restrictions: Any) -> str:
        text, _ = await self.services.store.keys.create("somebody", per_minute=per_minute, **restrictions)
        return text

    @asynccontextmanager
    async def events(
        self, path: str, *, key: str | None = None, after: str | None = None
    ) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """The events of a question while they come; leaving the scope closes the connection."""
        headers = self.headers(key, Accept="text/event-stream")
        if after is not None:
            headers["Last-Event-ID"] = after
        async with self.client.stream("GET", f"{self.url}/api/v1{path}", headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield parsed_events(answer.aiter_lines())

    async def all_events(self, path: str, *, key: str | None = None, after: str | None = None) -> list[StreamEvent]:
        async with self.events(path, key=key, after=after) as events:
            return [event async for event in events]

    async def raw(self, request: bytes) -> bytes:
        """Whatever comes back for these bytes until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


async def parsed_events(lines: AsyncIterator[str]) -> AsyncIterator[StreamEvent]:
    """Server-sent events out of lines; comments are passed over."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line:
            if "event" in fields:
                yield StreamEvent(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


@asynccontextmanager
async def looking_glass(
    folder: Path,
    devices: Mapping[str, Scripted] | None = None,
    settings: Settings = SETTINGS,
    *,
    per_minute: int = 100_000,
    metrics: bool = False,
) -> AsyncIterator[Glass]:
    """The service over these devices; those not given answer everything at once. With `metrics` they have a port too."""
    known = {key: Scripted(answers) for key in settings.inventory.devices()}
    known.update(devices or {})
    settings = replace(settings, storage=f"sqlite:///{folder / 'glass.db'}")
    socket = bound_socket("127.0.0.1", 0)
    port = socket.getsockname()[1]
    metrics_socket = bound_socket("127.0.0.1", 0) if metrics else None
    metrics_port: int = metrics_socket.getsockname()[1] if metrics_socket else 0
    async with (
        serving(settings, [socket], metrics_socket, make=making(known)) as services,
        httpx2.AsyncClient(timeout=20) as client,
    ):
        key, _ = await services.store.keys.create("tests", per_minute=per_minute)
        yield Glass(services, known, port, key, client, metrics_port)
