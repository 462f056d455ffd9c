"""What every page shares: its frame, its language and colours, the headers that guard it, and errors in the same dress."""

from __future__ import annotations

import gzip
import logging
import secrets
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

import netpulse
from netpulse.captcha import Captcha
from netpulse.errors import Fault, NetPulseError, NotHere
from netpulse.records import ms_text
from netpulse.services import Services
from netpulse.web.access import facts_of
from netpulse.web.exchange import PageForm, Receive, Scope, Send, hear, preferred_page
from netpulse.web.kept import Kept
from netpulse.web.pages.assets import brand, coding_for, manifest
from netpulse.web.pages.visitor import LANGUAGE_COOKIE, THEME_COOKIE, Visitor, offered_languages, visitor_of
from netpulse.web.pages.wording import told
from netpulse.words import words_for

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "cache-control": "private, no-cache",
    "content-security-policy": CSP,
    "referrer-policy": "same-origin",
    "permissions-policy": "browsing-topics=(), camera=(), geolocation=(), microphone=()",
    "vary": "Accept, Accept-Encoding, Accept-Language, Cookie",
}
_YEAR_S = 365 * 86400
_WORTH_PACKING = 1024
_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")


class Tongue(NamedTuple):
    """A language as the switch offers it."""

    tag: str
    name: str
    chosen: bool


