"""An event loop whose time is the test's own: when nothing is ready, it jumps to the next timer.

Hours pass in milliseconds, and always in the same order. Only for code that waits on the loop, not on sockets.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    loop: FakeTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits and no timer is set: the test would never end")
            self.loop.now_s += max(0.0, timeout)
        return ready


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 1,000 s."""

    def __init__(self) -> None:
        selector = _Selector()
        super().__init__(selector)
        selector.loop = self
        self.now_s = 1000.0

    def time(self) -> float:
        return self.now_s


def in_fake_time(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, on a loop of its own whose time jumps."""
    with asyncio.Runner(loop_factory=FakeTimeLoop) as runner:
        return runner.run(coroutine)
