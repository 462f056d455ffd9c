"""Admission: which device may be asked in which family, which targets packets may go to, what each answer may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from doubles.glass import SETTINGS, device, transit
from netpulse.cells import discover
from netpulse.errors import NetPulseError, Refused
from netpulse.inventory import Device, Inventory, Router, RouteSource, RouteTable, ThisHost
from netpulse.limits import Windows
from netpulse.policy import Caller, Plan, Policy
from netpulse.query import Query
from netpulse.settings import Settings, TargetRules
from netpulse.values import Address, Family, HostName, Prefix

MATRIX = discover()
KEY = Caller("key:x", "key", "192.0.2.1")
VISITOR = Caller("visitor:192.0.2.2", "public", "192.0.2.2")
V4, V6 = ip_address("8.8.8.8"), ip_address("2001:4860:4860::8888")
TABLES: Mapping[Family, RouteTable] = {4: RouteTable(table="four"), 6: RouteTable(table="six")}


async def no_names(_host: HostName, _families: tuple[Family, ...]) -> list[Address]:
    return []


def policy(settings: Settings) -> Policy:
    return Policy(settings, MATRIX, no_names, Windows(lambda: 0.0))


def router_with(*routes: RouteSource, platform: str = "linux") -> Router:
    own = Device("router:r1", platform, ThisHost(), max_sessions=3, own_routes=True)
    return Router("r1", "R1", "", "", platform, own, connections=(transit(1, "203.0.113.1"),), routes=routes)


def server(name: str, *families: Family, own: bool = False) -> RouteSource:
    made = replace(device(f"route_server:{name}", "bird"), own_routes=own)
    return RouteSource(made, name, {family: TABLES[family] for family in families})


def under(router: Router) -> Policy:
    return policy(replace(SETTINGS, inventory=Inventory((router,))))


async def asked(router: Router, target: Address) -> list[tuple[str, str | None]]:
    """The devices that would be asked about this target, in order, each with its table."""
    plan = await under(router).admit(KEY, Query("aspath", target, "r1"))
    job = plan.jobs[0]
    found = [(job.device.key, job.ask.table.table)]
    while job.otherwise is not None:
        job = job.otherwise
        found.append((job.device.key, job.ask.table.table))
    return found


async def test_a_route_server_without_a_table_in_a_family_is_not_asked_in_it() -> None:
    router = router_with(server("rs1", 4), server("rs2", 6), server("rs3", 4, 6))
    assert await asked(router, V4) == [("route_server:rs1", "four"), ("route_server:rs3", "four")]
    assert await asked(router, V6) == [("route_server:rs2", "six"), ("route_server:rs3", "six")]


async def test_routes_known_in_one_family_alone_are_a_refusal_in_the_other_everywhere() -> None:
    router = router_with(server("rs1", 4))
    with pytest.raises(Refused) as caught:
        await under(router).admit(KEY, Query("aspath", V6, "r1"))
    assert caught.value.code == "not_offered"
    with pytest.raises(Refused):
        await under(router).admit_all(KEY, Query("aspath", V6))
    assert under(router).inner(router, V6, keyed=True) is None
    assert under(router).inner(router, V4, keyed=True) is not None


async def test_a_router_that_answers_itself_is_asked_in_both_families_without_any_table() -> None:
    own = Device("router:r1", "frr", ThisHost(), own_routes=True)
    router = router_with(RouteSource(own, None, {}), platform="frr")
    assert await asked(router, V4) == await asked(router, V6) == [("router:r1", None)]


async def test_only_a_routers_own_sessions_are_spared_by_our_own_look_ups() -> None:
    own = Device("router:r1", "frr", ThisHost(), own_routes=True)
    by_itself = router_with(RouteSource(own, None, {}), platform="frr")
    by_server = router_with(server("rs1", 4))
    for router, spare in ((by_itself, True), (by_server, False)):
        job = under(router).inner(router, V4, keyed=False)
        assert job is not None
        assert job.spare is spare
        asked_for = await under(router).admit(KEY, Query("aspath", V4, "r1"))
        assert not asked_for.jobs[0].spare


DENIED = ip_network("45.0.0.0/24")
RULES = replace(
    SETTINGS,
    inventory=Inventory(SETTINGS.inventory.routers, (ip_network("45.0.1.1/32"),)),
    targets=TargetRules(allow=(ip_network("45.0.0.7/32"), ip_network("10.9.0.0/16")), deny=(DENIED,)),
)


async def admitted(kind: str, target: Address | Prefix) -> str | None:
    """The code of the refusal, None if there is none."""
    query = Query(kind, target, "core1", 1 if kind == "ping" else None)
    try:
        plan: Plan = await policy(RULES).admit(KEY, query)
    except NetPulseError as error:
        return error.code
    assert plan.jobs
    return None


@pytest.mark.parametrize(
    ("target", "packets", "routes"),
    [
        ("45.0.0.1", "target_refused", None),  # denied
        ("45.0.0.7", None, None),  # denied and allowed: allow wins
        ("45.0.1.1", "target_refused", None),  # infrastructure
        ("45.0.1.2", None, None),
        ("10.9.0.1", None, None),  # special purpose and allowed
        ("10.8.0.1", "target_refused", "target_refused"),
        ("8.8.8.8", None, None),
    ],
)
async def test_deny_and_infrastructure_are_for_packets_only_and_allow_wins(
    target: str, packets: str | None, routes: str | None
) -> None:
    assert await admitted("ping", ip_address(target)) == packets
    assert await admitted("aspath", ip_address(target)) == routes


@pytest.mark.parametrize("target", ["0.0.0.0/0", "45.0.0.0/8", "45.0.0.0/24"])
async def test_a_prefix_that_holds_denied_space_can_be_asked_about(target: str) -> None:
    assert await admitted("aspath", ip_network(target)) is None


async def test_an_answer_in_json_may_be_as_long_as_its_bytes_allow_in_any_number_of_lines() -> None:
    own = Device("router:r1", "frr", ThisHost(), own_routes=True)
    plan = await under(router_with(RouteSource(own, None, {}), platform="frr")).admit(KEY, Query("aspath", V4, "r1"))
    budget, output = plan.jobs[0].budget, SETTINGS.output
    assert budget.most_bytes == output.most_structured_bytes > output.most_bytes
    assert budget.most_lines >= budget.most_bytes
    text = (await under(router_with(server("rs1", 4))).admit(KEY, Query("aspath", V4, "r1"))).jobs[0].budget
    assert (text.most_bytes, text.most_lines) == (output.most_bytes, output.most_lines)


async def test_routers_and_connections_that_a_caller_may_not_see_do_not_exist_for_it() -> None:
    rules = policy(SETTINGS)
    for caller, router, connection, code in (
        (VISITOR, "keyed", 20, "unknown_router"),
        (KEY, "hidden", 21, "unknown_router"),
        (VISITOR, "core1", 9, "unknown_connection"),
        (KEY, "core1", 10, "unknown_connection"),
        (VISITOR, "nowhere", 1, "unknown_router"),
    ):
        with pytest.raises(Refused) as caught:
            await rules.admit(caller, Query("ping", V4, router, connection))
        assert caught.value.code == code
    assert (await rules.admit(KEY, Query("ping", V4, "core1", 9))).jobs
