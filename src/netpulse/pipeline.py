"""parse → admit → run → enrich → record: the only module that sees the whole line.

A question becomes a `Run` with a driver that tells its jobs and, at the end, stores the result. Refusals are audited
too. Nothing here knows HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from netpulse.cells import QueryType
from netpulse.disclosure import Disclosure
from netpulse.errors import Busy, NetPulseError, NotHere, internal, stopped_as
from netpulse.events import Answer, Finished
from netpulse.execution import Execution
from netpulse.executor import Executor
from netpulse.policy import Audience, Caller, Plan, Unavailable, offered, routers_for
from netpulse.query import Job, Parameter, Query, chosen, parse
from netpulse.render.as_json import answer_data, encode, error_object, row_data, target_text
from netpulse.runs import Run, Runs
from netpulse.store import Store
from netpulse.store.results import StoredResult
from netpulse.telling import Frame, Outcome, Telling

_log = logging.getLogger(__name__)

_Ending = tuple[dict[str, Any] | None, NetPulseError | None]
CONNECTION_FIELDS = ("connection_id", "expected_connection")
"""Fields of answers that name a connection by its id."""

Charge = Callable[[int], None]
"""Takes further requests off the caller's limit; raises Busy(`rate_limited`)."""


def everywhere(kind: QueryType) -> tuple[Parameter, ...]:
    """The parameters of the same question asked of all routers: without the router."""
    return tuple(parameter for parameter in kind.parameters if parameter.kind not in ("router", "connection"))


class Recalled(NamedTuple):
    """An answer from memory: the id of its result, the JSON of its `data`."""

    run_id: str
    body: bytes


class _Kept(NamedTuple):
    frame: Frame
    run_id: str
    answer: Answer
    age_s: int
    body: bytes


