"""What one stranger can do to another, and to a key: runs, results, limits, sums, pages; and the W cases.

W1's browser is tests/test_pages_hostile.py and tests/browser; W11's pieces are tests/test_captcha.py; X1 is test_abuse_keys.py.
Not applicable until there is an admin area: W2 (admin POST without origin), W4 (fixation), W5 (old cookies), W6 (session
cookie flags), W7 (idle sessions), W8 (passwords), W10 (redirect after login), W12 (a captcha provider: ours is local), W15
(router hosts), W16 (command templates), W17 (first run).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text
from starlette.routing import Route

from abuse.corpus import lines
from doubles.glass import INVENTORY, SETTINGS, Glass, looking_glass
from doubles.result_pages import HELD, HTML, OPEN, PINGED, ROUTED, asked, assert_nothing_runs, printing, run_of
from netpulse.inventory import Inventory, Visibility
from netpulse.settings import Captcha, Settings
from netpulse.store.audit import AuditFilter
from netpulse.web.pages import page_routes
from netpulse.web.pages.results import _MOST_OF_ONE
from netpulse.web.pages.visitor import MISSES_PER_MINUTE

PING = "/ping?target=8.8.8.8&router=core1&connection=1"
OTHER = {"X-Forwarded-For": "198.51.100.77"}
ASKING = replace(OPEN, captcha=Captcha(enabled=True))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    """Without the sum and practically without a visitor's limit."""
    async with looking_glass(tmp_path_factory.mktemp("strangers"), settings=OPEN) as running:
        yield running


async def send(glass: Glass, method: str, path: str, data: dict[str, str] | None = None, **headers: str) -> httpx2.Response:
    """One request of somebody without cookies."""
    try:
        return await glass.client.request(method, glass.url + path, data=data, headers={**HTML, **headers})
    finally:
        glass.client.cookies.clear()


# Runs.


async def test_nobody_else_follows_stops_or_resumes_a_run(tmp_path: Path) -> None:
    held = printing(HELD)
    async with looking_glass(tmp_path, {"router:core1": held}, OPEN) as glass:
        mine, thief = await glass.new_key(), await glass.new_key()
        async with glass.events(PING, key=mine) as events:
            first = await anext(events)
            run_id = first.id.partition(".")[0]
            for key in (thief, glass.key):
                stop = await glass.client.delete(f"{glass.url}/api/v1/results/{run_id}", headers=glass.headers(key))
                assert stop.status_code == 404
                assert (await glass.get(f"/results/{run_id}", key=key)).status_code == 404
                headers = glass.headers(key, Accept="text/event-stream", Last_Event_ID=f"{run_id}.0")
                resumed = await glass.client.get(f"{glass.url}/api/v1{PING}", headers=headers)
                assert (resumed.status_code, resumed.json()["code"]) == (400, "unknown_event")
            for headers in ({}, OTHER):
                assert (await send(glass, "GET", f"/r/{run_id}/events", None, **headers)).status_code == 404
                assert (await send(glass, "POST", f"/r/{run_id}/stop", None, **headers)).status_code == 404
            assert held.stopped == 0
            held.go()
            assert [event.name async for event in events][-1] == "finished"


async def test_a_key_has_no_power_over_the_run_of_a_visitor_nor_one_visitor_over_another(tmp_path: Path) -> None:
    held = printing(HELD)
    async with looking_glass(tmp_path, {"router:core1": held}, OPEN) as glass:
        path = await asked(glass, PINGED)
        run_id = path.rpartition("/")[2]
        stop = await glass.client.delete(f"{glass.url}/api/v1/results/{run_id}", headers=glass.headers())
        assert stop.status_code == 404
        assert (await send(glass, "POST", f"{path}/stop", None, **OTHER)).status_code == 404
        assert (await send(glass, "GET", f"{path}/events", None, **OTHER)).status_code == 404
        assert held.stopped == 0
        # The owner's own browser, sent by another site, is not the owner.
        for line in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert (await send(glass, "POST", f"{path}/stop", None, **line)).status_code == 400
        assert held.stopped == 0
        assert (await send(glass, "GET", f"{path}/stop")).status_code == 405  # W3: nothing is changed by a GET
        held.go()
        await run_of(glass, path).over()


