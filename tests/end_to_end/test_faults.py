"""Routers go away, hang, lie and flood: each has its status, its code and one sentence, and the others still answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from doubles.lab_glass import glass_for
from netpulse.lab.lab import Lab
from netpulse.settings import Settings

PING = {"target": "8.8.8.8", "router": "core2", "connection": 4}


@contextmanager
def broken(lab: Lab, **faults: Any) -> Iterator[None]:
    """core2's command line has these faults inside the block, on new connections."""
    lab.shell("core2", **faults)
    lab.drop("core2")
    try:
        yield
    finally:
        lab.heal("core2")


@contextmanager
def away(lab: Lab) -> Iterator[None]:
    lab.stop_router("core2")
    try:
        yield
    finally:
        lab.start_router("core2")


@pytest.fixture(scope="module")
def impatient(lab_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same settings with deadlines of a second, so that a router that hangs is found out soon."""
    return replace(
        lab_settings,
        storage=f"sqlite:///{tmp_path_factory.mktemp('faults')}/netpulse.db",
        deadlines=replace(lab_settings.deadlines, silence_s=1.0, login_s=2.0, ping_s=3.0, traceroute_s=3.0),
    )


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"hang_before": True}, "router_timeout"),
        ({"hang_after_lines": 2}, "router_timeout"),
        ({"refuse_commands": True}, "router_refused"),
        ({"garbage": True}, "router_garbled"),
        ({"close_after_lines": 2}, "router_closed"),
        ({"refuse_login": True}, "router_login"),
        ({"host_key": 1}, "router_identity"),
    ],
)
async def test_each_fault_of_a_router_has_its_code_and_touches_no_other(
    impatient: Settings, lab: Lab, faults: dict[str, Any], code: str
) -> None:
    async with glass_for(impatient) as glass:
        with broken(lab, **faults):
            answer = await glass.get("/ping", **PING)
            assert (answer.status_code, answer.json()["code"]) == (500, code)
            assert_says_nothing(answer.json()["error"], lab)
            other = await glass.ask("/ping", target="8.8.8.8", router="core1", connection=1)
            assert other["result"]["received"] == 5
            everyone = await glass.ask("/aspath/all-routers", target="8.8.8.8")
            assert all(row["ok"] for row in everyone["routers"])  # its routes are not asked of the router
            stored = await glass.ask(f"/results/{answer.headers['x-result-id']}")
            assert (stored["code"], stored["router"]) == (code, "Core Router 2")
    async with glass_for(impatient) as glass:
        assert (await glass.ask("/ping", **PING))["result"]["received"] == 5


async def test_a_router_that_is_gone_is_unreachable_and_answers_again_when_it_is_back(
    impatient: Settings, lab: Lab
) -> None:
    async with glass_for(impatient) as glass:
        with away(lab):
            assert await glass.refused("/ping", **PING) == (500, "router_unreachable")
        assert (await glass.ask("/ping", **PING))["result"]["received"] == 5


async def test_after_three_failures_in_a_row_the_router_is_down_and_is_not_tried_for_each_question(
    impatient: Settings, lab: Lab
) -> None:
    async with glass_for(impatient) as glass:
        with away(lab):
            for _ in range(3):
                assert await glass.refused("/ping", **PING) == (500, "router_unreachable")
            status = {row["slug"]: row["status"] for row in await glass.rows("/routers")}
            assert status["core2"] == "down"
            assert status["core1"] == "up"


async def test_what_a_router_printed_before_it_failed_is_kept_in_the_stored_result(
    impatient: Settings, lab: Lab
) -> None:
    async with glass_for(impatient) as glass:
        with broken(lab, hang_after_lines=3):
            answer = await glass.get("/ping", **PING)
        stored = await glass.ask(f"/results/{answer.headers['x-result-id']}")
        assert stored["output"].startswith("PING 8.8.8.8 (8.8.8.8): 56 data bytes\n64 bytes from 8.8.8.8: icmp_seq=0 ")
        assert len(stored["result"]["echoes"]) == 2


async def test_a_flood_is_cut_at_its_budget_and_marked(impatient: Settings, lab: Lab) -> None:
    async with glass_for(impatient) as glass:
        with broken(lab, flood=True):
            data = await glass.ask("/ping", **PING)
        assert data["truncated"] is True
        assert data["output"].count("\n") <= impatient.output.most_lines
        assert len(data["output"]) <= impatient.output.most_bytes


async def test_a_router_that_ignores_the_close_never_runs_more_than_its_sessions(impatient: Settings, lab: Lab) -> None:
    async with glass_for(impatient) as glass:
        with broken(lab, hang_after_lines=1, ignore_close=True):
            codes = [await glass.refused("/ping", **PING) for _ in range(4)]
            assert codes[:3] == [(500, "router_timeout")] * 3
            assert codes[3] == (429, "router_busy")
            busy = await glass.get("/ping", **PING)
            assert 1 <= int(busy.headers["retry-after"]) <= 60


def assert_says_nothing(sentence: str, lab: Lab) -> None:
    """No address, port, user name or key of the operator's in a public sentence."""
    host, port = lab.ssh["core2"]
    for secret in (host, str(port), "netpulse", "ssh-ed25519", "Traceback", "asyncssh"):
        assert secret not in sentence
