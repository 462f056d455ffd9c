"""Runs jobs: owns every task. One `Execution` per command under way, each with a `Conversation` of its own.

An execution keeps its own log of events; any number of runs follow it, none can hold it up: output is bounded by the job's
byte budget, not by who reads. It stops when the last follower leaves. Every exception becomes that job's `Failed` and
touches no other. Equal questions that may be shared and are asked at the same time are asked once, and their answer
serves for a few seconds more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from typing import Any

from netpulse.conversation import Conversation, WallClock, utc_now
from netpulse.errors import NetPulseError, internal, stopped_as
from netpulse.events import Failed, Finished, Last
from netpulse.execution import Execution
from netpulse.observer import NOBODY, Observer
from netpulse.pool import Pool
from netpulse.query import Job

_log = logging.getLogger(__name__)

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

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, execution: Execution) -> None:
        talk = Conversation(execution, self._wall)
        try:
            execution.begun = True
            if execution.stopped_as is not None:
                raise stopped_as(execution.stopped_as)
            answer = await talk.hold(self._pool.post(execution.job.device))
            self._end(execution, talk, Finished(answer))
        except asyncio.CancelledError:
            error = stopped_as(execution.stopped_as or "stopped")
            self._end(execution, talk, Failed(error, talk.so_far("caller")))
            if execution.stopped_as is None:
                raise  # it was not `stop` that cancelled this task
        except NetPulseError as error:
            self._end(execution, talk, Failed(error, talk.so_far("fault")))
        except Exception as defect:  # a defect of ours or of a reader must end this job and no other
            _log.exception("a job on %s failed unexpectedly", execution.job.device.key)
            self._end(execution, talk, Failed(internal(defect), talk.so_far("fault")))
        finally:
            talk.let_go(self._spawn)

    def _end(self, execution: Execution, talk: Conversation, last: Last) -> None:
        now = execution.ended_at = asyncio.get_running_loop().time()
        execution.add(last)
        talk.ended_at(now)
        job = execution.job
        self.observer.executed(job, last.error.code if isinstance(last, Failed) else None, talk.steps)
        self._live.discard(execution)
        if job.shareable:
            asyncio.get_running_loop().call_later(self.share_s, self._forget, _sameness(job), execution)

    def _forget(self, sameness: Hashable, execution: Execution) -> None:
        if self._shared.get(sameness) is execution:
            del self._shared[sameness]

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
