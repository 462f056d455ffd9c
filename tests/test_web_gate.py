"""Who may ask, and how often: keys, limits, and whom a request is counted for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from doubles.glass import SETTINGS, Glass, looking_glass
from netpulse.web.clients import client_of

ANYWHERE = ("203.0.113.7", 1000)
TRUSTED = (ip_network("127.0.0.2/32"), ip_network("10.0.0.0/8"), ip_network("2001:db8::/64"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    settings = replace(SETTINGS, limits=replace(SETTINGS.limits, bad_keys_per_minute=1000))
    async with looking_glass(tmp_path_factory.mktemp("glass"), settings=settings) as running:
        yield running


def left(answer: httpx2.Response) -> int:
    return int(answer.headers["x-ratelimit-remaining"])


@pytest.mark.parametrize(
    "presented",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic Zm9vOmJhcg=="],
        ["np_00000000_" + "a" * 43],
        ["Bearer np_00000000_" + "a" * 43],
        ["Bearer KEY "],
        ["Bearer KEYKEY"],
        ["Bearer KEY, Bearer KEY"],
        ["Token KEY"],
        ["Bearer key"],
        ["Bearer KEY", "Bearer KEY"],
        ["Bearer KEY", "Basic x"],
    ],
)
async def test_without_one_valid_key_there_is_one_401_and_one_text(glass: Glass, presented: list[str]) -> None:
    shown = [value.replace("KEY", glass.key).replace("key", glass.key.upper()) for value in presented]
    for path in ("/routers", "/nowhere", "/ping?target=;", "/limits"):
        request = b"GET /api/v1%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" % path.encode()
        lines = b"".join(b"Authorization: %s\r\n" % value.encode() for value in shown)
        answer = await glass.raw(request + lines + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b'\r\nwww-authenticate: Bearer realm="looking glass"\r\n' in answer
        body = b'{"error":"A valid API key is required in the header Authorization: Bearer KEY.","code":"unauthorized"}'
        assert answer.endswith(body)
        assert b"x-ratelimit" not in answer


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])
async def test_the_scheme_may_be_written_in_any_case(glass: Glass, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {glass.key}"}
    assert (await glass.client.get(glass.url + "/api/v1/routers", headers=headers)).status_code == 200


async def test_a_revoked_an_expired_and_a_displaced_key_are_refused_in_the_same_words(glass: Glass) -> None:
    elsewhere = await glass.new_key(networks=(ip_network("192.0.2.0/24"),))
    here = await glass.new_key(networks=(ip_network("127.0.0.0/8"),))
    revoked = await glass.new_key()
    await glass.services.store.keys.revoke(revoked.split("_")[1])
    later = await glass.new_key(expires_at=datetime.now(UTC) + timedelta(days=1))
    refused = {(await glass.get("/routers", key=key)).text for key in (elsewhere, revoked, "np_x")}
    assert len(refused) == 1
    assert (await glass.get("/routers", key=here)).status_code == 200
    assert (await glass.get("/routers", key=later)).status_code == 200


async def test_each_request_costs_one_whatever_its_answer_and_looking_at_the_limit_is_free(glass: Glass) -> None:
    key = await glass.new_key(per_minute=30)
    costs = [
        "/routers",
        "/nowhere",
        "/ping",
        "/ping?target=8.8.8.8&router=core1&connection=1",
        "/results/x",
        "/limits?",
    ]
    for number, path in enumerate(costs[:-1], 1):
        answer = await glass.get(path, key=key)
        assert (answer.headers["x-ratelimit-limit"], left(answer)) == ("30", 30 - number), path
    before = (await glass.get("/limits", key=key)).json()["data"]
    after = (await glass.get("/limits", key=key)).json()["data"]
    assert before["limit"] == 30
    assert before["remaining"] == after["remaining"] == 30 - len(costs) + 1
    assert before["reset_s"] in (59, 60)
    head = await glass.client.head(glass.url + "/api/v1/limits", headers=glass.headers(key))
    assert left(head) == 30 - len(costs)


async def test_a_question_to_all_routers_costs_one_per_job(glass: Glass) -> None:
    key = await glass.new_key(per_minute=3)
    assert left(await glass.get("/aspath/all-routers?target=8.8.8.8", key=key)) == 1
    refused = await glass.get("/aspath/all-routers?target=8.8.8.8", key=key)
    assert (refused.status_code, refused.json()["code"], left(refused)) == (429, "rate_limited", 0)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    small = await glass.new_key(per_minute=1)
    never = await glass.get("/aspath/all-routers?target=8.8.8.8", key=small)
    assert (never.status_code, never.json()["code"]) == (429, "rate_limited")
    assert "ask single routers" in never.json()["error"]


async def test_over_the_limit_everything_is_429_before_the_path_is_even_looked_at(glass: Glass) -> None:
    key = await glass.new_key(per_minute=1)
    assert (await glass.get("/routers", key=key)).status_code == 200
    for path in ("/routers", "/nowhere", "/ping?x=1"):
        answer = await glass.get(path, key=key)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert answer.headers["retry-after"] == answer.headers["x-ratelimit-reset"]
        assert left(answer) == 0
    assert (await glass.get("/limits", key=key)).json()["data"]["remaining"] == 0
    assert (await glass.get("/routers", key=await glass.new_key())).status_code == 200


async def test_a_client_that_keeps_trying_keys_is_held_off_and_good_keys_are_not(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass:
        for _ in range(20):
            assert (await glass.get("/routers", key="np_bad")).status_code == 401
        held = await glass.get("/routers", key="np_bad")
        assert (held.status_code, held.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(held.headers["retry-after"]) <= 60
        assert (await glass.get("/routers")).status_code == 200
        assert (await glass.client.get(glass.url + "/api/v1/routers")).status_code == 401


async def test_a_client_behind_a_trusted_proxy_is_counted_by_its_own_address(tmp_path: Path) -> None:
    settings = replace(SETTINGS, trusted_proxies=(ip_network("127.0.0.1/32"),))
    async with looking_glass(tmp_path, settings=settings) as glass:

        async def bad(client: str) -> int:
            headers = glass.headers("np_bad", X_Forwarded_For=client)
            return (await glass.client.get(glass.url + "/api/v1/routers", headers=headers)).status_code

        for number in range(20):
            assert await bad(f"2001:db8:1:1::{number:x}") == 401
        assert await bad("2001:db8:1:1:ffff::1") == 429
        assert await bad("2001:db8:1:2::1") == 401
        assert await bad("198.51.100.9") == 401


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (ANYWHERE, ["1.1.1.1"], "203.0.113.7"),
        (("127.0.0.2", 1), [], "127.0.0.2"),
        (("127.0.0.2", 1), ["1.1.1.1, 198.51.100.9"], "198.51.100.9"),
        (("127.0.0.2", 1), ["198.51.100.9, 127.0.0.2"], "198.51.100.9"),
        (("127.0.0.2", 1), ["198.51.100.9", "10.1.2.3"], "198.51.100.9"),
        (("127.0.0.2", 1), ["10.0.0.1"], "10.0.0.1"),
        (("127.0.0.2", 1), ["::ffff:1.2.3.4"], "1.2.3.4"),
        (("127.0.0.2", 1), ["2001:DB8:1::1"], "2001:db8:1::1"),
        (("::ffff:127.0.0.2", 1), ["198.51.100.9"], "198.51.100.9"),
        (("127.0.0.2", 1), ["198.51.100.9, unknown, 10.0.0.1"], "10.0.0.1"),
        *((("127.0.0.2", 1), [junk], "127.0.0.2") for junk in ("", ",,,", "unknown", "a" * 8000, "<script>")),
        *(
            (("127.0.0.2", 1), [junk], "127.0.0.2")
            for junk in ("1.2.3.4:5678", "[2001:db8::1]:80", "fe80::1%x", "1.2.3.04")
        ),
        (None, ["1.1.1.1"], "127.0.0.1"),
    ],
)
def test_forwarded_addresses_are_believed_only_as_far_as_trusted_proxies_wrote_them(
    peer: tuple[str, int] | None, forwarded: list[str], client: str
) -> None:
    assert str(client_of(peer, [entry.encode() for entry in forwarded], TRUSTED)) == client
