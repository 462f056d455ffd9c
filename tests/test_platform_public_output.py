"""Output that others published, from devices we do not have. It lies outside the repository; without it these are skipped.

What the text itself plainly says is compared, not what another parser made of it.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from netpulse.platforms import bird, junos
from netpulse.platforms.echoes import PingReader
from netpulse.platforms.hops import TracerouteReader
from netpulse.query import Ask

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "fixtures"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the published device output (../shared/fixtures) is not here"
)

COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")
UNIX = ("linux", "freebsd", "macos")


def published(query: str, *systems: str) -> list[Path]:
    found = [path for system in systems for path in sorted((FOLDER / system / query).glob("*.txt"))]
    return [path for path in found if not path.name.endswith((".xml.txt", ".json.txt"))]


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", published("ping", *UNIX, "juniper_junos"), ids=name_of)
def test_published_pings_are_counted_as_their_summary_counts(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    reader = PingReader(5, first_seq=0)
    for line in text.splitlines():
        reader.feed(line)
    result = reader.close("end")
    said = COUNTS.search(text)
    assert said is not None
    assert (result.sent, result.received) == (int(said[1]), int(said[2]))
    # One published text has a reply with no sequence number; no reply is ever made up.
    assert len(result.echoes) in (result.received, result.received - 1)
    assert all(echo.rtt_ms is not None and echo.ttl is not None for echo in result.echoes)


@pytest.mark.parametrize("path", published("traceroute", *UNIX), ids=name_of)
def test_published_traces_have_every_numbered_hop(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    reader = TracerouteReader("192.0.2.1")
    for line in text.splitlines():
        reader.feed(line)
    numbered = {int(found[1]) for found in re.finditer(r"(?m)^\s*(\d{1,2})\s+\S", text)}
    hops = reader.close("end").hops
    assert {hop.hop for hop in hops} == numbered
    assert all(1 <= len(hop.probes) <= 6 for hop in hops)


@pytest.mark.parametrize("path", published("bgp_route", "bird"), ids=name_of)
def test_published_bird_routes_are_all_read_with_their_paths(path: Path) -> None:
    text = re.sub(r"(?m)^\d{4}[ -]", "", path.read_text(encoding="utf-8"))
    prefixes = re.findall(r"(?m)^ ?([0-9a-f.:]+/\d+) ", text)
    for asked in dict.fromkeys(prefixes):
        reader = bird.AsPathReader(Ask(target=ip_network(asked), family=4, own_routes=True))
        for line in text.splitlines():
            reader.feed(line)
        result = reader.close("end")
        assert result.prefix == asked
        assert all(route.as_path is not None and route.next_hop is not None for route in result.routes)
        assert [route.best for route in result.routes].count(True) == 1


@pytest.mark.parametrize("path", published("bgp_route", "juniper_junos"), ids=name_of)
def test_published_junos_routes_are_read_where_they_are_in_detail(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    heads = re.findall(r"(?m)^\s*([0-9a-f.:]+/\d+) \(\d+ entr", text)
    for asked in heads:
        reader = junos.AsPathReader(Ask(target=ip_network(asked), family=4, own_routes=True))
        for line in text.splitlines():
            reader.feed(line)
        route = reader.close("end").routes[0]
        assert route.best
        assert route.as_path is not None
        assert route.learned_from.address is not None
        assert route.age_s is not None
