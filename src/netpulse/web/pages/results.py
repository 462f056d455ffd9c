"""A result: stored, under way, or gone. One page grows from the first to the last, and looks the same when it is loaded again.

    GET  /r/<id>          as HTML; `.json`, `.txt` and whoever asks for no HTML get the stored result as it is, as text unless
                          they ask for JSON
    GET  /r/<id>/events   the growth of the page, for whoever asked
    POST /r/<id>/stop     ends it, for whoever asked

Whoever did not ask sees that a query is under way, and its result as soon as it is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from netpulse.errors import NotHere
from netpulse.policy import connections_for, offered, routers_for
from netpulse.render.as_text import answer_text
from netpulse.runs import Run
from netpulse.store.results import StoredResult
from netpulse.web.exchange import TEXT
from netpulse.web.pages.cards import silence_of
from netpulse.web.pages.composer import Typed
from netpulse.web.pages.form import form_context
from netpulse.web.pages.frame import Frame, wanted
from netpulse.web.pages.live import Live
from netpulse.web.pages.panels import (
    Matched,
    PathRow,
    matched,
    panel_of,
    path_figures,
    path_graph,
    path_rows,
    ping_figures,
    ping_picture,
    raw_of,
    trace_picture,
)
from netpulse.web.pages.places import Places
from netpulse.web.pages.progress import Progress
from netpulse.web.pages.question import Begun, Question, begun_lately, everyone_asked, question_of
from netpulse.web.pages.verdict import is_told, notices, routes_in, sentence
from netpulse.web.pages.visitor import LEASE_S, heed, missed, must_be_ours
from netpulse.web.pages.way_out import way_out
from netpulse.web.saved import nothing_here, saved_result
from netpulse.words import Words

_FIRST_EVENT_S = 2.0
_STOP_WITHIN_S = 5.0
_ASK_AGAIN_S = 3
_MOST_OF_ONE = 32
"""Streams open at once for one visitor, who may be a whole office behind one address."""

_NOT_KEPT = {"cache-control": "no-store"}
_BY_ACCEPT = {"vary": "Accept"}
_log = logging.getLogger(__name__)


def routes(frame: Frame) -> list[BaseRoute]:
    """`/r/<id>` and what belongs to it."""
    results = Results(frame)
    events = frame.route("/r/{name}/events", results.events)
    events.methods = {"GET"}  # a HEAD, which Starlette adds, would hold a stream open that nobody reads
    return [
        frame.route("/r/{name}", results.show),
        events,
        frame.route("/r/{name}/stop", results.stop, "POST"),
    ]


class Queue(NamedTuple):
    """The line in front of a router: how many questions it takes at once, the usual and the longest wait in seconds."""

    sessions: int
    usual_s: int
    longest_s: int


class Results:
    """The pages of results over these services."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._services = frame.services
        self._seats = frame.services.seats
        self._growing: set[object] = set()

    async def show(self, request: Request) -> Response:
        """The result as far as it is known now."""
        run_id, _, suffix = request.path_params["name"].partition(".")
        if suffix in ("json", "txt"):
            return await self._plain(request, run_id, suffix)
        if not suffix and (form := wanted(request)) != "html":
            return await self._plain(request, run_id, "json" if form == "json" else "txt")
        if suffix:
            raise nothing_here()
        visitor = self._frame.visitor(request)
        run = self._run(request, run_id)
        if run is not None and not (run.done and run.data is not None):
            with run.held():  # a page that comes again and again is what reads it where there are no scripts
                progress = await self.progress(request, run)
                progress.take(run.events)
                return self._page(request, progress, live=not run.done)
        heed(self._services, visitor)
        try:
            stored = await saved_result(self._services, visitor.caller, run_id)
        except NotHere:
            begun = await self._begun(request, run_id)
            if begun is None or begun.interrupted:
                return self._gone(request, begun)
            return self._page(request, Progress(run_id, begun.question, state="running"), live=False)
        data = msgspec.json.decode(stored.body)
        question = question_of(stored, data)
        return self._page(request, Progress.stored(run_id, question, data, self._first_seq(question)), live=False)

    async def events(self, request: Request) -> Response:
        """The page's own growth as server-sent events; it goes on after `Last-Event-ID`, else after the number `after`."""
        run = self._owned(request)
        seen = _number_after(run, request.headers.get("last-event-id") or request.query_params.get("after") or "0")
        progress = await self.progress(request, run)
        most = self._services.settings.limits.streams
        visitor = self._frame.visitor(request)
        seat = self._seats.one(most, visitor.caller.owner, _MOST_OF_ONE)

        def part(template: str, growing: bool) -> str:
            return self._frame.fragment(request, template, **self.context(request, progress, growing=growing))

        return Live(run, progress, seen, part, visitor.words, seat, self._growing)

    async def stop(self, request: Request) -> Response:
        """End the run and lead back to its page."""
        must_be_ours(request, self._services.settings.public_url)
        run = self._owned(request)
        run.stop()
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await run.over()
        except TimeoutError:
            _log.warning("the run %s was told to stop and has not ended yet", run.id)
        return RedirectResponse(f"/r/{run.id}", status_code=303)

    async def progress(self, request: Request, run: Run) -> Progress:
        """An empty picture of this run with its question, which is known once anything happened to it."""
        try:
            async with asyncio.timeout(_FIRST_EVENT_S):
                async for _ in run.follow():
                    break
        except TimeoutError:
            _log.info("the run %s has not begun yet", run.id)
        caller = self._frame.visitor(request).caller
        begun = await begun_lately(self._services, caller, run.id, run.options)
        question = begun.question if begun else None
        if question is not None and any(b'"job":' in event.body for event in run.events[:1]):
            everyone = everyone_asked(self._services, caller, question.kind)
            question = Question(question.kind, everyone, True, None, question.target)
        return Progress(run.id, question, first_seq=self._first_seq(question))

    def _first_seq(self, question: Question | None) -> int | None:
        """How the router that was asked numbers its first probe; None if it is no longer there."""
        router = self._services.settings.inventory.router(question.router or "") if question else None
        cell = self._services.matrix.cell(router.platform, question.kind) if router and question else None
        return cell.first_seq if cell else None

    def context(self, request: Request, progress: Progress, *, growing: bool = False) -> dict[str, Any]:
        """All that the parts of a result need; `growing` leaves out what a page that shows one already has."""
        words = self._frame.visitor(request).words
        asked = progress.question
        places = self._places(request, asked)
        verdict = sentence(words, progress)
        hidden = self._services.settings.disclosure(self._frame.visitor(request).caller.audience).fields
        rows = path_rows(words, progress, places, med_hidden=("med",) in hidden) if progress.kind == "aspath" else []
        node_names = self._node_names(rows, places)
        found = matched(rows, node_names)
        heading, title = self._titles(words, progress, found)
        return {
            "progress": progress,
            "growing": growing,
            "panel": panel_of(progress),
            "kind_name": words.t("query." + progress.kind) if words.has("query." + progress.kind) else progress.kind,
            "places": places,
            "at": places.router(asked.router) if asked else None,
            "by": places.connection(asked.router, asked.connection) if asked else None,
            "link": asked.link() if asked else "/",
            "url": self._url(request, progress.id),
            "heading": heading,
            "title": words.t("result.title.says", what=title, verdict=verdict),
            "verdict": verdict,
            "told": is_told(progress),
            "way_out": way_out(words, progress, places),
            "notices": notices(words, progress, places),
            "figures": ping_figures(words, progress) if progress.kind == "ping" else [],
            "charts": ping_picture(progress) if progress.kind == "ping" else (),
            "figures_answered": len(progress.result["echoes"]) if progress.kind == "ping" else 0,
            "path_figures": path_figures(words, progress, places) if progress.kind == "aspath" else [],
            "as_link": asked.link(as_lookup="true") if asked and progress.data.get("as_lookup") is False else "",
            "bar": trace_picture(progress) if progress.kind == "traceroute" else None,
            "path_rows": rows,
            "rows_left": len(routes_in(progress)) - len(rows) if rows else 0,
            "graph": path_graph(rows, node_names),
            "node_names": node_names,
            "matched": found,
            "raws": (raws := raw_of(progress)),
            "printed": progress.live or any(raw.output for raw in raws),
            "queue": self._queue(progress, places),
            "lease_s": round(LEASE_S),
        }

    def _node_names(self, rows: Sequence[PathRow], places: Places) -> dict[str, str]:
        """What the nodes of the graph and the steps of the paths are called: the place of a router, the name of a network."""
        names = self._services.pipeline.frame.names
        found: dict[str, str] = {}
        for row in rows:
            router = places.router(row.router)
            found[row.router] = router.location if router else ""
            for step in row.steps:
                if step.text.isdigit():
                    found[step.text] = names.of_as(int(step.text)) or ""
        return {text: name for text, name in found.items() if name}

    def _page(self, request: Request, progress: Progress, *, live: bool) -> Response:
        typed = progress.question.typed() if progress.question else Typed()
        form = form_context(self._frame, request, typed)
        return self._frame.render(
            request,
            "result.html",
            headers=_NOT_KEPT if progress.live else None,
            live=live,
            script_data=form["model"].for_script(),
            **form,
            **self.context(request, progress),
        )

    def _titles(self, words: Words, progress: Progress, found: Matched) -> tuple[str, str]:
        """The heading, which names the one prefix that was found, and the title: what was asked, and where from."""
        asked = progress.question
        key = f"result.title.{progress.kind}"
        target = (asked.target if asked else None) or progress.data.get("target") or ""
        what = words.t(key, target=target) if progress.kind and words.has(key) else words.t("result.title.other")
        heading = words.t(key, target=found.prefixes[0]) if len(found.prefixes) == 1 and words.has(key) else what
        if asked and asked.router:
            return heading, words.t("result.title.from", what=what, router=asked.router)
        return heading, what

    def _places(self, request: Request, asked: Question | None) -> Places:
        services, caller = self._services, self._frame.visitor(request).caller
        routers = {r.slug: r for r in routers_for(caller, services.settings.inventory)}
        connections = {(slug, c.id): c for slug, r in routers.items() for c in connections_for(caller, r)}
        down = {slug for slug, r in routers.items() if services.pool.state(r.device) == "down"}
        working = [r for slug, r in routers.items() if slug not in down and r.maintenance is None]
        return Places(
            routers,
            connections,
            {slug: silence_of(services, routers[slug].device) for slug in down},
            tuple(r.slug for r in working if asked and asked.kind in offered(services.matrix, r)),
        )

    def _queue(self, progress: Progress, places: Places) -> Queue:
        """The line in which this question stands, or would."""
        asked, services = progress.question, self._services
        longest_s = round(services.settings.limits.queue_wait_s)
        router = places.router(asked.router) if asked else None
        kind = services.matrix.queries.get(progress.kind)
        if router is None or kind is None:
            return Queue(0, longest_s, longest_s)
        device = router.routes[0].device if kind.about_routes and router.routes else router.device
        usual_s = ceil(services.pool.post(device).slots.usual_wait_s(progress.position or 1))
        return Queue(device.max_sessions, min(usual_s, longest_s), longest_s)

    def _url(self, request: Request, run_id: str) -> str:
        base = self._services.settings.public_url or str(request.base_url)
        return f"{base.rstrip('/')}/r/{run_id}"

    def _run(self, request: Request, run_id: str) -> Run | None:
        return self._services.pipeline.runs.find(run_id, self._frame.visitor(request).caller.owner)

    def _owned(self, request: Request) -> Run:
        run = self._run(request, request.path_params["name"])
        if run is None:
            visitor = self._frame.visitor(request)
            heed(self._services, visitor)
            missed(self._services, visitor)
            raise nothing_here()
        return run

    async def _begun(self, request: Request, run_id: str) -> Begun | None:
        """A run of this id that has no result yet; a guess at an id is counted."""
        visitor = self._frame.visitor(request)
        begun = await begun_lately(self._services, visitor.caller, run_id) if _is_id(run_id) else None
        if begun is not None and await self._services.store.results.get(run_id) is not None:
            begun = None  # it has one, which is not for this visitor
        if begun is None:
            missed(self._services, visitor)
        return begun

    def _gone(self, request: Request, begun: Begun | None) -> Response:
        link = begun.question.link() if begun else ""
        return self._frame.render(request, "gone.html", status=404, headers=_NOT_KEPT, interrupted=link)

    async def _plain(self, request: Request, run_id: str, suffix: str) -> Response:
        visitor = self._frame.visitor(request)
        heed(self._services, visitor)
        try:
            stored = await saved_result(self._services, visitor.caller, run_id)
        except NotHere:
            begun = await self._begun(request, run_id)
            if begun is None or not begun.under_way:
                raise
            return _still_running(suffix)
        if suffix == "json":
            body = b'{"success":true,"data":%s}' % stored.body
            return Response(body, media_type="application/json; charset=utf-8", headers=_BY_ACCEPT)
        return Response(self._text(stored), media_type=TEXT.decode(), headers=_BY_ACCEPT)

    def _text(self, stored: StoredResult) -> str:
        kind = self._services.matrix.queries.get(stored.kind)
        return answer_text(kind, stored.body, banner=self._services.settings.banner)


def _still_running(suffix: str) -> Response:
    """What a program is told that asks for a result before it is there."""
    headers = {**_NOT_KEPT, **_BY_ACCEPT, "retry-after": str(_ASK_AGAIN_S)}
    if suffix == "json":
        return Response(b'{"success":true,"data":null}', 202, headers, "application/json; charset=utf-8")
    text = f"The router is still being asked; ask for this again in {_ASK_AGAIN_S} seconds.\n"
    return Response(text, 202, headers, TEXT.decode())


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(c in "0123456789abcdef" for c in text)


def _number_after(run: Run, event_id: str) -> int:
    """The number of the last event that was seen: of `<run id>.<n>` or `<n>`; 0 for anything that is none of this run's."""
    run_id, dot, number = event_id.rpartition(".")
    if (dot and run_id != run.id) or not (number.isascii() and number.isdigit()) or len(number) > 9:
        return 0
    return int(number) if int(number) <= len(run.events) else 0
