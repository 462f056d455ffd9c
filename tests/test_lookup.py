"""Names, against a name server that may be broken, slow or hostile: what is checked is what is asked about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network

import dns.asyncresolver
import dns.resolver
import dns.reversename
import pytest

from doubles.fake_dns import AfterJunk, Chain, FakeDns, OnlyTcp, Script, Silence, Turns
from doubles.glass import SETTINGS, router, transit
from netpulse.cells import discover
from netpulse.errors import NetPulseError
from netpulse.inventory import Inventory
from netpulse.limits import Windows
from netpulse.lookup import Lookup
from netpulse.policy import Caller, Policy
from netpulse.query import Job, Query
from netpulse.settings import Resolver
from netpulse.values import Address, Family, HostName

KEY = Caller("key:x", "key", "192.0.2.1")
BOTH: tuple[Family, ...] = (4, 6)
NAME = "name.example.net"
HOST = HostName(NAME)
PUBLIC, PUBLIC6 = "8.8.8.8", "2001:4860:4860::8888"
DUAL = replace(transit(2, "203.0.113.2"), source_ipv6=ip_address("2001:db8:2::1"))
ONLY6 = replace(DUAL, id=6, source_ipv4=None)
RULES = replace(
    SETTINGS,
    inventory=Inventory(
        (router("r1", (transit(1, "203.0.113.1"), DUAL, ONLY6)),),
        (ip_network("45.0.0.1/32"), ip_network("2a00::1/128")),
    ),
)


class Scene:
    """A look-up that asks a scripted server, and an admission that stands on it."""

    def __init__(self, server: FakeDns, timeout_s: float) -> None:
        self.now_s = 0.0
        self.server = server
        self.lookup = Lookup(Resolver(servers=(server.address,), timeout_s=timeout_s), lambda: self.now_s)
        self._policy = Policy(RULES, discover(), self.lookup.addresses, Windows(lambda: 0.0))

    async def admit(self, connection: int = 2, **options: str) -> Job:
        return (await self._policy.admit(KEY, Query("ping", HOST, "r1", connection, options))).jobs[0]

    async def code_of(self, connection: int = 2, **options: str) -> str | None:
        """The code of the refusal or fault of a ping of the name, None if it is admitted."""
        try:
            await self.admit(connection, **options)
        except NetPulseError as error:
            return error.code
        return None


@asynccontextmanager
async def answering(
    scripts: Mapping[tuple[str, str], Script | Turns] | None = None,
    *,
    a: Script | Turns = (),
    aaaa: Script | Turns = (),
    timeout_s: float = 5.0,
) -> AsyncIterator[Scene]:
    """A server that knows one name with these A and AAAA records, and whatever else is scripted."""
    async with FakeDns({(NAME, "A"): a, (NAME, "AAAA"): aaaa, **(scripts or {})}) as server:
        scene = Scene(server, timeout_s)
        try:
            yield scene
        finally:
            await scene.lookup.close()


async def test_a_name_that_changes_its_address_is_asked_once_and_what_was_checked_is_sent() -> None:
    async with answering(a=Turns([[PUBLIC], ["10.0.0.1"]]), aaaa=[PUBLIC6]) as scene:
        job = await scene.admit()
        assert job.ask.target == ip_address(PUBLIC)
        assert PUBLIC in job.command
        assert NAME not in job.command
        assert scene.server.kinds_asked(NAME) == ["A", "AAAA"]
        # The next question is a new one, and its answer is checked anew.
        assert await scene.code_of() == "target_refused"


@pytest.mark.parametrize(
    ("a", "aaaa"),
    [
        (["8.8.8.8", "10.0.0.1"], []),
        (["8.8.8.8", "127.0.0.1"], []),
        (["8.8.8.8"], ["::ffff:10.0.0.1"]),
        (["8.8.8.8"], ["64:ff9b::a00:1"]),
        (["8.8.8.8"], ["2002:a00:1::"]),
        (["8.8.8.8"], ["fd00::1"]),
        (["169.254.169.254"], []),
        (["45.0.0.1", "8.8.8.8"], []),  # an address of one of our routers
        (["8.8.8.8"], ["2a00::1"]),
        (["203.0.113.1"], []),
    ],
)
async def test_one_address_that_may_not_be_asked_about_refuses_the_whole_name(a: list[str], aaaa: list[str]) -> None:
    async with answering(a=a, aaaa=aaaa) as scene:
        assert await scene.code_of() == "target_refused"


async def test_the_lowest_address_of_ipv4_goes_first_in_whatever_order_the_server_answers() -> None:
    async with answering(a=["9.9.9.9", "8.8.8.8", "100.0.0.1"], aaaa=[PUBLIC6, "2001:4860:4860::64"]) as scene:
        assert [str(one) for one in await scene.lookup.addresses(HOST, BOTH)] == [
            *("8.8.8.8", "9.9.9.9", "100.0.0.1"),
            *("2001:4860:4860::64", "2001:4860:4860::8888"),
        ]
        assert (await scene.admit()).ask.target == ip_address("8.8.8.8")
        assert (await scene.admit(family="6")).ask.target == ip_address("2001:4860:4860::64")


async def test_a_name_without_an_address_in_the_family_of_the_connection_says_so() -> None:
    async with answering(aaaa=[PUBLIC6]) as scene:
        assert await scene.code_of(1) == "no_address_in_family"
        assert await scene.code_of(2) is None
        assert await scene.code_of(2, family="4") == "no_address_in_family"
    async with answering(a=[PUBLIC]) as scene:
        assert await scene.code_of(6) == "no_address_in_family"
        assert await scene.code_of(2, family="6") == "no_address_in_family"


async def test_only_the_families_that_can_be_used_are_asked_for() -> None:
    async with answering(a=[PUBLIC], aaaa=["fd00::1"]) as scene:
        assert await scene.code_of(1) is None
        assert scene.server.kinds_asked(NAME) == ["A"]


async def test_a_chain_of_eight_aliases_leads_to_its_address() -> None:
    async with answering(a=Chain(8, [PUBLIC])) as scene:
        assert (await scene.admit()).ask.target == ip_address(PUBLIC)
    async with answering(a=Chain(8, ["10.0.0.1"])) as scene:
        assert await scene.code_of() == "target_refused"


@pytest.mark.parametrize("chain", [Chain(50, [PUBLIC]), Chain(3, loop=True)])
async def test_aliases_without_end_give_no_address_and_are_not_followed(chain: Chain) -> None:
    async with answering(a=chain) as scene:
        assert await scene.code_of(1) in ("resolver_failed", "name_not_found", "target_refused")
        assert scene.server.kinds_asked(NAME) == ["A"]
        assert len(scene.server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("NXDOMAIN", "name_not_found"),
        ((), "name_not_found"),
        ("SERVFAIL", "resolver_failed"),
        ("REFUSED", "resolver_failed"),
        ("FORMERR", "resolver_failed"),
    ],
)
async def test_a_name_that_does_not_exist_is_the_callers_and_a_server_that_cannot_say_is_ours(
    answer: Script, code: str
) -> None:
    async with answering(a=answer, aaaa=answer) as scene:
        assert await scene.code_of() == code


async def test_one_family_that_cannot_be_had_does_not_hide_the_other() -> None:
    async with answering(a=[PUBLIC], aaaa="SERVFAIL") as scene:
        assert (await scene.admit()).ask.target == ip_address(PUBLIC)
    async with answering(a=(), aaaa="SERVFAIL") as scene:
        assert await scene.code_of() == "resolver_failed"


async def test_a_server_that_never_answers_is_given_up_and_delays_nobody_else() -> None:
    async with answering(a=Silence(), aaaa=Silence(), timeout_s=0.05) as scene:
        assert await scene.code_of() == "resolver_failed"
    other = HostName("other.example.net")
    scripts: dict[tuple[str, str], Script | Turns] = {(other.name, "A"): [PUBLIC]}
    async with answering(scripts, a=Silence(), timeout_s=3600.0) as scene:
        waiting = [asyncio.create_task(scene.lookup.addresses(HOST, (4,))) for _ in range(200)]
        await scene.server.until(lambda server: len(server.kinds_asked(NAME)) >= 200)
        assert await scene.lookup.addresses(other, (4,)) == [ip_address(PUBLIC)]
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_replies_that_belong_to_another_question_are_not_believed() -> None:
    async with answering(a=AfterJunk([PUBLIC])) as scene:
        assert (await scene.admit()).ask.target == ip_address(PUBLIC)


async def test_an_answer_too_long_for_one_datagram_is_fetched_over_tcp() -> None:
    async with answering(a=OnlyTcp([PUBLIC])) as scene:
        assert (await scene.admit()).ask.target == ip_address(PUBLIC)
        assert [one.over for one in scene.server.asked if one.kind == "A"] == ["udp", "tcp"]


@pytest.mark.parametrize(("count", "code"), [(32, None), (33, "target_refused"), (500, "target_refused")])
async def test_a_name_with_absurdly_many_addresses_is_refused(count: int, code: str | None) -> None:
    async with answering(a=[f"8.8.{number // 250}.{number % 250 + 1}" for number in range(count)]) as scene:
        assert await scene.code_of() == code
        if code is None:
            assert (await scene.admit()).ask.target == ip_address("8.8.0.1")


def reverse(address: Address) -> tuple[str, str]:
    return dns.reversename.from_address(str(address)).to_text(omit_final_dot=True), "PTR"


HOP = ip_address("192.0.2.9")


async def test_the_name_of_an_address_is_asked_once_by_all_who_want_it_and_again_after_ten_minutes() -> None:
    async with answering({reverse(HOP): Turns([["a.example."], ["b.example."]])}) as scene:
        names = await asyncio.gather(*(scene.lookup.name_of(HOP) for _ in range(20)))
        assert names == ["a.example"] * 20
        scene.now_s = 599.0
        assert await scene.lookup.name_of(HOP) == "a.example"
        assert len(scene.server.asked) == 1
        scene.now_s = 601.0
        assert await scene.lookup.name_of(HOP) == "b.example"


async def test_an_address_without_a_name_is_remembered_too() -> None:
    async with answering() as scene:
        assert [await scene.lookup.name_of(HOP) for _ in range(3)] == [None] * 3
        assert len(scene.server.asked) == 1


async def test_one_who_leaves_takes_nobodys_answer_along() -> None:
    async with answering({reverse(HOP): OnlyTcp(["a.example."])}) as scene:
        leaving = asyncio.create_task(scene.lookup.name_of(HOP))
        staying = asyncio.create_task(scene.lookup.name_of(HOP))
        await scene.server.until(lambda server: bool(server.asked))
        leaving.cancel()
        assert await staying == "a.example"


@pytest.mark.parametrize("label", [r"\000\027[31m", r"\226\128\174evil", r"a\010b", "a" * 63 + "." + "b" * 63])
async def test_a_hostile_name_becomes_text_that_is_safe_to_show(label: str) -> None:
    async with answering({reverse(HOP): [f"{label}.example."]}) as scene:
        name = await scene.lookup.name_of(HOP)
        assert name is not None
        assert name.isprintable()
        assert name.isascii()
        assert len(name) <= 253


async def test_with_names_of_its_own_no_server_is_asked() -> None:
    async with FakeDns() as server:
        hosts = {NAME: (ip_address(PUBLIC), ip_address(PUBLIC6))}
        lookup = Lookup(Resolver(servers=(server.address,)), hosts=hosts)
        assert await lookup.addresses(HOST, (6,)) == [ip_address(PUBLIC6)]
        assert await lookup.addresses(HostName("other.example.net"), BOTH) == []
        assert await lookup.name_of(ip_address(PUBLIC)) == NAME
        assert await lookup.name_of(HOP) is None
        assert server.asked == []


async def test_without_name_servers_a_name_is_a_fault_and_an_address_has_no_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unconfigured(*, configure: bool) -> None:
        raise dns.resolver.NoResolverConfiguration  # as where there is no /etc/resolv.conf

    monkeypatch.setattr(dns.asyncresolver, "Resolver", unconfigured)
    lookup = Lookup(Resolver())
    lookup.prepare()
    with pytest.raises(NetPulseError) as caught:
        await lookup.addresses(HOST, BOTH)
    assert (caught.value.code, caught.value.status) == ("resolver_failed", 500)
    assert await lookup.name_of(ip_address("192.0.2.1")) is None
