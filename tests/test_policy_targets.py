"""Which literal address a question is about, in which family, and how it is said that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from doubles.glass import SETTINGS, device, transit
from netpulse.cells import discover
from netpulse.errors import Busy, Refused
from netpulse.inventory import Connection, Device, Inventory, Router, RouteSource, ThisHost
from netpulse.limits import Windows
from netpulse.policy import Caller, Policy
from netpulse.query import Query
from netpulse.settings import TargetRules
from netpulse.values import Address, Family, HostName, Prefix

KEY = Caller("key:x", "key", "192.0.2.1")
NAMES: Mapping[str, Mapping[Family, list[str]]] = {
    "both.example.net": {4: ["9.9.9.9", "9.9.9.10"], 6: ["2620:fe::9"]},
    "four.example.net": {4: ["9.9.9.9"], 6: []},
    "six.example.net": {4: [], 6: ["2620:fe::9"]},
    "none.example.net": {4: [], 6: []},
    "mixed.example.net": {4: ["9.9.9.9", "10.0.0.1"], 6: []},
}
V4 = ip_address("203.0.113.1")
V6 = ip_address("2001:db8::1")
ROUTER = Router(
    slug="r1",
    name="R1",
    location="",
    model="",
    platform="frr",
    device=Device("router:r1", "frr", ThisHost(), own_routes=True),
    connections=(
        replace(transit(1, str(V4)), source_ipv6=V6),
        transit(2, str(V4)),
        Connection(id=3, name="six only", type="PEER", source_ipv6=V6),
        Connection(id=4, name="no source", type="PEER"),
    ),
    routes=(RouteSource(device("router:r1", "frr"), None, {}),),
)


def rules(windows: Windows | None = None, per_minute: int = 100) -> Policy:
    settings = replace(
        SETTINGS,
        inventory=Inventory((ROUTER,), (ip_network("45.0.1.1/32"),)),
        targets=TargetRules(deny=(ip_network("45.0.0.0/24"),)),
        limits=replace(SETTINGS.limits, target_per_minute=per_minute),
    )

    async def resolve(host: HostName, families: tuple[Family, ...]) -> list[Address]:
        return [ip_address(text) for family in families for text in NAMES[host.name][family]]

    return Policy(settings, discover(), resolve, Windows(lambda: 0.0) if windows is None else windows)


def ping(target: Address | HostName, connection: int, family: str | None = None) -> Query:
    return Query("ping", target, "r1", connection, {"family": family})


@pytest.mark.parametrize(
    ("name", "connection", "family", "literal"),
    [
        ("both", 1, None, "9.9.9.9"),
        ("both", 1, "4", "9.9.9.9"),
        ("both", 1, "6", "2620:fe::9"),
        ("both", 2, None, "9.9.9.9"),
        ("both", 3, None, "2620:fe::9"),
        ("four", 1, None, "9.9.9.9"),
        ("six", 1, None, "2620:fe::9"),
        ("six", 3, "6", "2620:fe::9"),
    ],
)
async def test_a_name_becomes_one_literal_address_of_the_family(
    name: str, connection: int, family: str | None, literal: str
) -> None:
    plan = await rules().admit(KEY, ping(HostName(f"{name}.example.net"), connection, family))
    ask = plan.jobs[0].ask
    assert (ask.target, ask.family) == (ip_address(literal), ip_address(literal).version)
    assert ask.source == (V4 if ask.family == 4 else V6)


async def refusal(query: Query) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        await rules().admit(KEY, query)
    return caught.value.code, caught.value.sentence


@pytest.mark.parametrize(
    ("name", "connection", "family", "code", "sentence"),
    [
        ("none", 1, None, "name_not_found", "The host name in target has no address; check its spelling."),
        ("none", 2, None, "name_not_found", "The host name in target has no IPv4 address."),
        ("none", 3, None, "name_not_found", "The host name in target has no IPv6 address."),
        ("six", 2, None, "no_address_in_family", "The host name in target has no IPv4 address."),
        ("six", 1, "4", "no_address_in_family", "The host name in target has no IPv4 address."),
        ("four", 3, None, "no_address_in_family", "The host name in target has no IPv6 address."),
        ("both", 2, "6", "no_address_in_family", "This connection has no IPv6 source address."),
        ("both", 3, "4", "no_address_in_family", "This connection has no IPv4 source address."),
        ("both", 4, None, "no_address_in_family", "This connection has no source address."),
        (
            *("mixed", 1, None, "target_refused"),
            "The target is special-purpose address space (private use); use a public address.",
        ),
    ],
)
async def test_a_name_without_a_fitting_address_is_refused_in_words_that_help(
    name: str, connection: int, family: str | None, code: str, sentence: str
) -> None:
    assert await refusal(ping(HostName(f"{name}.example.net"), connection, family)) == (code, sentence)


@pytest.mark.parametrize(
    ("target", "connection", "family", "code", "sentence"),
    [
        (
            *("2620:fe::9", 2, None, "no_address_in_family"),
            "The target is an IPv6 address, but this connection or the family asked for is IPv4 only; use an IPv4 target.",
        ),
        (
            *("9.9.9.9", 1, "6", "no_address_in_family"),
            "The target is an IPv4 address, but this connection or the family asked for is IPv6 only; use an IPv6 target.",
        ),
        (
            "10.0.0.1",
            1,
            None,
            "target_refused",
            "The target is special-purpose address space (private use); use a public address.",
        ),
        ("45.0.0.1", 1, None, "target_refused", "The operator of this looking glass does not allow this target."),
        (
            *("45.0.1.1", 1, None, "target_refused"),
            "The target belongs to the operator's infrastructure; use an address beyond it.",
        ),
    ],
)
async def test_a_literal_that_does_not_fit_is_refused_in_words_that_help(
    target: str, connection: int, family: str | None, code: str, sentence: str
) -> None:
    assert await refusal(ping(ip_address(target), connection, family)) == (code, sentence)


async def test_packets_to_one_target_are_limited_across_connections_and_spellings_and_questions_are_not() -> None:
    now_s = 0.0
    policy = rules(Windows(lambda: now_s), per_minute=2)
    for connection in (1, 2):
        await policy.admit(KEY, ping(ip_address("9.9.9.9"), connection))
    now_s = 20.5
    with pytest.raises(Busy) as caught:
        await policy.admit(
            KEY, Query("traceroute", ip_address("9.9.9.9"), "r1", 1, {"family": None, "as_lookup": False})
        )
    assert (caught.value.code, caught.value.retry_after_s) == ("target_limited", 40)
    assert (
        caught.value.sentence
        == "This target was asked about too often in the last minute; try again after the time given."
    )
    with pytest.raises(Busy):
        await policy.admit(KEY, ping(HostName("four.example.net"), 1))
    await policy.admit(KEY, ping(ip_address("9.9.9.10"), 1))
    for _ in range(5):
        await policy.admit(KEY, Query("aspath", ip_address("9.9.9.9"), "r1"))
    now_s = 61.0
    await policy.admit(KEY, ping(ip_address("9.9.9.9"), 1))


@pytest.mark.parametrize("target", [ip_address("9.9.9.9"), ip_network("2620:fe::/48")])
async def test_routes_are_asked_for_in_the_family_of_the_target(target: Address | Prefix) -> None:
    ask = (await rules().admit(KEY, Query("aspath", target, "r1"))).jobs[0].ask
    assert (ask.target, ask.family, ask.source) == (target, target.version, None)