class Frame:
    """Makes the pages of these services. Templates are read once and escape everything."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.captcha = Captcha(secrets.token_bytes(32), lambda: services.wall().timestamp(), secrets.randbelow)
        self._once: Kept[Any] = Kept()
        self._templates = Environment(
            loader=PackageLoader("netpulse", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals["asset"] = _asset
        self._templates.filters["ms"] = ms_text

    def visitor(self, request: Request) -> Visitor:
        """Who asks for this page; the same object for the whole request."""
        known: Visitor | None = request.scope["state"].get("visitor")
        if known is None:
            known = request.scope["state"]["visitor"] = visitor_of(self.services, request)
        return known

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once under each snapshot of the settings; the same for every visitor."""
        value: T = self._once.get(name, self.services.settings, make)
        return value

    def fragment(self, request: Request, template: str, **context: Any) -> str:
        """A part of a page, rendered by the same template that the whole page includes."""
        return self._templates.get_template(template).render(self._context(request, self.visitor(request)), **context)

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        keep: Sequence[tuple[str, str]] | None = None,
        **context: Any,
    ) -> Response:
        """A whole page. `keep` are the parameters that a switch of language or theme carries over; the query string's own
        if not given."""
        text = self.text(request, template, keep=keep, **context)
        return self.page_of(request, text.encode(), status=status, headers=headers)

    def text(
        self, request: Request, template: str, *, keep: Sequence[tuple[str, str]] | None = None, **context: Any
    ) -> str:
        """The HTML of a whole page, as `render` sends it."""
        shared = self._context(request, self.visitor(request))
        shared["keep"] = keep if keep is not None else _kept(request)
        return self._templates.get_template(template).render(shared, **context)

    def page_of(
        self, request: Request, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """This HTML as a page: packed where that is worth it, with the headers that guard every page."""
        sent = {**_HEADERS, **(headers or {})}
        if len(body) >= _WORTH_PACKING and coding_for(request.headers.get("accept-encoding", ""), {"gzip": b""}):
            body = gzip.compress(body, compresslevel=5, mtime=0)
            sent["content-encoding"] = "gzip"
        response = Response(body, status, media_type="text/html; charset=utf-8", headers=sent)
        self._remember(request, response, self.visitor(request))
        return response

    def common(
        self, request: Request, kept: Kept[bytes], of: object, make: Callable[[], str], *more: Hashable
    ) -> Response:
        """A page that shows nothing of its visitor but their language and theme, and `more`; made again when `of` differs.

        Where the query string has something that a switch carries over, it is made for this request alone.
        """
        if _kept(request):
            return self.page_of(request, make().encode())
        visitor = self.visitor(request)
        look = (visitor.words.tag, visitor.theme, *more)
        return self.page_of(request, kept.get(look, of, lambda: make().encode()))

    def page(self, handler: Handler) -> Handler:
        """The handler with its errors shown as pages to whoever reads pages; others get them as the API tells them."""

        async def framed(request: Request) -> Response:
            try:
                return await handler(request)
            except NetPulseError as error:
                if not wants_html(request):
                    raise
                return self.error(request, error)
            except (HTTPException, ClientDisconnect):
                raise
            except Exception as defect:  # the visitor gets a sentence and a number, the log gets the rest
                _log.exception("the request %s met a defect", request.scope["state"]["request_id"])
                fault = Fault("internal", "The service made a mistake.", detail=repr(defect))
                if not wants_html(request):
                    raise fault from defect
                return self.error(request, fault)

        return framed

    def route(self, path: str, handler: Handler, *methods: str) -> Route:
        """A page at this path, for GET unless other methods are given; any other method is told so in a page too."""
        return _PageRoute(self, path, handler, methods or ("GET",))

    def error(self, request: Request, error: NetPulseError) -> Response:
        """The page that this error is."""
        facts_of(request.scope).code = error.code
        headers = {"cache-control": "no-store"}
        if error.retry_after_s is not None:
            headers["retry-after"] = str(error.retry_after_s)
        kind = {404: "404", 405: "405"}.get(error.status, "500" if error.status >= 500 else "other")
        return self.render(
            request,
            "error.html",
            status=error.status,
            headers=headers,
            kind=kind,
            error=error,
            sentence=told(self.visitor(request).words, error),
            request_id=request.scope["state"]["request_id"],
        )

    def last_routes(self) -> list[BaseRoute]:
        """What answers where nothing else does."""
        return [_Nowhere("/{path:path}", _Missing(self))]

    def _context(self, request: Request, visitor: Visitor) -> dict[str, Any]:
        settings = self.services.settings
        branded = brand(settings.branding)
        return {
            "t": visitor.words.t,
            "parts": visitor.words.parts,
            "words": visitor.words,
            "languages": [
                Tongue(tag, words_for(tag).name, tag == visitor.words.tag)
                for tag in offered_languages(settings.languages)
            ],
            "theme": visitor.theme,
            "site": settings.site,
            "settings": settings,
            "version": netpulse.__version__,
            "banner": settings.banner,
            "path": request.scope["path"],
            "accent_url": next((f"/brand/{name}" for name in branded if name.startswith("accent.")), None),
            "logo_url": next((f"/brand/{name}" for name in branded if name.startswith("logo.")), None),
        }

    def _remember(self, request: Request, response: Response, visitor: Visitor) -> None:
        """A language or theme that the query string chose is kept in a cookie; nothing else is."""
        secure = (self.services.settings.public_url or "").startswith("https:")
        chosen = {LANGUAGE_COOKIE: ("lang", visitor.words.tag), THEME_COOKIE: ("theme", visitor.theme)}
        for cookie, (name, value) in chosen.items():
            if value is not None and request.query_params.get(name) == value:
                response.set_cookie(cookie, value, max_age=_YEAR_S, samesite="lax", secure=secure)


class _PageRoute(Route):
    """A route whose errors are pages to whoever reads pages, that of a method which it does not take among them."""

    def __init__(self, frame: Frame, path: str, handler: Handler, methods: Sequence[str]) -> None:
        super().__init__(path, frame.page(handler), methods=list(methods))
        self._frame = frame

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        allowed = sorted(self.methods or ())
        if scope["method"] in allowed or not wants_html(request):
            await super().handle(scope, receive, send)
            return
        response = self._frame.error(request, NotHere("method_not_allowed", "This path does not take that method."))
        response.headers["allow"] = ", ".join(allowed)
        await response(scope, receive, send)


class _Missing:
    """ASGI: nothing is here."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def missing(_request: Request) -> Response:
            raise NotHere("not_found", "There is nothing at this path.")

        request = Request(scope, receive)
        response = await self._frame.page(missing)(request)
        await response(scope, receive, send)


class _Nowhere(Route):
    """Matches everything, but only where no other route matches path or method."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return (Match.PARTIAL if match is Match.FULL else match), child


def wants_html(request: Request) -> bool:
    """Whether a browser asks: its Accept header names HTML, and nothing else with a higher quality."""
    return wanted(request) == "html"


def wanted(request: Request) -> PageForm | None:
    """The form that is asked for by name; None for `*/*` alone, as of curl, and for no Accept header at all.

    Whoever names none reads what has a text, a result or a link's question, as text, and all else as a page.
    """
    return preferred_page(hear(request.scope["headers"]).accept)


def link(path: str, **parameters: object) -> str:
    """A path with these parameters, percent-encoded; those that are None are left out."""
    given = [(name, str(value)) for name, value in parameters.items() if value is not None]
    return f"{path}?{urlencode(given)}" if given else path


def _kept(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.query_params.multi_items() if name not in ("lang", "theme")][:20]


def _asset(name: str) -> str:
    return f"/static/{manifest()[name]}"
