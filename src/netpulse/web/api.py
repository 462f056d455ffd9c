"""The paths of /api/v1, made from the matrix: a new query type has its path without a line here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from netpulse.cells import QueryType
from netpulse.errors import Busy, Fault, NetPulseError, Refused
from netpulse.policy import Plan
from netpulse.query import Parameter, Query, parse
from netpulse.render.as_json import encode
from netpulse.render.as_text import answer_text, fields_text, table_text
from netpulse.runs import Run
from netpulse.services import Services
from netpulse.web.access import asked, facts_of
from netpulse.web.exchange import TEXT, Exchange, Header, Reply, problem, success
from netpulse.web.inventory_views import (
    CONNECTION_COLUMNS,
    ROUTER_COLUMNS,
    LimitsView,
    StoppedView,
    Views,
    connection_views,
    router_views,
    routers_seen,
)
from netpulse.web.plans import Plans
from netpulse.web.saved import nothing_here, saved_result
from netpulse.web.stream import tell
from netpulse.web.waiting import unless_gone

Handler = Callable[[Exchange], Awaitable[Reply | None]]

ANSWER_WITHIN_S = 54.0
"""A question without an answer is given up then, so that no answer takes longer than 55 s."""

PREFIX = "/api/v1"
WINDOW_S = 60.0
_STOP_WITHIN_S = 5.0
_LAST_WORD_S = 0.9
_log = logging.getLogger(__name__)

CONNECTIONS_OF = (
    Parameter(
        name="router", kind="router", summary="Router whose connections are listed", example="core1", required=True
    ),
)


@dataclass(frozen=True, slots=True)
class Route:
    """One path: its template, its handlers by method, and when a request for it costs nothing."""

    template: str
    methods: Mapping[str, Handler]
    is_free: Callable[[Exchange], bool] = lambda _exchange: False


class Api:
    """Every path below /api/v1 and what answers it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._routers = Views(lambda: routers_seen(services), lambda caller: encode(router_views(caller, services)))
        self._plans = Plans(services.pipeline)
        self._seats = services.seats
        self._results = Route(PREFIX + "/results/{id}", {"GET": self._saved, "DELETE": self._stop})
        routes = [
            Route(PREFIX + "/routers", {"GET": self._list_routers}),
            Route(PREFIX + "/connections", {"GET": self._list_connections}),
            Route(PREFIX + "/limits", {"GET": self._limits}, lambda exchange: exchange.scope["method"] == "GET"),
        ]
        for kind in services.matrix.queries.values():
            routes.append(Route(f"{PREFIX}/{kind.name}", {"GET": self._asking(kind, everywhere=False)}, self._resumes))
            if kind.fold is not None:
                asking = self._asking(kind, everywhere=True)
                routes.append(Route(f"{PREFIX}/{kind.name}/all-routers", {"GET": asking}, self._resumes))
        self._paths = {route.template.removeprefix(PREFIX): route for route in routes}

    def find(self, path: str) -> Route | None:
        """The route of this path below the prefix, which begins with a slash."""
        route = self._paths.get(path)
        if route is None and path.startswith("/results/") and path.count("/") == 2:
            return self._results
        return route

    async def _list_routers(self, exchange: Exchange) -> Reply:
        _nothing_given(exchange)
        if exchange.form == "text":
            return _text(table_text(router_views(exchange.caller, self._services), ROUTER_COLUMNS))
        return success(self._routers.of(exchange.caller))

    async def _list_connections(self, exchange: Exchange) -> Reply:
        query = parse("connections", CONNECTIONS_OF, exchange.pairs())
        rows = connection_views(exchange.caller, query.router, self._services)
        if exchange.form == "text":
            return _text(table_text(rows, CONNECTION_COLUMNS))
        return success(encode(rows))

    async def _limits(self, exchange: Exchange) -> Reply:
        _nothing_given(exchange)
        state = exchange.state
        view = LimitsView(limit=state.limit, remaining=state.remaining, reset_s=state.reset_s)
        return _text(fields_text(view)) if exchange.form == "text" else success(encode(view))

    async def _saved(self, exchange: Exchange) -> Reply:
        _nothing_given(exchange)
        run = self._services.pipeline.runs.find(_last_part(exchange), exchange.caller.owner)
        if run is not None and not run.done:
            with run.held():  # a poll holds the lease as an open stream does
                begun = next(
                    (event.body for event in run.events if event.name == "started"), b'{"id":"%s"}' % run.id.encode()
                )
            return success(begun, _result_id(run.id))
        result = await saved_result(self._services, exchange.caller, _last_part(exchange))
        if exchange.form == "text":
            kind = self._services.matrix.queries.get(result.kind)
            return self._as_text(kind, result.body)
        return success(result.body)

    async def _stop(self, exchange: Exchange) -> Reply:
        """Stop a run of the caller's own; the answer comes when it has ended."""
        _nothing_given(exchange)
        run = self._services.pipeline.runs.find(_last_part(exchange), exchange.caller.owner)
        if run is None:
            raise nothing_here()
        stopped = not run.done
        run.stop()
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await run.over()
        except TimeoutError:
            _log.warning("the run %s was told to stop and has not ended yet", run.id)
        return success(encode(StoppedView(id=run.id, stopped=stopped)))

    def _resumes(self, exchange: Exchange) -> bool:
        """Whether the request continues a run of the caller's own, which costs nothing."""
        if not exchange.heard.last_event_id or exchange.form != "events":
            return False
        try:
            self._resumed(exchange)
        except Refused:
            return False
        return True

    def _resumed(self, exchange: Exchange) -> tuple[Run, int]:
        event_id = exchange.heard.last_event_id.decode("latin-1")
        return self._services.pipeline.runs.resume(event_id, exchange.caller.owner)

    def _asking(self, kind: QueryType, *, everywhere: bool) -> Handler:
        async def ask(exchange: Exchange) -> Reply | None:
            return await self._ask(exchange, kind, everywhere)

        return ask

    async def _ask(self, exchange: Exchange, kind: QueryType, everywhere: bool) -> Reply | None:
        services = self._services
        if exchange.form == "events" and exchange.heard.last_event_id:
            run, after = self._resumed(exchange)
            with self._seats.one(services.settings.limits.streams):
                await tell(exchange, run, max(after, 0))
            return None
        if services.draining:
            raise Fault("shutting_down", "The service is stopping; ask again in a minute.")
        pipeline = services.pipeline
        plan = self._plans.find(kind, everywhere, exchange)
        if plan is None:
            try:
                given = exchange.pairs()
            except Refused as refusal:
                pipeline.refused(exchange.caller, kind, refusal)
                raise
            plan = await pipeline.plan(exchange.caller, kind, given, all_routers=everywhere)
            self._plans.keep(plan, exchange)
        asked(facts_of(exchange.scope), plan)
        if exchange.form == "events":
            with self._seats.one(services.settings.limits.streams):
                run = self._begun(exchange, plan)
                try:
                    await tell(exchange, run)
                finally:
                    _note(exchange, run)
            return None
        recalled = pipeline.recall(exchange.caller, plan)
        if recalled is not None:
            facts_of(exchange.scope).run_id = recalled.run_id
            return self._answered(exchange, kind, recalled.body, recalled.run_id)
        run = self._begun(exchange, plan)
        try:
            with run.held():
                await unless_gone(exchange.receive, _ended(run, exchange.arrived_s + ANSWER_WITHIN_S))
        finally:
            _note(exchange, run)
        if run.error is not None:
            return problem(_for_caller(run.error, exchange), exchange.form, _result_id(run.id))
        return self._answered(exchange, kind, run.events[-1].body, run.id)

    def _begun(self, exchange: Exchange, plan: Plan) -> Run:
        return self._services.pipeline.begin(exchange.caller, plan, self._charge(exchange))

    def _answered(self, exchange: Exchange, kind: QueryType, data: bytes, run_id: str) -> Reply:
        if exchange.form == "text":
            return self._as_text(kind, data, _result_id(run_id))
        return success(data, _result_id(run_id))

    def _as_text(self, kind: QueryType | None, data: bytes, headers: tuple[Header, ...] = ()) -> Reply:
        return Reply(200, answer_text(kind, data, banner=self._services.settings.banner).encode(), TEXT, headers)

    def _charge(self, exchange: Exchange) -> Callable[[int], None]:
        """Takes further requests off the key's limit: all of them, or none and Busy."""

        def charge(count: int) -> None:
            windows, bucket, limit = self._services.windows, exchange.caller.owner, exchange.state.limit
            state = windows.look(bucket, limit, WINDOW_S)
            if state.remaining < count:
                windows.refuse(bucket)
                sentence = (
                    f"This question costs {count + 1} requests, more than this key has in a minute; ask single routers."
                    if count >= limit
                    else f"This question costs {count + 1} requests, more than are left; try again after the time given."
                )
                raise Busy("rate_limited", sentence, retry_after_s=state.reset_s)
            for _ in range(count):
                exchange.state = windows.hit(bucket, limit, WINDOW_S)

        return charge


