"""Every path of the service: the API behind its gate, and the rest."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from random import Random
from secrets import token_hex
from typing import Any, TypeGuard

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router

from netpulse import logs
from netpulse.errors import Fault, NetPulseError, NotHere
from netpulse.logs import Access
from netpulse.policy import Caller
from netpulse.render.as_text import answer_text
from netpulse.services import Services
from netpulse.store.results import StoredResult
from netpulse.web.access import new_facts, prefix_of, told
from netpulse.web.api import PREFIX, Api
from netpulse.web.clients import client_of
from netpulse.web.exchange import GUARDS, TEXT, Receive, Scope, Send, hear, preferred_form, problem, send_reply
from netpulse.web.gate import Gate
from netpulse.web.health import Health
from netpulse.web.openapi import Document
from netpulse.web.saved import saved_result

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
_log = logging.getLogger(__name__)


class App:
    """ASGI. Gives each request its id, sends the API to its gate, keeps any defect from the client, and writes down how it went.

    `pages` are routes that come before the plain ones of this file.
    """

    def __init__(self, services: Services, pages: Sequence[BaseRoute] = ()) -> None:
        self.api = Api(services)
        self._services = services
        # Names, not secrets; not counted, because a count would tell every customer how many others ask.
        self._names = Random(token_hex(16))  # noqa: S311
        self._gate = Gate(services, self.api)
        routes = [*pages, *plain_routes(services)]
        self._site = Router(routes, redirect_slashes=False)
        self._templates: dict[Any, str] = {route.endpoint: route.path for route in routes if _is_page(route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = f"{self._names.getrandbits(64):016x}"
        facts = state["facts"] = new_facts(request_id, scope["method"])
        began_s = time.monotonic()
        # Not taken back: each request is a task of its own.
        logs.request_id.set(request_id)
        path: str = scope["path"]
        try:
            if path.startswith(PREFIX) and (len(path) == len(PREFIX) or path[len(PREFIX)] == "/"):
                await self._gate(scope, receive, send)
            else:
                await self._page(scope, receive, send, request_id, facts)
        finally:
            told(facts, began_s, self._services.observer)

    async def _page(self, scope: Scope, receive: Receive, send: Send, request_id: str, facts: Access) -> None:
        started = False

        async def guarded(message: dict[str, object]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                facts.status = message["status"]  # type: ignore[assignment]
                headers = list(message.get("headers", ()))  # type: ignore[call-overload]
                known = {name.lower() for name, _ in headers}
                headers += [guard for guard in GUARDS if guard[0] not in known]
                message = {**message, "headers": [*headers, (b"x-request-id", request_id.encode())]}
            await send(message)

        heard = hear(scope["headers"])
        form = preferred_form(heard.accept)
        facts.client = prefix_of(client_of(scope["client"], heard.forwarded_for, self._services.settings.trusted_proxies))
        # With an app in the scope starlette raises its 404 and 405 instead of writing them.
        within = {**scope, "app": self}
        try:
            await self._site(within, receive, guarded)  # type: ignore[arg-type]
            return
        except NetPulseError as error:
            reply = problem(error, form)
        except HTTPException as refusal:
            reply = problem(_as_error(refusal), form, _allow(refusal))
        except asyncio.CancelledError:
            raise
        except ClientDisconnect:
            return  # nobody is there to answer
        except Exception as defect:  # the last door: the visitor gets a sentence, the log gets the rest
            _log.exception("the request %s met a defect", request_id)
            reply = problem(Fault("internal", "The service made a mistake.", detail=repr(defect)), form)
        finally:
            facts.route = self._templates.get(within.get("endpoint"), facts.route)
        facts.code = reply.code
        if not started:
            facts.status = reply.status
            await send_reply(send, reply, request_id)


def _is_page(route: BaseRoute) -> TypeGuard[Route]:
    """Whether this is one path or one shape of paths, not what answers where nothing else does."""
    return isinstance(route, Route) and not route.path.endswith(":path}")


def _as_error(refusal: HTTPException) -> NetPulseError:
    if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return NotHere("method_not_allowed", "This path does not take that method.")
    return NotHere("not_found", "There is nothing at this path.")


def _allow(refusal: HTTPException) -> tuple[tuple[bytes, bytes], ...]:
    allowed = (refusal.headers or {}).get("Allow")
    return ((b"allow", allowed.encode()),) if allowed else ()


def plain_routes(services: Services) -> list[BaseRoute]:
    """What there is without pages: health, the API's document, and stored results as JSON and text."""
    health, document = Health(services), Document(services)

    async def home(_request: Request) -> Response:
        name = services.settings.site.name
        return _text(f"{name}\n\nThe API is at {PREFIX}, its description at /openapi.json.\n")

    async def alive(_request: Request) -> Response:
        return _json(b'{"alive":true}')

    async def ready(_request: Request) -> Response:
        reply = await health.ready()
        return Response(reply.body, reply.status, media_type=reply.content_type.decode())

    async def openapi(_request: Request) -> Response:
        return _json(document.json())

    async def result(request: Request) -> Response:
        name: str = request.path_params["name"]
        result_id, _, suffix = name.partition(".")
        if suffix not in ("", "json", "txt"):
            raise NotHere("not_found", "There is nothing at this path.")
        found = await saved_result(services, visitor(services, request), result_id)
        if suffix == "json":
            return _json(b'{"success":true,"data":%s}' % found.body)
        return _text(_as_text(services, found))

    return [
        Route("/", home),
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/openapi.json", openapi),
        Route("/r/{name}", result),
    ]


def visitor(services: Services, request: Request) -> Caller:
    """Whoever reads a page: no key, so only what is public exists."""
    heard = hear(request.scope["headers"])
    client = client_of(request.scope["client"], heard.forwarded_for, services.settings.trusted_proxies)
    return Caller(owner=f"visitor:{client}", audience="public", client=str(client))


def _as_text(services: Services, found: StoredResult) -> str:
    kind = services.matrix.queries.get(found.kind)
    return answer_text(kind, found.body, banner=services.settings.banner)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json; charset=utf-8")


def _text(text: str) -> Response:
    return Response(text, media_type=TEXT.decode())
