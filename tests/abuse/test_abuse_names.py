"""D: names whose answers are hostile. The resolver alone is held by tests/test_lookup.py; here the whole way is.

D7 and D8 in all their variants are there: a server that never answers, replies to somebody else's question, answers over TCP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio

from abuse.rig import OURS, Rig, watched
from doubles.fake_dns import AfterJunk, Chain, OnlyTcp, Silence, Turns
from doubles.glass import SETTINGS

ONE_PATH = "/ping?target={name}&router=router1&connection={connection}"
MANY = [f"9.9.{n // 250}.{n % 250 + 1}" for n in range(500)]

NAMES: dict[tuple[str, str], Any] = {
    ("d1.example.net", "A"): Turns([["8.8.8.8"], ["10.0.0.1"]]),
    ("d1.example.net", "AAAA"): [],
    ("d2.example.net", "A"): ["8.8.8.8", "10.0.0.1"],
    ("d2.example.net", "AAAA"): [],
    ("d2six.example.net", "A"): ["8.8.8.8"],
    ("d2six.example.net", "AAAA"): ["fd00::1"],
    ("chain8.example.net", "A"): Chain(8, ["8.8.8.8"]),
    ("chain50.example.net", "A"): Chain(50, ["8.8.8.8"]),
    ("loop.example.net", "A"): Chain(8, loop=True),
    ("chain10.example.net", "A"): Chain(3, ["10.0.0.1"]),
    **{
        (f"d4-{n}.example.net", "AAAA"): [address]
        for n, address in enumerate(("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fd00::1", "::1", "fe80::1", "ff02::1"))
    },
    ("four.example.net", "A"): ["8.8.8.8"],
    ("four.example.net", "AAAA"): [],
    **{
        (f"d6-{code.lower()}.example.net", kind): code
        for code in ("SERVFAIL", "REFUSED", "FORMERR")
        for kind in ("A", "AAAA")
    },
    ("d6-nodata.example.net", "A"): [],
    ("d6-nodata.example.net", "AAAA"): [],
    ("d7.example.net", "A"): Silence(),
    ("d7.example.net", "AAAA"): Silence(),
    ("d8.example.net", "A"): AfterJunk(["8.8.8.8"]),
    ("d8tcp.example.net", "A"): OnlyTcp(["8.8.8.8"]),
    ("d9.example.net", "A"): MANY,
    ("d9six.example.net", "A"): ["9.9.9.2", "9.9.9.10", "9.9.9.1"],
    ("d10.example.net", "A"): [OURS],
    ("d10deny.example.net", "A"): ["185.9.9.9"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def named(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    targets = replace(SETTINGS.targets, deny=(ip_network("185.9.9.0/24"),))
    async with watched(tmp_path_factory.mktemp("names"), NAMES, targets=targets) as running:
        yield running


async def asked(rig: Rig, name: str, connection: int = 1, family: str = "4") -> tuple[int, str, list[str]]:
    """Status, code, and the commands that a router got for a ping of this name."""
    before = len(rig.router.execs)
    path = ONE_PATH.format(name=name, connection=connection) + (f"&family={family}" if family else "")
    answer = await rig.get(path)
    code = "" if answer.status_code == 200 else answer.json()["code"]
    assert name not in (answer.text if code else "")
    return answer.status_code, code, [one.command.decode() for one in rig.router.execs[before:]]


FOUR = "ping 8.8.8.8 source 203.0.113.1 count 5"


@pytest.mark.parametrize(
    ("name", "family", "status", "code", "commands"),
    [
        pytest.param("d1.example.net", "4", 200, "", [FOUR], id="D1-changes-after-the-check"),
        pytest.param("d2.example.net", "4", 400, "target_refused", [], id="D2-one-of-two-is-private"),
        pytest.param("d2six.example.net", "", 400, "target_refused", [], id="D2-the-other-family-is-private"),
        pytest.param("chain8.example.net", "4", 200, "", [FOUR], id="D3-chain-of-8"),
        pytest.param("chain10.example.net", "4", 400, "target_refused", [], id="D3-chain-to-a-private-address"),
        *(
            pytest.param(f"d4-{n}.example.net", "6", 400, "target_refused", [], id=f"D4-{n}")
            for n in range(7)
        ),
        pytest.param("six.example.net", "4", 400, "no_address_in_family", [], id="D5-only-IPv6"),
        pytest.param("four.example.net", "6", 400, "no_address_in_family", [], id="D5-only-IPv4"),
        pytest.param("nonesuch.example.net", "4", 400, "name_not_found", [], id="D6-NXDOMAIN"),
        pytest.param("d6-nodata.example.net", "4", 400, "name_not_found", [], id="D6-NODATA"),
        pytest.param("d6-servfail.example.net", "4", 500, "resolver_failed", [], id="D6-SERVFAIL"),
        pytest.param("d6-refused.example.net", "4", 500, "resolver_failed", [], id="D6-REFUSED"),
        pytest.param("d6-formerr.example.net", "4", 500, "resolver_failed", [], id="D6-FORMERR"),
        pytest.param("d8.example.net", "4", 200, "", [FOUR], id="D8-junk-first"),
        pytest.param("d8tcp.example.net", "4", 200, "", [FOUR], id="D8-truncated"),
        pytest.param("d9.example.net", "4", 400, "target_refused", [], id="D9-500-addresses"),
        pytest.param("d10.example.net", "4", 400, "target_refused", [], id="D10-one-of-our-routers"),
        pytest.param("d10deny.example.net", "4", 400, "target_refused", [], id="D10-one-that-is-denied"),
    ],
)
async def test_a_name_is_what_its_checked_answers_are(
    named: Rig, name: str, family: str, status: int, code: str, commands: list[str]
) -> None:
    assert await asked(named, name, family=family) == (status, code, commands)


async def test_d1_each_family_is_asked_once_and_nothing_asks_again(rig: Rig) -> None:
    before = len(rig.dns.asked)
    assert (await asked(rig, "dns.google", family=""))[0] == 200
    assert sorted(one.kind for one in rig.dns.asked[before:] if one.name == "dns.google") == ["A", "AAAA"]


@pytest.mark.parametrize("name", ["chain50.example.net", "loop.example.net"])
async def test_d3_aliases_without_end_lead_nowhere(named: Rig, name: str) -> None:
    status, code, commands = await asked(named, name)
    assert (status, code in ("name_not_found", "resolver_failed"), commands) in [(400, True, []), (500, True, [])]


async def test_d7_a_name_that_is_never_answered_holds_up_no_address(named: Rig) -> None:
    """A crowd of them waits; an address goes the whole way meanwhile, and they are still waiting when it has come back."""
    before = len([one for one in named.dns.asked if one.name == "d7.example.net"])
    waiting = [asyncio.create_task(asked(named, "d7.example.net")) for _ in range(30)]
    await named.dns.until(lambda dns: len([one for one in dns.asked if one.name == "d7.example.net"]) > before)
    answer = await named.get("/ping?target=8.8.8.8&router=router1&connection=1")
    assert answer.status_code == 200
    for status, code, _ in await asyncio.gather(*waiting):
        assert (status, code) == (500, "resolver_failed")


async def test_d9_the_lowest_of_several_is_chosen_whatever_their_order(named: Rig) -> None:
    status, _, commands = await asked(named, "d9six.example.net")
    assert (status, commands) == (200, ["ping 9.9.9.1 source 203.0.113.1 count 5"])
