"""One job of one run, told as it happens: follows the execution, enriches, renders, keeps the audit row.

If the device cannot answer, the job's next device is asked (a router's next route source); a second `started` event then
replaces what came before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from netpulse.cells import Matrix, QueryType
from netpulse.conversation import utc_now
from netpulse.enrich.attach import Attachment
from netpulse.enrich.egress import expected_connection, judge
from netpulse.enrich.routes import with_meaning
from netpulse.enrich.tables import Names
from netpulse.errors import Fault, NetPulseError, internal, stopped_as
from netpulse.events import Answer, Failed, Finished, Found, Last, Output, Queued, Started
from netpulse.execution import Execution
from netpulse.executor import Executor
from netpulse.lookup import Lookup
from netpulse.policy import Caller, Policy, connections_for
from netpulse.query import Job
from netpulse.records import Egress, Record, Route
from netpulse.render.as_json import answer_data, time_text
from netpulse.settings import Settings
from netpulse.store.audit import Audit, AuditRow
from netpulse.values import Address, canonical

Emit = Callable[[str, dict[str, Any]], None]

_log = logging.getLogger(__name__)
_INNER_S = 3.0
_INNER_AT_ONCE = 2
_WANTED = frozenset({"stopped", "shutting_down", "router_busy"})
_SOURCE_IS_DOWN = frozenset({"router_unreachable", "router_identity", "router_login"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One snapshot of everything that a reload replaces; a run ends under the one it began with."""

    settings: Settings
    matrix: Matrix
    policy: Policy
    lookup: Lookup
    names: Names


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended for its run: its data as far as there is any, the error if it failed, the result if it was read."""

    data: dict[str, Any] | None
    error: NetPulseError | None
    result: Record | None


class Telling:
    """Tell one job to one run. `emit` takes an event's name and its object."""

    def __init__(
        self,
        frame: Frame,
        executor: Executor,
        audit: Audit,
        caller: Caller,
        kind: QueryType,
        job: Job,
        run_id: str,
        url: str,
        emit: Emit,
    ) -> None:
        self._frame = frame
        self._executor = executor
        self._audit = audit
        self._caller = caller
        self._kind = kind
        self._job = job
        self._run_id = run_id
        self._url = url
        self._emit = emit
        self._execution: Execution | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stopped: str | None = None
        self.arrived: Callable[[], None] | None = None
        """Told just before the executor has the job, if it ever has it."""
        self._inner = asyncio.Semaphore(_INNER_AT_ONCE)

    def stop(self, code: str) -> None:
        """End it now: the command is stopped unless another run still listens to it."""
        if self._stopped is not None:
            return
        self._stopped = code
        if self._execution is not None and self._execution.followers == 1:
            self._execution.stop(code)
        elif self._task is not None:
            self._task.cancel()

    async def tell(self) -> Outcome:
        """Ask, and the next device if need be, until there is an answer or nobody is left to ask.

        A fault before anything was printed has data too: what was asked of whom is worth keeping under its address.
        """
        outcome = await self._tell()
        if outcome.data is None and isinstance(outcome.error, Fault):
            return replace(outcome, data=self._data(self._job, None, None))
        return outcome

    async def _tell(self) -> Outcome:
        self._task = asyncio.current_task()
        job: Job | None = self._job
        outcome = Outcome(None, stopped_as(self._stopped or "stopped"), None)
        while job is not None:
            try:
                outcome = await self._ask(job)
            except NetPulseError as error:
                outcome = Outcome(None, error, None)
            except asyncio.CancelledError:
                if self._stopped is None:
                    raise
                return Outcome(None, stopped_as(self._stopped), None)
            if outcome.error is not None:
                self._log(job, outcome.error)
            if outcome.error is None or not _passes_on(outcome.error.code):
                return outcome
            job = job.otherwise
        if outcome.error is not None and self._kind.about_routes and outcome.error.code in _SOURCE_IS_DOWN:
            outcome = replace(outcome, error=_source_down(outcome.error))
        return outcome

    def _log(self, job: Job, error: NetPulseError) -> None:
        """Why a device gave no answer; what our own side or the caller wanted is no warning."""
        level = logging.INFO if error.code in _WANTED else logging.WARNING
        _log.log(level, "run %s: %s on %s: %s", self._run_id, error.code, job.device.key, error.detail or error.sentence)

    async def _ask(self, job: Job) -> Outcome:
        row = self._row(job)
        await self._audit.start(row)
        if self._stopped is not None:
            self._audit.end(row.id, "failed", self._stopped)
            return Outcome(None, stopped_as(self._stopped), None)
        outcome = Outcome(None, stopped_as(self._stopped or "stopped"), None)
        duration_ms: int | None = None
        try:
            outcome, duration_ms = await self._follow(job)
        except NetPulseError as error:
            outcome = Outcome(None, error, None)
        except Exception as defect:
            outcome = Outcome(None, internal(defect), None)
            raise
        finally:
            failed = outcome.error
            self._audit.end(row.id, "failed" if failed else "finished", failed.code if failed else None, duration_ms)
        return outcome

    def _row(self, job: Job) -> AuditRow:
        return self._audit.row(
            self._caller.client,
            job.query.kind,
            key_id=self._caller.key_id,
            router=job.router.slug,
            device=job.device.key,
            connection=job.connection.id if job.connection else None,
            target=canonical(job.query.target) if job.query.target is not None else None,
            command=job.command,
            run_id=self._run_id,
        )

    async def _follow(self, job: Job) -> tuple[Outcome, int | None]:
        known = self._executor.recent(job) if job.shareable else None
        cached = known is not None and known.last is not None
        if self.arrived is not None:
            self.arrived()
        execution = self._executor.start(job)
        self._execution = execution
        execution.join()
        attachment = self.attachment(job)
        expected = asyncio.create_task(self._expected(job)) if self._kind.sourced else None
        try:
            async for event in execution.follow():
                if isinstance(event, Finished | Failed):
                    return await self._over(job, execution, event, attachment, expected, cached)
                self._tell_one(job, event, attachment, execution if cached else None)
        except asyncio.CancelledError:
            if self._stopped is None:
                raise
            # Others still listen to the command: what this run heard of it is its answer.
            last = Failed(stopped_as(self._stopped), heard_so_far(execution))
            return await self._over(job, execution, last, attachment, None, cached)
        finally:
            execution.leave(self._stopped or "stopped")
            attachment.close()
            if expected is not None:
                expected.cancel()
        raise Fault("internal", "The service made a mistake.", detail="an execution ended without a last event")

    def _tell_one(self, job: Job, event: object, attachment: Attachment, memory: Execution | None) -> None:
        if isinstance(event, Output):
            self._emit("output", {"text": event.text})
        elif isinstance(event, Found):
            self._emit("found", {"record": attachment.found(event.record)})
        elif isinstance(event, Queued):
            self._emit("queued", {"position": event.position})
        elif isinstance(event, Started):
            age_s = self._executor.age_s(memory) if memory is not None else 0.0
            begun = self._data(job, None, None, cached=memory is not None, age_s=age_s)
            begun["started_at"] = time_text(event.started_at)
            if "queued_ms" in begun:
                begun["queued_ms"] = event.queued_ms
            self._emit("started", begun)

    async def _over(
        self,
        job: Job,
        execution: Execution,
        last: Last,
        attachment: Attachment,
        expected: asyncio.Task[int | None] | None,
        cached: bool,
    ) -> tuple[Outcome, int | None]:
        began = asyncio.get_running_loop().time()
        answer = last.answer if isinstance(last, Finished) else last.partial
        if answer is not None:
            answer = await attachment.finish(answer) if isinstance(last, Finished) else attachment.complete(answer)
        if not isinstance(last, Finished) and expected is not None:
            expected.cancel()  # a failure is told at once
        egress = await self._egress(job, answer, expected) if self._kind.sourced else None
        if isinstance(last, Finished):
            self._executor.observer.enriched(job, asyncio.get_running_loop().time() - began)
        data = self._data(job, answer, egress, cached=cached, age_s=self._executor.age_s(execution) if cached else 0.0)
        if isinstance(last, Finished) and answer is not None:
            # While they came nobody knew which one wins. Told again with the best last, it is the one that stays.
            for route in reversed(getattr(answer.result, "routes", ())):
                self._emit("found", {"record": route})
        error = last.error if isinstance(last, Failed) else None
        return Outcome(data, error, answer.result if answer else None), answer.duration_ms if answer else None

    def _data(
        self, job: Job, answer: Answer | None, egress: Egress | None, *, cached: bool = False, age_s: float = 0.0
    ) -> dict[str, Any]:
        return answer_data(
            self._kind, job, answer, run_id=self._run_id, url=self._url, egress=egress, cached=cached, age_s=age_s
        )

    def attachment(self, job: Job) -> Attachment:
        """What enriches this job's records; events of late knowledge go to this telling's run."""
        wanted = bool(job.query.options.get("as_lookup"))
        return Attachment(
            replace(job.router, connections=tuple(connections_for(self._caller, job.router))),
            self._frame.settings.inventory,
            self._frame.names,
            self._frame.lookup.name_of,
            self._origin_of if wanted else None,
            lambda record: self._emit("found", {"record": record}),
        )

    async def _routes_for(self, address: Address) -> tuple[Route, ...]:
        """The router's routes for an address, from its route source; empty when it cannot say in time."""
        job = self._frame.policy.inner(self._job.router, address, keyed=self._caller.keyed)
        async with self._inner:
            try:
                async with asyncio.timeout(_INNER_S):
                    while job is not None:
                        routes = await self._inner_routes(job)
                        if routes is not None:
                            return routes
                        job = job.otherwise
            except (TimeoutError, NetPulseError) as problem:
                _log.info("a route look-up for %s gave nothing: %r", self._run_id, problem)
        return ()

    async def _inner_routes(self, job: Job) -> tuple[Route, ...] | None:
        """What this device knows, or None if another should be asked. A command that is really sent has its audit row."""
        row = None if self._executor.recent(job) else replace(self._row(job), kind=f"{self._kind.name}:routes")
        if row is not None:
            await self._audit.start(row)
        execution = self._executor.start(job)
        execution.join()
        outcome: Outcome | None = None
        try:
            async for event in execution.follow():
                if isinstance(event, Finished):
                    outcome = Outcome(None, None, event.answer.result)
                elif isinstance(event, Failed):
                    outcome = Outcome(None, event.error, None)
        finally:
            execution.leave()
            if row is not None:
                code = "stopped" if outcome is None else outcome.error.code if outcome.error else None
                self._audit.end(row.id, "failed" if code else "finished", code)
        if outcome is None or outcome.error is not None:
            return None
        found = getattr(outcome.result, "routes", ())
        return tuple(with_meaning(r, job.router, self._frame.names) for r in found if isinstance(r, Route))

    async def _origin_of(self, address: Address) -> int | None:
        routes = await self._routes_for(address)
        best = next((route for route in routes if route.best), routes[0] if routes else None)
        return best.origin_asn if best else None

    async def _expected(self, job: Job) -> int | None:
        target = job.ask.target
        if not isinstance(target, IPv4Address | IPv6Address):
            return None
        return expected_connection(await self._routes_for(target))

    async def _egress(
        self, job: Job, answer: Answer | None, expected: asyncio.Task[int | None] | None
    ) -> Egress | None:
        """The verdict; a look-up that is late or broken costs the verdict and never the answer."""
        if job.connection is None:
            return None
        best: int | None = None
        if expected is not None and not expected.cancelled():
            try:
                best = await expected
            except asyncio.CancelledError:
                if not expected.cancelled():
                    raise
            except Exception:
                _log.exception("the route look-up of run %s broke", self._run_id)
        shown = [connection.id for connection in connections_for(self._caller, job.router)]
        return judge(job.router, job.connection, best, _first_hop(answer), shown)


