"""The demonstration from a recording: the lab's routers answer as they did, in their own time, and nothing is invented."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest

from doubles.fake_time import in_fake_time
from netpulse.cells import discover
from netpulse.enrich.attach import Attachment
from netpulse.enrich.egress import expected_connection, judge
from netpulse.enrich.routes import with_meaning
from netpulse.enrich.tables import Names
from netpulse.errors import Refused
from netpulse.events import Answer, Failed, Finished
from netpulse.executor import Executor
from netpulse.lab import topology as net
from netpulse.lab.replay import RECORDING, replay_settings
from netpulse.limits import Windows
from netpulse.lookup import Lookup
from netpulse.policy import Caller, Policy
from netpulse.pool import Pool
from netpulse.query import Job, parse
from netpulse.records import Record
from netpulse.render.as_json import answer_data
from netpulse.values import family_of

CALLER = Caller(owner="key:test", audience="key", client="127.0.0.1")
MATRIX = discover()
SETTINGS = replay_settings(("127.0.0.1", 8080))
LOOKUP = Lookup(SETTINGS.resolver, hosts=SETTINGS.hosts)
TARGETS = (
    "8.8.8.8 1.1.1.1 23.0.0.1 9.9.9.9 193.0.6.139 130.89.1.1 66.66.66.66 80.80.80.80 81.81.81.81 "
    "2001:4860:4860::8888 2606:4700:4700::1111"
).split()
PREFIXES = "8.8.8.0/24 1.1.1.0/24 23.0.0.0/24 9.9.9.0/24 193.0.6.0/24 130.89.0.0/16 66.66.66.0/24".split()


class Played:
    """The service's line from a question to its last event, answering from the recording."""

    def __init__(self) -> None:
        limits = SETTINGS.limits
        self.pool = Pool(queue_places=limits.queue_places, queue_wait_s=5.0, login_s=8.0, clock=lambda: 0.0)
        self.executor = Executor(self.pool)
        self.policy = Policy(SETTINGS, MATRIX, LOOKUP.addresses, Windows(lambda: 0.0))

    async def job(self, kind: str, **given: str) -> Job:
        query = parse(kind, MATRIX.queries[kind].parameters, given.items())
        (found,) = (await self.policy.admit(CALLER, query)).jobs
        return found

    async def run(self, job: Job) -> Finished | Failed:
        execution = self.executor.start(job)
        execution.join()
        last = None
        async for event in execution.follow():
            last = event
        execution.leave()
        assert isinstance(last, Finished | Failed)
        return last

    async def answer(self, kind: str, **given: str) -> Answer:
        last = await self.run(await self.job(kind, **given))
        assert isinstance(last, Finished), last
        return last.answer


def test_the_worked_example_of_the_api_holds() -> None:
    async def asked() -> dict[str, Any]:
        played = Played()
        job = await played.job("ping", target="8.8.8.8", router="core1", connection="1")
        last = await played.run(job)
        assert isinstance(last, Finished)
        return answer_data(MATRIX.queries["ping"], job, last.answer, run_id="x", url="", egress=None)

    data = in_fake_time(asked())
    expected = {
        "router": "Core Router 1",
        "connection": "Cogent Transit",
        "source_ip": "203.0.113.1",
        "command": "ping 8.8.8.8 source 203.0.113.1 count 5",
    }
    assert {name: data[name] for name in expected} == expected
    assert isinstance(data["duration_ms"], int)
    assert data["duration_ms"] >= 4000
    assert data["output"].startswith("PING 8.8.8.8 (8.8.8.8): 56 data bytes\n")
    assert data["result"]["received"] == 5


def test_the_output_is_the_recorded_text_and_nothing_else() -> None:
    recorded = json.loads(RECORDING.read_bytes())
    steps = recorded["router:core1"]["ping 8.8.8.8 source 203.0.113.1 count 5"]
    answer = in_fake_time(Played().answer("ping", target="8.8.8.8", router="core1", connection="1"))
    assert answer.output == "".join(text for _, text in steps if text).replace("\r\n", "\n")


