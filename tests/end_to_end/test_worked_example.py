"""What the API promises, asked over HTTP of a looking glass in front of real routers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from doubles.lab_glass import Glass
from netpulse.lab.lab import Lab

PING_FIELDS = [
    "target", "router", "connection", "source_ip", "command", "output", "duration_ms", "address", "egress", "result",
    "queued_ms", "started_at", "id", "url",
]  # fmt: skip


async def test_the_worked_example_holds_to_the_letter(glass: Glass) -> None:
    data = await glass.ask("/ping", target="8.8.8.8", router="core1", connection=1)
    assert list(data)[:14] == PING_FIELDS
    assert (data["router"], data["connection"]) == ("Core Router 1", "Cogent Transit")
    assert data["source_ip"] == "203.0.113.1"
    assert data["command"] == "ping 8.8.8.8 source 203.0.113.1 count 5"
    assert type(data["duration_ms"]) is int
    assert data["output"].startswith("PING 8.8.8.8 (8.8.8.8): 56 data bytes\n64 bytes from 8.8.8.8: icmp_seq=0 ttl=")
    assert data["output"].endswith(" ms\n")
    assert (data["result"]["sent"], data["result"]["received"], data["result"]["loss_pct"]) == (5, 5, 0.0)
    assert [echo["seq"] for echo in data["result"]["echoes"]] == [0, 1, 2, 3, 4]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", data["started_at"])
    assert re.fullmatch(r"[0-9a-f]{32}", data["id"])


@pytest.mark.parametrize(
    ("router", "connection"), [("core1", 1), ("core1", 2), ("core1", 3), ("core2", 4), ("core2", 5)]
)
async def test_packets_leave_by_the_connection_that_was_asked_for(
    glass: Glass, lab: Lab, router: str, connection: int
) -> None:
    others = {"core1": (1, 2, 3), "core2": (4, 5)}[router]
    before = {number: lab.packets(router, number) for number in others}
    await glass.ask("/ping", target="8.8.8.8", router=router, connection=connection)
    sent = {number: lab.packets(router, number) - before[number] for number in others}
    assert sent[connection] >= 5
    assert all(count < 5 for number, count in sent.items() if number != connection), sent


async def test_the_same_target_by_another_connection_takes_another_way(glass: Glass) -> None:
    ways = {}
    for connection in (1, 2, 3):
        data = await glass.ask("/traceroute", target="8.8.8.8", router="core1", connection=connection, as_lookup="true")
        assert data["result"]["reached"] is True
        assert data["result"]["stopped"] is None
        assert data["egress"]["verdict"] == "enforced"
        ways[connection] = data["result"]["hops"]
    asns = {number: {hop["asn"] for hop in hops[:-1]} for number, hops in ways.items()}
    assert 174 in asns[1]
    assert 3356 not in asns[1]
    assert 3356 in asns[2]
    assert 174 not in asns[2]
    assert ways[3][0]["ix"] == "DE-CIX"
    assert ways[3][0]["asn"] is None
    assert ways[2][-1]["asn"] == 15169
    assert ways[2][-1]["as_name"] == "Google"
    assert ways[2][-1]["probes"][0]["name"] == "dns.google"


async def test_numbers_and_exchanges_of_hops_are_left_out_unless_asked_for(glass: Glass) -> None:
    data = await glass.ask("/traceroute", target="8.8.8.8", router="core1", connection=3)
    assert {(hop["asn"], hop["as_name"], hop["ix"]) for hop in data["result"]["hops"]} == {(None, None, None)}
    assert data["result"]["hops"][-1]["probes"][0]["name"] == "dns.google"


@pytest.mark.parametrize("query", ["ping", "traceroute"])
async def test_a_target_that_the_exchange_does_not_carry_is_unreachable_and_takes_no_other_way(
    glass: Glass, lab: Lab, query: str
) -> None:
    before = lab.packets("core2", 4)
    data = await glass.ask(f"/{query}", target="23.0.0.1", router="core2", connection=5)
    assert "No route to host" in data["output"]
    if query == "ping":
        assert (data["result"]["received"], data["result"]["loss_pct"]) == (0, 100.0)
    else:
        assert data["result"]["reached"] is False
        assert not any(probe["address"] for hop in data["result"]["hops"] for probe in hop["probes"])
    # Other packets on that link are the BGP session's own; a query by it would add its probes.
    assert lab.packets("core2", 4) - before < {"ping": 5, "traceroute": 12}[query]


@pytest.mark.parametrize("query", ["ping", "traceroute"])
async def test_a_source_alone_does_not_choose_the_way_out_and_the_answer_says_so(
    glass: Glass, lab: Lab, query: str
) -> None:
    if "frr1" not in lab.routers:
        pytest.skip("FRR is not installed: frr1 is missing from the lab")
    before = {number: lab.packets("frr1", number) for number in (6, 7)}
    data = await glass.ask(f"/{query}", target="8.8.8.8", router="frr1", connection=7)
    sent = {number: lab.packets("frr1", number) - before[number] for number in (6, 7)}
    egress = data["egress"]
    assert (egress["mode"], egress["verdict"], egress["expected_connection"]) == ("source", "differs", 6)
    assert sent[6] >= 5
    assert sent[7] < 5
    by_its_own = await glass.ask(f"/{query}", target="8.8.8.8", router="frr1", connection=6)
    assert by_its_own["egress"]["verdict"] == "enforced"


async def test_ipv6_goes_by_the_same_connections(glass: Glass) -> None:
    data = await glass.ask("/ping", target="2001:4860:4860::8888", router="core1", connection=2)
    assert data["command"] == "ping inet6 2001:4860:4860::8888 source 2001:db8:2::1 count 5"
    assert data["result"]["received"] == 5
    trace = await glass.ask("/traceroute", target="dns.google", family="6", router="core2", connection=4)
    assert trace["address"] == "2001:4860:4860::8888"
    assert trace["target"] == "dns.google"
    assert trace["result"]["reached"] is True


async def test_a_silent_tail_is_not_waited_for(glass: Glass) -> None:
    result = (await glass.ask("/traceroute", target="66.66.66.66", router="core1", connection=1))["result"]
    assert (result["reached"], result["stopped"]) == (False, "silent_tail")
    silent = [hop for hop in result["hops"] if not any(probe["address"] for probe in hop["probes"])]
    assert len(silent) == 4
    assert {probe["note"] for hop in silent for probe in hop["probes"]} == {"timeout"}


async def test_a_lossy_and_a_long_link_look_like_it(glass: Glass) -> None:
    lossy = (await glass.ask("/ping", target="80.80.80.80", router="core1", connection=1))["result"]
    assert 0 < lossy["loss_pct"] < 100
    long = (await glass.ask("/ping", target="81.81.81.81", router="core1", connection=1))["result"]
    assert long["rtt_min_ms"] >= 40


async def test_bird1_and_this_lab_s_other_routers_answer_as_they_are(glass: Glass) -> None:
    data = await glass.ask("/ping", target="one.one.one.one", router="bird1", connection=8)
    assert data["address"] == "1.1.1.1"
    assert data["result"]["received"] == 5


async def test_a_stored_result_is_the_same_again_and_unknown_ones_do_not_exist(glass: Glass) -> None:
    data = await glass.ask("/ping", target="8.8.8.8", router="core1", connection=1)
    assert await glass.ask(f"/results/{data['id']}") == data
    assert await glass.refused("/results/" + "0" * 32) == (404, "not_found")


async def test_plain_text_is_the_router_s_own_and_a_short_summary(glass: Glass) -> None:
    answer = await glass.http.get(
        "/api/v1/ping",
        params={"target": "8.8.8.8", "router": "core1", "connection": 1},
        headers=glass.headers(Accept="text/plain"),
    )
    assert answer.headers["content-type"].startswith("text/plain")
    assert "\n64 bytes from 8.8.8.8: icmp_seq=0 " in answer.text
    assert "5 sent, 5 received, 0 % loss" in answer.text
    found = re.search(r"/r/([0-9a-f]{32})", answer.text)
    assert found is not None
    again = await glass.http.get(f"/r/{found[1]}", headers={"Accept": "text/plain"})
    assert again.status_code == 200
    assert "5 sent, 5 received, 0 % loss" in again.text


def names_of(routes: list[dict[str, Any]]) -> list[tuple[str, bool, int | None]]:
    return [(route["as_path_text"], route["best"], route["learned_from"]["connection_id"]) for route in routes]
