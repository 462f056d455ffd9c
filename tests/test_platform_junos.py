"""Junos: the public commands word for word, and the forms of its text that our captures do not show."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest

from netpulse.cells import Unread
from netpulse.events import Ending
from netpulse.inventory import RouteTable
from netpulse.platforms import junos
from netpulse.platforms.hops import TracerouteReader
from netpulse.platforms.junos_routes import age_s
from netpulse.queries.aspath import AsPathResult
from netpulse.query import Ask
from netpulse.records import AsConfed, AsConfedSet, AsSet

V4 = Ask(target=ip_address("8.8.8.8"), family=4, source=ip_address("203.0.113.1"))
V6 = Ask(target=ip_address("2001:4860:4860::8888"), family=6, source=ip_address("2001:db8:174::1"))


def routes(text: str, target: str = "192.0.2.1") -> AsPathResult:
    value = ip_network(target) if "/" in target else ip_address(target)
    reader = junos.AsPathReader(Ask(target=value, family=4 if value.version == 4 else 6))
    for line in text.splitlines():
        reader.feed(line)
    return reader.close("end")


def entry(*lines: str, first: str = "*BGP    Preference: 170/-101") -> str:
    return "\n".join(
        ["192.0.2.0/24 (1 entry, 1 announced)", f"        {first}", *(f"                {x}" for x in lines)]
    )


@pytest.mark.parametrize(
    ("ask", "ping", "traceroute"),
    [
        (
            V4,
            "ping 8.8.8.8 source 203.0.113.1 count 5",
            "traceroute 8.8.8.8 source 203.0.113.1 no-resolve wait 2 ttl 30",
        ),
        (
            V6,
            "ping inet6 2001:4860:4860::8888 source 2001:db8:174::1 count 5",
            "traceroute inet6 2001:4860:4860::8888 source 2001:db8:174::1 no-resolve wait 2 ttl 30",
        ),
        (
            Ask(target=V4.target, family=4, source=V4.source, routing_instance="lumen"),
            "ping 8.8.8.8 source 203.0.113.1 count 5 routing-instance lumen",
            "traceroute 8.8.8.8 source 203.0.113.1 no-resolve wait 2 ttl 30 routing-instance lumen",
        ),
        (Ask(target=V4.target, family=4), "ping 8.8.8.8 count 5", "traceroute 8.8.8.8 no-resolve wait 2 ttl 30"),
    ],
)
def test_the_public_commands_hold_word_for_word(ask: Ask, ping: str, traceroute: str) -> None:
    assert junos.ping_command(ask) == ping
    assert junos.traceroute_command(ask) == traceroute


def test_routes_are_asked_in_the_main_table_or_the_one_named() -> None:
    assert junos.aspath_command(V4) == "show route 8.8.8.8 table inet.0 detail"
    assert junos.aspath_command(V6) == "show route 2001:4860:4860::8888 table inet6.0 detail"
    named = Ask(target=ip_network("8.8.8.0/24"), family=4, table=RouteTable(table="lumen.inet.0"))
    assert junos.aspath_command(named) == "show route 8.8.8.0/24 exact table lumen.inet.0 detail"


@pytest.mark.parametrize("ending", ["caller", "fault", "deadline"])
def test_silence_that_was_cut_short_is_no_answer(ending: Ending) -> None:
    reader = junos.AsPathReader(V4)
    with pytest.raises(Unread):
        reader.close(ending)


def test_silence_is_the_answer_that_there_is_no_route() -> None:
    assert routes("\n{master}\n") == AsPathResult(prefix=None, covering=None, routes=())


def test_other_words_are_unread() -> None:
    with pytest.raises(Unread):
        routes("Who are you?")


@pytest.mark.parametrize(
    ("text", "path", "origin"),
    [
        ("174 15169 I ", (174, 15169), "IGP"),
        ("I  (Originator)", (), "IGP"),
        ("1103 {1124 1133} I Aggregator: 1103 192.0.2.9", (1103, AsSet(set=(1124, 1133))), "IGP"),
        ("(65161 65162) 174 E", (AsConfed(confed=(65161, 65162)), 174), "EGP"),
        ("([65161 65162]) 174 ?", (AsConfedSet(confed_set=(65161, 65162)), 174), "incomplete"),
        ("[64500] 174 4200000001 I", (64500, 174, 4200000001), "IGP"),
        ("1.10 I", (65546,), "IGP"),
        ("Recorded", None, None),
    ],
)
def test_as_paths_are_read_in_all_their_forms(text: str, path: object, origin: object) -> None:
    found = routes(entry(f"AS path: {text}")).routes[0]
    assert (found.as_path, found.origin) == (path, origin)


def test_a_neighbour_is_known_by_source_and_peer_as_and_the_next_hop_by_the_protocol() -> None:
    text = entry(
        "Source: 10.16.2.2",
        "Next hop: 10.145.0.2 via ge-0/0/0.0, selected",
        "Protocol next hop: 10.100.5.5",
        "Local AS:     2 Peer AS:     7",
        "Age: 3w2d 4:45:37       Metric: 10     Metric2: 3",
        "AS path: 174 15169 I",
        "Localpref: 200",
    )
    found = routes(text).routes[0]
    assert (found.learned_from.address, found.learned_from.asn) == ("10.16.2.2", 7)
    assert (found.next_hop, found.med, found.local_pref) == ("10.100.5.5", 10, 200)
    assert found.age_s == 23 * 86400 + 4 * 3600 + 45 * 60 + 37


def test_of_several_next_hops_the_selected_one_counts() -> None:
    text = entry("Next hop: 10.0.0.1 via ge-0/0/0.0", "Next hop: 10.0.0.2 via ge-0/0/1.0, selected", "AS path: 174 I")
    assert routes(text).routes[0].next_hop == "10.0.0.2"


def test_the_three_kinds_of_communities_are_told_apart() -> None:
    found = routes(entry("Communities: 174:21001 no-export large:174:1:2 target:174:100 origin:174:7")).routes[0]
    assert [(one.value, one.name) for one in found.communities] == [("174:21001", None), ("65535:65281", "no-export")]
    assert [one.value for one in found.large_communities] == ["174:1:2"]
    assert [one.value for one in found.ext_communities] == ["rt:174:100", "ro:174:7"]


def test_a_route_that_lost_or_is_hidden_says_why() -> None:
    lost = routes(entry("Inactive reason: AS path", first=" BGP    Preference: 170/-101")).routes[0]
    hidden = routes(entry("Hidden reason: rejected by import policy", first=" BGP                 /-101")).routes[0]
    assert (lost.best, lost.why_not_best) == (False, "AS path")
    assert (hidden.best, hidden.why_not_best) == (False, "hidden: rejected by import policy")


@pytest.mark.parametrize(("word", "state"), [("valid", "valid"), ("unknown", "not_found"), ("unverified", None)])
def test_the_routers_own_validation_is_kept(word: str, state: str | None) -> None:
    assert routes(entry(f"Validation State: {word} ")).routes[0].rpki.state == state


def test_a_static_route_has_no_path() -> None:
    found = routes(
        entry("Next hop: 10.0.0.1 via ge-0/0/0.0, selected", "AS path: I", first="*Static Preference: 5")
    ).routes[0]
    assert (found.as_path, found.origin, found.best, found.next_hop) == (None, None, True, "10.0.0.1")


def test_an_absent_prefix_is_covered_only_by_one_around_it() -> None:
    reader = junos.AsPathReader(Ask(target=ip_network("192.0.0.0/16"), family=4))
    assert reader.follow_up() == "show route 192.0.0.0 table inet.0 detail"
    for line in entry("AS path: I").replace("192.0.2.0/24", "192.0.0.0/24").splitlines():
        reader.feed(line)
    assert reader.follow_up() is None
    assert reader.close("end") == AsPathResult(prefix=None, covering=None, routes=())


@pytest.mark.parametrize(
    ("text", "seconds"), [("Age: 13", 13), ("Age: 1:06 ", 66), ("Age: 2d 1:00:00", 176400), ("Age: ?", None)]
)
def test_ages_are_seconds(text: str, seconds: int | None) -> None:
    assert age_s(text) == seconds


def test_labels_and_further_addresses_on_their_own_lines_belong_to_the_hop() -> None:
    reader = TracerouteReader("8.8.8.8")
    reader.feed(" 3  192.0.2.5 (192.0.2.5)  1.5 ms  1.6 ms")
    reader.feed("    r2.example.net 192.0.2.6  1.7 ms")
    given = [*reader.feed("     MPLS Label=299856 CoS=0 TTL=1 S=1")]
    hop = reader.close("end").hops[0]
    assert given == [hop]
    assert hop.mpls == ("Label=299856 CoS=0 TTL=1 S=1",)
    assert [(probe.address, probe.name) for probe in hop.probes] == [
        ("192.0.2.5", None),
        ("192.0.2.5", None),
        ("192.0.2.6", "r2.example.net"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "syntax error, expecting <command>.",
        "syntax error.",
        "unknown command.",
        "error: command is not valid on the mx304",
        "error: syntax error, expecting <command>: rapid",
        "error: permission denied: ping",
        "error: table nope.inet.0 not found",
        "bind: Can't assign requested address",
        "ping: bind: Can't assign requested address",
        "ping: routing instance lumen2 not found",
        "traceroute6: wait must be >1 sec.",
    ],
)
def test_refusals_are_known(line: str) -> None:
    assert any(re.match(pattern, line) for pattern in junos.REFUSALS)


def test_a_trace_that_cannot_be_sent_is_four_silent_hops_and_not_waited_for() -> None:
    complaint = "traceroute: wrote 23.0.0.1 52 chars, ret=-1"
    reader = TracerouteReader("23.0.0.1")
    fed = 0
    for line in ["traceroute to 23.0.0.1 (23.0.0.1) from 203.0.113.1, 30 hops max, 52 byte packets"] + [
        line
        for hop in range(1, 31)
        for line in (
            "traceroute: sendto: No route to host",
            f"{hop:2} {complaint}",
            " *traceroute: sendto: No route to host",
            complaint,
            " *traceroute: sendto: No route to host",
            complaint,
            " *",
        )
    ]:
        if reader.enough:
            break
        list(reader.feed(line))
        fed += 1
    result = reader.close("silent_tail")
    assert fed == 1 + 4 * 7
    assert [(hop.hop, [probe.note for probe in hop.probes]) for hop in result.hops] == [
        (number, ["timeout"] * 3) for number in (1, 2, 3, 4)
    ]
    assert (result.reached, result.stopped) == (False, "silent_tail")
