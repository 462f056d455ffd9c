"""Commands on devices: deadlines, budgets, stopping, sharing, and faults that stay in their job."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from doubles.fake_time import in_fake_time
from doubles.scripted import Break, Hang, Hold, Say, Script, Scripted, making
from netpulse.cells import Unread
from netpulse.errors import Busy, Fault
from netpulse.events import Ending, Event, Failed, Finished, Found, Output, Queued, Started
from netpulse.execution import Execution
from netpulse.executor import Executor
from netpulse.inventory import Device, Router, ThisHost
from netpulse.pool import Pool
from netpulse.query import Ask, Budget, Job, Query
from netpulse.records import Record


class Word(Record, frozen=True, kw_only=True):
    text: str


class Words(Record, frozen=True, kw_only=True):
    words: tuple[str, ...]
    ending: str


class WordReader:
    """Each line that begins with `word ` is a record; `end` completes; `enough` says so."""

    def __init__(self, further: Iterable[str] = ()) -> None:
        self.enough = False
        self.complete = False
        self.words: list[str] = []
        self._further = list(further)

    def feed(self, line: str) -> Iterable[Record]:
        if line == "enough":
            self.enough = True
        if line == "end":
            self.complete = True
        if line == "boom":
            raise IndexError("a defect of the reader")
        if line.startswith("word "):
            self.words.append(line[5:])
            return [Word(text=line[5:])]
        return []

    def follow_up(self) -> str | None:
        return self._further.pop(0) if self._further else None

    def close(self, ending: Ending) -> Record:
        if not self.words:
            raise Unread("no word in the output")
        return Words(words=tuple(self.words), ending=ending)


DEVICE = Device(key="router:r1", platform="toy", reach=ThisHost(), max_sessions=3)
ROUTER = Router(slug="r1", name="R1", location="", model="", platform="toy", device=DEVICE)


def job(command: str = "go", **changes: Any) -> Job:
    settings: dict[str, Any] = {
        "query": Query(kind="toy", target=None),
        "router": ROUTER,
        "connection": None,
        "device": DEVICE,
        "ask": Ask(target=None, family=4),
        "command": command,
        "read": WordReader,
        "budget": Budget(deadline_s=20.0, silence_s=10.0, most_bytes=10_000, most_lines=100),
        "worst_case_s": 60.0,
        "refusals": (r"\Asyntax error.*\Z",),
        "keyed": True,
    }
    return Job(**{**settings, **changes})


def executor_on(device: Scripted, **limits: Any) -> Executor:
    clock = asyncio.get_running_loop().time
    pool = Pool(
        queue_places=limits.get("places", 10),
        queue_wait_s=limits.get("wait_s", 5.0),
        login_s=8.0,
        clock=clock,
        make=making({DEVICE.key: device}),
    )
    return Executor(pool)


async def events_of(execution: Execution) -> list[Event]:
    execution.join()
    try:
        return [event async for event in execution.follow()]
    finally:
        execution.leave()


def play(script: Script, **changes: Any) -> tuple[list[Event], Scripted, float]:
    """The events of one job on a device that follows this script, the device, and the seconds it took."""

    async def story() -> tuple[list[Event], Scripted, float]:
        device = Scripted({"go": script, "more": [Say("word two\n")]})
        executor = executor_on(device)
        before = asyncio.get_running_loop().time()
        events = await events_of(executor.start(job(**changes)))
        took_s = asyncio.get_running_loop().time() - before
        await executor.close()
        assert device.running == 0
        return events, device, took_s

    return in_fake_time(story())


def ending_of(events: list[Event]) -> Finished | Failed:
    last = events[-1]
    assert isinstance(last, Finished | Failed)
    assert not any(isinstance(event, Finished | Failed) for event in events[:-1])
    return last


def test_a_command_tells_its_lines_and_records_as_they_come_and_ends_once() -> None:
    events, _, _ = play([Say("word one\n"), Say("noise\nword tw"), Say("o\nend\n")])
    assert [type(event) for event in events] == [Started, Output, Found, Output, Output, Found, Output, Finished]
    last = ending_of(events)
    assert isinstance(last, Finished)
    assert last.answer.result == Words(words=("one", "two"), ending="end")
    assert last.answer.output == "word one\nnoise\nword two\nend\n"
    assert last.answer.unread is None


def test_output_that_nobody_understands_is_an_answer_with_its_text() -> None:
    last = ending_of(play([Say("hello\n")])[0])
    assert isinstance(last, Finished)
    assert (last.answer.result, last.answer.unread, last.answer.output) == (None, "no word in the output", "hello\n")


@pytest.mark.parametrize(
    ("script", "code", "within_s"),
    [
        ([Hang()], "router_timeout", 10.1),
        ([Say("word one\n"), Hang()], "router_timeout", 10.1),
        ([Say(".", after_s=9.0), Say(".", after_s=9.0), Say(".", after_s=9.0), Hang()], "router_timeout", 20.1),
        ([Say("word one\n"), Break()], "router_closed", 0.1),
        ([Say("syntax error, expecting <command>.\n")], "router_refused", 0.1),
        ([Say("\x01\x02\x03\x04\x05\x06\x0e\x0f" * 40 + "\n")], "router_garbled", 0.1),
        ([Fault("router_garbled", "junk")], "router_garbled", 0.1),
        ([Say("word one\nboom\n")], "internal", 0.1),
    ],
)
def test_each_fault_of_a_device_has_its_code_within_its_deadline_and_keeps_what_was_printed(
    script: Script, code: str, within_s: float
) -> None:
    events, _, took_s = play(script)
    last = ending_of(events)
    assert isinstance(last, Failed)
    assert last.error.code == code
    assert took_s <= within_s
    assert last.partial is not None
    assert last.partial.output == "".join(e.text + "\n" for e in events if isinstance(e, Output))


def test_a_session_closed_after_a_complete_answer_is_no_fault() -> None:
    last = ending_of(play([Say("word one\nend\n"), Break()])[0])
    assert isinstance(last, Finished)


def test_a_command_with_nothing_more_to_say_is_ended_and_is_an_answer() -> None:
    events, device, took_s = play([Say("word one\n"), Hang()], ends_after_s=6.0)
    last = ending_of(events)
    assert isinstance(last, Finished)
    assert last.answer.result == Words(words=("one",), ending="end")
    assert took_s == pytest.approx(6.0)
    assert device.stopped == 1


def test_a_command_that_printed_nothing_until_then_was_not_answered_in_time() -> None:
    events, device, took_s = play([Hang()], ends_after_s=6.0)
    last = ending_of(events)
    assert isinstance(last, Failed)
    assert last.error.code == "router_timeout"
    assert took_s == pytest.approx(6.0)
    assert device.stopped == 1
    assert isinstance(ending_of(play([Say("half a li"), Hang()], ends_after_s=6.0)[0]), Finished)


def test_a_reader_that_has_enough_ends_the_command() -> None:
    events, device, took_s = play([Say("word one\nenough\n"), Hang()])
    last = ending_of(events)
    assert isinstance(last, Finished)
    assert last.answer.ending == "silent_tail"
    assert (took_s, device.stopped) == (0.0, 1)


def test_what_there_is_at_the_deadline_is_an_answer_where_the_query_says_so() -> None:
    slow = [Say("word one\n"), *(Say(".", after_s=5.0) for _ in range(10))]
    last = ending_of(play(slow, cut_is_answer=True)[0])
    assert isinstance(last, Finished)
    assert last.answer.ending == "deadline"


def test_a_flood_is_cut_at_the_budget_and_marked() -> None:
    events, device, _ = play([Say("word x\n" * 1000), Hang()])
    last = ending_of(events)
    assert isinstance(last, Finished)
    assert last.answer.truncated
    assert sum(isinstance(event, Output) for event in events) == 100
    assert device.stopped == 1


def test_a_follow_up_is_sent_after_the_first_command_and_its_lines_are_not_shown() -> None:
    events, device, _ = play([Say("word one\n")], read=lambda: WordReader(["more"]))
    last = ending_of(events)
    assert isinstance(last, Finished)
    assert last.answer.result == Words(words=("one", "two"), ending="end")
    assert last.answer.output == "word one\n"
    assert device.commands == ["go", "more"]


def test_one_routers_fault_never_touches_another_job() -> None:
    async def story() -> None:
        device = Scripted({"go": [Say("boom\n")], "fine": [Say("word ok\n")]})
        executor = executor_on(device)
        bad, good = executor.start(job()), executor.start(job("fine"))
        endings = await asyncio.gather(events_of(bad), events_of(good))
        assert [type(events[-1]) for events in endings] == [Failed, Finished]
        await executor.close()

    in_fake_time(story())


def test_a_command_is_stopped_when_its_last_follower_leaves_and_not_before() -> None:
    async def story() -> None:
        device = Scripted({"go": [Say("word one\n"), Hang()]})
        executor = executor_on(device)
        execution = executor.start(job(shareable=True))
        assert executor.start(job(shareable=True)) is execution
        execution.join()
        execution.join()
        await asyncio.sleep(0.1)
        execution.leave()
        await asyncio.sleep(0.1)
        assert execution.last is None
        execution.leave()
        last = ending_of([event async for event in execution.follow()])
        assert isinstance(last, Failed)
        assert last.error.code == "stopped"
        assert last.partial is not None
        assert last.partial.result == Words(words=("one",), ending="caller")
        assert device.commands == ["go"]
        await executor.close()

    in_fake_time(story())


def test_equal_questions_are_asked_once_and_again_only_when_the_answer_is_old_or_failed() -> None:
    async def story() -> None:
        device = Scripted({"go": [Hold(), Say("word one\n")]})
        executor = executor_on(device)
        first, second = executor.start(job(shareable=True)), executor.start(job(shareable=True))
        assert first is second
        device.go()
        await events_of(first)
        assert executor.start(job(shareable=True)) is first
        await asyncio.sleep(5.1)
        third = executor.start(job(shareable=True))
        assert third is not first
        await events_of(third)
        assert device.commands == ["go", "go"]
        await executor.close()

    in_fake_time(story())


def test_a_session_stays_taken_until_the_end_is_known_or_the_worst_case_is_over() -> None:
    async def story() -> None:
        device = Scripted(lambda _: [Say("word one\n"), Hang()], obeys_stop=False)
        executor = executor_on(device, places=0)
        for _ in range(3):
            execution = executor.start(job(ends_after_s=6.0))
            assert isinstance(ending_of(await events_of(execution)), Finished)
        refused = ending_of(await events_of(executor.start(job())))
        assert isinstance(refused, Failed)
        assert isinstance(refused.error, Busy)
        device.undead.pop().die()  # one tells its end
        await asyncio.sleep(0.1)
        assert isinstance(ending_of(await events_of(executor.start(job(ends_after_s=6.0)))), Finished)
        await asyncio.sleep(60.0)  # the others never do, but their worst case is over
        again = [executor.start(job(ends_after_s=6.0)) for _ in range(3)]
        assert [type(ending_of(await events_of(e))) for e in again] == [Finished] * 3
        device.die()
        await executor.close()

    in_fake_time(story())


@pytest.mark.parametrize("obeys_stop", [True, False])
def test_five_hundred_questions_at_once_never_open_more_sessions_and_all_who_obey_are_served(obeys_stop: bool) -> None:
    async def story() -> None:
        lives_on_s = None if obeys_stop else 1.9
        script: Script = [Say("word one\n", after_s=1.0), Hang()]
        device = Scripted(lambda _: script, obeys_stop=obeys_stop, lives_on_s=lives_on_s)
        executor = executor_on(device)
        loop = asyncio.get_running_loop()
        served, refused = 0, 0

        async def caller(number: int) -> None:
            nonlocal served, refused
            while True:
                last = ending_of(
                    await events_of(executor.start(job(f"go {number}", ends_after_s=2.0, worst_case_s=4.0)))
                )
                if isinstance(last, Finished):
                    served += 1
                    return
                assert isinstance(last.error, Busy)
                assert last.error.code == "router_busy"
                refused += 1
                await asyncio.sleep(last.error.retry_after_s or 1)

        began = loop.time()
        await asyncio.gather(*(caller(number) for number in range(500)))
        assert served == 500
        assert refused > 0
        assert loop.time() - began < 500 * 4.0
        assert executor.under_way == 0
        await executor.close()
        # What lives on after a stop still counts as taken: the device never has more than its sessions.
        assert device.peak <= 3

    in_fake_time(story())


def test_the_place_in_the_queue_is_told() -> None:
    async def story() -> None:
        device = Scripted(lambda _: [Hold(), Say("word one\n")])
        executor = executor_on(device)
        running = [executor.start(job(f"go {n}")) for n in range(3)]
        waiting = executor.start(job("go late"))
        await asyncio.sleep(0.1)
        device.go()
        events = await events_of(waiting)
        assert events[0] == Queued(1)
        assert isinstance(events[1], Started)
        assert events[1].queued_ms == 100
        for execution in running:
            await events_of(execution)
        await executor.close()

    in_fake_time(story())


def test_closing_ends_every_command_with_a_clear_last_event() -> None:
    async def story() -> None:
        device = Scripted(lambda _: [Say("word one\n"), Hang()])
        executor = executor_on(device)
        executions = [executor.start(job(f"go {n}")) for n in range(5)]
        await asyncio.sleep(0.1)
        await executor.close()
        for execution in executions:
            last = execution.last
            assert isinstance(last, Failed)
            assert last.error.code == "shutting_down"
        with pytest.raises(Fault):
            executor.start(job())

    in_fake_time(story())
