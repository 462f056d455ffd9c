"""Sessions of a device are counted honestly, and a device that cannot be reached is left alone for a while."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from doubles.fake_time import in_fake_time
from netpulse.errors import Busy, Fault
from netpulse.pool import Breaker, Lease, Slots


def slots(most: int = 2, reserved: int = 0, places: int = 2, wait_s: float = 5.0) -> Slots:
    return Slots(most, reserved, places, wait_s, asyncio.get_running_loop().time)


def ignore(_place: int) -> None:
    return


def test_no_more_sessions_are_given_than_there_are_and_the_next_in_line_gets_the_one_given_back() -> None:
    async def story() -> None:
        pool = slots(most=1)
        first = await pool.take(True, ignore)
        places: list[int] = []
        second = asyncio.create_task(pool.take(True, places.append))
        third = asyncio.create_task(pool.take(True, places.append))
        await asyncio.sleep(0)
        assert (pool.taken, pool.waiting, places) == (1, 2, [1, 2])
        first.release()
        first.release()  # a second time changes nothing
        lease = await second
        assert isinstance(lease, Lease)
        assert (pool.taken, pool.waiting, places) == (1, 1, [1, 2, 1])
        lease.release()
        (await third).release()
        assert (pool.taken, pool.waiting) == (0, 0)

    in_fake_time(story())


def test_a_full_queue_answers_busy_at_once_and_tells_callers_to_come_back_one_after_another() -> None:
    async def story() -> None:
        pool = slots(most=1, places=1)
        await pool.take(True, ignore)
        waiting = asyncio.create_task(pool.take(True, ignore))
        await asyncio.sleep(0)
        hints = []
        for _ in range(100):
            with pytest.raises(Busy) as caught:
                await pool.take(True, ignore)
            assert caught.value.code == "router_busy"
            assert caught.value.retry_after_s is not None
            hints.append(caught.value.retry_after_s)
        assert hints == sorted(hints)
        assert hints[0] >= 1
        assert hints[-1] == 60
        assert len(set(hints)) > 20
        waiting.cancel()

    in_fake_time(story())


def test_no_second_is_given_to_more_callers_than_the_queue_has_places_for() -> None:
    async def story() -> None:
        pool = slots(most=3, places=4)
        for _ in range(200):
            pool.took(0.01)  # a router that is quick: the places are what is scarce
        for _ in range(3):
            await pool.take(True, ignore)
        waiting = [asyncio.create_task(pool.take(True, ignore)) for _ in range(4)]
        await asyncio.sleep(0)
        returning: Counter[int] = Counter()
        for _ in range(80):
            with pytest.raises(Busy) as caught:
                await pool.take(True, ignore)
            returning[caught.value.retry_after_s or 0] += 1
        assert max(returning.values()) <= 4
        assert max(returning) <= 80 / 4 + 2
        for waiter in waiting:
            waiter.cancel()

    in_fake_time(story())


def test_who_comes_after_a_crowd_is_told_to_let_it_pass() -> None:
    async def story() -> None:
        pool = slots(most=2, places=5)  # commands take 2 s until better is known
        pool.check_room(True, 6)
        with pytest.raises(Busy) as caught:
            pool.check_room(True, 7)
        assert caught.value.retry_after_s == 8
        lease = await pool.take(True, ignore)
        pool.check_room(True, 5)
        with pytest.raises(Busy):
            pool.check_room(True, 6)
        lease.release()

    in_fake_time(story())


def test_room_for_visitors_leaves_out_what_is_reserved_for_keys() -> None:
    async def story() -> None:
        pool = slots(most=3, reserved=1, places=2)
        pool.check_room(True, 4)
        pool.check_room(False, 3)
        with pytest.raises(Busy):
            pool.check_room(False, 4)

    in_fake_time(story())


def test_who_waits_too_long_gets_busy_and_leaves_the_queue() -> None:
    async def story() -> None:
        pool = slots(most=1, wait_s=5.0)
        lease = await pool.take(True, ignore)
        before = asyncio.get_running_loop().time()
        with pytest.raises(Busy):
            await pool.take(True, ignore)
        assert asyncio.get_running_loop().time() - before == pytest.approx(5.0)
        assert pool.waiting == 0
        lease.release()
        assert pool.taken == 0

    in_fake_time(story())


def test_a_cancelled_waiter_loses_neither_its_place_to_nobody_nor_a_session() -> None:
    async def story() -> None:
        pool = slots(most=1)
        lease = await pool.take(True, ignore)
        waiting = asyncio.create_task(pool.take(True, ignore))
        await asyncio.sleep(0)
        lease.release()  # the waiter now has the session, but has not run yet
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (pool.taken, pool.waiting) == (0, 0)

    in_fake_time(story())


def test_reserved_sessions_are_only_for_keys() -> None:
    async def story() -> None:
        pool = slots(most=3, reserved=1, places=5)
        visitors = [await pool.take(False, ignore) for _ in range(2)]
        third = asyncio.create_task(pool.take(False, ignore))
        await asyncio.sleep(0)
        assert pool.waiting == 1
        keyed = await pool.take(True, ignore)
        assert pool.taken == 3
        visitors[0].release()
        await third
        keyed.release()
        assert pool.taken == 2

    in_fake_time(story())


def unreachable() -> Fault:
    return Fault("router_unreachable", "The router does not accept a connection.")


def test_after_three_failures_a_device_is_left_alone_and_looked_at_every_fifteen_seconds() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(3):
        breaker.check(attempt=True)
        breaker.failed(unreachable())
    assert breaker.open
    with pytest.raises(Fault) as caught:
        breaker.check(attempt=True)
    assert caught.value.code == "router_unreachable"
    now[0] = 15.1
    breaker.check(attempt=True)  # one goes through
    with pytest.raises(Fault):
        breaker.check(attempt=True)  # the others wait for what it finds
    breaker.reached()
    breaker.check(attempt=True)
    assert not breaker.open


def test_a_refused_login_is_tried_once_a_minute_so_that_no_account_gets_locked() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    breaker.failed(Fault("router_login", "The router refused the login."))
    now[0] = 59.0
    with pytest.raises(Fault):
        breaker.check(attempt=True)
    now[0] = 60.1
    breaker.check(attempt=True)


def test_who_stands_further_back_waits_longer_and_a_breaker_remembers_the_last_answer() -> None:
    async def story() -> None:
        line = slots(most=2)
        assert (line.usual_wait_s(1), line.usual_wait_s(3)) == (1.0, 3.0)
        for _ in range(100):
            line.took(8.0)
        assert line.usual_wait_s(1) == pytest.approx(4.0)
        clock = asyncio.get_running_loop().time
        breaker = Breaker(clock)
        assert breaker.reached_at is None
        breaker.failed(Fault("router_unreachable", "Nobody is there."))
        assert breaker.reached_at is None
        breaker.reached()
        answered_at = clock()
        await asyncio.sleep(90)
        breaker.failed(Fault("router_identity", "That is another router."))
        breaker.look_again()
        assert breaker.reached_at == answered_at, "trying again is no answer"

    in_fake_time(story())
