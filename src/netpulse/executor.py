"""Runs jobs: owns every task, session, deadline and byte count. One `Execution` per command under way.

An execution keeps its own log of events; any number of runs follow it, none can hold it up: output is bounded by the job's
byte budget, not by who reads. It stops when the last follower leaves. Every exception becomes that job's `Failed` and
touches no other. Equal questions that may be shared and are asked at the same time are asked once, and their answer
serves for a few seconds more.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

from netpulse.cells import Reader, SourceDown, Unread
from netpulse.errors import Fault, NetPulseError, internal, stopped_as
from netpulse.events import Answer, Ending, Failed, Finished, Found, Last, Output, Queued, Started
from netpulse.execution import Execution
from netpulse.observer import NOBODY, Observer, Step
from netpulse.pool import Lease, Pool, Post
from netpulse.query import Job
from netpulse.screen import Screen
from netpulse.transports.seam import Running

_log = logging.getLogger(__name__)

WallClock = Callable[[], datetime]
_MOST_FOLLOW_UPS = 4
_STOP_S = 2.0


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Progress:
    """What is known of a command while it runs."""

    started_at: datetime
    began: float
    queued_ms: int
    lines: list[str]
    lease: Lease | None = None
    reader: Reader | None = None
    opening: asyncio.Future[Running] | None = None
    running: Running | None = None
    truncated: bool = False
    sent: float | None = None
    steps: dict[Step, float] = field(default_factory=dict)


class Executor:
    """Starts, shares and stops executions on the devices of a pool."""

    def __init__(
        self, pool: Pool, *, share_s: float = 5.0, wall: WallClock = utc_now, observer: Observer = NOBODY
    ) -> None:
        self._pool = pool
        self.observer = observer
        self.share_s = share_s
        self._wall = wall
        self._tasks: set[asyncio.Task[None]] = set()
        self._live: set[Execution] = set()
        self._shared: dict[Hashable, Execution] = {}
        self._closing = False

    @property
    def under_way(self) -> int:
        return len(self._live)

    def start(self, job: Job) -> Execution:
        """The execution of this job: a new one, or an equal one under way or just finished."""
        if self._closing:
            raise stopped_as("shutting_down")
        if job.shareable and (found := self.recent(job)) is not None:
            return found
        execution = Execution(job)
        self._live.add(execution)
        if job.shareable:
            self._shared[_sameness(job)] = execution
        task = self._spawn(self._run(execution))
        execution.runs_as(task)
        return execution

    def check_room(self, job: Job, coming: int) -> None:
        """Busy if this job, after so many others, could not even wait for its device. One out of reach says so itself."""
        if not (post := self._pool.post(job.device)).breaker.open and not (job.shareable and self.recent(job)):
            post.slots.check_room(job.keyed, coming)

    def recent(self, job: Job) -> Execution | None:
        """An equal shareable execution under way, or one that finished well within the last seconds."""
        found = self._shared.get(_sameness(job))
        if found is None or found.stopped_as is not None:
            return None
        if found.last is None:
            return found
        fresh = asyncio.get_running_loop().time() - found.ended_at < self.share_s
        return found if fresh and isinstance(found.last, Finished) else None

    def age_s(self, execution: Execution) -> float:
        """Seconds since the execution ended; 0 while it runs."""
        return 0.0 if execution.last is None else asyncio.get_running_loop().time() - execution.ended_at

    def _spawn(self, coroutine: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, execution: Execution) -> None:
        job = execution.job
        progress = _Progress(self._wall(), 0.0, 0, [])
        try:
            execution.begun = True
            if execution.stopped_as is not None:
                raise stopped_as(execution.stopped_as)
            await self._converse(execution, progress)
        except asyncio.CancelledError:
            self._fail(execution, progress, stopped_as(execution.stopped_as or "stopped"), "caller")
            if execution.stopped_as is None:
                raise  # it was not `stop` that cancelled this task
        except NetPulseError as error:
            self._fail(execution, progress, error, "fault")
        except Exception as error:  # a defect of ours or of a reader must end this job and no other
            _log.exception("a job on %s failed unexpectedly", job.device.key)
            self._fail(execution, progress, internal(error), "fault")
        finally:
            self._let_go(execution, progress)

    async def _converse(self, execution: Execution, progress: _Progress) -> None:
        job = execution.job
        loop = asyncio.get_running_loop()
        post = self._pool.post(job.device)
        asked = loop.time()
        post.breaker.check(attempt=False)
        try:
            if job.spare:
                progress.lease = post.slots.take_spare(job.keyed)
            else:
                progress.lease = await post.slots.take(job.keyed, lambda place: execution.add(Queued(place)))
        finally:
            progress.began = loop.time()
            progress.steps["queue"] = progress.began - asked
        progress.started_at = self._wall()
        progress.queued_ms = round((progress.began - asked) * 1000)
        execution.add(Started(progress.started_at, progress.queued_ms))
        deadline = progress.began + job.budget.deadline_s
        reader: Reader = job.read()
        progress.reader = reader
        ending = await self._command(execution, progress, post, job.command, reader, deadline, shown=True)
        for _ in range(_MOST_FOLLOW_UPS):
            over = progress.running is not None and (progress.running.ended_well or reader.complete)
            further = reader.follow_up() if ending == "end" and over else None
            if further is None:
                break
            ending = await self._command(execution, progress, post, further, reader, deadline, shown=False)
        answer = self._answer(execution, progress, ending)
        post.slots.took(loop.time() - progress.began)
        self._end(execution, progress, Finished(answer))

    async def _command(
        self,
        execution: Execution,
        progress: _Progress,
        post: Post,
        command: str,
        reader: Reader,
        deadline: float,
        *,
        shown: bool,
    ) -> Ending:
        """One command of the conversation, from its sending to the end of its output."""
        job = execution.job
        loop = asyncio.get_running_loop()
        progress.running = None
        opened_at = loop.time()
        # Shielded: whoever leaves while a command is being started must not lose sight of it.
        progress.opening = asyncio.ensure_future(post.start(command))
        try:
            async with asyncio.timeout_at(deadline):
                running = await asyncio.shield(progress.opening)
        except TimeoutError:
            raise _too_slow("the command could not be started in time") from None
        finally:
            if shown:
                progress.steps["login"] = loop.time() - opened_at
        progress.running = running
        progress.sent = loop.time() if shown else progress.sent
        progress.began = began = loop.time() if shown else progress.began
        ends_at = began + job.ends_after_s if job.ends_after_s is not None else None
        screen = Screen(job.budget.most_bytes, job.budget.most_lines)
        refused = _refusal_pattern(job.refusals)
        while True:
            silent_until = loop.time() + job.budget.silence_s
            until = min(deadline, silent_until, ends_at or deadline)
            try:
                async with asyncio.timeout_at(until):
                    data = await running.read()
            except TimeoutError:
                now = loop.time()
                if ends_at is not None and now >= ends_at:
                    return self._cut(execution, progress, running, screen, reader, refused, shown, "end")
                if now >= deadline and job.cut_is_answer and progress.lines:
                    return self._cut(execution, progress, running, screen, reader, refused, shown, "deadline")
                raise _too_slow("no end within the deadline" if now >= deadline else "no output for too long") from None
            lines = screen.feed(data) if data else screen.close()
            self._take(execution, progress, lines, reader, refused, shown)
            progress.truncated = progress.truncated or screen.truncated
            if not data:
                break
            if reader.enough:
                running.stop()
                return "silent_tail"
            if screen.full:
                running.stop()
                return "end"
        if screen.garbled:
            raise Fault("router_garbled", "The router sent something that is not text.", detail="undecodable output")
        if not running.ended_well and not reader.complete:
            raise Fault(
                "router_closed",
                "The router closed the session before its answer was whole.",
                detail="no exit status and no complete answer",
            )
        return "end"

    def _cut(
        self,
        execution: Execution,
        progress: _Progress,
        running: Running,
        screen: Screen,
        reader: Reader,
        refused: re.Pattern[str] | None,
        shown: bool,
        ending: Ending,
    ) -> Ending:
        self._take(execution, progress, screen.close(), reader, refused, shown)
        running.stop()
        return ending

    def _take(
        self,
        execution: Execution,
        progress: _Progress,
        lines: list[str],
        reader: Reader,
        refused: re.Pattern[str] | None,
        shown: bool,
    ) -> None:
        began = asyncio.get_running_loop().time()
        try:
            self._read(execution, progress, lines, reader, refused, shown)
        finally:
            progress.steps["parse"] = progress.steps.get("parse", 0.0) + asyncio.get_running_loop().time() - began

    def _read(
        self,
        execution: Execution,
        progress: _Progress,
        lines: list[str],
        reader: Reader,
        refused: re.Pattern[str] | None,
        shown: bool,
    ) -> None:
        for line in lines:
            if shown:
                progress.lines.append(line)
                execution.add(Output(line))
            if refused is not None and refused.match(line):
                if progress.running is not None:
                    progress.running.stop()
                raise Fault("router_refused", "The router refused the command.", detail="a refusal of its platform")
            for record in reader.feed(line):
                execution.add(Found(record))

    def _answer(self, execution: Execution, progress: _Progress, ending: Ending) -> Answer:
        loop = asyncio.get_running_loop()
        unread: str | None = None
        result = None
        if progress.reader is not None:
            try:
                result = progress.reader.close(ending)
            except Unread as reason:
                unread = str(reason)
            except SourceDown as reason:
                if ending != "fault":
                    raise Fault(
                        "route_source_down",
                        "No route source of this router has an established session to it now.",
                        detail=str(reason),
                    ) from reason
                unread = str(reason)
        return Answer(
            command=execution.job.command,
            output="\n".join(progress.lines) + ("\n" if progress.lines else ""),
            result=result,
            unread=unread,
            truncated=progress.truncated,
            started_at=progress.started_at,
            queued_ms=progress.queued_ms,
            duration_ms=round((loop.time() - progress.began) * 1000),
            ending=ending,
        )

    def _fail(self, execution: Execution, progress: _Progress, error: NetPulseError, ending: Ending) -> None:
        partial: Answer | None = None
        if progress.lease is not None:
            try:
                partial = self._answer(execution, progress, ending)
            except Exception as broken:  # the reader itself is at fault; what was printed is still there
                _log.warning("a reader failed on %s: %r", execution.job.device.key, broken)
                progress.reader = None
                partial = replace(self._answer(execution, progress, ending), unread="The reader failed.")
        self._end(execution, progress, Failed(error, partial))

    def _end(self, execution: Execution, progress: _Progress, last: Last) -> None:
        execution.ended_at = asyncio.get_running_loop().time()
        execution.add(last)
        if progress.sent is not None:
            reading_s = progress.steps.get("parse", 0.0)
            progress.steps["command"] = max(0.0, execution.ended_at - progress.sent - reading_s)
        code = last.error.code if isinstance(last, Failed) else None
        self.observer.executed(execution.job, code, progress.steps)
        self._live.discard(execution)
        job = execution.job
        if job.shareable:
            asyncio.get_running_loop().call_later(self.share_s, self._forget, _sameness(job), execution)

    def _forget(self, sameness: Hashable, execution: Execution) -> None:
        if self._shared.get(sameness) is execution:
            del self._shared[sameness]

    def _let_go(self, execution: Execution, progress: _Progress) -> None:
        """Give the session back when the command's end is known, at the latest after its own worst case."""
        if progress.lease is None:
            return
        if progress.opening is None or (progress.running is not None and progress.running.ended_well):
            progress.lease.release()
        else:
            progress.opening.add_done_callback(_stop_it)
            if progress.running is not None:
                progress.running.stop()
            over_at = asyncio.get_running_loop().time() if progress.running is None else progress.began
            self._spawn(_release_when_over(progress.lease, progress.opening, over_at + execution.job.worst_case_s))

    async def close(self) -> None:
        """Stop everything with `shutting_down` and wait until each execution has its last event."""
        self._closing = True
        for execution in list(self._live):
            execution.stop("shutting_down")
        while self._live:
            await asyncio.gather(*(_drain(execution) for execution in list(self._live)))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _sameness(job: Job) -> Hashable:
    """What makes two questions equal: the same command to the same device, read in the same way."""
    return job.device.key, job.command, job.ask.table, job.ask.own_routes


async def _drain(execution: Execution) -> None:
    async for _ in execution.follow():
        continue


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