async def test_one_visitor_does_not_take_all_the_streams(tmp_path: Path) -> None:
    held = printing(HELD)
    async with looking_glass(tmp_path, {"router:core1": held}, OPEN) as glass:
        path = await asked(glass, PINGED)
        limits = httpx2.Limits(max_connections=100)
        async with httpx2.AsyncClient(timeout=20, limits=limits) as greedy:
            open_ones = [greedy.stream("GET", f"{glass.url}{path}/events") for _ in range(_MOST_OF_ONE)]
            for stream in open_ones:
                assert (await stream.__aenter__()).status_code == 200
            refused = await greedy.get(f"{glass.url}{path}/events")
            assert (refused.status_code, refused.json()["code"]) == (429, "server_busy")
            async with glass.events("/ping?target=8.8.8.8&router=core2&connection=4") as events:
                assert (await anext(events)).name in ("started", "queued")
            held.go()
            for stream in open_ones:
                await stream.__aexit__(None, None, None)
        await run_of(glass, path).over()
        assert glass.services.seats.taken == 0


# Results.


async def test_w13_sixty_results_that_are_not_there_are_enough(glass: Glass) -> None:
    kept = (await glass.get(PING)).headers["x-result-id"]
    paths = ["/r/{}", "/r/{}.json", "/r/{}.txt", "/r/{}/events", "/r/nonsense{}", "/r/{}.exe"]
    them = {"X-Forwarded-For": "198.51.100.13"}
    answers = [await send(glass, "GET", paths[n % 4].format(f"{n:032x}"), None, **them) for n in range(MISSES_PER_MINUTE)]
    assert {answer.status_code for answer in answers} == {404}
    for path in (*paths[:4], "/r/{}/stop"):
        method = "POST" if path.endswith("stop") else "GET"
        answer = await send(glass, method, path.format("f" * 32), None, **them)
        assert answer.status_code == 429, path
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    # While that lasts nothing tells them which ids exist; everybody else reads on.
    assert (await send(glass, "GET", f"/r/{kept}", None, **them)).status_code == 429
    assert (await send(glass, "GET", f"/r/{kept}", None, **OTHER)).status_code == 200


async def test_w13_a_result_that_is_not_there_costs_no_walk_through_the_audit_trail(glass: Glass) -> None:
    """Whoever asks for one makes the database look for the run under way: by time, never through the whole table."""
    audit = glass.services.store.audit
    seen: list[Any] = []
    read = type(audit.database).read

    async def noticed(self: Any, query: Any) -> Any:
        seen.append(query)
        return await read(self, query)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(audit.database), "read", noticed)
        assert (await send(glass, "GET", f"/r/{'e' * 32}", None, **{"X-Forwarded-For": "198.51.100.14"})).status_code == 404
    (query,) = [str(each.compile(compile_kwargs={"literal_binds": True})) for each in seen if "audit" in str(each)]
    explained: Any = text(f"EXPLAIN QUERY PLAN {query}")
    plan = " ".join(str(row) for row in await audit.database.read(explained))
    assert "audit_by_time" in plan
    assert "SCAN" not in plan


async def test_w14_the_page_of_a_result_tells_nothing_of_who_asked_and_whom(glass: Glass) -> None:
    them = {"X-Forwarded-For": "198.51.100.140"}
    answer = await glass.client.get(f"{glass.url}/api/v1{PING}", headers={**glass.headers(), **them})
    result_id = answer.headers["x-result-id"]
    for path in (f"/r/{result_id}", f"/r/{result_id}.json", f"/r/{result_id}.txt"):
        page = await send(glass, "GET", path, None, **OTHER)
        assert page.status_code == 200
        for secret in ("198.51.100.140", glass.key, glass.key[3:11], "127.0.0.1"):
            assert secret not in page.text.replace(f"127.0.0.1:{glass.port}", ""), (path, secret)
        assert page.headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert "public" not in page.headers["cache-control"]
    assert '<meta name="robots" content="noindex">' in (await send(glass, "GET", f"/r/{result_id}")).text


