"""What a caller holds on to: a run with an id, a log of rendered events, and a lease.

An open stream or a waiting request holds the lease. When nobody has held it for `lease_s` seconds the run is stopped. Event
ids are `<run id>.<n>`, so a caller that comes back with the last id it saw misses and repeats nothing. A finished run
stays for a minute, less if there are many large ones; after that only its stored result is left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from netpulse.errors import Busy, NetPulseError, Refused

_KEEP_FINISHED_S = 60.0
MOST_FINISHED_BYTES = 32 * 1024 * 1024
"""Of the events of finished runs; over it the oldest go before their minute is over."""
_EVENT_BYTES = 200


class RunEvent(NamedTuple):
    """One event as it goes out: its number within the run from 1, its name, its JSON."""

    n: int
    name: str
    body: bytes


class Run:
    """One caller's question under way, and the options it chose. `data` and `error` are set when it is over."""

    def __init__(self, run_id: str, owner: str, lease_s: float, options: Mapping[str, str] | None = None) -> None:
        self.id = run_id
        self.owner = owner
        self.options = options or {}
        self.events: list[RunEvent] = []
        self.size = 0  # bytes of memory, roughly
        self.data: dict[str, Any] | None = None
        self.error: NetPulseError | None = None
        self.done = False
        self._lease_s = lease_s
        self._holders = 0
        self._timer: asyncio.TimerHandle | None = None
        self._grown = asyncio.Event()
        self.stopped_as: str | None = None
        self._stop: Callable[[str], None] | None = None

    def on_stop(self, stop: Callable[[str], None]) -> None:
        """Who ends the commands when this run is stopped; told at once if it has been already."""
        self._stop = stop
        if self.stopped_as is not None:
            stop(self.stopped_as)

    def add(self, name: str, body: bytes) -> None:
        self.events.append(RunEvent(len(self.events) + 1, name, body))
        self.size += len(body) + _EVENT_BYTES
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def finish(self, data: dict[str, Any] | None, error: NetPulseError | None) -> None:
        """Called once, just before the last event is added."""
        self.data = data
        self.error = error
        self.done = True
        self._stop = None  # and with it all that the commands have printed
        if self._timer is not None:
            self._timer.cancel()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the lease inside the block."""
        self._holders += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            yield
        finally:
            self._holders -= 1
            if self._holders == 0 and not self.done:
                self._timer = asyncio.get_running_loop().call_later(self._lease_s, self.stop)

    def stop(self, code: str = "stopped") -> None:
        """Stop the run's commands; its last event says `failed`."""
        if not self.done and self.stopped_as is None:
            self.stopped_as = code
            if self._stop is not None:
                self._stop(code)

    async def follow(self, after: int = 0) -> AsyncIterator[RunEvent]:
        """Every event numbered above `after`, then those to come, up to the last."""
        seen = after
        while True:
            while seen < len(self.events):
                event = self.events[seen]
                seen += 1
                yield event
            if self.done and seen >= len(self.events) and self.events and self.events[-1].name in _LAST:
                return
            await self._grown.wait()

    async def over(self) -> None:
        """Returns when the run is over."""
        async for _ in self.follow(len(self.events)):
            continue


class Seats:
    """Counts the streams that are open, of the API and of pages."""

    def __init__(self) -> None:
        self.taken = 0
        self._taken_by: Counter[str] = Counter()

    @contextmanager
    def one(self, most: int, owner: str = "", most_of_one: int | None = None) -> Iterator[None]:
        """A seat for as long as the scope lasts; Busy `server_busy` if all `most`, or this owner's share, are taken."""
        if self.taken >= most:
            raise Busy(
                "server_busy", "As many streams are open as there may be; try again in a few seconds.", retry_after_s=5
            )
        if most_of_one is not None and self._taken_by[owner] >= most_of_one:
            raise Busy("server_busy", "You have as many streams open as you may; close one first.", retry_after_s=5)
        self.taken += 1
        self._taken_by[owner] += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._taken_by[owner] -= 1
            if not self._taken_by[owner]:
                del self._taken_by[owner]


_LAST = frozenset({"finished", "failed"})


class Runs:
    """The runs of this process, by id; at most `most` that are not over."""

    def __init__(self, most: int, *, most_finished_bytes: int = MOST_FINISHED_BYTES) -> None:
        self.most = most
        self._most_finished_bytes = most_finished_bytes
        self._runs: dict[str, Run] = {}
        self._finished: dict[str, Run] = {}  # the oldest first
        self._finished_bytes = 0
        self._live = 0

    @property
    def live(self) -> int:
        return self._live

    def begin(self, run: Run) -> None:
        """Keep this run. Busy(`server_busy`) when too many are under way."""
        if self._live >= self.most:
            raise Busy("server_busy", "The service is at its limit; try again in a few seconds.", retry_after_s=5)
        self._live += 1
        self._runs[run.id] = run

    def ended(self, run: Run) -> None:
        self._live -= 1
        self._finished[run.id] = run
        self._finished_bytes += run.size
        asyncio.get_running_loop().call_later(_KEEP_FINISHED_S, self._drop, run.id)
        while self._finished_bytes > self._most_finished_bytes:
            self._drop(next(iter(self._finished)))

    def _drop(self, run_id: str) -> None:
        run = self._finished.pop(run_id, None)
        if run is not None:
            self._finished_bytes -= run.size
            self._runs.pop(run_id, None)

    def find(self, run_id: str, owner: str) -> Run | None:
        """The run with this id if it is this owner's."""
        run = self._runs.get(run_id)
        return run if run is not None and run.owner == owner else None

    def resume(self, event_id: str, owner: str) -> tuple[Run, int]:
        """The run and event number that a `Last-Event-ID` names; Refused `unknown_event` if it is none of this owner's."""
        run_id, _, number = event_id.partition(".")
        if len(event_id) <= 64 and number.isascii() and number.isdigit():
            run = self.find(run_id, owner)
            if run is not None and int(number) <= len(run.events):
                return run, int(number)
        raise Refused(
            "unknown_event", "That Last-Event-ID belongs to no run that can be continued; ask the question again."
        )

    def stop_all(self, code: str) -> None:
        for run in list(self._runs.values()):
            run.stop(code)

    async def drained(self) -> None:
        """Returns when every run is over."""
        for run in list(self._runs.values()):
            if not run.done:
                await run.over()