def _first_hop(answer: Answer | None) -> Address | None:
    """Where the first answer of a trace came from, if its first hop answered."""
    hops = getattr(answer.result, "hops", ()) if answer is not None else ()
    if not hops or getattr(hops[0], "hop", 0) != 1:
        return None
    for probe in getattr(hops[0], "probes", ()):
        if probe.address is not None and not (probe.note or "").startswith("!"):
            return ip_address(probe.address)
    return None


def _passes_on(code: str) -> bool:
    """Whether another device may know better."""
    return code == "route_source_down" or code.startswith("router_")


def _source_down(error: NetPulseError) -> Fault:
    return Fault("route_source_down", "No route source of this router can be reached now.", detail=error.detail)


def heard_so_far(execution: Execution) -> Answer | None:
    """What a command that goes on for others has printed up to now; None if it has not begun."""
    begun = next((event for event in execution.events if isinstance(event, Started)), None)
    if begun is None:
        return None
    lines = [event.text + "\n" for event in execution.events if isinstance(event, Output)]
    return Answer(
        command=execution.job.command,
        output="".join(lines),
        result=None,
        unread="The run was stopped before the answer was whole.",
        truncated=False,
        started_at=begun.started_at,
        queued_ms=begun.queued_ms,
        duration_ms=max(0, round((utc_now() - begun.started_at).total_seconds() * 1000)),
        ending="caller",
    )
