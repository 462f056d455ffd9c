"""The state of connections: what routers list of their neighbours, and how seldom they are asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from doubles.glass import SETTINGS, Glass, answers, looking_glass, router, transit
from doubles.scripted import Break, Hold, Say, Script, Scripted, Step
from netpulse.cells import Unread, discover
from netpulse.inventory import Inventory, Router
from netpulse.neighbors import NeighborStates
from netpulse.query import Ask
from netpulse.records import Neighbors
from netpulse.store.audit import AuditFilter

MATRIX = discover()
JUNOS_NOW = """\
Threading mode: BGP I/O
Default eBGP mode: advertise - accept, receive - accept
Groups: 2 Peers: 4 Down peers: 2
Table          Tot Paths  Act Paths Suppressed    History Damp State    Pending
inet.0
                      20         10          0          0          0          0
Peer                     AS      InPkt     OutPkt    OutQ   Flaps Last Up/Dwn State|#Active/Received/Accepted/Damped...
192.0.2.9               174      24890      20671       0       1   1w2d 3:04:05 Establ
  inet.0: 10/20/20/0
2001:db8:9::1           174          0          0       0       0        2:10 Active
192.0.2.13             3356          3          4       0       9          42 Idle
fe80::1%ge-0/0/0.0     3356          3          4       0       9          42 Connect
"""
JUNOS_BEFORE = """\
Groups: 2 Peers: 2 Down peers: 1
Peer                     AS      InPkt     OutPkt    OutQ   Flaps Last Up/Dwn State|#Active/Received/Accepted/Damped...
192.0.2.9               174      24890      20671       0       1     3:04:05 10/20/20/0           0/0/0/0
192.0.2.13             3356          3          4       0       9          42 OpenConfirm
"""
FRR = """\
{
"ipv4Unicast":{
  "routerId":"10.0.0.3","as":64500,
  "peers":{
    "192.0.2.9":{"remoteAs":174,"state":"Established","peerState":"OK"},
    "192.0.2.13":{"remoteAs":3356,"state":"Active","peerState":"Never"},
    "swp1":{"remoteAs":65001,"state":"Established"}
  },
  "totalPeers":3
},
"ipv6Unicast":{"peers":{"2001:db8:9::1":{"state":"Idle"},"192.0.2.13":{"state":"Established"}}}
}
"""
BIRD = """\
Name       Proto      Table      State  Since         Info
device1    Device     ---        up     08:00:20.817
cogent     BGP        ---        up     08:00:22.895  Established
  BGP state:          Established
    Neighbor address: 192.0.2.9
    Neighbor AS:      174
lumen      BGP        ---        start  08:00:20.817  Connect
  BGP state:          Connect
    Neighbor address: fe80::9%eth0
"""


def read(platform: str, text: str) -> dict[str, bool]:
    cell = MATRIX.platforms[platform].neighbors
    assert cell is not None
    reader = cell.reader(Ask(target=None, family=4))
    for line in text.splitlines():
        assert list(reader.feed(line)) == []
    result = reader.close("end")
    assert isinstance(result, Neighbors)
    states: dict[str, bool] = {}
    for neighbor in result.neighbors:
        states[neighbor.address] = states.get(neighbor.address, False) or neighbor.established
    return states


@pytest.mark.parametrize(
    ("platform", "text", "expected"),
    [
        ("junos", JUNOS_NOW, {"192.0.2.9": True, "2001:db8:9::1": False, "192.0.2.13": False, "fe80::1": False}),
        ("junos", JUNOS_BEFORE, {"192.0.2.9": True, "192.0.2.13": False}),
        ("frr", FRR, {"192.0.2.9": True, "192.0.2.13": True, "2001:db8:9::1": False}),
        ("bird", BIRD, {"192.0.2.9": True, "fe80::9": False}),
    ],
)
def test_neighbours_are_read_as_their_router_lists_them(platform: str, text: str, expected: dict[str, bool]) -> None:
    assert read(platform, text) == expected


@pytest.mark.parametrize("platform", ["junos", "frr"])
@pytest.mark.parametrize("text", ["", "warning: no BGP here\n", '{"ipv4Unicast":{'])
def test_what_is_no_list_is_not_read_as_an_empty_one(platform: str, text: str) -> None:
    with pytest.raises(Unread):
        read(platform, text)


CONNECTIONS = (
    replace(transit(1, "203.0.113.1"), neighbors=(ip_address("192.0.2.9"), ip_address("2001:db8:9::1"))),
    replace(transit(2, "203.0.113.2"), neighbors=(ip_address("192.0.2.13"),)),
    replace(transit(3, "203.0.113.3"), neighbors=(ip_address("192.0.2.99"),)),
    transit(4, "203.0.113.4"),
)


def junos_router(sessions: int) -> Router:
    plain = router("core1", CONNECTIONS, sessions=sessions)
    return replace(plain, platform="junos", device=replace(plain.device, platform="junos"))


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Desk:
    """A looking glass whose only router is a script, and its neighbours' states under a clock of ours."""

    glass: Glass
    device: Scripted
    states: NeighborStates
    now: Clock
    under_way: asyncio.Event = field(default_factory=asyncio.Event)

    async def seen(self) -> list[str]:
        """The states as a look gives them, after what it began has ended."""
        found = self.look()
        await self.states.settled()
        return found

    def look(self) -> list[str]:
        (core1,) = self.glass.services.settings.inventory.routers
        return [self.states.status(core1, connection) for connection in core1.connections]

    @property
    def asked(self) -> int:
        return self.device.commands.count("show bgp summary")


