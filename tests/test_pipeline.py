"""The whole line at awkward moments: every run ends, what was told is kept, and what we add never costs the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from doubles.glass import PING, ROUTE, SETTINGS, TRACE, Glass, answers, looking_glass, router, transit
from doubles.scripted import Hang, Hold, Say, Scripted
from netpulse import telling
from netpulse.disclosure import Disclosure
from netpulse.enrich import attach
from netpulse.errors import Fault
from netpulse.inventory import Connection, Device, Inventory, Router, RouteSource, ThisHost
from netpulse.policy import Caller, Plan
from netpulse.pool import Lease, Slots
from netpulse.runs import Run
from netpulse.settings import Deadlines, Settings
from netpulse.store.audit import AuditFilter, AuditRow
from netpulse.store.results import Results

ALICE, BOB = Caller("key:a", "key", "192.0.2.1", key_id="a"), Caller("key:b", "key", "192.0.2.2", key_id="b")
VISITOR = Caller("visitor:192.0.2.3", "public", "192.0.2.3")
_PATIENCE_S = 20.0  # nothing here takes time: this only names the test that would wait for ever
PING_PATH = "/ping?target=8.8.8.8&router=core1&connection=1"
PING_ASKED = [("target", "8.8.8.8"), ("router", "core1"), ("connection", "1")]
ROUTE_ASKED = [("target", "8.8.8.8"), ("router", "core1")]


async def planned(glass: Glass, caller: Caller, kind: str, asked: Iterable[tuple[str, str]], **more: bool) -> Plan:
    pipeline = glass.services.pipeline
    return await pipeline.plan(caller, pipeline.kind(kind), asked, **more)


async def begun(glass: Glass, caller: Caller, kind: str, asked: Iterable[tuple[str, str]]) -> Run:
    return glass.services.pipeline.begin(caller, await planned(glass, caller, kind, asked))


async def told(run: Run, name: str, times: int = 1) -> None:
    """Returns when the run has told so many events of this name."""
    async with asyncio.timeout(_PATIENCE_S):
        async for event in run.follow():
            times -= event.name == name
            if times == 0:
                return
    raise AssertionError(f"the run ended without {name}")


async def over(run: Run) -> None:
    """Returns when the run has had its last event."""
    async with asyncio.timeout(_PATIENCE_S):
        await run.over()


async def rows(glass: Glass, **wanted: Any) -> list[AuditRow]:
    await glass.services.store.database.writer.drained()
    return [row async for row in glass.services.store.audit.find(AuditFilter(**wanted))]


def breaks(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("a defect")


async def test_an_answer_that_cannot_be_saved_goes_out_and_its_loss_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with looking_glass(tmp_path) as glass:
        pipeline = glass.services.pipeline
        for number, save in enumerate((breaks, lambda *_: False), 1):
            monkeypatch.setattr(Results, "save", save)
            caplog.clear()
            run = await begun(glass, ALICE, "ping", PING_ASKED)
            await over(run)
            assert (run.error, run.events[-1].name, pipeline.unkept) == (None, "finished", number)
            assert [record.levelname for record in caplog.records if run.id in record.message] in (["ERROR"], ["WARNING"])
            assert pipeline.runs.live == 0
            answer = await glass.get(f"/results/{run.id}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_answer_that_cannot_be_rendered_ends_its_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with looking_glass(tmp_path) as glass:
        monkeypatch.setattr(Disclosure, "data", breaks)
        run = await begun(glass, ALICE, "ping", PING_ASKED)
        await over(run)
        assert run.error is not None
        assert (run.error.code, run.events[-1].name) == ("internal", "failed")
        assert glass.services.pipeline.runs.live == 0


async def test_a_defect_of_ours_is_called_internal_in_the_answer_and_in_the_audit_trail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "with_meaning", breaks)
    async with looking_glass(tmp_path) as glass:
        answer = await glass.get("/aspath?target=8.8.8.8&router=core1")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert [(row.outcome, row.code) for row in await rows(glass, kind="aspath")] == [("failed", "internal")]
        monkeypatch.undo()
        assert (await glass.get("/aspath?target=8.8.8.8&router=core1")).status_code == 200


async def test_a_stop_after_every_router_has_answered_is_no_defect(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        plan = await planned(glass, ALICE, "aspath", [("target", "8.8.8.8")], all_routers=True)
        run = glass.services.pipeline.begin(ALICE, plan)
        await told(run, "answered", len(plan.jobs))
        run.stop()
        await over(run)
        assert run.error is None or run.error.code == "stopped"
        assert run.data is not None
        assert [row["ok"] for row in run.data["routers"]] == [True, True, False]  # the last one rests


async def test_a_stopped_question_to_all_routers_keeps_the_rows_that_were_answered(tmp_path: Path) -> None:
    server = Scripted(lambda command: [Hang()] if "core2" in command else answers(command))
    async with looking_glass(tmp_path, {"route_server:rs1": server}) as glass:
        plan = await planned(glass, ALICE, "aspath", [("target", "8.8.8.8")], all_routers=True)
        run = glass.services.pipeline.begin(ALICE, plan)
        await told(run, "answered")
        run.stop()
        await over(run)
        assert run.error is not None
        assert run.error.code == "stopped"
        assert run.data is not None
        assert [(row["slug"], row.get("code")) for row in run.data["routers"]] == [
            ("core1", None),
            ("core2", "stopped"),
            ("resting", "maintenance"),
        ]
        assert await glass.services.store.results.get(run.id) is not None


async def test_a_stop_in_the_turn_in_which_a_run_begins_counts(tmp_path: Path) -> None:
    device = Scripted(lambda _command: [Hang()])
    async with looking_glass(tmp_path, {"router:core1": device}) as glass:
        run = await begun(glass, ALICE, "ping", PING_ASKED)
        run.stop("shutting_down")
        await over(run)
        assert run.error is not None
        assert run.error.code == "shutting_down"
        assert device.commands == []
        assert {(row.outcome, row.code) for row in await rows(glass, kind="ping")} <= {("failed", "shutting_down")}


async def test_no_run_begins_after_the_pipeline_was_closed(tmp_path: Path) -> None:
    device = Scripted(lambda _command: [Say("PING\n"), Hang()])
    async with looking_glass(tmp_path, {"router:core1": device}) as glass:
        plan = await planned(glass, ALICE, "ping", PING_ASKED)
        under_way = await begun(glass, ALICE, "ping", PING_ASKED)
        await told(under_way, "output")
        await glass.services.pipeline.close()
        assert under_way.error is not None
        assert under_way.error.code == "shutting_down"
        with pytest.raises(Fault) as caught:
            glass.services.pipeline.begin(ALICE, plan)
        assert caught.value.code == "shutting_down"
        with pytest.raises(Fault):
            await planned(glass, ALICE, "ping", PING_ASKED)
        assert (len(device.commands), device.running) == (1, 0)


async def test_stopping_a_run_that_shares_its_command_keeps_what_it_was_told_and_leaves_the_others_alone(
    tmp_path: Path,
) -> None:
    server = Scripted(lambda command: [Say(ROUTE), Hold()] if command.startswith("show route") else answers(command))
    async with looking_glass(tmp_path, {"route_server:rs1": server}) as glass:
        first = await begun(glass, ALICE, "aspath", ROUTE_ASKED)
        second = await begun(glass, BOB, "aspath", ROUTE_ASKED)
        for run in (first, second):
            await told(run, "output", ROUTE.count("\n"))
        second.stop()
        await over(second)
        assert second.error is not None
        assert second.error.code == "stopped"
        assert second.data is not None
        assert second.data["output"] == ROUTE
        kept = await glass.services.store.results.get(second.id)
        assert kept is not None
        assert json.loads(kept.body)["output"] == ROUTE
        assert (first.done, server.stopped) == (False, 0)
        server.go()
        await over(first)
        assert first.error is None
        assert server.commands.count(server.commands[0]) == 1


def with_routers(*routers: Router) -> Settings:
    return replace(SETTINGS, inventory=Inventory(routers), hosts={})


async def test_an_answer_about_all_routers_is_not_public_if_one_of_them_is_for_keys_even_at_rest(
    tmp_path: Path,
) -> None:
    public = router("core1", (transit(1, "203.0.113.1"),), sources=("rs1",))
    secret = router("secret", (transit(2, "203.0.113.2"),), sources=("rs1",), visible="key", maintenance="x")
    async with looking_glass(tmp_path, settings=with_routers(public, secret)) as glass:
        made = (await glass.get("/aspath/all-routers?target=8.8.8.8")).json()["data"]
        assert [row["slug"] for row in made["routers"]] == ["core1", "secret"]
        assert (await glass.client.get(f"{glass.url}/r/{made['id']}.json")).status_code == 404
        assert (await glass.get(f"/results/{made['id']}")).status_code == 200
        # Made by a visitor the same question does not know of that router, and anybody may read its answer.
        plan = await planned(glass, VISITOR, "aspath", [("target", "8.8.8.8")], all_routers=True)
        run = glass.services.pipeline.begin(VISITOR, plan)
        await over(run)
        assert (await glass.client.get(f"{glass.url}/r/{run.id}.json")).status_code == 200


NAME = 'The "secret" peer \\ of Müller'


@pytest.mark.parametrize(("visible", "to_key"), [("hidden", False), ("key", True)])
async def test_hidden_connections_are_named_to_nobody_and_those_for_keys_to_keys(
    tmp_path: Path, visible: Any, to_key: bool
) -> None:
    neighbors = (ip_address("192.0.2.9"),)
    other = Connection(id=66, name=NAME, type="PEER", asn=64511, neighbors=neighbors, visible=visible)
    core1 = router("core1", (transit(1, "203.0.113.1"), other), sources=("rs1",))
    async with looking_glass(tmp_path, settings=with_routers(core1)) as glass:
        for kind, asked in (("traceroute", PING_ASKED), ("aspath", ROUTE_ASKED)):
            for caller in (ALICE, VISITOR):
                run = await begun(glass, caller, kind, asked)
                await over(run)
                data = json.loads(run.events[-1].body)
                known = to_key and caller.keyed
                if kind == "aspath":
                    learned = data["result"]["routes"][0]["learned_from"]
                    assert learned["connection_id"] == (66 if known else None)
                else:
                    assert (NAME in data["egress"]["note"]) is known
                    assert data["egress"]["expected_connection"] == (66 if known else None)
                everything = b"".join(event.body for event in run.events)
                assert (b"peer" in everything) is (known and kind == "traceroute")
                # Whoever may not know of the connection cannot read it in the stored answer either.
                read = await glass.client.get(f"{glass.url}/r/{run.id}.json")
                assert read.status_code == (404 if known else 200)


async def test_an_answer_that_names_a_connection_for_keys_in_words_alone_is_not_public(tmp_path: Path) -> None:
    lan = (ip_address("192.0.2.9"),)
    other = Connection(id=66, name=NAME, type="PEER", asn=64511, neighbors=lan, visible="key")
    core1 = router("core1", (transit(1, "203.0.113.1"), other), sources=("rs1",))
    silent = Scripted(answers, fault=Fault("router_unreachable", "The route server does not accept a connection."))
    async with looking_glass(tmp_path, {"route_server:rs1": silent}, with_routers(core1)) as glass:
        run = await begun(glass, ALICE, "traceroute", PING_ASKED)
        await over(run)
        egress = json.loads(run.events[-1].body)["egress"]
        assert (egress["expected_connection"], egress["verdict"]) == (None, "differs")
        assert NAME in egress["note"]
        assert (await glass.client.get(f"{glass.url}/r/{run.id}.json")).status_code == 404
        assert (await glass.get(f"/results/{run.id}")).status_code == 200


def frr_router(sessions: int = 3) -> Router:
    device = Device(key="router:f1", platform="frr", reach=ThisHost(), max_sessions=sessions, own_routes=True)
    return replace(
        router("f1", (transit(1, "203.0.113.1"),)),
        platform="frr",
        device=device,
        routes=(RouteSource(device, None, {}),),
    )


def frr_path(number: int) -> dict[str, Any]:
    segments = [{"type": "as-sequence", "list": [number, 15169]}]
    listed = [f"64500:{community}" for community in range(30)]
    return {
        "aspath": {"string": f"{number} 15169", "segments": segments, "length": 2},
        "origin": "IGP",
        "valid": True,
        "bestpath": {"overall": number == 1, "selectionReason": "Older Path"},
        "community": {"string": " ".join(listed), "list": listed},
        "nexthops": [{"ip": "192.0.2.9", "afi": "ipv4", "accessible": True, "used": True}],
        "peer": {"peerId": "192.0.2.9", "routerId": "192.0.2.9", "type": "external"},
    }


async def test_a_router_in_json_with_forty_paths_is_read_whole(tmp_path: Path) -> None:
    paths = [frr_path(number) for number in range(1, 41)]
    text = json.dumps({"prefix": "8.8.8.0/24", "paths": paths}, indent=2) + "\n"
    assert text.count("\n") > SETTINGS.output.most_lines
    device = Scripted(lambda _command: [Say(text)])
    async with looking_glass(tmp_path, {"router:f1": device}, with_routers(frr_router())) as glass:
        data = (await glass.get("/aspath?target=8.8.8.8&router=f1")).json()["data"]
        assert (data["prefix"], data["truncated"], data["unread"]) == ("8.8.8.0/24", False, None)
        assert len(data["result"]["routes"]) == 40
        assert data["output"] == text


@pytest.mark.parametrize(("sessions", "looks_up"), [(2, False), (3, True)])
async def test_a_look_up_of_ours_takes_only_a_session_that_nobody_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sessions: int, looks_up: bool
) -> None:
    monkeypatch.setattr(telling, "_INNER_S", 0.05)
    tried, both_tried = 0, asyncio.Event()
    take_spare = Slots.take_spare

    def counted(slots: Slots, keyed: bool) -> Lease:
        nonlocal tried
        tried += 1
        if tried == 2:
            both_tried.set()
        return take_spare(slots, keyed)

    monkeypatch.setattr(Slots, "take_spare", counted)
    device = Scripted(lambda command: [Say(PING), Hold()] if command.startswith("ping") else [Hang()])
    async with looking_glass(tmp_path, {"router:f1": device}, with_routers(frr_router(sessions))) as glass:
        runs = []
        for target in ("8.8.8.8", "1.1.1.1"):
            asked = [("target", target), ("router", "f1"), ("connection", "1")]
            runs.append(await begun(glass, ALICE, "ping", asked))
            await told(runs[-1], "output")  # the second is served although the first still runs
        async with asyncio.timeout(_PATIENCE_S):
            await both_tried.wait()
        device.go()
        for run in runs:
            await over(run)
            assert run.error is None
        assert any(command.startswith("show") for command in device.commands) is looks_up


@pytest.mark.parametrize("fault", ["router_refused", "router_unreachable"])
async def test_a_failure_is_told_without_waiting_for_look_ups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(telling, "_INNER_S", 3600.0)
    patient = replace(SETTINGS, deadlines=Deadlines(silence_s=3600.0, ping_s=3600.0, bird_s=3600.0))
    server = Scripted(lambda _command: [Hang()])
    core = Scripted(lambda _command: [Say("ping: bind: Cannot assign requested address\n"), Hang()])
    if fault == "router_unreachable":
        core.fault = Fault(fault, "The router does not accept a connection.")
    async with looking_glass(tmp_path, {"route_server:rs1": server, "router:core1": core}, patient) as glass:
        answer = await glass.get(PING_PATH)
        assert (answer.status_code, answer.json()["code"]) == (500, fault)


async def test_a_broken_look_up_costs_what_it_would_have_added_and_never_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(telling, "with_meaning", breaks)
    async with looking_glass(tmp_path, settings=replace(SETTINGS, hosts={})) as glass:
        for path in (PING_PATH, PING_PATH.replace("ping", "traceroute") + "&as_lookup=true"):
            caplog.clear()
            data = (await glass.get(path)).json()["data"]
            assert data["output"] in (PING, TRACE)
            assert data["egress"]["expected_connection"] is None
            assert "the route look-up of run" in caplog.text
            assert ("nothing could be added to a record" in caplog.text) is ("as_lookup" in path)
        outcomes = [(row.outcome, row.code) for kind in ("ping", "traceroute") for row in await rows(glass, kind=kind)]
        assert outcomes == [("finished", None)] * 2


async def test_each_command_of_a_look_up_has_its_audit_row(tmp_path: Path) -> None:
    server = Scripted(answers)
    async with looking_glass(tmp_path, {"route_server:rs1": server}) as glass:
        data = (await glass.get(PING_PATH)).json()["data"]
        (row,) = await rows(glass, kind="ping:routes")
        assert (row.router, row.device, row.target) == ("core1", "route_server:rs1", "8.8.8.8")
        assert (row.command, row.run_id, row.outcome, row.code) == (server.commands[0], data["id"], "finished", None)
        server.fault = Fault("router_unreachable", "The route server does not accept a connection.")
        again = PING_PATH.replace("8.8.8.8", "1.1.1.1")
        assert (await glass.get(again)).status_code == 200
        failed = [row for row in await rows(glass, kind="ping:routes") if row.outcome == "failed"]
        assert [(row.target, row.code) for row in failed] == [("1.1.1.1", "router_unreachable")]