class Pipeline:
    """Questions in, runs out. `frame` is the snapshot that new questions begin under.

    `unkept` counts the answers that went out and could not be kept.
    """

    def __init__(self, frame: Frame, executor: Executor, store: Store, runs: Runs) -> None:
        self.frame = frame
        self.runs = runs
        self.executor = executor
        self._store = store
        self._drivers: set[asyncio.Task[None]] = set()
        self._coming: defaultdict[str, set[str]] = defaultdict(set)
        """Runs by the device that they are on the way to; none that may share another's command."""
        self._closing = False
        self.unkept = 0

    def kind(self, name: str) -> QueryType:
        """The query type of this name; NotHere if there is none."""
        kind = self.frame.matrix.queries.get(name)
        if kind is None:
            raise NotHere("not_found", "There is nothing at this path; see /openapi.json.")
        return kind

    async def plan(
        self, caller: Caller, kind: QueryType, given: Iterable[tuple[str, str]], *, all_routers: bool = False
    ) -> Plan:
        """What this question leads to, or why it is refused; the refusal is in the audit trail."""
        if self._closing:
            raise stopped_as("shutting_down")
        query: Query | None = None
        try:
            query = parse(kind.name, everywhere(kind) if all_routers else kind.parameters, given)
            policy = self.frame.policy
            return await (policy.admit_all(caller, query) if all_routers else policy.admit(caller, query))
        except NetPulseError as error:
            self.refused(caller, kind, error, query)
            raise

    def refused(self, caller: Caller, kind: QueryType, error: NetPulseError, query: Query | None = None) -> None:
        """Write into the audit trail that this question was refused, as far as it was one."""
        known = routers_for(caller, self.frame.settings.inventory)
        row = self._store.audit.row(
            caller.client,
            kind.name,
            key_id=caller.key_id,
            router=query.router if query and any(r.slug == query.router for r in known) else None,
            target=target_text(query.target) if query else None,
        )
        self._store.audit.refused(row, error.code)

    def recall(self, caller: Caller, plan: Plan) -> Recalled | None:
        """An answer at once, when an equal BGP question was answered within the last seconds; None otherwise.

        Nothing is sent to any device, so the audit row need not be waited for.
        """
        if plan.folded or not isinstance(job := plan.places[0], Job) or not job.shareable:
            return None
        known = self.executor.recent(job)
        if known is None or not isinstance(known.last, Finished):
            return None
        recalled = self._remembered(caller, plan, job, known, known.last.answer)
        self._told(job.router.slug, job, plan, None)
        audit = self._store.audit
        audit.note(
            audit.row(
                caller.client,
                plan.query.kind,
                key_id=caller.key_id,
                router=job.router.slug,
                device=job.device.key,
                target=target_text(plan.query.target),
                command=job.command,
                run_id=recalled.run_id,
                outcome="finished",
                duration_ms=0,
            )
        )
        return recalled

    def _remembered(self, caller: Caller, plan: Plan, job: Job, known: Execution, answer: Answer) -> Recalled:
        """What this caller gets of an answer already here: one stored result, rendered anew when its age has changed."""
        age_s = self.executor.age_s(known)
        # The frame is part of what is kept, so that no other can have its id meanwhile.
        sight = (id(self.frame), job.router.slug, caller.owner, caller.audience)
        found = known.remembered.get(sight)
        if found is None:
            run_id = self._store.results.new_id()
            telling = self._telling(caller, plan.kind, job, run_id, _no_events)
            complete = telling.attachment(job).complete(answer)
        else:
            run_id, complete = found.run_id, found.answer
            if found.age_s == round(age_s):
                return Recalled(run_id, found.body)
        data = answer_data(
            plan.kind, job, complete, run_id=run_id, url=self.url(run_id), egress=None, cached=True, age_s=age_s
        )
        if found is None:
            self._save(caller, plan, run_id, encode(data))
        body = encode(self.frame.settings.disclosure(caller.audience).data(data))
        known.remembered[sight] = _Kept(self.frame, run_id, complete, round(age_s), body)
        return Recalled(run_id, body)

    def begin(self, caller: Caller, plan: Plan, charge: Charge | None = None) -> Run:
        """Start the run of an admitted plan; a plan of several jobs is charged for each beyond the first."""
        if self._closing:
            raise stopped_as("shutting_down")
        if charge is not None and len(plan.jobs) > 1:
            charge(len(plan.jobs) - 1)
        coming = self._turned_away(caller, plan)
        run = Run(self._store.results.new_id(), caller.owner, caller.lease_s, _chosen(plan))
        self.runs.begin(run)
        if coming is not None:
            coming.add(run.id)
        task = asyncio.create_task(self._drive(run, caller, plan))
        self._drivers.add(task)
        task.add_done_callback(self._drivers.discard)
        return run

    def _turned_away(self, caller: Caller, plan: Plan) -> set[str] | None:
        """Busy at once where the one device that could answer is full: in a crowd, saying no must cost next to nothing.

        So no run begins, and the audit row of the refusal is not waited for. Who is let in is one of those whose rows are
        being written, on the way to the device: this is where the run belongs until it is there.
        """
        job = plan.places[0]
        if plan.folded or not isinstance(job, Job) or job.otherwise is not None:
            return None
        coming = self._coming[job.device.key]
        try:
            self.executor.check_room(job, len(coming))
        except Busy as busy:
            audit = self._store.audit
            row = audit.row(
                caller.client,
                plan.query.kind,
                key_id=caller.key_id,
                router=job.router.slug,
                device=job.device.key,
                connection=job.connection.id if job.connection else None,
                target=target_text(plan.query.target),
            )
            audit.refused(row, busy.code)
            self._told(job.router.slug, job, plan, busy)
            raise
        return None if job.shareable else coming

    def url(self, run_id: str) -> str:
        return (self.frame.settings.public_url or "").rstrip("/") + f"/r/{run_id}"

    async def _drive(self, run: Run, caller: Caller, plan: Plan) -> None:
        data: dict[str, Any] | None = None
        error: NetPulseError | None = None
        shown = self.frame.settings.disclosure(caller.audience)
        try:
            if plan.folded:
                data, error = await self._all(run, caller, plan, shown)
            else:
                data, error = await self._one(run, caller, plan, shown)
        except asyncio.CancelledError:
            error = stopped_as("shutting_down")
        except Exception as defect:  # the caller must hear of an end, whatever went wrong in here
            _log.exception("the run %s failed unexpectedly", run.id)
            error = internal(defect)
        kept: bytes | None = None
        try:
            if data is not None:
                # Kept whole, shown without what this audience may not see.
                kept = encode(data if error is None else {**data, **error_object(error)})
                data = shown.data(data)
            last = encode(data) if error is None else encode({**error_object(error), "data": data})
        except Exception as defect:
            _log.exception("the answer of run %s could not be rendered", run.id)
            data, error = None, error or internal(defect)
            last = encode({**error_object(error), "data": None})
        if kept is not None:
            self._save(caller, plan, run.id, kept)
        run.finish(data, error)
        run.add("finished" if error is None else "failed", last)
        self.runs.ended(run)

    async def _one(self, run: Run, caller: Caller, plan: Plan, shown: Disclosure) -> _Ending:
        place = plan.places[0]
        if isinstance(place, Unavailable):
            self._told(place.router.slug, None, plan, place.error)
            return None, place.error

        def emit(name: str, body: dict[str, Any]) -> None:
            if (event := shown.event(name, body)) is not None:
                run.add(name, encode(event))

        telling = self._telling(caller, plan.kind, place, run.id, emit)
        telling.arrived = lambda: self._coming[place.device.key].discard(run.id)
        run.on_stop(telling.stop)
        try:
            outcome = await telling.tell()
        finally:
            telling.arrived()
        self._told(place.router.slug, place, plan, outcome.error)
        return outcome.data, outcome.error

    async def _all(self, run: Run, caller: Caller, plan: Plan, shown: Disclosure) -> _Ending:
        """Every place of the plan, side by side; one never holds all sessions of a device."""
        shares: dict[str, asyncio.Semaphore] = {}
        for job in plan.jobs:
            shares.setdefault(job.device.key, asyncio.Semaphore(max(1, job.device.max_sessions - 1)))
        tellings: dict[int, Telling] = {}
        stopped: list[str] = []

        def stop(code: str) -> None:
            stopped.append(code)
            for telling in tellings.values():
                telling.stop(code)

        run.on_stop(stop)

        async def answer(index: int, job: Job) -> Outcome:
            def emit(name: str, body: dict[str, Any]) -> None:
                if (event := shown.event(name, body)) is not None:
                    run.add(name, encode({**event, "job": {"router": job.router.slug, "connection": None}}))

            telling = tellings[index] = self._telling(caller, plan.kind, job, run.id, emit)
            async with shares[job.device.key]:
                outcome = await telling.tell()
            self._told(job.router.slug, job, plan, outcome.error)
            if outcome.error is None:
                emit("answered", dict(outcome.data or {}))
            else:
                emit("unanswered", error_object(outcome.error))
            return outcome

        numbered = [(index, place) for index, place in enumerate(plan.places) if isinstance(place, Job)]
        outcomes = dict(
            zip(
                (index for index, _ in numbered),
                await asyncio.gather(*(answer(index, job) for index, job in numbered)),
                strict=True,
            )
        )
        rows = []
        results: list[tuple[str, Any]] = []
        for index, place in enumerate(plan.places):
            if isinstance(place, Unavailable):
                self._told(place.router.slug, None, plan, place.error)
                rows.append(row_data(place.router, None, place.error))
                continue
            outcome = outcomes[index]
            rows.append(row_data(place.router, outcome.data, outcome.error))
            if outcome.error is None and outcome.result is not None:
                results.append((place.router.slug, outcome.result))
        data = {
            "target": target_text(plan.query.target),
            "routers": rows,
            "summary": plan.kind.fold(results) if plan.kind.fold else None,
            "id": run.id,
            "url": self.url(run.id),
        }
        cut_short = [outcome.error for outcome in outcomes.values() if outcome.error is not None] if stopped else []
        return data, cut_short[0] if cut_short else None

    def _told(self, router: str, job: Job | None, plan: Plan, error: NetPulseError | None) -> None:
        connection = job.connection.id if job is not None and job.connection else None
        self.executor.observer.told(router, connection, plan.query.kind, error.code if error else None)

    def _telling(
        self, caller: Caller, kind: QueryType, job: Job, run_id: str, emit: Callable[[str, dict[str, Any]], None]
    ) -> Telling:
        return Telling(self.frame, self.executor, self._store.audit, caller, kind, job, run_id, self.url(run_id), emit)

    def _save(self, caller: Caller, plan: Plan, run_id: str, body: bytes) -> None:
        """Keep the result. The answer goes out whatever happens here; what is lost is logged, and counted in `unkept`."""
        try:
            kept = self._store.results.save(self._stored(caller, plan, run_id, body))
        except Exception:
            _log.exception("the answer of run %s could not be kept", run_id)
            kept = False
        else:
            if not kept:
                _log.warning("the answer of run %s is not kept: the database cannot take what is waiting for it", run_id)
        self.unkept += not kept

    def _stored(self, caller: Caller, plan: Plan, run_id: str, body: bytes) -> StoredResult:
        now = self._store.results.wall()
        jobs = plan.jobs
        return StoredResult(
            id=run_id,
            kind=plan.query.kind,
            key_id=caller.key_id,
            audience=_readers(caller, plan, body),
            routers=tuple(dict.fromkeys(place.router.slug for place in plan.places)),
            connection=jobs[0].connection.id if len(jobs) == 1 and jobs[0].connection else None,
            created_at=now,
            expires_at=now + timedelta(days=self.frame.settings.retention.results_days),
            body=body,
            options=_chosen(plan),
        )

    def swap(self, frame: Frame) -> None:
        """New questions begin under this snapshot."""
        self.frame = frame
        self.runs.most = frame.settings.limits.streams

    def offered(self, router_slug: str) -> tuple[str, ...]:
        router = self.frame.settings.inventory.router(router_slug)
        return offered(self.frame.matrix, router) if router else ()

    async def close(self) -> None:
        """Stop every run with `shutting_down` and return when each has had its last event."""
        self._closing = True
        self.runs.stop_all("shutting_down")
        if self._drivers:
            await asyncio.wait(self._drivers, timeout=10)
        for task in self._drivers:
            task.cancel()


def _chosen(plan: Plan) -> dict[str, str]:
    return chosen(plan.query, plan.kind.parameters)


def _readers(caller: Caller, plan: Plan, body: bytes) -> Audience:
    """Who may read this answer again: keys only, if it names a connection that exists for keys only."""
    if not caller.keyed:
        return "public"
    for place in plan.places:
        for connection in place.router.connections:
            if connection.visible == "public":
                continue
            ids = [f'"{field}":{connection.id}' for field in CONNECTION_FIELDS]
            name = encode(connection.name)[1:-1]  # as it stands inside a longer text
            marks = [name, *((text + end).encode() for text in ids for end in ",}")]
            if any(mark in body for mark in marks):
                return "key"
    return "public"


def _no_events(_name: str, _body: dict[str, Any]) -> None:
    """A recalled answer tells nothing on the way."""
