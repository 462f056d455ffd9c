"""Whatever a device prints, a reader neither raises nor loses what it understood; tried with made-up lines."""

from __future__ import annotations

import json
import tomllib
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpulse.cells import SourceDown, Unread, discover
from netpulse.events import Ending
from netpulse.inventory import RouteTable
from netpulse.platforms.echoes import PingReader
from netpulse.platforms.hops import TracerouteReader
from netpulse.platforms.paths import path_elements
from netpulse.queries.ping import Echo
from netpulse.queries.traceroute import Hop
from netpulse.query import Ask
from netpulse.records import AsConfed, AsConfedSet, AsSet

CAPTURES = Path(__file__).parent / "captures"
MATRIX = discover()
CELLS = sorted(MATRIX.where)
ANY_TABLE = RouteTable()
ENDINGS: tuple[Ending, ...] = ("end", "silent_tail", "deadline", "caller", "fault")

CAPTURED = sorted({line for path in CAPTURES.rglob("*.out") for line in path.read_text().splitlines()})
WORDS = (
    "8.8.8.0/24 2001:db8::/32 10.0.0.1 2001:db8::1 fe80::1%eth0 174 65536.1 4294967296 * *BGP BGP Preference: 170/-101 AS "
    "path: path Age: 3w2d 4:45:37 Communities: large:1:2:3 target:1:2 {1 2} ( [ ] ) , [AS174i] unicast via from ms ms !H "
    "!<13> (8.8.8.8) MPLS Label=299856 CoS=0 TTL=1 S=1 64 bytes icmp_seq=1 icmp_seq=0: ttl=64 hlim=64 time=1.5 time<1 5 "
    'packets transmitted, received, 0% packet loss rtt min/avg/max/mdev = 1/2/3/4 ms { } " \\ "paths":[ null 8001 9001 '
    "Network not found Table master4: BGP.as_path: BGP.community: (1,2) \t\t(3,4) State: UP Channel ipv4 Established "
    "traceroute to traceroute: sendto: No route to host Current server time is 2026-11-24 08:00:29.319 24:61:61 ١٢٣ \u0000"
).split(" ")
made_up = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
indented = st.builds(lambda blanks, text: " " * blanks + text, st.integers(0, 24), made_up)
any_line = st.one_of(
    st.sampled_from(CAPTURED), indented, st.text(max_size=60), st.text("0123456789.:/ *[](){}", max_size=60)
)
targets = st.sampled_from(["8.8.8.8", "8.8.8.0/24", "2001:4860:4860::8888", "2001:4860::/32", "0.0.0.0/0"])
tables = st.sampled_from(
    [RouteTable(), RouteTable(table="core1_v4", best_protocol="core1_best"), RouteTable(protocol="core1_all")]
)


def ask(target: str, table: RouteTable = ANY_TABLE, own_routes: bool = False) -> Ask:
    value = ip_network(target) if "/" in target else ip_address(target)
    return Ask(target=value, family=4 if value.version == 4 else 6, table=table, own_routes=own_routes)


@pytest.mark.parametrize("place", CELLS, ids="-".join)
@given(
    lines=st.lists(any_line, max_size=30),
    further=st.lists(any_line, max_size=10),
    target=targets,
    table=tables,
    own_routes=st.booleans(),
    ending=st.sampled_from(ENDINGS),
)
def test_a_reader_never_raises_on_lines(
    place: tuple[str, str],
    lines: list[str],
    further: list[str],
    target: str,
    table: RouteTable,
    own_routes: bool,
    ending: Ending,
) -> None:
    cell, kind = MATRIX.cells[place], MATRIX.queries[place[1]]
    if "/" in target and place[1] != "aspath":
        target = "8.8.8.8"
    reader = cell.reader(ask(target, table, own_routes))
    for line in lines:
        assert all(isinstance(record, kind.record) for record in reader.feed(line))
    asked = 0
    while reader.follow_up() is not None:
        asked += 1
        assert asked <= 3
        for line in further:
            assert all(isinstance(record, kind.record) for record in reader.feed(line))
    with suppress(Unread, SourceDown):
        assert isinstance(reader.close(ending), kind.result)


