"""Leases, resuming and stopping, on a clock of the test's own."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from doubles.fake_time import in_fake_time
from netpulse.errors import Busy, Fault, Refused
from netpulse.runs import Run, RunEvent, Runs


def run_with_stop(lease_s: float = 5.0) -> tuple[Run, list[str]]:
    run, stops = Run("a" * 32, "key:1", lease_s), list[str]()
    run.on_stop(stops.append)
    return run, stops


def end(run: Run) -> None:
    run.finish({"ok": True}, None)
    run.add("finished", b"{}")


def test_a_run_that_nobody_holds_is_stopped_when_its_lease_is_over_and_not_before() -> None:
    async def story() -> None:
        run, stops = run_with_stop(lease_s=5.0)
        with run.held():
            await asyncio.sleep(100)
            assert stops == []
        await asyncio.sleep(4.9)
        assert stops == []
        with run.held():  # back in time
            await asyncio.sleep(100)
        await asyncio.sleep(5.1)
        assert stops == ["stopped"]

    in_fake_time(story())


def test_two_listeners_hold_one_lease() -> None:
    async def story() -> None:
        run, stops = run_with_stop()
        with run.held():
            with run.held():
                pass
            await asyncio.sleep(60)
            assert stops == []
        await asyncio.sleep(5.1)
        assert stops == ["stopped"]

    in_fake_time(story())


def test_a_finished_run_is_never_stopped() -> None:
    async def story() -> None:
        run, stops = run_with_stop()
        with run.held():
            pass
        end(run)
        await asyncio.sleep(60)
        run.stop()
        assert stops == []

    in_fake_time(story())


def test_a_finished_run_no_longer_holds_on_to_its_commands_and_what_they_printed() -> None:
    async def story() -> None:
        run = Run("a" * 32, "key:1", 5.0)
        stops = list[str]()
        command = stops.append
        run.on_stop(command)
        gone = weakref.ref(command)
        del command
        gc.collect()
        assert gone() is not None
        end(run)
        gc.collect()
        assert gone() is None

    in_fake_time(story())


def test_a_listener_gets_every_event_once_wherever_it_begins() -> None:
    async def story() -> None:
        run, _ = run_with_stop()
        run.add("started", b"1")
        run.add("output", b"2")
        whole = asyncio.create_task(collect(run, 0))
        late = asyncio.create_task(collect(run, 1))
        await asyncio.sleep(1)
        run.add("output", b"3")
        end(run)
        assert [event.body for event in await whole] == [b"1", b"2", b"3", b"{}"]
        assert [event.body for event in await late] == [b"2", b"3", b"{}"]
        assert await collect(run, 4) == []

    in_fake_time(story())


async def collect(run: Run, after: int) -> list[RunEvent]:
    return [event async for event in run.follow(after)]


def test_only_its_owner_finds_a_run_and_a_finished_one_for_a_minute() -> None:
    async def story() -> None:
        runs = Runs(10)
        run, _ = run_with_stop()
        runs.begin(run)
        run.add("started", b"1")
        assert runs.resume(f"{run.id}.1", "key:1") == (run, 1)
        for event_id, owner in ((f"{run.id}.1", "key:2"), (f"{run.id}.2", "key:1"), (run.id, "key:1"), ("", "key:1")):
            with pytest.raises(Refused) as caught:
                runs.resume(event_id, owner)
            assert caught.value.code == "unknown_event"
        end(run)
        runs.ended(run)
        await asyncio.sleep(59)
        assert runs.find(run.id, "key:1") is run
        await asyncio.sleep(2)
        assert runs.find(run.id, "key:1") is None

    in_fake_time(story())


def test_more_runs_than_there_may_be_are_refused_until_one_ends() -> None:
    async def story() -> None:
        runs = Runs(1)
        run, _ = run_with_stop()
        runs.begin(run)
        with pytest.raises(Busy) as caught:
            runs.begin(Run("b" * 32, "key:1", 5.0))
        assert caught.value.code == "server_busy"
        run.finish(None, Fault("stopped", "The run was stopped before its end."))
        run.add("failed", b"{}")
        runs.ended(run)
        runs.begin(Run("b" * 32, "key:1", 5.0))
        assert runs.live == 1

    in_fake_time(story())
