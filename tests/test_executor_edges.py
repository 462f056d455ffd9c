"""Where commands, sessions and breakers meet at awkward moments: a stop that comes early, a device that left the file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from doubles.fake_time import in_fake_time
from doubles.scripted import Hang, Say, Scripted, ScriptedRunning, making
from netpulse.errors import Busy, Fault
from netpulse.events import Failed, Finished
from netpulse.executor import Executor
from netpulse.inventory import Device, Recording, ThisHost
from netpulse.pool import Pool, Post
from netpulse.transports.seam import Running, Transport
from test_executor import DEVICE, events_of, executor_on, job


def hanging() -> Scripted:
    return Scripted(lambda _command: [Say("word one\n"), Hang()])


class Gated(Scripted):
    """A device that takes its time to start a command: until `opened` is set."""

    opened: asyncio.Event

    async def start(self, command: str) -> ScriptedRunning:
        await self.opened.wait()
        return await super().start(command)


def gated(fault: Fault | None = None) -> Gated:
    device = Gated(lambda _command: [Say("word one\n"), Hang()], fault=fault)
    device.opened = asyncio.Event()
    return device


def test_an_execution_stopped_before_its_first_step_ends_and_closing_does_not_hang() -> None:
    async def story() -> None:
        device = hanging()
        executor = executor_on(device)
        execution = executor.start(job())
        execution.join()
        execution.leave()
        last = (await events_of(execution))[-1]
        assert isinstance(last, Failed)
        assert last.error.code == "stopped"
        assert device.commands == []
        assert executor.under_way == 0
        await executor.close()

    in_fake_time(story())


def test_closing_in_the_turn_in_which_executions_begin_ends_each_of_them() -> None:
    async def story() -> None:
        device = hanging()
        executor = executor_on(device)
        executions = [executor.start(job(f"go {number}")) for number in range(5)]
        await executor.close()
        endings = [execution.last for execution in executions]
        assert [last.error.code for last in endings if isinstance(last, Failed)] == ["shutting_down"] * 5
        assert device.commands == []

    in_fake_time(story())


def test_closing_while_a_command_is_being_started_ends_and_leaves_no_command() -> None:
    async def story() -> None:
        device = gated()
        executor = executor_on(device)
        execution = executor.start(job())
        await asyncio.sleep(0.1)
        await executor.close()
        assert isinstance(execution.last, Failed)
        assert execution.last.error.code == "shutting_down"
        device.opened.set()
        await asyncio.sleep(0.1)
        assert device.running == 0

    in_fake_time(story())


def test_a_command_whose_caller_left_while_it_was_being_started_is_stopped_and_its_session_was_taken_until_then() -> (
    None
):
    async def story() -> None:
        device = gated()
        pool = Pool(queue_places=0, queue_wait_s=5, login_s=8, clock=_clock(), make=making({DEVICE.key: device}))
        executor = Executor(pool)
        slots = pool.post(DEVICE).slots
        execution = executor.start(job())
        execution.join()
        await asyncio.sleep(0.1)
        execution.leave()
        assert isinstance((await events_of(execution))[-1], Failed)
        await asyncio.sleep(30.0)
        assert slots.taken == 1
        device.opened.set()
        await asyncio.sleep(0.1)
        assert (device.commands, device.stopped, device.running, slots.taken) == (["go"], 1, 0, 0)
        await executor.close()

    in_fake_time(story())


def test_a_command_that_never_started_gives_its_session_back() -> None:
    async def story() -> None:
        device = gated(Fault("router_unreachable", "The router does not accept a connection."))
        executor = executor_on(device, places=0)
        left = [executor.start(job(f"go {number}")) for number in range(3)]
        for execution in left:
            execution.join()
        await asyncio.sleep(0.1)
        for execution in left:
            execution.leave()
        await asyncio.sleep(0.1)
        device.opened.set()
        await asyncio.sleep(0.1)
        device.fault = None
        refused = (await events_of(executor.start(job())))[-1]
        # The three attempts of callers that had left have opened the breaker; they hold no session.
        assert isinstance(refused, Failed)
        assert refused.error.code == "router_unreachable"
        await asyncio.sleep(15.1)
        assert isinstance((await events_of(executor.start(job(ends_after_s=1.0))))[-1], Finished)
        await executor.close()

    in_fake_time(story())


def test_a_stopped_command_keeps_its_session_for_its_worst_case_and_not_longer() -> None:
    async def story() -> None:
        device = hanging()
        device.obeys_stop = False
        pool = Pool(queue_places=0, queue_wait_s=5, login_s=8, clock=_clock(), make=making({DEVICE.key: device}))
        executor = Executor(pool)
        slots = pool.post(DEVICE).slots
        early, late = (
            executor.start(job("go early", worst_case_s=30.0)),
            executor.start(job("go late", worst_case_s=3.0)),
        )
        for execution in (early, late):
            execution.join()
        await asyncio.sleep(5.0)
        for execution in (early, late):
            execution.leave()
        await asyncio.sleep(0.1)
        assert (device.stopped, slots.taken) == (2, 2)  # also the one past its worst case is stopped
        await asyncio.sleep(2.1)
        assert slots.taken == 1
        await asyncio.sleep(20.0)
        assert slots.taken == 1
        await asyncio.sleep(3.0)
        assert slots.taken == 0
        await executor.close()

    in_fake_time(story())


def test_a_spare_command_takes_only_a_session_that_nobody_misses() -> None:
    async def story() -> None:
        device = hanging()
        executor = executor_on(device)
        running = []
        for number in range(3):
            spare = executor.start(job(f"go spare {number}", spare=True))
            spare.join()
            await asyncio.sleep(0.1)
            if number < 2:
                assert spare.last is None
                spare.leave()
                await asyncio.sleep(0.1)
                running.append(executor.start(job(f"go {number}")))
                await asyncio.sleep(0.1)
            else:
                # Two of three sessions are taken: the last one is for who asks.
                assert isinstance(spare.last, Failed)
                assert isinstance(spare.last.error, Busy)
        assert device.commands == ["go spare 0", "go 0", "go spare 1", "go 1"]
        assert [execution.last for execution in running] == [None, None]
        await executor.close()

    in_fake_time(story())


def _clock() -> Callable[[], float]:
    return asyncio.get_running_loop().time


def post_of(device: Transport, now: list[float]) -> Post:
    pool = Pool(queue_places=0, queue_wait_s=5, login_s=8, clock=lambda: now[0], make=lambda _device, _s: (device, []))
    return pool.post(DEVICE)


async def code_of(starting: Awaitable[Running]) -> str | None:
    try:
        await starting
    except (Fault, Busy) as error:
        return error.code
    return None


@pytest.mark.parametrize(
    "no",
    [
        Fault("router_refused", "The router refused the command."),
        Fault("router_closed", "The router closed the session."),
        Busy("router_busy", "The router has no free session now.", retry_after_s=5),
    ],
)
async def test_a_router_that_says_no_is_there_and_closes_its_breaker(no: Fault | Busy) -> None:
    now = [0.0]
    answers: list[Fault | Busy] = [Fault("router_unreachable", "The router is away.") for _ in range(3)]

    class Moody(Scripted):
        async def start(self, command: str) -> ScriptedRunning:
            if answers:
                raise answers.pop(0)
            return await super().start(command)

    post = post_of(Moody(lambda _command: [Say("word one\n")]), now)
    assert [await code_of(post.start("go")) for _ in range(3)] == ["router_unreachable"] * 3
    assert await code_of(post.start("go")) == "router_unreachable"  # by the breaker, unasked
    assert post.breaker.open
    now[0] = 15.1
    answers.append(no)
    assert await code_of(post.start("go")) == no.code
    assert post.state == "up"
    assert await code_of(post.start("go")) is None


OLD = Device("router:r", "toy", ThisHost(), max_sessions=1)
NEW = Device("router:r", "toy", Recording(Path("elsewhere")), max_sessions=1)


class Made:
    """A pool whose transports are counted."""

    def __init__(self) -> None:
        self.transports: list[Scripted] = []
        self.pool = Pool(queue_places=5, queue_wait_s=50.0, login_s=8, clock=_clock(), make=self._make)

    def _make(self, _device: Device, _login_s: float) -> tuple[Transport, list[Transport]]:
        self.transports.append(hanging())
        return self.transports[-1], []

    @property
    def closed(self) -> list[bool]:
        return [transport.closed for transport in self.transports]


def test_devices_that_left_the_file_are_let_go_once_nothing_can_run_on_them() -> None:
    async def story() -> None:
        made = Made()
        made.pool.post(OLD)
        made.pool.adopt({})
        assert made.pool.posts() == []
        await asyncio.sleep(59.0)
        assert made.closed == [False]  # what was running may have ended as it began
        await asyncio.sleep(2.0)
        assert made.closed == [True]
        await made.pool.close()

    in_fake_time(story())


def test_a_device_reached_in_another_way_gets_one_new_transport_whatever_runs_of_before_still_ask() -> None:
    async def story() -> None:
        made = Made()
        made.pool.post(OLD)
        made.pool.adopt({OLD.key: OLD})
        assert len(made.transports) == 1
        made.pool.adopt({NEW.key: NEW})
        for _ in range(3):  # runs of the old and the new settings, taking turns
            assert made.pool.post(OLD).transport is made.transports[1]
            assert made.pool.post(NEW).transport is made.transports[1]
        made.pool.adopt({NEW.key: NEW})
        assert len(made.transports) == 2
        await asyncio.sleep(61.0)
        assert made.closed == [True, False]
        await made.pool.close()
        assert made.closed == [True, True]

    in_fake_time(story())


def test_a_new_way_to_a_device_starts_with_a_clean_breaker_and_the_sessions_of_before() -> None:
    async def story() -> None:
        made = Made()
        post = made.pool.post(OLD)
        lease = await post.slots.take(True, lambda _place: None)
        for _ in range(3):
            post.breaker.failed(Fault("router_unreachable", "The router is away."))
        assert made.pool.state(OLD) == "down"
        made.pool.adopt({NEW.key: NEW})
        assert made.pool.state(NEW) == "busy"
        lease.release()
        assert made.pool.state(NEW) == "up"
        await made.pool.close()

    in_fake_time(story())


def test_closing_right_after_a_change_closes_what_was_retired_too() -> None:
    async def story() -> None:
        made = Made()
        made.pool.post(OLD)
        made.pool.adopt({NEW.key: NEW})
        await made.pool.close()
        assert made.closed == [True, True]

    in_fake_time(story())


def test_raising_the_sessions_of_a_device_serves_those_who_wait() -> None:
    async def story() -> None:
        made = Made()
        slots = made.pool.post(OLD).slots
        await slots.take(True, lambda _place: None)
        waiting = [asyncio.create_task(slots.take(True, lambda _place: None)) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert (slots.taken, slots.waiting) == (1, 3)
        made.pool.adopt({OLD.key: Device("router:r", "toy", ThisHost(), max_sessions=3)})
        await asyncio.sleep(0.1)
        assert [task.done() for task in waiting] == [True, True, False]
        assert (slots.taken, slots.waiting) == (3, 1)
        waiting[2].cancel()
        await made.pool.close()

    in_fake_time(story())