def with_connection_1(visible: Visibility) -> Settings:
    """Routes by AS174 belong to connection 1, which is for these."""
    core1, *others = INVENTORY.routers
    first = replace(core1.connections[0], visible=visible)
    first = replace(first, match=replace(first.match, first_asn=174))
    core1 = replace(core1, connections=(first, *core1.connections[1:]))
    return replace(OPEN, inventory=Inventory((core1, *others)), bgp_cache_s=0.0)


@pytest.mark.parametrize("path", ["/aspath?target=8.8.8.8&router=core1", "/aspath/all-routers?target=8.8.8.8", PING])
async def test_a_result_follows_the_connections_that_a_reload_hides(tmp_path: Path, path: str) -> None:
    """What was public when it was asked is read under the settings of now, also where only the answer names it."""
    async with looking_glass(tmp_path, settings=with_connection_1("public")) as glass:
        plan = await glass.get(path)
        result_id = plan.headers["x-result-id"]
        assert plan.status_code == 200
        assert '"connection_id":1}' in plan.text or '"connection":"Transit 1"' in plan.text
        assert (await send(glass, "GET", f"/r/{result_id}.json")).status_code == 200
        ways: list[tuple[Visibility, int, int]] = [("key", 404, 200), ("hidden", 404, 404), ("public", 200, 200)]
        for visible, page, keyed in ways:
            glass.services.reload(replace(with_connection_1(visible), storage=glass.services.settings.storage))
            assert (await send(glass, "GET", f"/r/{result_id}.json")).status_code == page, visible
            assert (await send(glass, "GET", f"/r/{result_id}.txt")).status_code == page, visible
            assert (await glass.get(f"/results/{result_id}")).status_code == keyed, visible


async def test_an_answer_from_memory_does_not_cross_audiences(tmp_path: Path) -> None:
    """A key's answer names a connection for keys; the visitor who asks the same within seconds gets one that does not."""
    core1, *others = INVENTORY.routers
    keyed = replace(core1.connections[0], visible="key", name="Secret Transit")
    keyed = replace(keyed, match=replace(keyed.match, first_asn=174))
    settings = replace(
        OPEN, inventory=Inventory((replace(core1, connections=(keyed, *core1.connections[1:])), *others)), bgp_cache_s=60.0
    )
    async with looking_glass(tmp_path, settings=settings) as glass:
        for _ in range(2):
            answer = await glass.get("/aspath?target=8.8.8.8&router=core1")
            assert '"connection_id":1}' in answer.text
            assert (await send(glass, "GET", f"/r/{answer.headers['x-result-id']}.json")).status_code == 404
            path = await asked(glass, ROUTED)
            run = run_of(glass, path)
            await run.over()
            for tail in ("", ".json", ".txt", "/events"):
                page = await send(glass, "GET", path + tail)
                assert page.status_code == 200
                assert "Secret Transit" not in page.text
                assert '"connection_id":1}' not in page.text


# Sums.


def sum_in(page: str) -> tuple[str, str]:
    numbers = re.search(r'id="sum">(\d+) \+ (\d+)<', page)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert numbers is not None
    assert token is not None
    return str(int(numbers[1]) + int(numbers[2])), token[1]


async def test_w11_one_answer_is_good_for_one_question_however_many_send_it_at_once(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, settings=ASKING) as glass:
        answer, token = sum_in((await send(glass, "GET", "/")).text)
        form = {**PINGED, "token": token, "answer": answer}
        limits = httpx2.Limits(max_connections=100)
        async with httpx2.AsyncClient(timeout=60, limits=limits) as crowd:
            given = await asyncio.gather(*(crowd.post(glass.url + "/", data=form, headers=HTML) for _ in range(100)))
        statuses = sorted(each.status_code for each in given)
        assert statuses == [303] + [400] * 99
        assert len(glass.devices["router:core1"].commands) == 1


