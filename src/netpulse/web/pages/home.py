"""The first page: the form, what came back of it, and the network below.

A link fills the form and never runs it; only the button does, by a POST that answers with the address of the result.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from netpulse.cells import QueryType
from netpulse.errors import Busy, NetPulseError, Refused
from netpulse.pipeline import everywhere
from netpulse.query import Query, parse
from netpulse.render.as_json import encode
from netpulse.web.access import asked as noted
from netpulse.web.access import facts_of
from netpulse.web.exchange import JSON
from netpulse.web.pages.cards import Card, cards_of, in_numbers, is_large, kinds_in
from netpulse.web.pages.composer import ALL_ROUTERS, Typed
from netpulse.web.pages.form import (
    PERSON_COOKIE,
    asked,
    choosable,
    exhausted,
    form_context,
    is_person,
    must_be_choices,
    posted,
    the_model,
    trouble,
    typed_from,
)
from netpulse.web.pages.frame import Frame, wanted, wants_html
from netpulse.web.pages.shell_line import shell_line
from netpulse.web.pages.untouched import Look, Untouched
from netpulse.web.pages.visitor import Visitor, missed, must_be_ours, quota, spend
from netpulse.web.pages.wording import told

_log = logging.getLogger(__name__)


class _Answered(Exception):
    """The sum was answered wrongly or not at all; the text is the key of the words about it."""


def routes(frame: Frame) -> list[BaseRoute]:
    """`/`, and `/captcha` for another sum."""
    home = Home(frame)
    return [
        frame.route("/", lambda request: home.ask(request) if request.method == "POST" else home.show(request), "GET", "POST"),
        frame.route("/captcha", home.another),
    ]


class Home:
    """The first page over these services."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._services = frame.services
        self._cards = cards_of(frame.services)
        self._untouched = Untouched()

    async def show(self, request: Request) -> Response:
        """The form as the link fills it; for whoever reads no pages the line that asks the same of the API."""
        typed = typed_from(dict(request.query_params), self._services.matrix.queries)
        form = wanted(request)
        if form == "text" or (form != "html" and typed.pairs()):
            text = shell_line(self._frame, self._frame.visitor(request), typed, str(request.base_url))
            return PlainTextResponse(text, headers={"vary": "Accept"})
        limit = quota(self._services, self._frame.visitor(request))
        if request.scope["query_string"] or limit.remaining < limit.limit:
            return self._page(request, typed, followed="show" not in request.query_params)
        return self._untouched_page(request, typed)

    async def ask(self, request: Request) -> Response:
        """Start what the form asks and lead to its result, or show the form again with what is wrong with it."""
        visitor = self._frame.visitor(request)
        kinds = choosable(self._frame, the_model(self._frame, visitor))
        try:
            must_be_ours(request, self._services.settings.public_url)
            typed, token, answer = await posted(request, kinds)
        except Refused as refusal:
            if not wants_html(request):
                raise
            facts_of(request.scope).code = refusal.code
            _log.warning("a form was refused: %s", refusal.detail or refusal.sentence)
            return self._page(request, Typed(), {"form": told(visitor.words, refusal)}, status=refusal.status)
        kind = kinds.get(typed.query)
        earned: str | None = None
        try:
            if kind is None:
                raise Refused("bad_parameter", "Choose one of the diagnostics.")
            self._limited(visitor)
            pairs, all_routers = asked(typed, kind), typed.router == ALL_ROUTERS
            # What cannot be a question at all costs nothing: neither one of the visitor's questions nor the sum.
            query: Query | None = None
            try:
                if all_routers and kind.fold is None:
                    raise Refused("not_offered", "This question is asked of one router.")
                must_be_choices(typed, kinds)
                query = parse(kind.name, everywhere(kind) if all_routers else kind.parameters, pairs)
                self._services.pipeline.frame.policy.must_be_public(query.target)
            except Refused as refusal:
                missed(self._services, visitor)  # so that nobody fills the audit trail for nothing
                self._services.pipeline.refused(visitor.caller, kind, refusal, query)
                raise
            earned = self._person(request, visitor, token, answer)
            self._spend(visitor)
            run_id = await self._begin(request, visitor, kind, pairs, all_routers)
        except _Answered as reason:
            text = visitor.words.t(f"captcha.{reason}", answer=answer.strip()[:8])
            return self._page(request, typed, {"captcha": text}, token=token, status=400)
        except NetPulseError as error:
            facts_of(request.scope).code = error.code
            if error.status >= 500:
                _log.warning("a question of the form was not asked: %s %s", error.code, error.detail)
            field, text = trouble(visitor.words, error, typed, kind)
            response = self._page(
                request,
                typed,
                {field: text},
                token=token,
                answer=answer,
                status=error.status,
                retry_after_s=error.retry_after_s,
                person=earned is not None,
            )
        else:
            response = RedirectResponse(f"/r/{run_id}", status_code=303)
        if earned is not None:
            self._remember(response, earned)
        return response

    async def another(self, request: Request) -> Response:
        """Another sum, as JSON."""
        visitor = self._frame.visitor(request)
        question = self._frame.captcha.ask(visitor.bucket)
        return Response(encode({"sum": f"{question.a} + {question.b}", "token": question.token}), media_type=JSON.decode())

    def _limited(self, visitor: Visitor) -> None:
        limit = quota(self._services, visitor)
        if exhausted(limit):
            self._services.windows.refuse(visitor.caller.owner)
            raise _too_many(limit.retry_after_s)

    def _spend(self, visitor: Visitor) -> None:
        limit = spend(self._services, visitor)
        if not limit.admitted:
            raise _too_many(limit.retry_after_s)

    def _person(self, request: Request, visitor: Visitor, token: str, answer: str) -> str | None:
        """The pass that the answer earned; None where none is needed. Raises _Answered where it is not right."""
        settings = self._services.settings.captcha
        if not settings.enabled or is_person(self._frame, request, visitor):
            return None
        if not token:
            raise _Answered("over")  # the form had no question: an earlier answer still counted when it was shown
        verdict = self._frame.captcha.check(token, answer, visitor.bucket)
        if verdict != "right":
            raise _Answered(verdict)
        return self._frame.captcha.earned(visitor.bucket, settings.lasts_s)

    def _remember(self, response: Response, earned: str) -> None:
        secure = (self._services.settings.public_url or "").startswith("https:")
        lasts_s = self._services.settings.captcha.lasts_s
        response.set_cookie(PERSON_COOKIE, earned, max_age=lasts_s, httponly=True, samesite="lax", secure=secure)

    async def _begin(
        self, request: Request, visitor: Visitor, kind: QueryType, pairs: list[tuple[str, str]], all_routers: bool
    ) -> str:
        """The id of the run. Its lease begins at once: it ends by itself if nobody comes to see it."""
        pipeline = self._services.pipeline
        plan = await pipeline.plan(visitor.caller, kind, pairs, all_routers=all_routers)
        run = pipeline.begin(visitor.caller, plan)
        facts = facts_of(request.scope)
        noted(facts, plan)
        facts.run_id = run.id
        with run.held():
            return run.id

    def _untouched_page(self, request: Request, typed: Typed) -> Response:
        """The page for somebody who has not done anything here yet; most visits are that."""
        frame, visitor = self._frame, self._frame.visitor(request)
        shown = self._cards.of(visitor.caller)
        asked = self._services.settings.captcha.enabled and not is_person(frame, request, visitor)

        def make(places: Mapping[str, Any]) -> str:
            context = {**form_context(frame, request, typed), **places}
            return frame.text(request, "home.html", keep=[], **self._network(visitor, shown), **context)

        body = self._untouched.html(
            Look(visitor.words.tag, visitor.theme, asked),
            (self._services.settings, shown),
            make,
            address=str(visitor.address),
            question=frame.captcha.ask(visitor.bucket) if asked else None,
        )
        return frame.page_of(request, body)

    def _network(self, visitor: Visitor, shown: Sequence[Card]) -> dict[str, Any]:
        """What the lower half of the page shows."""
        large = is_large(shown)
        return {
            "cards": shown,
            "large": large,
            "kinds_shown": [] if large else kinds_in(shown),
            "summary": in_numbers(visitor.words, self._services, shown),
            "script_data": self._frame.once("script", the_model(self._frame, visitor).for_script),
        }

    def _page(
        self,
        request: Request,
        typed: Typed,
        errors: dict[str, str] | None = None,
        *,
        token: str = "",
        answer: str = "",
        status: int = 200,
        retry_after_s: int | None = None,
        person: bool = False,
        followed: bool = False,
    ) -> Response:
        visitor = self._frame.visitor(request)
        context = form_context(
            self._frame, request, typed, errors=errors, token=token, answer=answer, person=person, followed=followed
        )
        headers = {"cache-control": "no-store"} if status >= 400 else {}
        if retry_after_s is not None:
            headers["retry-after"] = str(retry_after_s)
        return self._frame.render(
            request,
            "home.html",
            status=status,
            headers=headers,
            keep=typed.pairs(),
            **self._network(visitor, self._cards.of(visitor.caller)),
            **context,
        )


def _too_many(retry_after_s: int) -> Busy:
    return Busy("rate_limited", "The limit for visitors is reached; try again later.", retry_after_s=retry_after_s)