@pytest.mark.parametrize("connection", net.CONNECTIONS.values(), ids=lambda connection: connection.key)
def test_every_connection_answers_about_every_target_of_the_manual(connection: Any) -> None:
    async def asked() -> list[str]:
        played = Played()
        unread = []
        for target in TARGETS:
            for kind in ("ping", "traceroute"):
                answer = await played.answer(
                    kind, target=target, router=connection.router, connection=str(connection.id)
                )
                if answer.result is None:
                    unread.append(f"{kind} {target}: {answer.unread}")
        return unread

    assert in_fake_time(asked()) == []


@pytest.mark.parametrize("router", net.ROUTERS)
def test_every_router_knows_its_routes_for_the_targets_of_the_manual(router: str) -> None:
    async def asked() -> list[Any]:
        return [await Played().answer("aspath", target=target, router=router) for target in (*TARGETS, *PREFIXES)]

    for answer in in_fake_time(asked()):
        assert answer.result.prefix is None or answer.result.routes, answer.output


def test_a_silent_tail_ends_the_trace_as_it_did() -> None:
    answer: Any = in_fake_time(Played().answer("traceroute", target="66.66.66.66", router="core1", connection="1"))
    assert answer.ending == "silent_tail"
    assert answer.result.reached is False


def test_the_way_out_of_a_source_that_is_not_steered_differs() -> None:
    async def asked() -> Any:
        played = Played()
        job = await played.job("ping", target="8.8.8.8", router="frr1", connection="7")
        inner = played.policy.inner(job.router, ip_address("8.8.8.8"), keyed=True)
        assert inner is not None
        last = await played.run(inner)
        assert isinstance(last, Finished)
        routes = tuple(with_meaning(route, job.router, Names()) for route in last.answer.result.routes)  # type: ignore[union-attr]
        assert job.connection is not None
        return judge(job.router, job.connection, expected_connection(routes))

    assert in_fake_time(asked()).verdict == "differs"


def test_hops_have_names_and_origins_although_nobody_is_asked() -> None:
    async def asked() -> Any:
        played = Played()
        job = await played.job("traceroute", target="8.8.8.8", router="core1", connection="1", as_lookup="true")
        last = await played.run(job)
        assert isinstance(last, Finished)

        async def origin_of(hop: Any) -> int | None:
            inner = played.policy.inner(job.router, hop, keyed=True)
            assert inner is not None
            told = await played.run(inner)
            assert isinstance(told, Finished), f"{inner.command} is not recorded"
            routes = told.answer.result.routes  # type: ignore[union-attr]
            return routes[0].origin_asn if routes else None

        attachment = Attachment(job.router, SETTINGS.inventory, Names(), LOOKUP.name_of, origin_of, _nothing)
        assert last.answer.result is not None
        for hop in last.answer.result.hops:  # type: ignore[attr-defined]
            attachment.found(hop)
        return (await attachment.finish(last.answer)).result

    hops = in_fake_time(asked()).hops
    assert all(probe.name for hop in hops for probe in hop.probes if probe.address)
    assert hops[-1].asn == 15169


def _nothing(_record: Record) -> None:
    return


async def test_a_name_leads_to_the_recorded_address_and_an_unknown_one_nowhere() -> None:
    played = Played()
    job = await played.job("ping", target="one.one.one.one", router="core1", connection="1")
    assert str(job.ask.target) == "1.1.1.1"
    assert family_of(job.ask.target) == 4  # type: ignore[arg-type]
    with pytest.raises(Refused) as refusal:
        await played.job("ping", target="www.iana.org", router="core1", connection="1")
    assert refusal.value.code == "name_not_found"


def test_a_question_that_was_not_recorded_is_refused_in_words_that_say_so() -> None:
    async def asked() -> Finished | Failed:
        played = Played()
        return await played.run(await played.job("ping", target="4.4.4.4", router="core1", connection="1"))

    last = in_fake_time(asked())
    assert isinstance(last, Failed)
    assert last.error.code == "router_refused"
    assert "recording" in last.error.sentence


def test_every_answer_says_that_it_is_a_recorded_one() -> None:
    assert SETTINGS.banner is not None
    assert "recorded" in SETTINGS.banner


def test_the_recording_is_small_enough_to_ship() -> None:
    assert RECORDING.stat().st_size < 1_000_000
