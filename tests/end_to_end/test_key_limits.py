"""Keys have limits that are told, obeyed and over when they say; cached and shared answers say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from doubles.lab_glass import Glass, glass_for
from netpulse.settings import Limits, Settings


@pytest_asyncio.fixture(loop_scope="session")
async def small(lab_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    """A looking glass whose key may ask five times a minute, and any one target twice."""
    settings = replace(
        lab_settings,
        storage=f"sqlite:///{tmp_path_factory.mktemp('small')}/netpulse.db",
        limits=replace(Limits(), target_per_minute=2),
        bgp_cache_s=60.0,
    )
    async with glass_for(settings, per_minute=5) as running:
        yield running


async def test_the_limit_is_told_with_every_answer_and_the_sixth_request_is_one_too_many(small: Glass) -> None:
    left = []
    for path in ("/routers", "/nothing", "/ping", "/routers", "/routers"):
        answer = await small.get(path)
        assert answer.headers["x-ratelimit-limit"] == "5"
        assert 1 <= int(answer.headers["x-ratelimit-reset"]) <= 60
        left.append(int(answer.headers["x-ratelimit-remaining"]))
    assert left == [4, 3, 2, 1, 0]
    refused = await small.get("/routers")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining"] == "0"
    free = await small.ask("/limits")
    assert free == {"limit": 5, "remaining": 0, "reset_s": int(free["reset_s"])}


async def test_a_question_to_all_routers_costs_one_for_each(small: Glass) -> None:
    routers = len((await small.ask("/aspath/all-routers", target="8.8.8.8"))["routers"])
    assert (await small.ask("/limits"))["remaining"] == 5 - routers


async def test_one_target_is_limited_for_everybody_together(small: Glass) -> None:
    ask = {"target": "8.8.8.8", "router": "core1", "connection": 1}
    for _ in range(2):
        await small.ask("/ping", **ask)
    assert await small.refused("/ping", **ask) == (429, "target_limited")
    assert (await small.get("/aspath", target="8.8.8.8")).status_code == 200


async def test_the_same_bgp_question_within_seconds_is_answered_from_memory_and_says_so(small: Glass) -> None:
    first = await small.ask("/aspath", target="1.1.1.0/24", router="core1")
    second = await small.ask("/aspath", target="1.1.1.0/24", router="core1")
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["result"] == first["result"]
    assert second["started_at"] == first["started_at"]
    assert second["id"] != first["id"]


async def test_twenty_one_bad_keys_from_one_address_are_one_too_many_and_good_keys_do_not_suffer(small: Glass) -> None:
    wrong = {"Authorization": "Bearer np_00000000_" + "a" * 43}
    answers = await asyncio.gather(*(small.http.get("/api/v1/routers", headers=wrong) for _ in range(25)))
    assert sorted({answer.status_code for answer in answers}) == [401, 429]
    assert sum(answer.status_code == 401 for answer in answers) == 20
    assert (await small.get("/routers")).status_code == 200


async def test_a_revoked_key_is_no_key(small: Glass) -> None:
    text, record = await small.services.store.keys.create("short-lived", per_minute=5)
    await small.services.store.keys.refresh()
    headers = {"Authorization": f"Bearer {text}"}
    assert (await small.http.get("/api/v1/routers", headers=headers)).status_code == 200
    await small.services.store.keys.revoke(record.id)
    await small.services.store.keys.refresh()
    assert (await small.http.get("/api/v1/routers", headers=headers)).status_code == 401