@pytest.mark.parametrize(
    "token",
    ["", "x" * 7000, "garbage", "1.2.3.4.5", "9999999999.5.5.0.", "...", "\u0661.5.5.0.x", "9" * 25 + ".5.5.0.x", "-1.5.5.0.x"],
)  # fmt: skip
async def test_w11_a_token_that_is_none_opens_nothing(tmp_path: Path, token: str) -> None:
    async with looking_glass(tmp_path, settings=ASKING) as glass:
        right, real = sum_in((await send(glass, "GET", "/")).text)
        until, a, b, nonce, mark = real.split(".")
        later = f"{int(until) + 600}.{real.partition('.')[2]}"
        spliced = [f"{until}.{a}.{int(b) + 1}.{nonce}.{mark}", later, real + ".", f"{real}{real}"]
        for each in (token, *spliced):
            answer = await send(glass, "POST", "/", {**PINGED, "token": each, "answer": right})
            assert answer.status_code == 400
        stolen = await send(glass, "POST", "/", {**PINGED, "token": real, "answer": right}, **OTHER)
        assert stolen.status_code == 400
        for cookie in ("np_person=1.x", f"np_person={real}", "np_person=9999999999." + "0" * 32, "np_person=" + "9" * 5000):
            assert (await send(glass, "POST", "/", {**PINGED}, Cookie=cookie)).status_code == 400
        assert glass.devices["router:core1"].commands == []


async def test_w11_a_pass_is_of_no_use_to_another(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, settings=ASKING) as glass:
        answer, token = sum_in((await send(glass, "GET", "/")).text)
        mine = await send(glass, "POST", "/", {**PINGED, "token": token, "answer": answer})
        cookie = mine.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        passed = {"Cookie": cookie.partition(";")[0]}
        assert (await send(glass, "POST", "/", PINGED, **passed)).status_code == 303
        assert (await send(glass, "POST", "/", PINGED, **passed, **OTHER)).status_code == 400


# Limits.


async def test_a_crowd_in_one_64_is_one_visitor_and_one_target_is_one_in_its_64(tmp_path: Path) -> None:
    limits = replace(SETTINGS.limits, visitor_queries=3, target_per_minute=4)
    core1, *others = INVENTORY.routers
    six = replace(core1.connections[0], source_ipv6=ip_address("2001:db8::1"))
    inventory = Inventory((replace(core1, connections=(six, *core1.connections[1:])), *others))
    async with looking_glass(tmp_path, settings=replace(OPEN, limits=limits, inventory=inventory)) as glass:
        statuses = [
            (await send(glass, "POST", "/", PINGED, **{"X-Forwarded-For": f"2001:db8:5:5::{n}"})).status_code for n in range(1, 6)
        ]
        assert statuses == [303, 303, 303, 429, 429]
        probes = [await glass.get(f"/ping?target=2001:4860:4860::{n}&router=core1&connection=1") for n in range(1, 7)]
        assert [answer.status_code for answer in probes] == [200] * 4 + [429] * 2
        assert probes[-1].json()["code"] == "target_limited"


async def test_questions_that_are_none_do_not_fill_the_audit_trail(glass: Glass) -> None:
    them = {"X-Forwarded-For": "198.51.100.60"}
    answers = [await send(glass, "POST", "/", {**PINGED, "target": "$(id)"}, **them) for _ in range(MISSES_PER_MINUTE + 20)]
    assert [answer.status_code for answer in answers] == [400] * MISSES_PER_MINUTE + [429] * 20
    await glass.services.store.database.writer.drained()
    rows = [row async for row in glass.services.store.audit.find(AuditFilter()) if row.client == "198.51.100.60"]
    assert len(rows) == MISSES_PER_MINUTE
    # A good question of theirs is answered all the same.
    assert (await send(glass, "POST", "/", PINGED, **them)).status_code == 303


