"""Streams, resuming, leases and stopping, over HTTP and on real commands."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import Any

import pytest

from doubles.lab_glass import Event, Glass
from netpulse.lab.lab import Lab

SILENT: dict[str, Any] = {"target": "66.66.66.66", "router": "core1", "connection": 1}


async def all_of(glass: Glass, path: str, last_event_id: str = "", **parameters: Any) -> list[Event]:
    async with glass.stream(path, last_event_id, **parameters) as events:
        return [event async for event in events]


def numbers(events: list[Event]) -> list[int]:
    return [int(event.id.partition(".")[2]) for event in events]


async def test_a_ping_is_told_line_by_line_and_record_by_record(glass: Glass) -> None:
    events = await all_of(glass, "/ping", target="8.8.8.8", router="core1", connection=1)
    assert events[0].name == "started"
    assert events[0].data["command"] == "ping 8.8.8.8 source 203.0.113.1 count 5"
    assert events[0].data["output"] is None
    lines = [event.data["text"] for event in events if event.name == "output"]
    assert lines[0] == "PING 8.8.8.8 (8.8.8.8): 56 data bytes"
    assert [event.data["record"]["seq"] for event in events if event.name == "found"] == [0, 1, 2, 3, 4]
    assert [event.name for event in events if event.name in ("finished", "failed")] == ["finished"]
    assert events[-1].data["output"] == "".join(line + "\n" for line in lines)
    assert numbers(events) == list(range(1, len(events) + 1))
    assert {event.id.partition(".")[0] for event in events} == {events[-1].data["id"]}


async def test_a_hop_comes_at_once_and_again_when_more_is_known(glass: Glass) -> None:
    events = await all_of(glass, "/traceroute", target="8.8.8.8", router="core2", connection=4, as_lookup="true")
    latest = {event.data["record"]["hop"]: event.data["record"] for event in events if event.name == "found"}
    assert list(latest.values()) == events[-1].data["result"]["hops"]
    assert latest[1]["asn"] == 2914


async def test_every_event_of_a_question_to_all_routers_says_whose_it_is(glass: Glass, lab: Lab) -> None:
    events = await all_of(glass, "/aspath/all-routers", target="8.8.8.8")
    assert events[-1].name == "finished"
    assert {event.data["job"]["router"] for event in events[:-1]} == set(lab.routers)
    endings = [event.data["job"]["router"] for event in events if event.name in ("answered", "unanswered")]
    assert sorted(endings) == sorted(lab.routers)


async def test_who_comes_back_with_the_last_id_misses_and_repeats_nothing_and_pays_nothing(
    glass: Glass, lab: Lab
) -> None:
    seen: list[Event] = []
    async with glass.stream("/traceroute", **SILENT) as events:
        async for event in events:
            seen.append(event)
            if len(seen) == 3:
                break
    asked = len(lab.commands("core1"))
    before = (await glass.ask("/limits"))["remaining"]
    rest = await all_of(glass, "/traceroute", seen[-1].id, **SILENT)
    after = (await glass.ask("/limits"))["remaining"]
    assert numbers(seen + rest) == list(range(1, len(seen) + len(rest) + 1))
    assert rest[-1].name == "finished"
    assert rest[-1].data["result"]["stopped"] == "silent_tail"
    assert len(lab.commands("core1")) == asked
    assert after >= before
    assert await all_of(glass, "/traceroute", rest[-1].id, **SILENT) == []


@pytest.mark.parametrize("event_id", ["0" * 32 + ".1", "nonsense", "../../x", "-1", "1." + "9" * 30])
async def test_an_event_that_is_not_of_an_own_run_is_unknown(glass: Glass, event_id: str) -> None:
    answer = await glass.http.get(
        "/api/v1/ping",
        params={"target": "8.8.8.8", "router": "core1", "connection": 1},
        headers=glass.headers(Accept="text/event-stream", **{"Last-Event-ID": event_id}),
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_event")


async def test_a_run_under_way_is_found_by_its_id_and_says_what_is_known(glass: Glass) -> None:
    async with glass.stream("/traceroute", **SILENT) as events:
        first = await anext(events)
        so_far = await glass.ask(f"/results/{first.data['id']}")
        assert (so_far["command"], so_far["output"]) == (first.data["command"], None)
        last = [event async for event in events][-1]
    assert await glass.ask(f"/results/{first.data['id']}") == last.data


async def test_of_the_routes_told_while_they_came_the_best_is_the_one_that_stays(glass: Glass) -> None:
    events = await all_of(glass, "/aspath", target="1.1.1.1", router="core1")
    told = [event.data["record"] for event in events if event.name == "found"]
    assert told[-1] == events[-1].data["result"]["routes"][0]
    assert told[-1]["best"] is True


async def test_another_key_can_neither_follow_nor_stop_a_run(glass: Glass) -> None:
    other, _ = await glass.services.store.keys.create("somebody else", per_minute=100)
    await glass.services.store.keys.refresh()
    async with glass.stream("/traceroute", **SILENT) as events:
        first = await anext(events)
        run_id = first.id.partition(".")[0]
        theirs = {"Authorization": f"Bearer {other}"}
        stop = await glass.http.delete(f"/api/v1/results/{run_id}", headers=theirs)
        assert stop.status_code == 404
        follow = await glass.http.get(
            "/api/v1/traceroute",
            params=SILENT,
            headers={**theirs, "Accept": "text/event-stream", "Last-Event-ID": first.id},
        )
        assert follow.json()["code"] == "unknown_event"
        assert [event.name async for event in events][-1] == "finished"


async def test_whoever_started_a_run_stops_it_at_once_and_the_router_s_command_ends(glass: Glass, lab: Lab) -> None:
    lab.shell("core2", hang_after_lines=2)
    lab.drop("core2")
    try:
        async with glass.stream("/ping", target="8.8.8.8", router="core2", connection=4) as events:
            first = await anext(events)
            second = await anext(events)
            assert second.name == "output"
            stop = await glass.http.delete(f"/api/v1/results/{first.id.partition('.')[0]}", headers=glass.headers())
            assert stop.status_code == 200
            rest = [event async for event in events]
        last = rest[-1]
        assert (last.name, last.data["code"]) == ("failed", "stopped")
        assert last.data["data"]["output"].startswith("PING ")
        await asyncio.to_thread(lab.until, "core2's command has ended", lambda: not running(lab, "core2"))
    finally:
        lab.heal("core2")


@pytest.mark.parametrize(("router", "connection"), [("frr1", 6), ("bird1", 8)])
async def test_a_stop_ends_a_silent_program_behind_a_forced_command(
    glass: Glass, lab: Lab, router: str, connection: int
) -> None:
    """sshd passes it no signal, and it would not notice a closed channel: it is killed, not waited for."""
    async with glass.stream("/ping", target="66.66.66.66", router=router, connection=connection) as events:
        first = await anext(events)
        await asyncio.to_thread(lab.until, f"{router}'s command runs", lambda: running(lab, router) > 0)
        await glass.http.delete(f"/api/v1/results/{first.id.partition('.')[0]}", headers=glass.headers())
        assert [event async for event in events][-1].data["code"] == "stopped"
    await asyncio.to_thread(lab.until, f"{router}'s command has ended", lambda: not running(lab, router))
    pings = [status for command, status in lab.statuses(router) if re.fullmatch(r"ping .* 66\.66\.66\.66", command)]
    assert pings[-1] == 128 + signal.SIGKILL


async def test_a_client_that_goes_away_frees_the_router(glass: Glass, lab: Lab) -> None:
    lab.shell("core2", hang_after_lines=2)
    lab.drop("core2")
    try:
        async with glass.stream("/ping", target="1.1.1.1", router="core2", connection=4) as events:
            await anext(events)
        await asyncio.to_thread(lab.until, "the lease is over and the command ended", lambda: not running(lab, "core2"))
    finally:
        lab.heal("core2")


def running(lab: Lab, router: str) -> int:
    """Commands that the router's command line runs now."""
    now: int = lab.sessions(router)["now"]
    return now
