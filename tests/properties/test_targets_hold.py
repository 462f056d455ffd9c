"""From a stranger's text to a command on a device: a refusal, or one safe line with the target's own text in it once."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from doubles.glass import SETTINGS, device, transit
from netpulse.cells import discover
from netpulse.errors import CODES, Busy, Refused
from netpulse.inventory import Connection, Inventory, Router, RouteSource, RouteTable
from netpulse.limits import Windows
from netpulse.policy import Caller, Plan, Policy
from netpulse.query import Job, parse
from netpulse.settings import Settings
from netpulse.special_purpose import why_special
from netpulse.transports.seam import ARGV, BIRD, EXEC, LONGEST_COMMAND
from netpulse.values import Address, Family, HostName, Prefix, TargetKind, canonical, parse_target
from properties.effort import tried
from properties.hostile import ATTACKS, abuse, addresses, device_lines, good, targets, v6, written

T = TypeVar("T")
MATRIX = discover()
EVERY_KIND: frozenset[TargetKind] = frozenset({"address", "prefix", "host"})
CALLER = Caller("key:fuzz", "key", "192.0.2.1")
PLAIN = re.compile(r"\A[A-Za-z0-9 .:/_-]+\Z")
NAMED = ip_address("9.9.9.9")
"""What every host name resolves to here."""


def made_of(platform: str) -> Router:
    """A router of this platform that is asked itself about packets and, if it can, about routes; else a route server is."""
    own = replace(device(f"router:{platform}", platform), own_routes=True)
    routes = (
        (RouteSource(own, None, {}),)
        if MATRIX.cell(platform, "aspath")
        else (RouteSource(device("route_server:rs1", "bird"), "rs1", {4: RouteTable("four"), 6: RouteTable("six")}),)
    )
    connections = (
        replace(transit(1, "203.0.113.1"), source_ipv6=ip_address("2001:db8::1"), routing_instance="upstream"),
        Connection(id=2, name="plain", type="PEER", source_ipv4=ip_address("203.0.113.2")),
    )
    return Router(platform, platform, "", "", platform, own, connections=connections, routes=routes)


INVENTORY = Inventory(tuple(made_of(name) for name in MATRIX.platforms))
LONGEST = "x" * 63
"""The longest name of a BIRD table or protocol, less one."""


async def one_answer(_host: HostName, families: tuple[Family, ...]) -> list[Address]:
    return [NAMED] if 4 in families else []


def policy(per_minute: int = 1_000_000) -> Policy:
    settings: Settings = replace(
        SETTINGS, inventory=INVENTORY, limits=replace(SETTINGS.limits, target_per_minute=per_minute)
    )
    return Policy(settings, MATRIX, one_answer, Windows(lambda: 0.0))


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waited")


POLICY = policy()


def plan_of(kind: str, given_: list[tuple[str, str]], rules: Policy = POLICY) -> Plan:
    return at_once(rules.admit(CALLER, parse(kind, MATRIX.queries[kind].parameters, given_)))


def admitted(kind: str, router: str, connection: str, target: str, rules: Policy = POLICY) -> Job:
    """The job of a question; raises what the caller would get."""
    named = [("router", router), ("target", target)]
    return plan_of(kind, [*named, ("connection", connection)] if MATRIX.queries[kind].sourced else named, rules).jobs[0]


def outcome(asking: Callable[[], T]) -> tuple[T | None, Refused | None]:
    """What came of it, or the refusal; whatever else is raised is a defect and goes on."""
    try:
        return asking(), None
    except Refused as refusal:
        return None, refusal


def assert_safe(command: str, asked: Address | Prefix, platform: str) -> None:
    for alphabet in (EXEC, ARGV, BIRD) if platform == "bird" else (EXEC, ARGV):
        assert alphabet.check(command) == command
    assert PLAIN.match(command)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", command)
    assert len(command.encode()) <= LONGEST_COMMAND
    assert command.split().count(canonical(asked)) == 1


@tried(2000)
@given(
    text=targets,
    kind=st.sampled_from(sorted(MATRIX.queries)),
    router=st.sampled_from(sorted(MATRIX.platforms)),
    connection=st.sampled_from("12"),
)
@example("2606:4700::1%\nshow configuration", "ping", "junos", "1")
@example("8.8.8.8\n", "traceroute", "linux", "1")
@example("8.8.8.0/24", "aspath", "bird", "1")
def test_any_text_is_refused_as_documented_or_becomes_one_safe_command(
    text: str, kind: str, router: str, connection: str
) -> None:
    job, refusal = outcome(lambda: admitted(kind, router, connection, text))
    if job is None:
        assert refusal is not None
        assert CODES[refusal.code][0] == 400
        assert len(text) < 8 or text not in refusal.sentence
        return
    value = parse_target(text, EVERY_KIND)
    literal = NAMED if isinstance(value, HostName) else value
    assert why_special(literal) is None
    assert job.ask.target == literal
    assert_safe(job.command, literal, job.device.platform)


@tried(600)
@given(
    place=st.sampled_from(sorted(MATRIX.cells)),
    target=st.one_of(good(), addresses.map(str)).filter(lambda text: text[-1].isdigit() or ":" in text),
    table=st.sampled_from([None, "t", LONGEST]),
    protocol=st.sampled_from([None, "p", LONGEST]),
    lines=st.lists(device_lines, max_size=6),
    further=st.lists(device_lines, max_size=6),
)
def test_whatever_a_device_prints_the_commands_that_follow_are_as_safe_as_the_first(
    place: tuple[str, str],
    target: str,
    table: str | None,
    protocol: str | None,
    lines: list[str],
    further: list[str],
) -> None:
    platform, query = place
    kinds: frozenset[TargetKind] = frozenset({"address", "prefix"} if query == "aspath" else {"address"})
    try:
        value = parse_target(target, kinds)
    except Refused:
        return
    assert not isinstance(value, HostName)
    job = admitted(query, platform, "1", "8.8.8.8" if value.version == 4 else "2001:4860::8888")
    ask = replace(job.ask, target=value, table=RouteTable(table=table, protocol=protocol), source=None)
    assert_safe(MATRIX.cells[place].command(ask), value, platform)
    reader = MATRIX.cells[place].reader(ask)
    for line in lines:
        reader.feed(line)
    for _ in range(4):
        follow_up = reader.follow_up()
        if follow_up is None:
            break
        assert PLAIN.match(follow_up)
        assert len(follow_up) <= LONGEST_COMMAND
        for line in further:
            reader.feed(line)


@pytest.mark.parametrize("kind", sorted(MATRIX.queries))
@tried(200)
@given(
    st.lists(
        st.tuples(st.sampled_from(["target", "router", "connection", "family", "as_lookup", "x"]), targets), max_size=6
    )
)
def test_any_parameters_are_a_question_or_a_documented_refusal(kind: str, pairs: list[tuple[str, str]]) -> None:
    plan, refusal = outcome(lambda: plan_of(kind, pairs))
    assert (plan is None) == (refusal is not None)
    assert refusal is None or CODES[refusal.code][0] == 400


@tried(600)
@given(st.one_of(good(), targets))
def test_the_canonical_text_is_taken_again_and_stays_the_same(text: str) -> None:
    try:
        value = parse_target(text, EVERY_KIND)
    except Refused:
        return
    again = parse_target(canonical(value), EVERY_KIND)
    assert again == value
    assert canonical(again) == canonical(value)


def spelt(address: IPv6Address, choices: int) -> str:
    """One of the ways to write this address: which zeros stand and which letters are large is in the bits of `choices`."""
    words = []
    for word in address.exploded.split(":"):
        choices, width = divmod(choices, 4)
        words.append(word.lstrip("0").rjust(width + 1, "0"))
    choices, at = divmod(choices, 16)
    if at < 8 and not words[at].strip("0"):
        words[at] = ""
        words = ["", *words] if at == 0 else [*words, ""] if at == 7 else words
    text = ":".join(words)
    return "".join(c.upper() if choices >> n & 1 else c for n, c in enumerate(text))


spellings = st.builds(
    lambda address, one, other: (spelt(address, one), spelt(address, other)),
    v6,
    st.integers(0, 1 << 60),
    st.integers(0, 1 << 60),
)
"""Two ways to write one IPv6 address."""


@tried(600)
@given(spellings)
@example(("2606:4700:4700:0:0:0:0:1111", "2606:4700:4700::1111"))
def test_two_spellings_of_an_address_are_one_question_and_one_limit(pair: tuple[str, str]) -> None:
    rules = policy(per_minute=1)
    one, other = (parse_target(text, EVERY_KIND) for text in pair)
    assert one == other
    assert canonical(one) == canonical(other)
    try:
        first = admitted("ping", "junos", "1", pair[0], rules)
    except Refused:
        return
    with pytest.raises(Busy) as caught:
        admitted("ping", "junos", "1", pair[1], rules)
    assert caught.value.code == "target_limited"
    again = admitted("aspath", "frr", "1", pair[1], rules)
    assert admitted("aspath", "frr", "1", pair[0], rules).command == again.command
    assert first.ask.target == one


@tried(200)
@given(
    st.sampled_from(["dns.google", "xn--bcher-kva.example.net"]), st.integers(0, 1 << 30), st.sampled_from(["", "."])
)
def test_two_spellings_of_a_name_are_one(name: str, large: int, end: str) -> None:
    text = "".join(c.upper() if large >> n & 1 else c for n, c in enumerate(name)) + end
    assert parse_target(text, EVERY_KIND) == HostName(name)


def test_every_case_of_the_collection_of_attacks_is_answered_as_it_says() -> None:
    assert len(ATTACKS) > 80
    for case in abuse():
        if case["f"] != "target" or not isinstance(case["v"], str | dict):
            continue
        try:
            admitted("ping", "junos", "1", written(case["v"]))
        except Refused:
            assert case["x"] == 400, case
        else:
            assert case["x"] == "accept", case


def test_the_defaults_of_ip_network_are_not_ours() -> None:
    """`ip_network` takes host masks and numbers; the parser of targets must not."""
    assert ip_network("8.8.8.0/0.0.0.255").prefixlen == 24
    for text in ("8.8.8.0/0.0.0.255", "8.8.8.0/255.255.255.0", "134744072", "8.8.8.0/24/24"):
        with pytest.raises(Refused):
            parse_target(text, EVERY_KIND)
