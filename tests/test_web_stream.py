"""Answers told while they happen: order, endings, going on after a lost connection, and who is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from doubles.glass import ROUTE, SETTINGS, Glass, StreamEvent, answers, looking_glass
from doubles.scripted import Break, Hang, Hold, Say, Script, Scripted
from netpulse.errors import Fault

PING = "/ping?target=8.8.8.8&router=core1&connection=1"
LINES = [f"64 bytes from 8.8.8.8: icmp_seq={number} ttl=61 time=1.5 ms" for number in range(1, 6)]
HELD: Script = [Say(LINES[0] + "\n"), Hold(), Say("\n".join(LINES[1:]) + "\n")]


def holding() -> Scripted:
    """A router that stops after its first line until the test says go."""
    return Scripted(lambda command: list(HELD) if command.startswith("ping") else answers(command))


async def test_a_ping_is_told_line_by_line_and_ends_with_the_same_data_as_json(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        events = await glass.all_events(PING)
        names = [event.name for event in events]
        assert names[0] == "started"
        assert names[-1] == "finished"
        assert set(names[1:-1]) == {"output", "found"}
        run_id = events[-1].data["id"]
        assert [event.id for event in events] == [f"{run_id}.{number}" for number in range(1, len(events) + 1)]
        assert events[0].data["command"] == events[-1].data["command"]
        found = [event.data["record"]["seq"] for event in events if event.name == "found"]
        assert found == [1, 2, 3, 4, 5]
        assert (await glass.get(f"/results/{run_id}")).json()["data"] == events[-1].data


async def test_a_line_is_told_before_the_command_has_ended(tmp_path: Path) -> None:
    router = holding()
    async with looking_glass(tmp_path, {"router:core1": router}) as glass, glass.events(PING) as events:
        seen = [(await anext(events)).name for _ in range(3)]
        assert seen == ["started", "output", "found"]
        router.go()
        assert [event.name async for event in events][-1] == "finished"


async def test_a_refusal_before_the_stream_begins_is_an_ordinary_answer(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        refused = await glass.get("/ping?target=10.0.0.1&router=core1&connection=1", accept="text/event-stream")
        assert (refused.status_code, refused.json()["code"]) == (400, "target_refused")
        assert refused.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_run_that_fails_before_anything_happened_is_an_ordinary_error(tmp_path: Path) -> None:
    gone = Scripted(answers, fault=Fault("router_login", "The router refused the login."))
    async with looking_glass(tmp_path, {"router:core1": gone}) as glass:
        told = await glass.all_events(PING)
        assert told[-1].name == "failed"
        assert told[-1].data["code"] == "router_login"
        # Now the breaker answers, before any session is taken.
        refused = await glass.get(PING, accept="text/event-stream")
        assert (refused.status_code, refused.json()["code"]) == (500, "router_login")


async def test_a_failure_on_the_way_is_the_last_event_with_what_there_was(tmp_path: Path) -> None:
    broken = Scripted(lambda _command: [Say(LINES[0] + "\n"), Break()])
    async with looking_glass(tmp_path, {"router:core1": broken}) as glass:
        last = (await glass.all_events(PING))[-1]
        assert last.name == "failed"
        assert list(last.data) == ["error", "code", "data"]
        assert last.data["code"] == "router_closed"
        assert last.data["data"]["output"] == LINES[0] + "\n"


async def test_who_waits_is_told_its_place(tmp_path: Path) -> None:
    settings = replace(SETTINGS, limits=replace(SETTINGS.limits, queue_wait_s=30.0, queue_places=10))
    router = holding()
    async with looking_glass(tmp_path, {"router:core1": router}, settings) as glass, AsyncExitStack() as before:
        for _ in range(3):
            await anext(await before.enter_async_context(glass.events(PING)))
        async with glass.events(PING) as events:
            first = await anext(events)
            assert (first.name, first.data) == ("queued", {"position": 1})
            router.go()
            assert [event.name async for event in events][-1] == "finished"


async def test_every_event_of_several_jobs_says_whose_it_is(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        events = await glass.all_events("/aspath/all-routers?target=8.8.8.8")
        assert events[-1].name == "finished"
        assert {event.data["job"]["router"] for event in events[:-1]} == {"core1", "core2"}
        assert sorted(event.name for event in events if event.name.endswith("answered")) == ["answered", "answered"]


async def test_after_a_lost_connection_nothing_is_missed_repeated_started_or_charged(tmp_path: Path) -> None:
    router = holding()
    async with looking_glass(tmp_path, {"router:core1": router}) as glass:
        seen = []
        async with glass.events(PING) as events:
            seen = [await anext(events), await anext(events)]
        left = (await glass.get("/limits")).json()["data"]["remaining"]
        async with glass.events(PING, after=seen[-1].id) as events:
            router.go()
            seen += [event async for event in events]
        # Also when it is over, for a while.
        assert await glass.all_events(PING, after=seen[-3].id) == seen[-2:]
        assert (await glass.get("/limits")).json()["data"]["remaining"] == left
        run_id = seen[0].id.partition(".")[0]
        assert [event.id for event in seen] == [f"{run_id}.{number}" for number in range(1, len(seen) + 1)]
        assert router.commands == [router.commands[0]]


@pytest.mark.parametrize(
    "event_id", ["../../x", "x.1", "RUN.-1", "RUN.18446744073709551616", "RUN.99", "RUN", "9" * 4096]
)
async def test_an_event_that_is_no_event_of_the_callers_is_refused(tmp_path: Path, event_id: str) -> None:
    async with looking_glass(tmp_path) as glass:
        run_id = (await glass.all_events(PING))[-1].data["id"]
        headers = glass.headers(Accept="text/event-stream", Last_Event_ID=event_id.replace("RUN", run_id))
        answer = await glass.client.get(f"{glass.url}/api/v1{PING}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_event")
        other = glass.headers(await glass.new_key(), Accept="text/event-stream", Last_Event_ID=f"{run_id}.1")
        answer = await glass.client.get(f"{glass.url}/api/v1{PING}", headers=other)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_event")


async def test_a_run_that_nobody_watches_is_stopped_and_one_that_somebody_watches_is_not(tmp_path: Path) -> None:
    silent = Scripted(lambda _command: [Say(LINES[0] + "\n"), Hang()])
    async with looking_glass(tmp_path, {"router:core1": silent}) as glass:
        async with glass.events(PING) as events:
            first = await anext(events)
        run, _ = glass.services.pipeline.runs.resume(first.id, f"key:{glass.key.split('_')[1]}")
        await run.over()
        assert run.error is not None
        assert run.error.code == "stopped"
        assert silent.stopped == 1
        last = (await glass.all_events(PING, after=first.id))[-1]
        assert (last.name, last.data["code"]) == ("failed", "stopped")


async def test_equal_route_questions_share_one_command_and_each_has_its_own_run(tmp_path: Path) -> None:
    source = Scripted(lambda c: [Say(ROUTE), Hold()] if c.startswith("show route") else answers(c))
    async with looking_glass(tmp_path, {"route_server:rs1": source}) as glass:
        path = "/aspath?target=8.8.8.8&router=core1"
        async with glass.events(path) as one, glass.events(path) as two:
            first, second = await anext(one), await anext(two)
            assert first.id != second.id
            source.go()
            ends = [[event async for event in events][-1] for events in (one, two)]
        assert [end.name for end in ends] == ["finished", "finished"]
        assert [command for command in source.commands if command.startswith("show route")] == source.commands[:1]


async def test_no_more_streams_than_the_operator_allows(tmp_path: Path) -> None:
    settings = replace(SETTINGS, limits=replace(SETTINGS.limits, streams=1))
    router = holding()
    async with looking_glass(tmp_path, {"router:core1": router}, settings) as glass:
        async with glass.events(PING) as events:
            await anext(events)
            refused = await glass.get(PING, accept="text/event-stream")
            assert (refused.status_code, refused.json()["code"]) == (429, "server_busy")
            assert int(refused.headers["retry-after"]) >= 1
            router.go()
            await _read_all(events)
        assert (await glass.all_events(PING))[-1].name == "finished"


async def _read_all(events: AsyncIterator[StreamEvent]) -> None:
    async for _ in events:
        continue


async def test_the_end_of_the_service_is_the_last_event_of_every_stream(tmp_path: Path) -> None:
    silent = Scripted(lambda _command: [Say(LINES[0] + "\n"), Hang()])
    began = asyncio.Event()
    told: list[str] = []

    async def watch(glass: Glass) -> None:
        async with glass.events(PING) as events:
            async for event in events:
                told.append(event.data.get("code", event.name))
                began.set()

    async with looking_glass(tmp_path, {"router:core1": silent}) as glass:
        watching = asyncio.create_task(watch(glass))
        await began.wait()
        await glass.services.pipeline.close()
        await watching
    assert told[-1] == "shutting_down"


async def test_proxies_are_told_not_to_keep_events_back(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        headers = glass.headers(Accept="text/event-stream")
        async with glass.client.stream("GET", f"{glass.url}/api/v1{PING}", headers=headers) as answer:
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-ratelimit-remaining"]
            assert len(answer.headers["x-result-id"]) == 32
            await answer.aread()