async def _ended(run: Run, deadline_s: float) -> None:
    """Returns when the run is over; at the deadline it is stopped, and what it says then is waited for only shortly."""
    try:
        async with asyncio.timeout_at(deadline_s):
            await run.over()
    except TimeoutError:
        run.stop()
        try:
            async with asyncio.timeout(_LAST_WORD_S):
                await run.over()
        except TimeoutError:
            raise _too_late() from None


def _note(exchange: Exchange, run: Run) -> None:
    """What is written down of a question that was put to a router."""
    facts = facts_of(exchange.scope)
    facts.run_id = run.id
    if run.error is not None:
        facts.code = run.error.code


def _for_caller(error: NetPulseError, exchange: Exchange) -> NetPulseError:
    """What ended a run, in the words of its caller: one that was given up for lack of time was not stopped by anybody."""
    late = asyncio.get_running_loop().time() >= exchange.arrived_s + ANSWER_WITHIN_S
    if late and error.code == "stopped":
        return _too_late()
    return error


def _too_late() -> Fault:
    return Fault("router_timeout", "The router did not answer in time.", detail="given up at the limit of one answer")


def _nothing_given(exchange: Exchange) -> Query | None:
    """Refused if there is any parameter."""
    return parse("", (), exchange.pairs()) if exchange.scope["query_string"] else None


def _last_part(exchange: Exchange) -> str:
    path: str = exchange.scope["path"]
    return path.rpartition("/")[2]


def _result_id(run_id: str) -> tuple[Header, ...]:
    return ((b"x-result-id", run_id.encode()),)


def _text(text: str) -> Reply:
    return Reply(200, text.encode(), TEXT)