@asynccontextmanager
async def desk(folder: Path, script: list[Step], *, every_s: float = 60.0, sessions: int = 3) -> AsyncIterator[Desk]:
    under_way = asyncio.Event()

    def printed(command: str) -> Script:
        if command != "show bgp summary":
            return answers(command)
        under_way.set()
        return list(script)

    device = Scripted(printed)
    settings = replace(
        SETTINGS,
        inventory=Inventory((junos_router(sessions),)),
        limits=replace(SETTINGS.limits, neighbor_states_s=every_s),
    )
    async with looking_glass(folder, {"router:core1": device}, settings) as glass:
        services, now = glass.services, Clock()
        states = NeighborStates(
            services.pipeline.frame.policy.neighbors,
            lambda: services.settings.limits.neighbor_states_s,
            services.executor,
            services.store.audit,
            now,
        )
        yield Desk(glass, device, states, now, under_way)
        await states.close()


UNKNOWN = ["unknown"] * 4


async def test_a_look_begins_a_question_and_the_next_one_knows(tmp_path: Path) -> None:
    async with desk(tmp_path, [Say(JUNOS_NOW)]) as at:
        assert await at.seen() == UNKNOWN
        assert await at.seen() == ["up", "down", "unknown", "unknown"]
        at.now.advance(59.9)
        await at.seen()
        assert at.asked == 1
        at.now.advance(0.2)
        await at.seen()
        assert at.asked == 2
        await at.glass.services.store.database.writer.drained()
        rows = [row async for row in at.glass.services.store.audit.find(AuditFilter(kind="neighbors"))]
        assert [(r.client, r.router, r.command, r.outcome) for r in rows] == [
            ("service", "core1", "show bgp summary", "finished")
        ] * 2


async def test_an_old_answer_is_not_believed_for_ever_and_a_failure_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script: list[Step] = [Say(JUNOS_NOW)]
    async with desk(tmp_path, script) as at:
        await at.seen()
        script[:] = [Say("error: permission denied: bgp\n")]
        with caplog.at_level(logging.WARNING, "netpulse.neighbors"):
            for _ in range(3):
                at.now.advance(60)
                assert (await at.seen())[0] == "up"
            at.now.advance(60)
            assert await at.seen() == UNKNOWN
        assert len(caplog.records) == 1
        assert "core1" in caplog.text
        assert "router_refused" in caplog.text


async def test_no_look_waits_for_a_router_and_one_question_is_enough(tmp_path: Path) -> None:
    async with desk(tmp_path, [Hold(), Say(JUNOS_NOW)]) as at:
        assert at.look() == UNKNOWN
        at.now.advance(1)
        assert at.look() == UNKNOWN
        await at.under_way.wait()
        at.device.go()
        await at.states.settled()
        assert at.look()[0] == "up"
        assert at.asked == 1


async def test_a_router_without_a_session_to_spare_is_not_asked(tmp_path: Path) -> None:
    async with desk(tmp_path, [Say(JUNOS_NOW)], sessions=1) as at:
        await at.seen()
        assert await at.seen() == UNKNOWN
        assert at.asked == 0


async def test_where_the_operator_has_not_said_so_nothing_is_ever_asked(tmp_path: Path) -> None:
    async with desk(tmp_path, [Say(JUNOS_NOW)], every_s=0.0) as at:
        await at.seen()
        rows = (await at.glass.get("/connections?router=core1")).json()["data"]
        assert [row["status"] for row in rows] == UNKNOWN
        assert at.device.commands == []


async def test_the_api_tells_the_state(tmp_path: Path) -> None:
    async with desk(tmp_path, [Say(JUNOS_NOW)]) as at:
        await at.glass.get("/connections?router=core1")
        await at.glass.services.neighbors.settled()
        rows = (await at.glass.get("/connections?router=core1")).json()["data"]
        assert [row["status"] for row in rows] == ["up", "down", "unknown", "unknown"]


async def test_a_router_that_drops_us_costs_only_the_knowledge(tmp_path: Path) -> None:
    async with desk(tmp_path, [Break()]) as at:
        await at.seen()
        assert await at.seen() == UNKNOWN
        assert (await at.glass.get("/ping?target=8.8.8.8&router=core1&connection=1")).status_code == 200
