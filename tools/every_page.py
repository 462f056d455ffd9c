"""Every page of the product in every state, on loopback, over recorded routers: what the screenshots and axe look at.

    async with every_page(folder) as stage, stage.at(PAGES[0]) as address:
        ...

Nothing in it depends on time: recorded commands print at once, those that are under way stay so until the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path

import msgspec

from measure.pages import large_network
from netpulse import config
from netpulse.errors import Fault
from netpulse.inventory import Device
from netpulse.lab.replay import RECORDING, replay_settings
from netpulse.limits import LimitState
from netpulse.policy import Caller
from netpulse.pool import make_transport
from netpulse.runs import Run
from netpulse.services import Services
from netpulse.settings import Branding, Deadlines, Settings
from netpulse.transports.recording import Recorded
from netpulse.transports.seam import Running, Transport
from netpulse.web.server import bound_socket, serving
from netpulse.words import PSEUDO

READER = "127.0.0.1"
_SPENT = "198.51.100.20"
_UNLUCKY = "198.51.100.21"
_OTHER = "198.51.100.22"
_LONG_S = 3600.0
RIGHT = "="
"""Typed as the answer: the right one."""

_HELD_PING = "ping 80.80.80.80 source 203.0.113.129 count 5"
_HELD_TRACE = "traceroute 80.80.80.80 source 203.0.113.129 no-resolve wait 2 ttl 30"

_TERMS = """\
This looking glass is there for peers, customers and everybody who wants to know how our network reaches them.

Ask about networks that you run or use. Queries are logged; whoever asks for others' harm is shut out.
"""

# A longer way than the lab has: names and numbers of every kind that a traceroute can show.
_LONG = "traceroute 9.9.9.9 source 203.0.113.1 no-resolve wait 2 ttl 30"
_LONG_TEXT = """\
traceroute to 9.9.9.9 (9.9.9.9) from 203.0.113.1, 30 hops max, 52 byte packets
 1  154.54.1.1  0.624 ms  0.607 ms  0.613 ms
 2  154.54.2.2  1.016 ms  1.109 ms  9.408 ms
     MPLS Label=299776 CoS=0 TTL=1 S=1
 3  154.54.5.2  12.319 ms  12.210 ms 154.54.4.2  12.410 ms
 4  * * *
 5  154.54.6.2  79.919 ms  79.813 ms  80.012 ms
 6  4.68.4.2  97.919 ms *  97.813 ms
 7  9.9.9.9  98.219 ms !H  98.113 ms !H  98.312 ms !H
