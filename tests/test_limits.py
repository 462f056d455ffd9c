"""Moving windows: exact, forgiving to those who wait, and bounded."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpulse.limits import LimitState, Windows, client_bucket


class Clock:
    """Monotonic seconds that pass only when told to."""

    def __init__(self, at_s: float = 1000.0) -> None:
        self.at_s = at_s

    def __call__(self) -> float:
        return self.at_s


def test_a_bucket_admits_its_limit_and_says_what_is_left() -> None:
    clock = Clock()
    windows = Windows(clock)
    assert windows.hit("key:1", 2, 60.0) == LimitState(True, 2, 1, 60)
    clock.at_s += 10.5
    assert windows.hit("key:1", 2, 60.0) == LimitState(True, 2, 0, 50)
    clock.at_s += 1
    refused = windows.hit("key:1", 2, 60.0)
    assert refused == LimitState(False, 2, 0, 49)
    assert refused.retry_after_s == 49


def test_an_unused_bucket_is_whole_and_looking_counts_nothing() -> None:
    windows = Windows(Clock())
    for _ in range(5):
        assert windows.look("key:1", 2, 60.0) == LimitState(True, 2, 2, 0)
    assert len(windows) == 0


def test_refused_hits_cost_nothing() -> None:
    clock = Clock()
    windows = Windows(clock)
    windows.hit("key:1", 1, 60.0)
    for _ in range(59):
        clock.at_s += 1
        assert not windows.hit("key:1", 1, 60.0).admitted
    clock.at_s += 1
    assert windows.hit("key:1", 1, 60.0).admitted


def test_buckets_do_not_share() -> None:
    windows = Windows(Clock())
    assert windows.hit("key:1", 1, 60.0).admitted
    assert windows.hit("key:2", 1, 60.0).admitted
    assert windows.hit("key:1", 1, 300.0).admitted


def test_a_limit_lowered_by_a_reload_is_waited_for_honestly() -> None:
    clock = Clock()
    windows = Windows(clock)
    for _ in range(5):
        windows.hit("key:1", 5, 60.0)
        clock.at_s += 1
    state = windows.hit("key:1", 2, 60.0)
    assert (state.admitted, state.remaining) == (False, 0)
    clock.at_s += state.retry_after_s
    assert windows.hit("key:1", 2, 60.0).admitted


@given(
    start_s=st.floats(0, 1e8),
    limit=st.integers(1, 5),
    window_s=st.sampled_from([1.0, 60.0, 300.0]),
    gaps_s=st.lists(st.one_of(st.floats(0, 100), st.sampled_from([0.0, 0.1, 60.0, 1.0])), max_size=40),
)
def test_no_window_holds_more_than_the_limit_and_nobody_is_refused_below_it(
    start_s: float, limit: int, window_s: float, gaps_s: list[float]
) -> None:
    clock = Clock(start_s)
    windows = Windows(clock)
    admitted_s: list[float] = []
    for gap_s in gaps_s:
        clock.at_s += gap_s
        young = [at_s for at_s in admitted_s if clock.at_s - at_s < window_s - 1e-5]
        old = [at_s for at_s in admitted_s if clock.at_s - at_s > window_s + 1e-5]
        looked = windows.look("b", limit, window_s)
        state = windows.hit("b", limit, window_s)
        assert state.admitted == looked.admitted
        if state.admitted:
            assert len(young) < limit
            admitted_s.append(clock.at_s)
        else:
            assert len(admitted_s) - len(old) >= limit
            assert 1 <= state.reset_s <= window_s


@given(
    start_s=st.floats(0, 1e8),
    limit=st.integers(1, 5),
    gaps_s=st.lists(st.floats(0, 30), max_size=20),
)
def test_after_the_announced_wait_a_request_is_admitted(start_s: float, limit: int, gaps_s: list[float]) -> None:
    clock = Clock(start_s)
    windows = Windows(clock)
    for gap_s in gaps_s:
        clock.at_s += gap_s
        windows.hit("b", limit, 60.0)
    state = windows.look("b", limit, 60.0)
    clock.at_s += state.retry_after_s
    assert windows.hit("b", limit, 60.0).admitted


@given(limit=st.integers(1, 5), gaps_s=st.lists(st.floats(0, 30), min_size=1, max_size=20))
def test_after_the_announced_reset_the_limit_is_whole(limit: int, gaps_s: list[float]) -> None:
    clock = Clock()
    windows = Windows(clock)
    for gap_s in gaps_s:
        clock.at_s += gap_s
        windows.hit("b", limit, 60.0)
    state = windows.look("b", limit, 60.0)
    clock.at_s += state.reset_s
    later = windows.look("b", limit, 60.0)
    assert later.remaining == limit if state.remaining else later.remaining >= 1


def test_a_wall_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    windows = Windows(clock)
    windows.hit("key:1", 1, 60.0)
    for jump_s in (-3600.0, 3600.0):
        monkeypatch.setattr("time.time", lambda jump_s=jump_s: 1.8e9 + jump_s)
        assert windows.hit("key:1", 1, 60.0) == LimitState(False, 1, 0, 60)


def test_idle_buckets_are_forgotten() -> None:
    clock = Clock()
    windows = Windows(clock)
    for number in range(1000):
        windows.hit(f"bad-key:{number}", 20, 60.0)
    assert len(windows) == 1000
    clock.at_s += 61
    for _ in range(600):
        windows.hit("key:1", 1000, 60.0)
    assert len(windows) == 1


def test_memory_is_bounded_by_forgetting_who_has_been_idle_longest() -> None:
    clock = Clock()
    windows = Windows(clock, most_buckets=100)
    for number in range(1000):
        clock.at_s += 0.001
        windows.hit("key:busy", 10_000, 60.0)
        windows.hit(f"bad-key:{number}", 20, 60.0)
    assert len(windows) == 100
    assert windows.look("key:busy", 10_000, 60.0).remaining == 9_000


@pytest.mark.parametrize(
    ("client", "bucket"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_client_is_its_ipv4_address_or_its_ipv6_64(client: str, bucket: str) -> None:
    assert client_bucket(ip_address(client)) == bucket
