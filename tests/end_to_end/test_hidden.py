"""What the operator hides leaves by no door: answers, streams, text, pages, and results read again, for each audience."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from doubles.lab_glass import Glass, glass_for
from netpulse.cells import discover
from netpulse.disclosure import disclosure
from netpulse.settings import Captcha, Settings

HTML = {"Accept": "text/html"}
TEXT = {"Accept": "text/plain"}
SHOWS = discover().shows()
FOR_KEYS = disclosure(["med", "communities:174:*"], ["dns\\.google"], SHOWS)
FOR_ALL = disclosure(["med", "local_pref", "learned_from.address", "communities:174:*"], ["dns\\.google"], SHOWS)
KEYS_LACK = ("174:21001", "174,21001", r'"med":\d', r"BGP\.med: \d")
ALL_LACK = (*KEYS_LACK, r'"local_pref":\d', r"BGP\.local_pref: \d", r'"locPrf":\d')


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secretive(lab_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    settings = replace(
        lab_settings,
        storage=f"sqlite:///{tmp_path_factory.mktemp('hidden')}/netpulse.db",
        disclosures={"key": FOR_KEYS, "public": FOR_ALL},
        captcha=Captcha(enabled=False),
        limits=replace(lab_settings.limits, visitor_queries=1000),
        bgp_cache_s=60.0,
    )
    async with glass_for(settings) as running:
        yield running


async def seen(glass: Glass, path: str, headers: dict[str, str] | None = None) -> str:
    answer = await glass.http.get(path, headers=headers or {})
    assert answer.status_code == 200, answer.text
    return answer.text


async def asked_on_the_page(glass: Glass, **fields: str) -> str:
    """The path of the result of a question asked with the form, once it is there."""
    answer = await glass.http.post("/", data=fields, headers=HTML)
    assert answer.status_code == 303, answer.text
    path: str = answer.headers["location"]
    await seen(glass, f"{path}/events")  # ends with the run
    return path


def none_of(secrets: tuple[str, ...], text: str) -> None:
    assert [secret for secret in secrets if re.search(secret, text)] == []
    assert "15169" in text, "the answer itself is there"


@pytest.mark.parametrize("router", ["core1", "frr1"])
async def test_a_key_is_not_shown_what_is_hidden_from_keys(secretive: Glass, router: str) -> None:
    data = await secretive.ask("/aspath", target="8.8.8.0/24", router=router)
    assert {route["med"] for route in data["result"]["routes"]} == {None}
    assert any(route["local_pref"] for route in data["result"]["routes"])
    answer = await secretive.get("/aspath", target="8.8.8.0/24", router=router)
    assert answer.json()["data"]["cached"] is True
    none_of(KEYS_LACK, answer.text)
    none_of(KEYS_LACK, await seen(secretive, f"/api/v1/results/{data['id']}", secretive.headers()))
    none_of(KEYS_LACK, await seen(secretive, f"/api/v1/results/{data['id']}", secretive.headers(**TEXT)))
    asked = f"/api/v1/aspath?target=8.8.8.0/24&router={router}"
    none_of(KEYS_LACK, await seen(secretive, asked, secretive.headers(Accept="text/event-stream")))


async def test_all_routers_together_tell_no_more(secretive: Glass) -> None:
    answer = await secretive.get("/aspath/all-routers", target="8.8.8.0/24")
    none_of(KEYS_LACK, answer.text)
    asked = "/api/v1/aspath/all-routers?target=8.8.8.0/24"
    none_of(KEYS_LACK, await seen(secretive, asked, secretive.headers(Accept="text/event-stream")))


async def test_the_public_reads_less_of_the_same_result(secretive: Glass) -> None:
    data = await secretive.ask("/aspath", target="8.8.8.0/24", router="core1")
    neighbors = {route["learned_from"]["address"] for route in data["result"]["routes"]}
    for path in (f"/r/{data['id']}.json", f"/r/{data['id']}.txt"):
        none_of((*ALL_LACK, *map(re.escape, neighbors)), await seen(secretive, path))
    none_of((*ALL_LACK, *map(re.escape, neighbors)), await seen(secretive, f"/r/{data['id']}", HTML))


@pytest.mark.parametrize("router", ["core1", "frr1", "*"])
async def test_a_page_shows_and_streams_none_of_it(secretive: Glass, router: str) -> None:
    answer = await secretive.http.post("/", data={"router": router, "query": "aspath", "target": "8.8.8.0/24"}, headers=HTML)
    path = answer.headers["location"]
    none_of(ALL_LACK, await seen(secretive, f"{path}/events"))
    none_of(ALL_LACK, await seen(secretive, path, HTML))
    # Who may see more of it sees it in the result that a visitor made.
    whole = await seen(secretive, f"/api/v1/results/{path.removeprefix('/r/')}", secretive.headers())
    assert re.search(r'"local_pref":\d', whole)
    none_of(KEYS_LACK, whole)


async def test_names_of_hops_are_redacted_too(secretive: Glass) -> None:
    data = await secretive.ask("/traceroute", target="8.8.8.8", router="core1", connection=1)
    assert "[redacted]" in {probe["name"] for hop in data["result"]["hops"] for probe in hop["probes"]}
    assert "dns.google" not in httpx2.Response(200, json=data).text


async def test_what_is_stored_is_whole_and_opens_with_the_settings(secretive: Glass, tmp_path: Path) -> None:
    data = await secretive.ask("/aspath", target="8.8.8.0/24", router="core1")
    secretive.services.reload(replace(secretive.services.settings, disclosures={}))
    try:
        shown = await seen(secretive, f"/r/{data['id']}.json")
    finally:
        secretive.services.reload(
            replace(secretive.services.settings, disclosures={"key": FOR_KEYS, "public": FOR_ALL})
        )
    there = ("174:21001", r'"med":\d', r'"local_pref":\d', r"BGP\.local_pref: \d")
    assert [secret for secret in there if not re.search(secret, shown)] == []
    none_of(ALL_LACK, await seen(secretive, f"/r/{data['id']}.json"))