"""


@dataclass(frozen=True)
class Asked:
    """A question of a visitor; `until` is the event that it is followed to, none for the end."""

    kind: str
    given: Mapping[str, str]
    everywhere: bool = False
    until: str = ""


@dataclass(frozen=True)
class Shown:
    """One page: its name, where it is, how it answers, and what is typed into its form before it is looked at.

    `large` pages are those of the network of many routers. `result` is the question whose result the page is, if it is one.
    `busy` are questions that are under way while it is looked at; without path and result the page is that of the last.
    """

    name: str
    path: str = ""
    status: int = 200
    client: str = READER
    typed: Mapping[str, str] = field(default_factory=dict)
    result: Asked | None = None
    busy: tuple[Asked, ...] = ()
    asker: str = READER
    large: bool = False


def _asked(kind: str, router: str, connection: str, target: str, **more: str) -> Asked:
    return Asked(kind, {"router": router, "connection": connection, "target": target, **more})


_HELD_AT = ("core2", "4", "80.80.80.80")
_PING = replace(_asked("ping", *_HELD_AT), until="found")
_TRACE = replace(_asked("traceroute", *_HELD_AT), until="found")
_QUEUED = replace(_PING, until="queued")
_GOES = "2001:4860:4860::8888"

PAGES = (
    Shown("home", "/"),
    Shown("network", "/network"),
    Shown("api", "/api"),
    Shown("terms", "/terms"),
    Shown("home-filled", "/?router=core1&connection=3&query=traceroute&target=dns.google&as_lookup=true"),
    Shown("home-everywhere", "/?router=*&query=aspath&target=8.8.8.0/24"),
    Shown("home-down", "/?router=bird1&query=ping&target=dns.google"),
    Shown("home-wrong", "/", 400, typed={"#target": "8.8.8.8", "#answer": "99"}),
    Shown("home-refused", "/", 400, typed={"#target": "192.168.1.1", "#answer": RIGHT}),
    Shown("home-spent", "/", client=_SPENT),
    Shown("home-large", "/", large=True),
    Shown("network-large", "/network?router=edge1#r-edge1", large=True),
    Shown("home-busy", "/?router=core2&query=ping", busy=(_PING, _TRACE)),
    Shown("ping", result=_asked("ping", "core1", "1", "81.81.81.81")),
    Shown("ping-loss", result=_asked("ping", "core1", "1", "80.80.80.80")),
    Shown("ping-silent", result=_asked("ping", "core1", "1", "66.66.66.66")),
    Shown("ping-six", result=_asked("ping", "core1", "1", _GOES)),
    Shown("ping-differs", result=_asked("ping", "frr1", "7", "dns.google")),
    Shown("traceroute", result=_asked("traceroute", "core1", "1", "9.9.9.9", as_lookup="true")),
    Shown("traceroute-six", result=_asked("traceroute", "core1", "1", _GOES, as_lookup="true")),
    Shown("traceroute-plain", result=_asked("traceroute", "core1", "3", "8.8.8.8")),
    Shown("aspath", result=Asked("aspath", {"router": "core1", "target": "9.9.9.9"})),
    Shown("aspath-prepended", result=Asked("aspath", {"router": "core2", "target": "193.0.6.0/24"})),
    Shown("aspath-set", result=Asked("aspath", {"router": "core1", "target": "130.89.0.0/16"})),
    Shown("aspath-none", result=Asked("aspath", {"router": "core1", "target": "8.8.0.0/16"})),
    Shown("aspath-everywhere", result=Asked("aspath", {"target": "9.9.9.9"}, everywhere=True)),
    Shown("aspath-everywhere-six", result=Asked("aspath", {"target": _GOES}, everywhere=True)),
    Shown("failed-refused", result=_asked("ping", "core1", "1", "8.8.4.4")),
    Shown("failed-unreachable", result=_asked("ping", "bird1", "8", "8.8.8.8")),
    Shown("stopped", result=replace(_PING, until="found")),
    Shown("running-ping", busy=(_PING,)),
    Shown("running-traceroute", busy=(_TRACE,)),
    Shown("queued", busy=(_PING, _TRACE, _QUEUED)),
    Shown("running-elsewhere", busy=(_PING,), asker=_OTHER),
    Shown("error-404", "/nowhere", 404),
    Shown("error-500", "/", 500, client=_UNLUCKY),
    Shown("gone", f"/r/{'0' * 32}", 404),
)
"""core2 has two sessions, so what comes after two questions waits; nobody can reach bird1."""


@dataclass(frozen=True)
class Stage:
    """Where the pages are, and those of the large network."""

    url: str
    services: Services
    large_url: str
    _results: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def at(self, shown: Shown) -> AsyncIterator[str]:
        """The address of this page while it is as it should be."""
        runs: list[Run] = []
        try:
            with ExitStack() as held:
                for asked in shown.busy:
                    runs.append(await _begun(self.services, asked, shown.asker))
                    held.enter_context(runs[-1].held())
                    await _until(runs[-1], asked.until)
                path = shown.path or await self._result(shown) or f"/r/{runs[-1].id}"
                yield (self.large_url if shown.large else self.url) + path
        finally:
            for run in runs:
                run.stop()
                await run.over()

    async def _result(self, shown: Shown) -> str:
        """The path of the result, which is asked for once; one that is followed to an event only is stopped there."""
        if shown.result is not None and shown.name not in self._results:
            run = await _begun(self.services, shown.result, READER)
            if shown.result.until:
                await _until(run, shown.result.until)
                run.stop()
            await run.over()
            self._results[shown.name] = f"/r/{run.id}"
        return self._results.get(shown.name, "")

    async def spoil(self) -> None:
        """Opens the breaker of the router that cannot be reached, uses up what one visitor may ask, and fails for another."""
        await _open_breaker(self.services, _asked("ping", "bird1", "8", "8.8.8.8"))
        windows, limits = self.services.windows, self.services.settings.limits
        for _ in range(limits.visitor_queries):
            windows.hit(f"visitor:{_SPENT}", limits.visitor_queries, limits.visitor_window_s)
        look = windows.look

        def looked(bucket: str, limit: int, window_s: float) -> LimitState:
            if bucket == f"visitor:{_UNLUCKY}":
                raise RuntimeError("made to fail, to see the page of a defect")
            return look(bucket, limit, window_s)

        windows.look = looked  # type: ignore[method-assign]


async def _begun(services: Services, asked: Asked, client: str) -> Run:
    """Asks as the form does."""
    caller = Caller(owner=f"visitor:{client}", audience="public", client=client, lease_s=15.0)
    query, pipeline = services.matrix.queries[asked.kind], services.pipeline
    return pipeline.begin(caller, await pipeline.plan(caller, query, asked.given.items(), all_routers=asked.everywhere))


async def _open_breaker(services: Services, asked: Asked) -> None:
    for _ in range(3):
        await (await _begun(services, asked, READER)).over()


async def _until(run: Run, name: str) -> None:
    """Returns when this has happened to the run."""
    async for event in run.follow():
        if event.name == name:
            return


class _Silent:
    """A device that cannot be reached."""

    async def start(self, command: str) -> Running:
        raise Fault("router_unreachable", "The router cannot be reached.", detail="no answer on port 22")

    async def close(self) -> None:
        return


def _recording(folder: Path) -> Path:
    """The lab's recording without its time, and with commands that stay under way."""
    devices = msgspec.json.decode(RECORDING.read_bytes(), type=Recorded)
    for commands in devices.values():
        for command, steps in commands.items():
            commands[command] = [(0.0, text) for _, text in steps if text is not None]
    core1, core2 = devices["router:core1"], devices["router:core2"]
    core1[_LONG] = [(0.0, _LONG_TEXT)]
    for name, model in ((_HELD_PING, core2[_HELD_PING]), (_HELD_TRACE, core2[_HELD_TRACE])):
        lines = "".join(text or "" for _, text in model).splitlines(keepends=True)
        core2[name] = [(0.0, "".join(lines[:4])), (_LONG_S, None)]
    file = folder / "recording.json"
    file.write_bytes(msgspec.json.encode(devices))
    return file