async def test_a_wrong_method_or_path_costs_a_key_what_everything_costs(glass: Glass) -> None:
    key = await glass.new_key(per_minute=6)
    wrong = [("POST", "/ping"), ("HEAD", "/routers"), ("PUT", "/limits")]
    asked_for = [*wrong, ("GET", "/nowhere"), ("GET", "/ping?x=1"), ("GET", "/results/x")]
    for method, path in asked_for:
        answer = await glass.client.request(method, f"{glass.url}/api/v1{path}", headers=glass.headers(key))
        assert answer.status_code in (400, 404, 405)
    assert (await glass.get("/routers", key=key)).status_code == 429
    assert (await glass.get("/limits", key=key)).json()["data"]["remaining"] == 0


# Pages.


@pytest.mark.parametrize("field", ["target", "router", "connection", "query", "way", "family", "lang", "theme", "token", "x"])
async def test_w1_what_a_link_or_a_form_carries_is_only_text(glass: Glass, field: str) -> None:
    values = [line.value for line in lines() if line.id.startswith(("T-xsslog", "T-markup", "T-formats"))]
    assert len(values) > 20
    for n, value in enumerate(values):
        them = {"X-Forwarded-For": f"10.{sum(field.encode()) % 250}.0.{n}"}  # each from somebody else
        for answer in (
            await glass.client.get(f"{glass.url}/", params={field: value}, headers={**HTML, **them}),
            await send(glass, "POST", "/", {**PINGED, "target": "x", field: value}, **them),
        ):
            assert answer.status_code in (200, 400, 303)
            assert_nothing_runs(answer.text)
            assert not re.search(r"<(?:script>|svg onload|img src=x)", answer.text)
            assert "set-cookie" not in answer.headers or value not in answer.headers["set-cookie"]


def test_w3_nothing_is_changed_by_a_get(glass: Glass) -> None:
    """Every path that changes something is a POST by itself; none of them is a GET as well."""
    methods: dict[str, set[str]] = {}
    for route in page_routes(glass.services):
        assert isinstance(route, Route)
        if "{path" not in route.path:
            methods.setdefault(route.path, set()).update(route.methods or ())
    changing = {path for path, taken in methods.items() if taken - {"GET", "HEAD"}}
    assert changing == {"/", "/r/{name}/stop"}
    assert methods["/r/{name}/stop"] == {"POST"}


async def test_w9_no_page_may_be_framed(glass: Glass) -> None:
    for path in ("/", "/network", "/api", "/nowhere", f"/r/{'0' * 32}"):
        answer = await send(glass, "GET", path, None, **{"X-Forwarded-For": "198.51.100.9"})
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_w18_nothing_is_told_that_was_not_meant_to_be(glass: Glass) -> None:
    for path in ("/docs", "/redoc", "/metrics", "/debug", "/debug/pprof", "/server-status", "/admin", "/actuator", "/console"):
        assert (await send(glass, "GET", path)).status_code == 404
    told = (await send(glass, "GET", "/openapi.json")).text
    assert json.loads(told)["openapi"].startswith("3.1")
    for secret in ("Router hidden", "Router keyed", "Transit 9", "203.0.113", "glass.db"):
        assert secret not in told, secret


@pytest.mark.parametrize("path", ["/", "/api", "/network", "/openapi.json", "/readyz", "/?router=hidden&connection=21"])
async def test_no_page_names_what_is_not_for_the_public(glass: Glass, path: str) -> None:
    for accept in ("text/html", "text/plain"):
        page = (await send(glass, "GET", path, None, Accept=accept)).text
        for secret in ("Router hidden", "Router keyed", "Transit 9", "Transit 10", "Transit 20", "203.0.113.21"):
            assert secret not in page, (path, secret)
