"""Sessions of devices under everything that can happen to them, on a clock of the test's own.

Callers come, leave, let their leases run out; devices hang, break, go away, ignore a stop; the configuration changes; the
wall clock jumps. However it goes: no device ever has more commands at once than it may, each job ends once, nothing is
left.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from doubles.fake_time import FakeTimeLoop
from doubles.scripted import Break, Hang, Hold, Say, Script, Scripted, ScriptedRunning, making
from netpulse.cells import Unread
from netpulse.errors import Fault
from netpulse.events import Ending, Failed, Finished
from netpulse.execution import Execution
from netpulse.executor import Executor
from netpulse.inventory import Device, Recording, Router, ThisHost
from netpulse.pool import Pool
from netpulse.query import Ask, Budget, Job, Query
from netpulse.records import Record
from netpulse.runs import Run
from netpulse.values import address
from properties.effort import tried

WORST_CASE_S = 30.0
LEASE_S = 5.0
PLACES = 4


class Nothing(Record, frozen=True, kw_only=True):
    pass


class LineReader:
    """Understands everything as nothing; `broken` raises, as a reader with a defect would."""

    def __init__(self) -> None:
        self.enough = False
        self.complete = False

    def feed(self, line: str) -> tuple[Record, ...]:
        if line == "broken":
            raise KeyError(line)
        self.enough = line == "enough"
        self.complete = line == "complete"
        return ()

    def follow_up(self) -> str | None:
        return None

    def close(self, ending: Ending) -> Record:
        if ending == "deadline":
            raise Unread("too late")
        return Nothing()


SCRIPTS: dict[str, Script] = {
    "quick": [Say("a line\n"), Say("complete\n")],
    "slow": [Say("a line\n"), Say("more\n", after_s=4.0), Say("complete\n", after_s=4.0)],
    "held": [Say("a line\n"), Hold(), Say("complete\n")],
    "silent": [Hang()],
    "half": [Say("a line\n"), Break()],
    "faulty": [Say("a line\n"), Fault("router_closed", "The router closed the session.")],
    "endless": [Say(f"{n}\n", after_s=3.0) for n in range(100)],
    "flood": [Say("x" * 400 + "\n") for _ in range(60)],
    "defect": [Say("broken\n"), Hang()],
    "enough": [Say("enough\n"), Hang()],
}


class Watched(Scripted):
    """A device that takes its time to log in and knows how many commands it may have at once."""

    def __init__(self, most: int, open_to_all: int) -> None:
        super().__init__(lambda command: SCRIPTS[command.split()[1]])
        self.most, self.open_to_all = most, open_to_all
        self.login_s = 0.0
        self.logging_in = 0
        self.opened: list[tuple[ScriptedRunning, bool]] = []
        self.breaches: list[str] = []

    def alive(self) -> list[bool]:
        return [keyed for running, keyed in self.opened if not running._ended.is_set()]

    async def start(self, command: str) -> ScriptedRunning:
        if self.login_s:
            self.logging_in += 1
            try:
                await asyncio.sleep(self.login_s)
            finally:
                self.logging_in -= 1
        running = await super().start(command)
        self.opened.append((running, command.startswith("keyed")))
        alive = self.alive()
        if len(alive) > self.most or alive.count(False) > self.open_to_all:
            self.breaches.append(f"{alive} with {self.most}, {self.open_to_all} of them open to all")
        return running


DEVICES = {
    "router:wide": Device("router:wide", "toy", ThisHost(), max_sessions=3, reserved_sessions=1),
    "router:narrow": Device("router:narrow", "toy", ThisHost(), max_sessions=1, reserved_sessions=1),
}
keys = st.sampled_from(sorted(DEVICES))
scripts = st.one_of(st.sampled_from(["held", "slow", "silent"]), st.sampled_from(sorted(SCRIPTS)))
kinds = st.sampled_from(["", "", "", "spare", "shared"])


def open_to_all(device: Device) -> int:
    return max(1, device.max_sessions - device.reserved_sessions) if device.max_sessions > 1 else device.max_sessions


class SessionsHold(RuleBasedStateMachine):
    """The executor and its pool, with two devices."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner(loop_factory=FakeTimeLoop)
        self.wall = datetime(2026, 11, 24, tzinfo=UTC)
        self.held: dict[Run, AbstractContextManager[None]] = {}
        self.asked: list[tuple[Execution, Run]] = []
        self.devices = dict(DEVICES)
        self.doubles = {key: Watched(one.max_sessions, open_to_all(one)) for key, one in DEVICES.items()}
        self.retired: dict[str, list[Watched]] = {key: [] for key in DEVICES}
        self.wait(self._open())

    async def _open(self) -> None:
        self.pool = Pool(
            queue_places=PLACES,
            queue_wait_s=5.0,
            login_s=8.0,
            clock=asyncio.get_running_loop().time,
            make=lambda device, login_s: making(self.doubles)(device, login_s),
        )
        self.executor = Executor(self.pool, wall=lambda: self.wall)

    def wait(self, what: Any) -> Any:
        return self.runner.run(what)

    async def _settle(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    @rule(key=keys, questions=st.lists(st.tuples(scripts, st.booleans(), kinds), min_size=1, max_size=6))
    def some_come(self, key: str, questions: list[tuple[str, bool, str]]) -> None:
        for script, keyed, kind in questions:
            self.wait(self._submit(self._job(key, script, keyed, kind)))

    @rule(key=keys, keyed=st.booleans(), many=st.integers(3, PLACES + 4))
    def a_crowd_comes(self, key: str, keyed: bool, many: int) -> None:
        for _ in range(many):
            self.wait(self._submit(self._job(key, "held", keyed, "")))

    def _job(self, key: str, script: str, keyed: bool, kind: str) -> Job:
        device = self.devices[key]
        return Job(
            query=Query("toy", None),
            router=Router("r", "R", "", "", "toy", device),
            connection=None,
            device=device,
            ask=Ask(target=address("8.8.8.8"), family=4),
            command=f"{'keyed' if keyed else 'open'} {script}",
            read=LineReader,
            budget=Budget(deadline_s=20.0, silence_s=10.0, most_bytes=10_000, most_lines=100),
            worst_case_s=WORST_CASE_S,
            keyed=keyed,
            spare=kind == "spare",
            shareable=kind == "shared",
        )

    async def _submit(self, job: Job) -> None:
        execution = self.executor.start(job)
        run = Run(f"{len(self.asked):032x}", "key:1", LEASE_S)
        execution.join()
        run.on_stop(execution.leave)
        self.held[run] = run.held()
        self.held[run].__enter__()
        self.asked.append((execution, run))
        await self._settle()

    async def _let_go(self, run: Run) -> None:
        held = self.held.pop(run, None)
        if held is not None:
            held.__exit__(None, None, None)
        await self._settle()

    @rule(places=st.lists(st.integers(0, 12), min_size=1, max_size=6), breaths=st.integers(0, 4))
    def callers_stop(self, places: list[int], breaths: int) -> None:
        """The latest ones first, so close together that one is stopped while another's session is being handed to it."""

        async def stop() -> None:
            for place in places:
                if self.asked:
                    self.asked[-1 - place % len(self.asked)][1].stop()
                for _ in range(breaths):
                    await asyncio.sleep(0)
            await self._settle()

        self.wait(stop())

    @rule(which=st.integers(0, 12))
    def a_caller_goes_away_without_a_word(self, which: int) -> None:
        if self.asked:
            self.wait(self._let_go(self.asked[-1 - which % len(self.asked)][1]))

    @rule(key=keys, code=st.sampled_from(["router_unreachable", "router_login", "router_timeout"]))
    def a_device_goes_down(self, key: str, code: str) -> None:
        self.doubles[key].fault = Fault(code, "The router is away.")

    @rule(key=keys)
    def a_device_comes_back(self, key: str) -> None:
        self.doubles[key].fault = None

    @rule(key=keys, login_s=st.sampled_from([0.0, 1.0, 9.0, 25.0]))
    def logins_take(self, key: str, login_s: float) -> None:
        self.doubles[key].login_s = login_s

    @rule(key=keys, obeys=st.booleans(), lives_on_s=st.sampled_from([None, 1.0, WORST_CASE_S - 21.0]))
    def a_device_treats_a_stop(self, key: str, obeys: bool, lives_on_s: float | None) -> None:
        """Commands that ignore it live on for a while, told or untold, but not for longer than their worst case."""
        self.doubles[key].obeys_stop = obeys or lives_on_s is None
        self.doubles[key].lives_on_s = None if obeys else lives_on_s

    @rule(key=keys)
    def what_is_held_goes_on(self, key: str) -> None:
        self.doubles[key].go()
        self.wait(self._settle())
        self.doubles[key].gate = asyncio.Event()

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 5.1, 10.1, 21.0, 61.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.wait(asyncio.sleep(seconds))

    @rule(hours=st.sampled_from([-24, -1, 1, 24]))
    def the_wall_clock_jumps(self, hours: int) -> None:
        self.wall += timedelta(hours=hours)

    @rule(key=keys, most=st.integers(1, 4), reserved=st.integers(0, 2))
    def a_reload_changes_sessions(self, key: str, most: int, reserved: int) -> None:
        """A lower number holds for those that come; a command under way, or about to begin after a login, ends as it began."""
        device = replace(self.devices[key], max_sessions=most, reserved_sessions=min(reserved, most - 1))
        old = self.devices[key]
        is_less = most < old.max_sessions or open_to_all(device) < open_to_all(old)
        if is_less and self._is_used(key):
            return
        self._adopt(key, device)

    @rule(key=keys)
    def a_reload_changes_the_way_to_a_device(self, key: str) -> None:
        """What ran on the old transport may go on; the sessions are counted over both."""
        if self._is_used(key):
            return
        old = self.devices[key]
        self.retired[key].append(self.doubles[key])
        self.doubles[key] = Watched(old.max_sessions, open_to_all(old))
        reach = ThisHost() if isinstance(old.reach, Recording) else Recording(__file__)  # type: ignore[arg-type]
        self._adopt(key, replace(old, reach=reach))

    def _is_used(self, key: str) -> bool:
        """Whether a command is on its way or under way."""
        return any(double.alive() or double.logging_in for double in (self.doubles[key], *self.retired[key]))

    def _all_doubles(self) -> list[Watched]:
        return [*self.doubles.values(), *(double for gone in self.retired.values() for double in gone)]

    def _adopt(self, key: str, device: Device) -> None:
        """What waited when the way changed still goes the old one, so the new numbers hold for both."""
        self.devices[key] = device
        for double in (self.doubles[key], *self.retired[key]):
            double.most, double.open_to_all = device.max_sessions, open_to_all(device)

        async def adopt() -> None:
            self.pool.adopt(self.devices)
            await self._settle()

        self.wait(adopt())

    @invariant()
    def no_device_ever_had_more_commands_than_it_may(self) -> None:
        for double in self._all_doubles() if hasattr(self, "retired") else ():
            assert double.breaches == []

    @invariant()
    def queues_are_short_and_counts_are_true(self) -> None:
        for post in self.pool.posts() if hasattr(self, "pool") else ():
            assert post.slots.taken >= 0
            assert 0 <= post.slots.waiting <= PLACES

    @invariant()
    def each_job_ends_at_most_once_and_says_nothing_after(self) -> None:
        for execution, _ in getattr(self, "asked", ()):
            lasts = [event for event in execution.events if isinstance(event, Finished | Failed)]
            assert lasts == execution.events[-1:] if lasts else True

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.wait(self._end())
        finally:
            self.runner.close()

    async def _end(self) -> None:
        for double in self.doubles.values():
            double.fault, double.login_s = None, 0.0
        for run in list(self.held):
            await self._let_go(run)
        await asyncio.sleep(LEASE_S + 200.0)
        for execution, _ in self.asked:
            assert isinstance(execution.last, Finished | Failed), "a job that nobody holds has ended"
        assert self.executor.under_way == 0
        for post in self.pool.posts():
            assert (post.slots.taken, post.slots.waiting) == (0, 0), "every session was given back"
            lease = await post.slots.take(False, lambda place: None)
            lease.release()
        for double in self._all_doubles():
            assert double.running == 0, "no command lives on"
        await self.executor.close()
        await self.pool.close()
        assert all(double.closed for double in self._all_doubles() if double.commands)
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


SessionsHold.TestCase.settings = tried(130, steps=50)
TestSessionsHold = SessionsHold.TestCase
