"""What Prometheus is told: true numbers, labels of ours alone, and only on a listener of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from doubles.glass import PING, SETTINGS, SLOW_TARGET, Glass, answers, looking_glass
from doubles.scrape import parsed, scrape
from doubles.scripted import Hold, Say, Script, Scripted
from netpulse.errors import CODES, Fault
from netpulse.inventory import Inventory
from netpulse.metrics.meter import Meter
from netpulse.metrics.reading import Reading, StoreReading
from netpulse.observer import STEPS, Observer
from netpulse.query import Ask, Budget, Job, Query
from netpulse.services import Services
from netpulse.web.metrics_page import MOST_SCRAPERS

PING_8 = "/ping?router=core1&connection=1&target=8.8.8.8"
PATH_8 = "/aspath?router=core1&target=8.8.8.8"
QUERIES = "netpulse_queries_total"
HOSTILE = "zz-from-a-caller"
CORE1 = SETTINGS.inventory.routers[0]
READING = Reading(
    version="1",
    python="3",
    draining=False,
    devices=(),
    maintenance={},
    connections=(),
    route_sources=(("core1", "route_server:rs1"),),
    runs=0,
    streams=0,
    most_streams=1,
    store=StoreReading(0, 0.0, 0, 0, 0, 0, True),
)


def unreachable() -> Scripted:
    return Scripted(answers, fault=Fault("router_unreachable", "The router does not accept a connection."))


def waiting(command: str) -> Script:
    return [Say(PING[:80]), Hold(), Say(PING[80:])] if SLOW_TARGET in command else answers(command)


async def until(glass: Glass, name: str, least: float, **labels: str) -> None:
    """Scrape until this series is at least that; what never comes fails."""
    async with asyncio.timeout(20):
        while (await scrape(glass.metrics_port)).value(name, **labels) < least:
            continue


async def test_a_question_counts_once_by_router_connection_query_and_outcome(tmp_path: Path) -> None:
    settings = replace(SETTINGS, bgp_cache_s=600.0)
    async with looking_glass(tmp_path, {"router:core2": unreachable()}, settings, metrics=True) as glass:
        assert (await glass.get(PATH_8)).json()["data"]["cached"] is False
        assert (await glass.get(PATH_8)).json()["data"]["cached"] is True
        await glass.get(PING_8)
        await glass.get(PING_8)
        await glass.get("/ping?router=core2&connection=4&target=8.8.8.8")
        seen = await scrape(glass.metrics_port)
    assert seen.value(QUERIES, router="core1", connection="1", query="ping", outcome="finished") == 2
    assert seen.value(QUERIES, router="core2", connection="4", query="ping", outcome="router_unreachable") == 1
    assert seen.value(QUERIES, router="core1", connection="", query="aspath", outcome="finished") == 2


async def test_a_question_to_all_routers_is_one_job_each_and_one_out_of_service_says_so(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, metrics=True) as glass:
        await glass.get("/aspath/all-routers?target=8.8.8.8")
        seen = await scrape(glass.metrics_port)
    outcomes = {
        router: seen.value(QUERIES, router=router, connection="", query="aspath", outcome=outcome)
        for router, outcome in (("core1", "finished"), ("core2", "finished"), ("resting", "maintenance"))
    }
    assert outcomes == {"core1": 1, "core2": 1, "resting": 1}


async def test_nothing_that_a_caller_writes_becomes_a_series(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, metrics=True) as glass:
        hostile = [
            f"/ping?router={HOSTILE}{{n}}&connection=1&target=8.8.8.8",
            f"/ping?router=core1&connection={HOSTILE}{{n}}&target=8.8.8.8",
            "/ping?router=core1&connection=77{n}&target=8.8.8.8",
            f"/ping?router=core1&connection=1&target={HOSTILE}{{n}}.example",
            f"/{HOSTILE}{{n}}",
            f"/results/{HOSTILE}{{n}}",
            f"/aspath?router=core1&target=8.8.8.8&{HOSTILE}{{n}}=1",
        ]
        counts = []
        for n in range(2):
            for path in hostile:
                await glass.get(path.format(n=n))
            await glass.client.get(f"{glass.url}/{HOSTILE}{n}", headers={"User-Agent": f"{HOSTILE}{n}"})
            await glass.client.get(f"{glass.url}/r/{HOSTILE}{n}")
            await glass.client.request("BREW", f"{glass.url}/")
            await glass.client.request("PROPFIND", f"{glass.url}/api/v1/ping")
            seen = await scrape(glass.metrics_port)
            counts.append(len(seen.series))
    assert [word for word in seen.words() if HOSTILE in word] == []
    assert seen.labels(QUERIES, "router") <= {"core1"}
    assert counts[0] == counts[1]
    assert seen.labels("netpulse_http_requests_total", "method") <= {"GET", "other"}


async def test_where_the_time_goes_is_timed_step_by_step(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, metrics=True) as glass:
        await glass.get(PING_8)
        seen = await scrape(glass.metrics_port)
    counted = {step: seen.value("netpulse_step_seconds_count", step=step, device="router:core1") for step in STEPS}
    assert counted == dict.fromkeys(STEPS, 1)


async def test_sessions_queues_runs_and_streams_are_as_they_are_now(tmp_path: Path) -> None:
    slow = Scripted(waiting)
    settings = replace(SETTINGS, limits=replace(SETTINGS.limits, queue_wait_s=20.0))
    async with looking_glass(tmp_path, {"router:core2": slow}, settings, metrics=True) as glass:
        path = f"/ping?router=core2&connection=4&target={SLOW_TARGET}"
        async with glass.events(path) as events:
            async for event in events:
                if event.name == "output":
                    break
            asked = [asyncio.create_task(glass.get(path)) for _ in range(3)]
            await until(glass, "netpulse_queue_waiting", 1, device="router:core2")
            busy = await scrape(glass.metrics_port)
            slow.go()
            async for _ in events:
                continue
        await asyncio.gather(*asked)
        after = await scrape(glass.metrics_port)
    assert busy.value("netpulse_sessions", device="router:core2") == 3
    assert busy.value("netpulse_sessions_limit", device="router:core2") == 3
    assert busy.value("netpulse_queue_places", device="router:core2") == 2
    assert busy.value("netpulse_runs") == 4
    assert (busy.value("netpulse_streams"), after.value("netpulse_streams")) == (1, 0)
    assert [after.value(f"netpulse_{name}", device="router:core2") for name in ("sessions", "queue_waiting")] == [0, 0]


async def test_a_device_that_cannot_be_reached_shows_its_breaker(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, {"router:core2": unreachable()}, metrics=True) as glass:
        for _ in range(3):
            assert (await scrape(glass.metrics_port)).value("netpulse_breaker_open", device="router:core2") == 0
            await glass.get("/ping?router=core2&connection=4&target=8.8.8.8")
        assert (await scrape(glass.metrics_port)).value("netpulse_breaker_open", device="router:core2") == 1


async def test_what_a_device_does_wrong_counts_from_nought(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, {"router:core2": unreachable()}, metrics=True) as glass:
        before = await scrape(glass.metrics_port)
        await glass.get("/ping?router=core2&connection=4&target=8.8.8.8")
        after = await scrape(glass.metrics_port)
    fault = {"device": "router:core2", "code": "router_unreachable"}
    name = "netpulse_device_faults_total"
    assert (before.value(name, **fault), after.value(name, **fault)) == (0, 1)
    assert sum(value for (found, _), value in after.series.items() if found == name) == 1
    assert after.value("netpulse_errors_total", code="router_unreachable") == 1


async def test_what_leaves_the_file_leaves_the_gauges(tmp_path: Path) -> None:
    def named(text: str) -> set[str]:
        return {line for line in text.splitlines() if "core2" in line and "TYPE" not in line}

    async with looking_glass(tmp_path, metrics=True) as glass:
        before = await scrape(glass.metrics_port)
        rest = tuple(router for router in SETTINGS.inventory.routers if router.slug != "core2")
        glass.services.reload(replace(glass.services.settings, inventory=Inventory(rest)))
        after = await scrape(glass.metrics_port)
    assert len(named(before.text)) >= 8
    assert named(after.text) == set()


async def test_refusals_and_limits_are_told_apart(tmp_path: Path) -> None:
    settings = replace(SETTINGS, limits=replace(SETTINGS.limits, target_per_minute=1, bad_keys_per_minute=1))
    async with looking_glass(tmp_path, None, settings, metrics=True) as glass:
        for _ in range(2):
            await glass.get(PING_8)
            await glass.get("/ping?router=nowhere&connection=1&target=8.8.8.8")
            await glass.get("/routers", key="wrong")
        one = await glass.new_key(1)
        for _ in range(2):
            await glass.get("/routers", key=one)
        seen = await scrape(glass.metrics_port)
    refused = {code: seen.value("netpulse_errors_total", code=code) for code in CODES}
    assert {code: count for code, count in refused.items() if count} == {
        "unknown_router": 2, "target_limited": 1, "unauthorized": 1, "rate_limited": 2,
    }  # fmt: skip
    hits = {kind: seen.value("netpulse_rate_limit_hits_total", limit=kind) for kind in ("key", "bad-key", "target", "visitor")}
    assert hits == {"key": 1, "bad-key": 1, "target": 1, "visitor": 0}


async def test_every_request_counts_by_the_template_of_its_path(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, metrics=True) as glass:
        await glass.get("/routers")
        await glass.get("/results/0123456789abcdef0123456789abcdef")
        await glass.client.get(f"{glass.url}/r/0123456789abcdef0123456789abcdef")
        await glass.client.get(f"{glass.url}/healthz")
        await glass.client.get(f"{glass.url}/metrics")
        seen = await scrape(glass.metrics_port)
    requests = {
        (dict(labels)["route"], dict(labels)["status"]): count
        for (name, labels), count in seen.series.items()
        if name == "netpulse_http_requests_total"
    }
    assert requests == {
        ("/api/v1/routers", "200"): 1,
        ("/api/v1/results/{id}", "404"): 1,
        ("/r/{name}", "404"): 1,
        ("/healthz", "200"): 1,
        ("(none)", "404"): 1,
    }


def test_a_route_source_tells_when_it_last_answered_and_when_it_last_failed() -> None:
    now = [1000.0]
    meter = Meter(lambda: now[0])
    answered, failed = (f"netpulse_route_source_{word}_timestamp_seconds" for word in ("answered", "failed"))
    source = CORE1.routes[0]
    job = Job(
        query=Query("aspath", None, "core1"),
        router=CORE1,
        connection=None,
        device=source.device,
        ask=Ask(target=None, family=4, source=None),
        command="show route",
        read=lambda: None,
        budget=Budget(1.0, 1.0),
        worst_case_s=1.0,
        route_source=source,
    )

    def told(name: str) -> float:
        return parsed(meter.page(READING).decode()).value(name, router="core1", source="route_server:rs1")

    assert (told(answered), told(failed)) == (0, 0)
    meter.executed(job, None, {})
    now[0] = 1060.0
    meter.executed(job, "route_source_down", {})
    assert (told(answered), told(failed)) == (1000, 1060)
    now[0] = 1120.0
    for code in ("stopped", "shutting_down", "router_busy"):  # none of these is the source's doing
        meter.executed(job, code, {})
    assert (told(answered), told(failed)) == (1000, 1060)


def test_a_reload_counts_and_says_whether_the_file_as_it_is_was_taken() -> None:
    meter = Meter(lambda: 5.0)
    meter.reloaded(True)
    meter.reloaded(False)
    page = parsed(meter.page(READING).decode())
    assert [page.value("netpulse_config_reloads_total", result=result) for result in ("ok", "failed")] == [1, 1]
    assert page.value("netpulse_config_last_reload_successful") == 0
    meter.reloaded(True)
    assert parsed(meter.page(READING).decode()).value("netpulse_config_last_reload_successful") == 1


async def test_only_metrics_are_there_and_the_looking_glass_has_none(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, metrics=True) as glass:
        base = f"http://127.0.0.1:{glass.metrics_port}"
        elsewhere = {path: (await glass.client.get(base + path)).status_code for path in ("/", "/api/v1/routers", "/metrics/")}
        assert elsewhere == dict.fromkeys(elsewhere, 404)
        assert (await glass.client.post(f"{base}/metrics")).status_code == 405
        assert (await glass.client.get(f"{glass.url}/metrics")).status_code == 404


async def test_scrapers_that_take_nothing_hold_up_neither_the_looking_glass_nor_the_process(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, metrics=True) as glass:
        held = [await asyncio.open_connection("127.0.0.1", glass.metrics_port) for _ in range(MOST_SCRAPERS + 2)]
        for _, writer in held:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            await writer.drain()
        assert (await glass.get("/routers")).status_code == 200
        refused = await held[-1][0].readline()
        assert b" 503 " in refused
        for _, writer in held:
            writer.close()
        await until(glass, "netpulse_draining", 0)


async def test_a_defect_in_the_metrics_is_told_to_who_scrapes_and_harms_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_services: Services) -> None:
        raise RuntimeError("broken")

    async with looking_glass(tmp_path, metrics=True) as glass:
        with monkeypatch.context() as patched:
            patched.setattr("netpulse.web.metrics_page.read", broken)
            answer = await glass.client.get(f"http://127.0.0.1:{glass.metrics_port}/metrics")
            assert (answer.status_code, "broken" in answer.text) == (500, False)
            assert (await glass.get("/routers")).status_code == 200
        await scrape(glass.metrics_port)


def test_a_server_without_metrics_never_imports_what_they_are_made_with() -> None:
    code = "import sys, netpulse.web.server, netpulse.cli; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_who_listens_to_nothing_has_every_method() -> None:
    assert {name for name in vars(Meter) if not name.startswith("_")} - {"page"} == {
        name for name in vars(Observer) if not name.startswith("_")
    }
