"""One command under way, as all who listen see it: a log of events that only grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from typing import Any

from netpulse.events import Event, Failed, Finished, Last
from netpulse.query import Job


class Execution:
    """One command, from its place in the queue to its end: a log that only grows."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.events: list[Event] = []
        self.ended_at = 0.0
        self.remembered: dict[Hashable, Any] = {}  # what was made of its answer, for those who get it from memory
        self._followers = 0
        self._grown = asyncio.Event()
        self.begun = False
        self.stopped_as: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def followers(self) -> int:
        return self._followers

    @property
    def last(self) -> Last | None:
        last = self.events[-1] if self.events else None
        return last if isinstance(last, Finished | Failed) else None

    def runs_as(self, task: asyncio.Task[None]) -> None:
        """The task that `stop` cancels."""
        self._task = task

    def add(self, event: Event) -> None:
        self.events.append(event)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def follow(self) -> AsyncIterator[Event]:
        """Every event from the first on, then those to come, up to the last one. Waiting is all it does."""
        seen = 0
        while True:
            while seen < len(self.events):
                event = self.events[seen]
                seen += 1
                yield event
                if isinstance(event, Finished | Failed):
                    return
            await self._grown.wait()

    def join(self) -> None:
        self._followers += 1

    def leave(self, code: str = "stopped") -> None:
        """One follower less; without any the command is stopped."""
        self._followers -= 1
        if self._followers <= 0:
            self.stop(code)

    def stop(self, code: str = "stopped") -> None:
        """End it with this code; one that has not begun yet ends as soon as it would."""
        if self.last is None and self.stopped_as is None:
            self.stopped_as = code
            if self.begun and self._task is not None:
                self._task.cancel()
