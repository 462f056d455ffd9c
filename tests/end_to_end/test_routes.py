"""AS paths: what the routers chose, what else they know, and what is said when a source is down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from doubles.lab_glass import Glass
from netpulse.lab.lab import Lab

ASPATH_FIELDS = [
    "target", "router", "prefix", "command", "output", "duration_ms", "source", "result", "cached", "age_s", "started_at",
    "id", "url",
]  # fmt: skip


def short(data: dict[str, Any]) -> list[tuple[str, bool | None, str | None, int | None]]:
    return [
        (r["as_path_text"], r["best"], r["best_by"], r["learned_from"]["connection_id"])
        for r in data["result"]["routes"]
    ]


async def test_all_that_the_router_knows_is_told_and_what_it_chose_is_marked(glass: Glass) -> None:
    data = await glass.ask("/aspath", target="8.8.8.8", router="core1")
    assert list(data)[:13] == ASPATH_FIELDS
    assert (data["prefix"], data["source"]) == ("8.8.8.0/24", {"name": "rs1", "router": None, "route_server": "rs1"})
    assert data["command"] == "show route for 8.8.8.8 table core1_v4 all"
    assert short(data)[0] == ("174 15169", True, "router", 1)
    assert set(short(data)) == {
        ("174 15169", True, "router", 1),
        ("3356 15169", False, "router", 2),
        ("15169", False, "router", 3),
    }
    best = data["result"]["routes"][0]
    assert best["as_path"] == [174, 15169]
    assert best["origin_asn"] == 15169
    assert {"value": "174:21001", "name": None} in best["communities"]
    assert {"value": "174:1:1", "name": None} in best["large_communities"]


async def test_the_odd_targets_read_as_they_are(glass: Glass) -> None:
    aggregate = (await glass.ask("/aspath", target="130.89.0.0/16", router="core1"))["result"]["routes"][0]
    assert isinstance(aggregate["as_path"][-1], dict)
    assert list(aggregate["as_path"][-1]) == ["set"]
    assert aggregate["origin_asn"] is None
    prepended = await glass.ask("/aspath", target="193.0.6.139", router="core2")
    assert "2914 3333 3333 3333 3333" in {path for path, *_ in short(prepended)}
    hijacked = await glass.ask("/aspath", target="9.9.9.0/24", router="core1")
    assert {route["origin_asn"] for route in hijacked["result"]["routes"]} == {19281, 64666}


async def test_an_exact_prefix_that_is_absent_names_the_longest_one_around_it(glass: Glass) -> None:
    data = await glass.ask("/aspath", target="8.8.8.0/25", router="core1")
    assert (data["prefix"], data["covering"], data["result"]["routes"]) == (None, "8.8.8.0/24", [])


async def test_no_route_is_an_answer(glass: Glass) -> None:
    data = await glass.ask("/aspath", target="44.0.0.1", router="core1")
    assert (data["prefix"], data["covering"], data["result"]["routes"]) == (None, None, [])


async def test_without_a_router_the_first_available_one_is_asked(glass: Glass) -> None:
    assert (await glass.ask("/aspath", target="1.1.1.0/24"))["router"] == "Core Router 1"


async def test_all_routers_are_asked_side_by_side_and_folded(glass: Glass, lab: Lab) -> None:
    data = await glass.ask("/aspath/all-routers", target="9.9.9.9")
    assert list(data) == ["target", "routers", "summary", "id", "url"]
    assert [row["slug"] for row in data["routers"]] == lab.routers
    assert all(row["ok"] for row in data["routers"])
    assert data["summary"]["origins"] == [19281, 64666]
    assert [best["router"] for best in data["summary"]["best_paths"]] == lab.routers


async def test_frr_tells_every_path_in_its_own_words(glass: Glass, lab: Lab) -> None:
    if "frr1" not in lab.routers:
        pytest.skip("FRR is not installed: frr1 is missing from the lab")
    data = await glass.ask("/aspath", target="8.8.8.8", router="frr1")
    assert data["source"] == {"name": "Edge Router 1", "router": "frr1", "route_server": None}
    assert data["prefix"] == "8.8.8.0/24"
    assert {connection for *_, connection in short(data)} == {6, 7}
    assert next(connection for _, best, _, connection in short(data) if best) == 6


async def test_bird1_tells_its_own_choice(glass: Glass) -> None:
    data = await glass.ask("/aspath", target="8.8.8.8", router="bird1")
    assert short(data) == [("6461 3356 15169", True, "router", 8)]


@contextmanager
def sessions_down(lab: Lab, *pairs: tuple[str, str]) -> Iterator[None]:
    for server, protocol in pairs:
        lab.stop_bgp(server, protocol)
    try:
        yield
    finally:
        for server, protocol in pairs:
            lab.start_bgp(server, protocol)
        lab.wait("all")


def core1_at(lab: Lab, server: str) -> list[tuple[str, str]]:
    """Every BGP session between core1 and this route server."""
    return [
        (server, name) for name in re.findall(r"(?m)^[ 0-9-]*(core1_\w+) +BGP ", lab.bird(server, "show protocols"))
    ]


@pytest.mark.parametrize("target", ["8.8.8.8", "44.0.0.1"])
async def test_with_the_session_to_one_route_server_down_the_other_answers(glass: Glass, lab: Lab, target: str) -> None:
    with sessions_down(lab, *core1_at(lab, "rs1")):
        data = await glass.ask("/aspath", target=target, router="core1")
        assert data["source"]["route_server"] == "rs2"
        assert (data["prefix"] is None) == (target == "44.0.0.1")


async def test_with_all_its_sessions_down_a_router_has_no_answer_rather_than_no_route(glass: Glass, lab: Lab) -> None:
    with sessions_down(lab, *core1_at(lab, "rs1"), *core1_at(lab, "rs2")):
        assert await glass.refused("/aspath", target="8.8.8.8", router="core1") == (500, "route_source_down")
        data = await glass.ask("/aspath/all-routers", target="8.8.8.8")
        rows = {row["slug"]: row for row in data["routers"]}
        assert (rows["core1"]["ok"], rows["core1"]["code"]) == (False, "route_source_down")
        assert rows["core2"]["ok"] is True
