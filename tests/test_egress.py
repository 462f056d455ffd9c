"""Which way packets leave, told in words that are true and that name only what their reader may know."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Literal

import pytest

from doubles.glass import device, transit
from netpulse.enrich.egress import expected_connection, judge, seen_at
from netpulse.inventory import Connection, EgressMode, Router
from netpulse.records import LearnedFrom, Route
from netpulse.values import Address

PUBLIC = transit(1, "203.0.113.1")
SECRET = replace(
    transit(2, "203.0.113.2", "hidden"),
    name="Secret Peer GmbH",
    type="IX",
    neighbors=(ip_address("192.0.2.9"),),
    lan_ipv4=ip_network("192.0.2.0/24"),
)
ROUTER = Router("r1", "R1", "", "", "linux", device("router:r1"), connections=(PUBLIC, SECRET))
HOP = ip_address("192.0.2.9")


def asked_by(mode: EgressMode) -> Connection:
    return replace(PUBLIC, egress=mode)


@pytest.mark.parametrize("mode", ["source", "policy", "routing_instance", "next_hop"])
@pytest.mark.parametrize(("best", "hop"), [(2, None), (None, HOP), (2, HOP), (1, HOP), (2, ip_address("192.0.2.77"))])
def test_a_connection_that_does_not_exist_for_the_reader_is_never_named(
    mode: EgressMode, best: int | None, hop: Address | None
) -> None:
    told = judge(ROUTER, asked_by(mode), best, hop, shown=[1])
    known = judge(ROUTER, asked_by(mode), best, hop, shown=[1, 2])
    assert SECRET.name not in told.note
    assert told.expected_connection in (None, 1)
    assert told.verdict == known.verdict  # the truth is told all the same
    assert SECRET.name in known.note
    assert known.expected_connection == best
    assert judge(ROUTER, asked_by(mode), best, hop) == known  # None: all of them


def test_a_source_alone_steers_nothing_and_says_so() -> None:
    source = asked_by("source")
    assert judge(ROUTER, source, None).verdict == "unknown"
    assert judge(ROUTER, source, 1).verdict == "same"
    assert judge(ROUTER, source, 2).verdict == "differs"
    assert judge(ROUTER, source, 1, HOP).verdict == "differs"  # what a trace saw wins over what was expected


def test_where_the_operator_steers_a_trace_can_prove_it_wrong() -> None:
    policy = asked_by("policy")
    assert judge(ROUTER, policy, None).verdict == "enforced"
    assert judge(ROUTER, policy, 2).verdict == "enforced"
    assert judge(ROUTER, policy, 1, HOP).verdict == "differs"


def test_a_hop_belongs_to_a_neighbour_before_it_belongs_to_a_lan() -> None:
    near = replace(PUBLIC, neighbors=(ip_address("192.0.2.50"),))
    router = replace(ROUTER, connections=(SECRET, near))
    assert seen_at(ip_address("192.0.2.50"), router) == near
    assert seen_at(ip_address("192.0.2.51"), router) == SECRET
    assert seen_at(ip_address("198.51.100.1"), router) is None
    assert seen_at(None, router) is None


def route(connection: int | None, *, best_by: Literal["router", "collector"] | None = None) -> Route:
    return Route(
        prefix="8.8.8.0/24",
        as_path=None,
        as_path_text=None,
        origin_asn=None,
        next_hop=None,
        learned_from=LearnedFrom(connection_id=connection),
        best=best_by is not None,
        best_by=best_by,
    )


def test_only_the_routers_own_choice_or_the_only_way_there_is_says_where_packets_leave() -> None:
    assert expected_connection((route(1), route(2, best_by="router"))) == 2
    assert expected_connection((route(1), route(2, best_by="collector"))) is None
    assert expected_connection((route(1), route(1, best_by="collector"))) == 1
    assert expected_connection((route(1), route(None))) is None
    assert expected_connection(()) is None