def _settings(folder: Path) -> Settings:
    found = replay_settings(("127.0.0.1", 0), f"sqlite:///{folder}/pages.db", _recording(folder))
    routers = [
        replace(router, device=replace(router.device, max_sessions=2 if router.slug == _HELD_AT[0] else 4))
        for router in found.inventory.routers
    ]
    return replace(
        found,
        inventory=replace(found.inventory, routers=tuple(routers)),
        branding=Branding(
            footer="Peering: open policy, noc@example.com",
            links=(("PeeringDB", "https://www.peeringdb.com"),),
            terms=_TERMS,
        ),
        banner=None,
        languages=("en", "de", PSEUDO),
        trusted_proxies=(ip_network("127.0.0.1/32"),),
        deadlines=Deadlines(silence_s=_LONG_S, ping_s=_LONG_S, traceroute_s=_LONG_S),
        limits=replace(found.limits, visitor_queries=10, queue_wait_s=_LONG_S),
        bgp_cache_s=0.0,
    )


def _large(folder: Path, like: Settings) -> Settings:
    """The network of many routers, one of them out of service."""
    found = config.load(large_network(folder / "large"))
    routers = list(found.inventory.routers)
    routers[4] = replace(routers[4], maintenance="New line cards until 04:00 UTC.")
    return replace(
        found,
        inventory=replace(found.inventory, routers=tuple(routers)),
        storage=f"sqlite:///{folder}/large.db",
        languages=like.languages,
        trusted_proxies=like.trusted_proxies,
    )


@asynccontextmanager
async def every_page(folder: Path) -> AsyncIterator[Stage]:
    """The product on a free port of loopback, with every one of `PAGES` to be had. `folder` is there and stays the caller's."""
    settings = _settings(folder)

    def make(device: Device, login_s: float) -> tuple[Transport, list[Transport]]:
        if device.key in ("router:bird1", "route_server:bird1", "router:edge2"):
            return _Silent(), []
        return make_transport(device, login_s)

    socks = [bound_socket("127.0.0.1", 0) for _ in range(2)]
    url, large_url = (f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in socks)
    async with (
        serving(settings, socks[:1], make=make) as services,
        serving(_large(folder, settings), socks[1:], make=make) as large,
    ):
        stage = Stage(url, services, large_url)
        await stage.spoil()
        await _open_breaker(large, _asked("ping", "edge2", "31", "8.8.8.8"))
        yield stage