junk = st.sampled_from(
    [
        "",
        "{master}",
        "From 192.0.2.1 icmp_seq=3 Destination Host Unreachable",
        "no answer yet for icmp_seq=2",
        "36 bytes from 192.0.2.1: Destination Host Unreachable",
        "Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst",
        "ping: sendto: No route to host",
        "traceroute: sendto: No route to host",
    ]
)


@given(
    seqs=st.lists(st.integers(0, 4), unique=True),
    between=st.lists(junk, min_size=6, max_size=6),
    six=st.booleans(),
)
def test_every_reply_is_found_once_whatever_stands_between(seqs: list[int], between: list[str], six: bool) -> None:
    reader = PingReader(5, first_seq=0)
    found: list[object] = []
    for seq, line in zip(seqs, between, strict=False):
        text = (
            f"16 bytes from 2001:db8::1, icmp_seq={seq} hlim=58 time={seq}.5 ms"
            if six
            else f"64 bytes from 192.0.2.1: icmp_seq={seq} ttl=58 time={seq}.5 ms"
        )
        found += [*reader.feed(line), *reader.feed(text), *reader.feed(f"{text} (DUP!)"), *reader.feed(line)]
    reader.feed(f"5 packets transmitted, {len(seqs)} packets received, 0% packet loss")
    wanted = [
        Echo(
            seq=seq,
            address="2001:db8::1" if six else "192.0.2.1",
            ttl=58,
            bytes=16 if six else 64,
            rtt_ms=seq + 0.5,
        )
        for seq in seqs
    ]
    assert found == wanted
    result = reader.close("end")
    assert result.echoes == tuple(wanted)
    assert (result.sent, result.received) == (5, len(seqs))


hop_words = st.lists(
    st.sampled_from(["*", "192.0.2.7  1.234 ms", "ae1.example.net (192.0.2.9)  2.5 ms !H"]), min_size=1, max_size=3
)


@given(hops=st.lists(hop_words, min_size=1, max_size=30), between=junk)
def test_every_hop_is_found_whatever_stands_between(hops: list[list[str]], between: str) -> None:
    reader = TracerouteReader("8.8.8.8")
    found: list[object] = []
    for number, words in enumerate(hops, 1):
        found += [*reader.feed(f"{number:2d}  {'  '.join(words)}"), *reader.feed(between)]
    result = reader.close("end")
    assert [hop.hop for hop in result.hops] == list(range(1, len(hops) + 1))
    assert [len(hop.probes) for hop in result.hops] == [len(words) for words in hops]
    assert list(result.hops) == [record for record in found if isinstance(record, Hop)]


@given(st.text("0123456789.,{}()[] ", max_size=40))
def test_a_written_path_is_read_whole_or_not_at_all(text: str) -> None:
    path = path_elements(text)
    if path is not None:
        words = text.translate(str.maketrans("{}()[],", " " * 7)).split()
        lengths = [1 if isinstance(element, int) else len(numbers_in(element)) for element in path]
        assert sum(lengths) == len(words)


def numbers_in(segment: AsSet | AsConfed | AsConfedSet) -> tuple[int, ...]:
    if isinstance(segment, AsSet):
        return segment.set
    return segment.confed if isinstance(segment, AsConfed) else segment.confed_set


@pytest.mark.parametrize("case", sorted(CAPTURES.glob("frr/aspath/*.toml")), ids=lambda case: case.stem)
def test_a_cut_json_reply_is_unread_and_never_half_an_answer(case: Path) -> None:
    lines = case.with_suffix(".out").read_text().splitlines()
    origin = tomllib.loads(case.read_text())
    whole = json.loads(case.with_suffix(".json").read_text())
    if not whole["result"]["routes"]:
        return
    for length in range(len(lines)):
        reader = MATRIX.cells["frr", "aspath"].reader(ask(origin["ask"]["target"], own_routes=True))
        for line in lines[:length]:
            reader.feed(line)
        with pytest.raises(Unread):
            reader.close("end")
