"""What a real BIRD 2.0.12 said about its routes, and what Junos prints of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from doubles.bird_proxy import FakeBird
from doubles.steps import Close, Say, Step
from netpulse.lab.junos_routes import (
    BirdUnwilling,
    Entry,
    ask_bird,
    inactive_reason,
    print_table,
    read_entries,
    read_session,
)
from netpulse.lab.junos_run import JunosRun
from netpulse.lab.router_spec import RouterSpec

ROUTES = """\
1007-Table master4:
 8.8.8.0/24           unicast [cogent 2026-11-24 08:02:35] * (100) [AS15169i]
 \tvia 10.9.0.2 on xa
1008-\tType: BGP univ
1012-\tBGP.origin: IGP
 \tBGP.as_path: 174 {1133 1124}
 \tBGP.next_hop: 10.9.0.2
 \tBGP.med: 5
 \tBGP.local_pref: 120
 \tBGP.community: (174,21001) (174,22)
 \tBGP.ext_community: (rt, 64500, 7)
 \tBGP.large_community: (64500, 1, 2)
1007-                     unicast [lumen 2026-11-24 08:02:36] (100) [AS15169i]
 \tvia 10.9.0.3 on xa
1008-\tType: BGP univ
1012-\tBGP.origin: Incomplete
 \tBGP.as_path: 3356 15169
 \tBGP.next_hop: 10.9.0.3
 \tBGP.local_pref: 100
0000 
"""  # noqa: W291
COUNT = "1007-4 of 4 routes for 2 networks in table master4\n0000 \n"


def session(asn: int, address: str) -> str:
    return (f"2002-Name       Proto      Table      State  Since         Info\n1002-x  BGP  ---  up  08:02:35  Established\n"
            f"1006-  BGP state:          Established\n     Neighbor address: {address}\n     Neighbor AS:      {asn}\n"
            f"     Local AS:         64500\n     Neighbor ID:      10.0.0.{address[-1]}\n0000 \n")


SCRIPT: dict[str, str | Sequence[Step]] = {
    "show route for 8.8.8.8 table master4 all": ROUTES,
    "show route 8.8.8.0/24 table master4 all": ROUTES,
    "show route for 9.9.9.9 table master4 all": "8001 Network not found\n",
    "show route count table master4": COUNT,
    "show protocols all cogent": session(174, "10.9.0.2"),
    "show protocols all lumen": session(3356, "10.9.0.3"),
    "cut": [Say("1007-Table"), Close()],
}
DETAIL = """
inet.0: 2 destinations, 4 routes (2 active, 0 holddown, 0 hidden)
8.8.8.0/24 (2 entries, 1 announced)
        *BGP    Preference: 170/-121
                Next hop type: Router, Next hop index: 0
                Address: 0x0
                Next-hop reference count: 1
                Source: 10.9.0.2
                Next hop: 10.9.0.2 via xa, selected
                Session Id: 0
                State: <Active Ext>
                Local AS: 64500 Peer AS:   174
                Age: 1w2d 01:00:05 Metric: 5 
                Validation State: unverified 
                Task: BGP_174.10.9.0.2
                Announcement bits (3): 0-KRT 1-BGP_RT_Background 2-Resolve tree 1 
                AS path: 174 {1133 1124} I 
                Communities: 174:21001 174:22 large:64500:1:2 target:64500:7
                Accepted
                Localpref: 120
                Router ID: 10.0.0.2
         BGP    Preference: 170/-101
                Next hop type: Router, Next hop index: 0
                Address: 0x0
                Next-hop reference count: 1
                Source: 10.9.0.3
                Next hop: 10.9.0.3 via xa, selected
                Session Id: 0
                State: <Ext>
                Inactive reason: Local Preference
                Local AS: 64500 Peer AS:  3356
                Age: 1w2d 01:00:04 
                Validation State: unverified 
                Task: BGP_3356.10.9.0.3
                AS path: 3356 15169 ? 
                Accepted
                Localpref: 100
                Router ID: 10.0.0.3

"""  # noqa: W291


async def test_the_routers_own_routes_are_printed_in_detail(tmp_path: Path) -> None:
    async with FakeBird(tmp_path / "bird", SCRIPT):
        bird = str(tmp_path / "bird")
        entries = read_entries(await ask_bird(bird, "show route for 8.8.8.8 table master4 all"))
        counted = await ask_bird(bird, "show route count table master4")
        sessions = {name: read_session(await ask_bird(bird, f"show protocols all {name}")) for name in ("cogent", "lumen")}
    now = datetime(2026, 12, 3, 9, 2, 40)
    assert print_table("inet.0", counted[0], entries, sessions, now) == DETAIL


async def test_no_route_prints_nothing_and_a_refusal_is_its_words(tmp_path: Path) -> None:
    async with FakeBird(tmp_path / "bird", SCRIPT):
        assert await ask_bird(str(tmp_path / "bird"), "show route for 9.9.9.9 table master4 all") == []
        with pytest.raises(BirdUnwilling, match="syntax error"):
            await ask_bird(str(tmp_path / "bird"), "nonsense")
        with pytest.raises(ConnectionResetError):
            await ask_bird(str(tmp_path / "bird"), "cut")


async def test_show_route_asks_the_table_of_the_family_and_says_when_routing_is_down(tmp_path: Path) -> None:
    said: list[str] = []

    async def say(is_error: bool, text: str) -> None:
        said.append(text)

    spec = RouterSpec(name="core1", platform="junos", control="", host_keys=("k",), authorized_keys="",
                      bird_socket=str(tmp_path / "bird"))
    async with FakeBird(tmp_path / "bird", SCRIPT) as bird:
        assert await JunosRun(spec, say).run("show route 8.8.8.0/24 table inet.0 exact detail") == 0
        assert "AS path: 174 {1133 1124} I" in said[-1]
        assert await JunosRun(spec, say).run("show route 9.9.9.9 table inet.0 detail") == 0
        assert said[-1] == ""
        assert await JunosRun(spec, say).run("show route 9.9.9.9 table inet6.0 detail") == 1
        assert said[-1] == "\nerror: table inet6.0 not found\n"
        assert "show route 8.8.8.0/24 table master4 all" in bird.asked
    assert await JunosRun(spec, say).run("show route 9.9.9.9 detail") == 1
    assert said[-1] == "error: the routing subsystem is not running\n"


def entry(neighbor: str, path: str, **attributes: str) -> Entry:
    named = {f"BGP.{name}": value for name, value in attributes.items()}
    return Entry("8.8.8.0/24", "unicast", "x", "08:00:00", str(ip_address(neighbor)), False,
                 attributes={"BGP.as_path": path, "BGP.origin": "IGP", **named})


@pytest.mark.parametrize(("loser", "reason"), [
    (entry("192.0.2.9", "174 15169", local_pref="90"), "Local Preference"),
    (entry("192.0.2.9", "174 6939 15169"), "AS path"),
    (entry("192.0.2.9", "174 15169", origin="Incomplete"), "Origin"),
    (entry("192.0.2.9", "3356 15169", med="9"), "Not Best in its group - Route Metric or MED comparison"),
    (entry("192.0.2.9", "174 15169", originator_id="10.0.0.1"), "Interior > Exterior > Exterior via Interior"),
    (entry("192.0.2.9", "174 15169"), "Router ID"),
    (entry("192.0.2.0", "174 15169"), "Active preferred"),
])
def test_a_route_lost_at_the_first_step_where_it_differs(loser: Entry, reason: str) -> None:
    assert inactive_reason(loser, entry("192.0.2.1", "3356 15169")) == reason
