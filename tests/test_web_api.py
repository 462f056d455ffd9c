"""Questions over HTTP: what comes back, in which order things are checked, and what each costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from doubles.glass import SETTINGS, Glass, answers, looking_glass
from doubles.scripted import Hang, Hold, Say, Script, Scripted
from netpulse.errors import CODES, Busy, Fault
from netpulse.policy import Caller
from netpulse.store.audit import AuditFilter
from netpulse.web import api

PING = "/ping?target=8.8.8.8&router=core1&connection=1"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    async with looking_glass(tmp_path_factory.mktemp("glass")) as running:
        yield running


async def test_a_ping_has_its_fields_in_the_documented_order(glass: Glass) -> None:
    answer = await glass.get(PING)
    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == ["success", "data"]
    assert body["success"] is True
    data = body["data"]
    assert list(data)[:13] == [
        *("target", "router", "connection", "source_ip", "command", "output", "duration_ms"),
        *("address", "egress", "result", "queued_ms", "started_at", "id"),
    ]
    assert data["router"] == "Router core1"
    assert data["connection"] == "Transit 1"
    assert data["source_ip"] == "203.0.113.1"
    assert data["result"]["received"] == 5
    assert answer.headers["x-result-id"] == data["id"]
    assert data["url"] == f"/r/{data['id']}"


async def test_routers_and_connections_have_the_documented_fields_and_only_what_the_key_may_see(glass: Glass) -> None:
    routers = (await glass.get("/routers")).json()["data"]
    assert [row["slug"] for row in routers] == ["core1", "core2", "keyed", "resting"]
    assert list(routers[0]) == [
        *("slug", "name", "location", "model", "os_version", "platform", "status", "families", "queries"),
    ]
    assert {row["slug"]: row["status"] for row in routers}["resting"] == "maintenance"
    assert routers[0]["queries"] == ["ping", "traceroute", "aspath"]
    assert routers[2]["queries"] == ["ping", "traceroute"]
    connections = (await glass.get("/connections?router=core1")).json()["data"]
    assert [row["id"] for row in connections] == [1, 3, 9]
    assert list(connections[0]) == ["id", "name", "type", "asn", "source_ipv4", "source_ipv6", "egress", "status"]
    assert connections[1]["asn"] is None


async def test_a_key_for_one_router_sees_no_other(glass: Glass) -> None:
    key = await glass.new_key(routers=("core2",))
    assert [row["slug"] for row in (await glass.get("/routers", key=key)).json()["data"]] == ["core2"]
    assert (await glass.get(PING, key=key)).json()["code"] == "unknown_router"
    assert (await glass.get("/connections?router=core1", key=key)).json()["code"] == "unknown_router"


async def test_an_as_path_question_is_answered_and_then_recalled(glass: Glass) -> None:
    first = (await glass.get("/aspath?target=8.8.8.0/24&router=core1")).json()["data"]
    second = (await glass.get("/aspath?target=8.8.8.0/24&router=core1")).json()["data"]
    assert first["prefix"] == "8.8.8.0/24"
    assert first["result"]["routes"][0]["as_path"] == [174, {"set": [15169, 15170]}, 15169]
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["id"] != second["id"]
    assert (await glass.get(f"/results/{second['id']}")).json()["data"]["id"] == second["id"]


async def test_a_question_to_all_routers_has_a_row_for_each_that_offers_it(glass: Glass) -> None:
    answer = (await glass.get("/aspath/all-routers?target=8.8.8.8")).json()["data"]
    assert list(answer)[:5] == ["target", "routers", "summary", "id", "url"]
    assert [(row["slug"], row["ok"]) for row in answer["routers"]] == [
        ("core1", True),
        ("core2", True),
        ("resting", False),
    ]
    assert answer["routers"][2]["code"] == "maintenance"
    assert answer["summary"]["origins"] == [15169]


async def test_every_header_that_every_answer_has(glass: Glass) -> None:
    for path in ("/routers", "/nowhere", PING, "/ping"):
        answer = await glass.get(path)
        for name in ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"):
            assert answer.headers[name], (path, name)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert "server" not in answer.headers
    for url in ("/", "/healthz", "/readyz", "/openapi.json", "/nowhere", "/r/x", "/api/v1/routers"):
        answer = await glass.client.get(glass.url + url)
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        # A page's own form must be able to say where it comes from; nobody else hears of it.
        assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/ping?router=core1&connection=1", 400, "missing_parameter"),
        ("/ping?target=&router=core1&connection=1", 400, "missing_parameter"),
        (PING + "&count=9", 400, "unknown_parameter"),
        (PING + "&key=np_00000000_x", 400, "unknown_parameter"),
        ("/routers?x=1", 400, "unknown_parameter"),
        ("/limits?x=1", 400, "unknown_parameter"),
        (PING + "&target=8.8.4.4", 400, "repeated_parameter"),
        (PING + "&family=5", 400, "bad_parameter"),
        ("/ping?target=%ff&router=core1&connection=1", 400, "bad_parameter"),
        ("/ping?target=%zz&router=core1&connection=1", 400, "bad_parameter"),
        ("/ping?target=8.8.8.8%3Breboot&router=core1&connection=1", 400, "bad_target"),
        ("/ping?target=8.8.8.8%0A&router=core1&connection=1", 400, "bad_target"),
        ("/ping?target=10.0.0.1&router=core1&connection=1", 400, "target_refused"),
        ("/ping?target=2001:4860:4860::8888&router=core1&connection=1", 400, "no_address_in_family"),
        ("/ping?target=8.8.8.8&router=nope&connection=1", 400, "unknown_router"),
        ("/ping?target=8.8.8.8&router=hidden&connection=21", 400, "unknown_router"),
        ("/ping?target=8.8.8.8&router=core1&connection=4", 400, "unknown_connection"),
        ("/ping?target=8.8.8.8&router=core1&connection=10", 400, "unknown_connection"),
        ("/ping?target=8.8.8.8&router=core1&connection=x", 400, "unknown_connection"),
        ("/ping?target=8.8.8.8&router=resting&connection=22", 400, "maintenance"),
        ("/aspath?target=8.8.8.1/24", 400, "bad_target"),
        ("/aspath?target=8.8.8.8&router=keyed", 400, "not_offered"),
        ("/connections", 400, "missing_parameter"),
        ("/connections?router=hidden", 400, "unknown_router"),
        ("/nope", 404, "not_found"),
        ("", 404, "not_found"),
        ("/", 404, "not_found"),
        ("/ping/", 404, "not_found"),
        ("/ping/all-routers?target=8.8.8.8", 404, "not_found"),
        ("/results/0123456789abcdef0123456789abcdef", 404, "not_found"),
        ("/results/x", 404, "not_found"),
        ("/results/", 404, "not_found"),
    ],
)
async def test_a_refusal_has_its_status_its_code_and_one_sentence(
    glass: Glass, path: str, status: int, code: str
) -> None:
    answer = await glass.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert list(answer.json()) == ["error", "code"]
    assert CODES[code][0] == status


async def test_a_name_that_no_server_resolves_is_our_fault_not_the_callers(glass: Glass) -> None:
    answer = await glass.get("/ping?target=dns.google&router=core1&connection=1")
    assert (answer.status_code, answer.json()["code"]) == (500, "resolver_failed")


async def test_a_plus_in_the_query_is_a_blank_and_an_escaped_one_a_plus(glass: Glass) -> None:
    assert (await glass.get("/ping?target=8.8.8.8&router=core+1&connection=1")).json()["code"] == "unknown_router"
    assert (await glass.get("/ping?target=8.8.8.8&router=%63ore1&connection=1")).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_only_get_exists_and_the_answer_says_so(glass: Glass, method: str) -> None:
    answer = await glass.client.request(method, glass.url + "/api/v1/routers", headers=glass.headers())
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    result = await glass.client.request("PUT", glass.url + "/api/v1/results/x", headers=glass.headers())
    assert result.headers["allow"] == "GET, DELETE"


async def test_plain_text_is_the_routers_text_and_a_summary(glass: Glass) -> None:
    answer = await glass.get(PING, accept="text/plain")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "64 bytes from 8.8.8.8: icmp_seq=1" in answer.text
    assert "5 sent, 5 received, 0 % loss" in answer.text
    assert "Way out: " in answer.text
    path = await glass.get("/aspath?target=8.8.8.8&router=core1", accept="text/plain;q=0.9, application/json;q=0.1")
    assert "8.8.8.0/24, 1 route" in path.text
    everywhere = await glass.get("/aspath/all-routers?target=8.8.8.8", accept="text/plain")
    assert "== Router core2" in everywhere.text
    assert "code: maintenance" in everywhere.text
    assert "\norigins: 15169\nprefixes: 8.8.8.0/24\nupstreams: " in everywhere.text
    assert (await glass.get("/routers", accept="text/plain")).text.startswith("slug ")
    assert (await glass.get("/connections?router=core1", accept="text/plain")).text.startswith("id ")
    assert (await glass.get("/limits", accept="text/plain")).text.startswith("limit: ")
    refused = await glass.get("/nope", accept="text/plain")
    assert refused.text.endswith("code: not_found\n")


@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8", "application/json, text/plain, */*", "", "x/y;q=z"])
async def test_json_is_what_comes_unless_something_else_is_preferred(glass: Glass, accept: str) -> None:
    assert (await glass.get("/routers", accept=accept)).json()["success"] is True


async def test_a_result_can_be_read_again_in_three_ways_and_only_by_who_may_see_its_router(glass: Glass) -> None:
    made = (await glass.get(PING)).json()["data"]
    again = await glass.get(f"/results/{made['id']}")
    assert again.json() == {"success": True, "data": made}
    for suffix in ("", ".txt"):
        page = await glass.client.get(f"{glass.url}/r/{made['id']}{suffix}")
        assert "icmp_seq=5" in page.text
    assert (await glass.client.get(f"{glass.url}/r/{made['id']}.json")).json()["data"] == made
    assert (await glass.client.get(f"{glass.url}/r/{made['id']}.exe")).status_code == 404
    keyed = (await glass.get("/ping?target=8.8.8.8&router=keyed&connection=20")).json()["data"]
    secret = (await glass.get("/ping?target=8.8.8.8&router=core1&connection=9")).json()["data"]
    other = await glass.new_key(routers=("core2",))
    for hidden in (keyed, secret):
        assert (await glass.get(f"/results/{hidden['id']}")).status_code == 200
        assert (await glass.client.get(f"{glass.url}/r/{hidden['id']}.json")).status_code == 404
        assert (await glass.get(f"/results/{hidden['id']}", key=other)).status_code == 404


async def test_a_fault_of_the_router_is_a_500_with_its_code_and_its_words_are_in_the_stored_result(
    tmp_path: Path,
) -> None:
    broken = Scripted(
        {"ping -4 -n -c 5 -W 1 -I 203.0.113.1 8.8.8.8": [Say("half a li"), Fault("router_closed", "It left.")]}
    )
    gone = Scripted(answers, fault=Fault("router_unreachable", "It does not accept a connection."))
    async with looking_glass(tmp_path, {"router:core1": broken, "router:core2": gone}) as glass:
        answer = await glass.get(PING)
        assert (answer.status_code, answer.json()) == (500, {"error": "It left.", "code": "router_closed"})
        stored = (await glass.get(f"/results/{answer.headers['x-result-id']}")).json()["data"]
        assert stored["code"] == "router_closed"
        unreachable = await glass.get("/ping?target=8.8.8.8&router=core2&connection=4")
        assert (unreachable.status_code, unreachable.json()["code"]) == (500, "router_unreachable")
        for _ in range(3):
            await glass.get("/ping?target=8.8.8.8&router=core2&connection=4")
        rows = {row["slug"]: row["status"] for row in (await glass.get("/routers")).json()["data"]}
        assert (rows["core1"], rows["core2"]) == ("up", "down")


async def test_a_full_router_is_429_with_a_time_to_come_back(tmp_path: Path) -> None:
    full = asyncio.Event()

    def script(_command: str) -> Script:
        if slow.running == 2:
            full.set()  # this is the third
        return [Hold(), Say("x\n")]

    slow = Scripted(script)
    async with looking_glass(tmp_path, {"router:core1": slow}) as glass:
        asked = [asyncio.create_task(glass.get(PING)) for _ in range(6)]
        async with asyncio.timeout(20):
            await full.wait()
        done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        refused = next(iter(done)).result()
        assert (refused.status_code, refused.json()["code"]) == (429, "router_busy")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert {row["slug"]: row["status"] for row in (await glass.get("/routers")).json()["data"]}["core1"] == "busy"
        slow.go()
        await asyncio.wait(waiting)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_before_a_full_router_no_run_begins_and_the_refusal_is_recorded(tmp_path: Path, accept: str) -> None:
    commands: list[str] = []
    full = asyncio.Event()

    def script(command: str) -> Script:
        commands.append(command)
        if len(commands) == 3:
            full.set()
        return [Hold(), Say("x\n")]

    slow = Scripted(script)
    patient = replace(SETTINGS, limits=replace(SETTINGS.limits, queue_places=0, queue_wait_s=30.0))
    async with looking_glass(tmp_path, {"router:core1": slow}, patient) as glass:
        asked = [asyncio.create_task(glass.get(PING)) for _ in range(3)]
        async with asyncio.timeout(20):
            await full.wait()
        refused = await glass.get(PING, accept=accept)
        assert (refused.status_code, refused.json()["code"]) == (429, "router_busy")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert glass.services.pipeline.runs.live == 3
        slow.go()
        await asyncio.wait(asked)
        await glass.services.store.database.writer.drained()
        rows = [row async for row in glass.services.store.audit.find(AuditFilter(outcome="refused"))]
        assert [(row.code, row.router, row.target, row.command) for row in rows] == [
            ("router_busy", "core1", "8.8.8.8", None)
        ]


async def test_a_client_that_leaves_lets_go_of_the_router(tmp_path: Path) -> None:
    begun = asyncio.Event()

    def silence(_command: str) -> Script:
        begun.set()
        return [Hang()]

    silent = Scripted(silence)
    async with looking_glass(tmp_path, {"router:core1": silent}) as glass:
        asked = asyncio.create_task(glass.get(PING))
        await begun.wait()
        run = next(iter(glass.services.pipeline.runs._runs.values()))
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await run.over()
        assert run.error is not None
        assert run.error.code == "stopped"
        assert silent.stopped == 1


async def test_no_answer_takes_longer_than_there_is_time_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ANSWER_WITHIN_S", 0.1)
    silent = Scripted(lambda _command: [Say("first\n"), Hang()])
    async with looking_glass(tmp_path, {"router:core1": silent}) as glass:
        answer = await glass.get(PING)
        assert (answer.status_code, answer.json()["code"]) == (500, "router_timeout")
        assert silent.stopped == 1
        stored = (await glass.get(f"/results/{answer.headers['x-result-id']}")).json()["data"]
        assert (stored["output"], stored["code"]) == ("first\n", "stopped")


async def test_a_stopped_run_of_the_caller_ends_at_once_and_nobody_elses_can_be_stopped(tmp_path: Path) -> None:
    silent = Scripted(lambda _command: [Say("first\n"), Hang()])
    async with looking_glass(tmp_path, {"router:core1": silent}) as glass:
        async with glass.events(PING) as events:
            first = await anext(events)
            run_id = first.id.partition(".")[0]
            url = f"{glass.url}/api/v1/results/{run_id}"
            other = await glass.client.delete(url, headers=glass.headers(await glass.new_key()))
            assert (other.status_code, other.json()["code"]) == (404, "not_found")
            stopped = await glass.client.delete(url, headers=glass.headers())
            assert stopped.json() == {"success": True, "data": {"id": run_id, "stopped": True}}
            rest = [event async for event in events]
        assert rest[-1].name == "failed"
        assert rest[-1].data["code"] == "stopped"
        again = await glass.client.delete(url, headers=glass.headers())
        assert again.json()["data"]["stopped"] is False
        assert (await glass.get(f"/results/{run_id}")).json()["data"]["output"] == "first\n"


async def test_nothing_is_asked_while_the_service_stops(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        assert (await glass.client.get(glass.url + "/readyz")).json() == {"ready": True, "waiting_for": []}
        glass.services.begin_draining()
        answer = await glass.get(PING)
        assert (answer.status_code, answer.json()["code"]) == (500, "shutting_down")
        assert (await glass.get("/routers")).status_code == 200
        ready = await glass.client.get(glass.url + "/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert glass.devices["router:core1"].commands == []


async def test_other_origins_may_call_only_where_the_operator_lists_them(tmp_path: Path) -> None:
    origin = "https://shop.example"
    asking = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    async with looking_glass(tmp_path, settings=replace(SETTINGS, cors_origins=(origin,))) as glass:
        url = f"{glass.url}/api/v1/routers"
        preflight = await glass.client.options(url, headers=asking)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        answer = await glass.client.get(url, headers=glass.headers(Origin=origin))
        assert answer.headers["access-control-allow-origin"] == origin
        assert "X-RateLimit-Remaining" in answer.headers["access-control-expose-headers"]
        refused = await glass.client.get(url, headers={"Origin": origin})
        assert refused.headers["access-control-allow-origin"] == origin
        stranger = {**asking, "Origin": "https://evil.example"}
        assert (await glass.client.options(url, headers=stranger)).status_code == 401
        plain = await glass.client.get(url, headers=glass.headers(Origin="https://evil.example"))
        assert "access-control-allow-origin" not in plain.headers
        assert plain.headers["vary"] == "Origin"


async def test_a_question_that_failed_before_its_router_said_anything_is_kept(tmp_path: Path) -> None:
    away = Scripted(answers, fault=Fault("router_unreachable", "The router cannot be reached."))
    async with looking_glass(tmp_path, {"router:core1": away}) as glass:
        for _ in range(5):  # the last ones are not even tried
            failed = await glass.get(PING)
            assert (failed.status_code, failed.json()["code"]) == (500, "router_unreachable")
            kept = (await glass.get(f"/results/{failed.headers['x-result-id']}")).json()["data"]
            assert (kept["code"], kept["target"], kept["result"]) == ("router_unreachable", "8.8.8.8", None)
            assert not kept["output"]
            assert kept["command"].startswith("ping ")


async def test_a_crowd_before_one_router_is_turned_away_before_any_of_it_is_recorded_as_begun(tmp_path: Path) -> None:
    slow = Scripted(lambda _command: [Hold(), Say("x\n")])
    settings = replace(SETTINGS, limits=replace(SETTINGS.limits, queue_places=2, queue_wait_s=30.0))
    async with looking_glass(tmp_path, {"router:core1": slow}, settings) as glass:
        pipeline = glass.services.pipeline
        caller = Caller("key:a", "key", "192.0.2.1", key_id="a")
        asked = [("target", "8.8.8.8"), ("router", "core1"), ("connection", "1")]
        plan = await pipeline.plan(caller, pipeline.kind("ping"), asked)
        runs = [pipeline.begin(caller, plan) for _ in range(5)]  # three sessions and two places
        for _ in range(40):
            with pytest.raises(Busy):
                pipeline.begin(caller, plan)
        assert pipeline.runs.live == 5
        for run in runs[:4]:
            run.stop()
        await asyncio.gather(*(run.over() for run in runs[:4]))
        again = [pipeline.begin(caller, plan) for _ in range(4)]  # whoever never arrived takes no place
        for run in (runs[4], *again):
            run.stop()
            await run.over()
