"""The BGP state of connections: each router's neighbours, asked while somebody looks at the network, and never often.

A look at the state begins a question in the background if the last answer is old, and gives what is known now. The question
takes only a session to spare, has its row in the audit trail, and its failure is no more than not knowing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from netpulse.errors import NetPulseError
from netpulse.events import Failed, Finished
from netpulse.executor import Executor
from netpulse.inventory import Connection, Router
from netpulse.query import Job
from netpulse.records import Neighbors
from netpulse.store.audit import Audit
from netpulse.values import Address

Status = Literal["up", "down", "unknown"]

_HOLDS_FOR = 3
"""Intervals after which an answer that was not renewed says nothing any more."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    asked_at_s: float
    told_at_s: float = float("-inf")
    established: Mapping[Address, bool] = field(default_factory=dict)
    silent: bool = False


class NeighborStates:
    """What is known of every router's neighbours. `job_for` makes the question, None where none may be asked."""

    def __init__(
        self,
        job_for: Callable[[Router], Job | None],
        every_s: Callable[[], float],
        executor: Executor,
        audit: Audit,
        clock: Callable[[], float],
    ) -> None:
        self._job_for = job_for
        self._every_s = every_s
        self._executor = executor
        self._audit = audit
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def status(self, router: Router, connection: Connection) -> Status:
        """`up` if a neighbour of this connection has an established session, `down` if all that are listed have none."""
        established = self.of(router)
        states = [established[neighbor] for neighbor in connection.neighbors if neighbor in established]
        return "unknown" if not states else "up" if any(states) else "down"

    def of(self, router: Router) -> Mapping[Address, bool]:
        """Whether the session with each neighbour of this router is established; of none where that is not known."""
        every_s, now = self._every_s(), self._clock()
        if every_s <= 0:
            return {}
        known = self._known.get(router.slug)
        if known is None or now >= known.asked_at_s + every_s:
            job = self._job_for(router)
            if job is not None:
                known = self._known.setdefault(router.slug, _Known(now))
                known.asked_at_s = now
                task = asyncio.create_task(self._ask(job, known))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        if known is None or now > known.told_at_s + _HOLDS_FOR * every_s:
            return {}
        return known.established

    async def _ask(self, job: Job, known: _Known) -> None:
        try:
            found = await self._answer(job)
        except NetPulseError as problem:
            if not known.silent:  # once, until it answers again
                _log.warning("the neighbours of %s are not known: %s %s", job.router.slug, problem.code, problem.detail)
            known.silent = True
            return
        except Exception:
            _log.exception("asking for the neighbours of %s broke", job.router.slug)
            return
        states: dict[Address, bool] = {}
        for neighbor in found.neighbors:
            try:
                address = ip_address(neighbor.address)
            except ValueError:  # an interface's name, where the neighbour has no address
                continue
            states[address] = states.get(address, False) or neighbor.established
        known.established, known.told_at_s, known.silent = states, self._clock(), False

    async def _answer(self, job: Job) -> Neighbors:
        row = self._audit.row(
            "service", job.query.kind, router=job.router.slug, device=job.device.key, command=job.command
        )
        await self._audit.start(row)
        code: str | None = "stopped"
        duration_ms: int | None = None
        execution = self._executor.start(job)
        execution.join()
        try:
            async for event in execution.follow():
                if isinstance(event, Failed):
                    code = event.error.code
                    raise event.error
                if isinstance(event, Finished):
                    code, duration_ms = None, event.answer.duration_ms
                    result = event.answer.result
                    return result if isinstance(result, Neighbors) else Neighbors(neighbors=())
            return Neighbors(neighbors=())
        except NetPulseError as error:
            code = error.code
            raise
        finally:
            execution.leave()
            self._audit.end(row.id, "failed" if code else "finished", code, duration_ms)

    async def settled(self) -> None:
        """Returns when no question is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give up what is being asked."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
