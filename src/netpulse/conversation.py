"""One job's talk with its device: commands, their output within its budget, and what it was read as.

Knows at every moment how far it came, so that whatever cuts it short still has what there was. The session that it holds
is given back when the end of its command is known.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from netpulse.cells import Reader, SourceDown, Unread
from netpulse.errors import Fault, NetPulseError
from netpulse.events import Answer, Ending, Found, Output, Queued, Started
from netpulse.execution import Execution
from netpulse.observer import Step
from netpulse.pool import Lease, Post
from netpulse.screen import Screen
from netpulse.transports.seam import Running

_log = logging.getLogger(__name__)

WallClock = Callable[[], datetime]
_MOST_FOLLOW_UPS = 4
_STOP_S = 2.0


def utc_now() -> datetime:
    return datetime.now(UTC)


class Conversation:
    """What is said for one execution; its events go into the execution's log. `steps` is how long each step took."""

    def __init__(self, execution: Execution, wall: WallClock) -> None:
        self.steps: dict[Step, float] = {}
        self._execution = execution
        self._job = execution.job
        self._wall = wall
        self._started_at = wall()
        self._began = 0.0
        self._sent: float | None = None
        self._queued_ms = 0
        self._lines: list[str] = []
        self._truncated = False
        self._lease: Lease | None = None
        self._reader: Reader | None = None
        self._opening: asyncio.Future[Running] | None = None
        self._running: Running | None = None
        self._refused = _refusal_pattern(self._job.refusals)

    async def hold(self, post: Post) -> Answer:
        """The answer, after the command and what its reader asked further. Raises Busy, or the Fault that ended it."""
        job = self._job
        loop = asyncio.get_running_loop()
        post.breaker.check(attempt=False)
        await self._take_session(post)
        self._execution.add(Started(self._started_at, self._queued_ms))
        deadline = self._began + job.budget.deadline_s
        reader = self._reader = job.read()
        ending = await self._command(post, job.command, reader, deadline, shown=True)
        for _ in range(_MOST_FOLLOW_UPS):
            over = self._running is not None and (self._running.ended_well or reader.complete)
            further = reader.follow_up() if ending == "end" and over else None
            if further is None:
                break
            ending = await self._command(post, further, reader, deadline, shown=False)
        answer = self._answer(ending)
        post.slots.took(loop.time() - self._began)
        return answer

    async def _take_session(self, post: Post) -> None:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            if self._job.spare:
                self._lease = post.slots.take_spare(self._job.keyed)
            else:
                self._lease = await post.slots.take(
                    self._job.keyed, lambda place: self._execution.add(Queued(place))
                )
        finally:
            self._began = loop.time()
            self.steps["queue"] = self._began - asked
        self._started_at = self._wall()
        self._queued_ms = round((self._began - asked) * 1000)

    async def _command(self, post: Post, command: str, reader: Reader, deadline: float, *, shown: bool) -> Ending:
        """One command, from its sending to the end of its output."""
        job = self._job
        loop = asyncio.get_running_loop()
        running = await self._start(post, command, deadline, shown)
        ends_at = self._began + job.ends_after_s if job.ends_after_s is not None else None
        screen = Screen(job.budget.most_bytes, job.budget.most_lines)
        while True:
            until = min(deadline, loop.time() + job.budget.silence_s, ends_at or deadline)
            try:
                async with asyncio.timeout_at(until):
                    data = await running.read()
            except TimeoutError:
                now = loop.time()
                by_itself = ends_at is not None and now >= ends_at
                if not by_itself and not (now >= deadline and job.cut_is_answer and self._lines):
                    late = "no end within the deadline" if now >= deadline else "no output for too long"
                    raise _too_slow(late) from None
                self._take(screen.close(), reader, shown)
                if not self._lines:  # a ping's end tells nothing of a router that has not said a word
                    raise _too_slow("not a line until the command should have been over") from None
                running.stop()
                return "end" if by_itself else "deadline"
            self._take(screen.feed(data) if data else screen.close(), reader, shown)
            self._truncated = self._truncated or screen.truncated
            if not data:
                break
            if reader.enough or screen.full:
                running.stop()
                return "silent_tail" if reader.enough else "end"
        if screen.garbled:
            raise Fault("router_garbled", "The router sent something that is not text.", detail="undecodable output")
        if not running.ended_well and not reader.complete:
            raise Fault(
                "router_closed",
                "The router closed the session before its answer was whole.",
                detail="no exit status and no complete answer",
            )
        return "end"

    async def _start(self, post: Post, command: str, deadline: float, shown: bool) -> Running:
        loop = asyncio.get_running_loop()
        self._running = None
        opened_at = loop.time()
        # Shielded: whoever leaves while a command is being started must not lose sight of it.
        self._opening = asyncio.ensure_future(post.start(command))
        try:
            async with asyncio.timeout_at(deadline):
                self._running = await asyncio.shield(self._opening)
        except TimeoutError:
            raise _too_slow("the command could not be started in time") from None
        finally:
            if shown:
                self.steps["login"] = loop.time() - opened_at
        if shown:
            self._sent = self._began = loop.time()
        return self._running

    def _take(self, lines: list[str], reader: Reader, shown: bool) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            for line in lines:
                if shown:
                    self._lines.append(line)
                    self._execution.add(Output(line))
                if self._refused is not None and self._refused.match(line):
                    if self._running is not None:
                        self._running.stop()
                    raise Fault("router_refused", "The router refused the command.", detail="a refusal of its platform")
                for record in reader.feed(line):
                    self._execution.add(Found(record))
        finally:
            self.steps["parse"] = self.steps.get("parse", 0.0) + loop.time() - began

    def _answer(self, ending: Ending) -> Answer:
        unread: str | None = None
        result = None
        if self._reader is not None:
            try:
                result = self._reader.close(ending)
            except Unread as reason:
                unread = str(reason)
            except SourceDown as reason:
                if ending not in ("fault", "caller"):
                    raise Fault(
                        "route_source_down",
                        "No route source of this router has an established session to it now.",
                        detail=str(reason),
                    ) from reason
                unread = str(reason)
        return Answer(
            command=self._job.command,
            output="\n".join(self._lines) + ("\n" if self._lines else ""),
            result=result,
            unread=unread,
            truncated=self._truncated,
            started_at=self._started_at,
            queued_ms=self._queued_ms,
            duration_ms=round((asyncio.get_running_loop().time() - self._began) * 1000),
            ending=ending,
        )

    def so_far(self, ending: Ending) -> Answer | None:
        """What there is of an answer that was cut short; None if there was not even a session."""
        if self._lease is None:
            return None
        try:
            return self._answer(ending)
        except Exception as broken:  # the reader itself is at fault; what was printed is still there
            _log.warning("a reader failed on %s: %r", self._job.device.key, broken)
            self._reader = None
            return replace(self._answer(ending), unread="The reader failed.")

    def ended_at(self, now: float) -> None:
        """The last step is over: what a command took is what is left when its reading is taken away."""
        if self._sent is not None:
            self.steps["command"] = max(0.0, now - self._sent - self.steps.get("parse", 0.0))

    def let_go(self, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """Give the session back when the command's end is known, at the latest after its own worst case."""
        if self._lease is None:
            return
        if self._opening is None or (self._running is not None and self._running.ended_well):
            self._lease.release()
            return
        self._opening.add_done_callback(_stop_it)
        if self._running is not None:
            self._running.stop()
        over_at = asyncio.get_running_loop().time() if self._running is None else self._began
        spawn(_release_when_over(self._lease, self._opening, over_at + self._job.worst_case_s))


def _stop_it(opening: asyncio.Future[Running]) -> None:
    """The end of a command that was still being started when its caller had gone."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().stop()


async def _release_when_over(lease: Lease, opening: asyncio.Future[Running], over_at: float) -> None:
    """Release when the end of a stopped command is known, or when `over_at` is past."""
    try:
        running = await opening
        async with asyncio.timeout_at(max(over_at, asyncio.get_running_loop().time() + _STOP_S)):
            await running.ended()
    except NetPulseError:
        return  # it never started
    except TimeoutError:
        _log.info("a command did not end when asked; its session is free after its own worst case")
    finally:
        lease.release()


@lru_cache(maxsize=256)
def _refusal_pattern(refusals: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{one})" for one in refusals)) if refusals else None


def _too_slow(detail: str) -> Fault:
    return Fault("router_timeout", "The router did not answer in time.", detail=detail)
