"""Moving windows against a model that keeps everything, on a clock that runs, stands and jumps."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from netpulse.limits import LimitState, Windows
from properties.effort import tried

MOST_BUCKETS = 6
WINDOWS_S = (60.0, 1.0)
HAIR_S = 1e-5
"""Nearer to a window's end than this the model does not say who is right: floats are added and taken away."""

buckets = st.sampled_from(["key:1", "visitor:192.0.2.1"])
windows_s = st.sampled_from(WINDOWS_S)
limits = st.integers(1, 5)


class WindowsHold(RuleBasedStateMachine):
    """Two buckets that are asked, looked at and waited for; strangers that come once and never again."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.windows = Windows(lambda: self.now_s, most_buckets=MOST_BUCKETS)
        self.admitted: dict[tuple[str, float], list[float]] = {}
        self.latest: dict[float, dict[str, float]] = {window_s: {} for window_s in WINDOWS_S}
        self.strangers = 0

    @initialize(start_s=st.one_of(st.sampled_from([0.0, 1e9]), st.floats(0, 1e8)))
    def start(self, start_s: float) -> None:
        self.now_s = start_s

    def young(self, bucket: str, window_s: float, slack_s: float) -> int:
        return sum(self.now_s - at_s < window_s - slack_s for at_s in self.admitted.get((bucket, window_s), []))

    def judge(self, state: LimitState, bucket: str, limit: int, window_s: float) -> None:
        """What must hold of any answer, whatever came before."""
        assert 0 <= state.remaining <= limit == state.limit
        assert 0 <= state.reset_s <= window_s
        assert 1 <= state.retry_after_s <= window_s
        if state.admitted:
            assert self.young(bucket, window_s, HAIR_S) < limit
        else:
            assert state.remaining == 0
            assert self.young(bucket, window_s, -HAIR_S) >= limit

    @rule(bucket=buckets, limit=limits, window_s=windows_s)
    def hit(self, bucket: str, limit: int, window_s: float) -> None:
        looked = self.windows.look(bucket, limit, window_s)
        state = self.windows.hit(bucket, limit, window_s)
        assert state.admitted == looked.admitted
        self.judge(state, bucket, limit, window_s)
        if state.admitted:
            assert looked.remaining == state.remaining + 1
            self.admitted.setdefault((bucket, window_s), []).append(self.now_s)
            self.came(bucket, window_s)

    def came(self, bucket: str, window_s: float) -> None:
        """Who has been idle longest is forgotten when there are too many."""
        latest = self.latest[window_s]
        latest.pop(bucket, None)
        latest[bucket] = self.now_s
        busy = [one for one, at_s in latest.items() if at_s > self.now_s - window_s + HAIR_S / 10]
        for one in busy[: max(0, len(busy) - MOST_BUCKETS)]:
            del latest[one]
            self.admitted.pop((one, window_s), None)

    @rule(bucket=buckets, limit=limits, window_s=windows_s)
    def look(self, bucket: str, limit: int, window_s: float) -> None:
        state = self.windows.look(bucket, limit, window_s)
        self.judge(state, bucket, limit, window_s)
        assert self.windows.look(bucket, limit, window_s) == state

    @rule(bucket=buckets, limit=limits, window_s=windows_s)
    def wait_as_told_and_be_admitted(self, bucket: str, limit: int, window_s: float) -> None:
        state = self.windows.look(bucket, limit, window_s)
        self.now_s += state.retry_after_s
        assert self.windows.look(bucket, limit, window_s).admitted
        self.hit(bucket, limit, window_s)

    @rule(bucket=buckets, limit=limits, window_s=windows_s)
    def wait_for_the_reset_and_find_it_as_told(self, bucket: str, limit: int, window_s: float) -> None:
        state = self.windows.look(bucket, limit, window_s)
        self.now_s += state.reset_s
        later = self.windows.look(bucket, limit, window_s)
        assert later.remaining == limit if state.remaining else later.remaining >= 1

    @rule(seconds=st.one_of(st.floats(0, 70), st.sampled_from([0.0, 1e-9, 0.1, 1.0, 59.999999, 60.0, 3600.0, 86400.0])))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(window_s=windows_s)
    def a_stranger_comes_once(self, window_s: float) -> None:
        self.strangers += 1
        assert self.windows.hit(f"bad-key:{self.strangers}", 20, window_s).admitted
        self.came(f"bad-key:{self.strangers}", window_s)

    @rule(window_s=windows_s, many=st.integers(MOST_BUCKETS, 3 * MOST_BUCKETS))
    def a_crowd_comes(self, window_s: float, many: int) -> None:
        for _ in range(many):
            self.a_stranger_comes_once(window_s)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.windows) <= MOST_BUCKETS * len(WINDOWS_S)


WindowsHold.TestCase.settings = tried(100, steps=50)
TestWindowsHold = WindowsHold.TestCase
