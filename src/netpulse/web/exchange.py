"""One request and its answer, as the paths of the service see them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeVar
from urllib.parse import unquote_to_bytes

from netpulse.errors import NetPulseError, Refused
from netpulse.limits import LimitState
from netpulse.policy import Caller
from netpulse.render.as_json import encode, error_object
from netpulse.render.as_text import error_text

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]
F = TypeVar("F", bound=str)
Form = Literal["json", "events", "text"]
PageForm = Literal["html", "json", "text"]

JSON = b"application/json; charset=utf-8"
TEXT = b"text/plain; charset=utf-8"
EVENTS = b"text/event-stream; charset=utf-8"
_FORMS: dict[str, Form] = {"application/json": "json", "text/event-stream": "events", "text/plain": "text"}
_PAGE_FORMS: dict[str, PageForm] = {"text/html": "html", "application/json": "json", "text/plain": "text"}

GUARDS: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""On every answer that is not a page: what a browser may do with it, which is nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: its status, its body, and headers beyond those that every answer has; `code` is that of the error it is."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()
    code: str | None = None


@dataclass(slots=True)
class Heard:
    """The headers that matter here; each as often as it came where that matters."""

    authorization: list[bytes] = field(default_factory=list)
    forwarded_for: list[bytes] = field(default_factory=list)
    accept: bytes = b""
    origin: bytes | None = None
    last_event_id: bytes = b""
    preflight: bool = False


def hear(headers: Iterable[Header]) -> Heard:
    """What these headers say, in one walk; names are in lower case already."""
    heard = Heard()
    for name, value in headers:
        if name == b"authorization":
            heard.authorization.append(value)
        elif name == b"accept":
            heard.accept = heard.accept + b"," + value if heard.accept else value
        elif name == b"x-forwarded-for":
            heard.forwarded_for.append(value)
        elif name == b"origin":
            heard.origin = value
        elif name == b"last-event-id":
            heard.last_event_id = value
        elif name == b"access-control-request-method":
            heard.preflight = True
    return heard


@dataclass(slots=True, eq=False)
class Exchange:
    """A request that came through the gate. `state` is where its key's limit stands and goes out with the answer."""

    scope: Scope
    receive: Receive
    send: Send
    heard: Heard
    request_id: str
    arrived_s: float
    caller: Caller
    state: LimitState
    extra: tuple[Header, ...] = ()
    started: bool = False

    @property
    def form(self) -> Form:
        """What the caller wants to have: JSON unless it prefers events or text."""
        return preferred_form(self.heard.accept)

    def pairs(self) -> list[tuple[str, str]]:
        """Every parameter of the query string in its order; Refused `bad_parameter` if it is not percent-encoded UTF-8."""
        query: bytes = self.scope["query_string"]
        return decoded_pairs(query) if query else []

    async def begin(self, status: int, content_type: bytes, headers: Iterable[Header] = ()) -> None:
        """Send the status and every header; the body follows."""
        self.started = True
        state = self.state
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", content_type),
                    (b"x-request-id", self.request_id.encode()),
                    (b"x-ratelimit-limit", b"%d" % state.limit),
                    (b"x-ratelimit-remaining", b"%d" % state.remaining),
                    (b"x-ratelimit-reset", b"%d" % state.reset_s),
                    *GUARDS,
                    *self.extra,
                    *headers,
                ],
            }
        )

    async def reply(self, reply: Reply) -> None:
        """Send a whole answer."""
        await self.begin(
            reply.status, reply.content_type, (*reply.headers, (b"content-length", b"%d" % len(reply.body)))
        )
        await self.send({"type": "http.response.body", "body": reply.body})


async def send_reply(send: Send, reply: Reply, request_id: str, extra: tuple[Header, ...] = ()) -> None:
    """Send an answer that belongs to no key."""
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (b"content-type", reply.content_type),
                (b"content-length", b"%d" % len(reply.body)),
                (b"x-request-id", request_id.encode()),
                *GUARDS,
                *extra,
                *reply.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


def success(data: bytes, headers: tuple[Header, ...] = ()) -> Reply:
    """200 with this `data`, which is JSON already."""
    return Reply(200, b'{"success":true,"data":%s}' % data, JSON, headers)


def problem(error: NetPulseError, form: Form = "json", headers: tuple[Header, ...] = ()) -> Reply:
    """The answer that this error is, with Retry-After where there is one."""
    if error.retry_after_s is not None:
        headers = (*headers, (b"retry-after", b"%d" % error.retry_after_s))
    if error.status == 401:
        headers = (*headers, (b"www-authenticate", b'Bearer realm="looking glass"'))
    if form == "text":
        return Reply(error.status, error_text(error).encode(), TEXT, headers, error.code)
    return Reply(error.status, encode(error_object(error)), JSON, headers, error.code)


@lru_cache(maxsize=512)
def preferred_form(accept: bytes) -> Form:
    """The form that an Accept header prefers, the first of equals; JSON where it names none of ours."""
    wanted = _wanted(accept, _FORMS)
    return max(wanted, key=lambda found: found[1])[0] if wanted else "json"


@lru_cache(maxsize=512)
def preferred_page(accept: bytes) -> PageForm | None:
    """The same for a page: HTML among equals, as only browsers name it; None where none of the forms is named."""
    wanted = _wanted(accept, _PAGE_FORMS)
    return max(wanted, key=lambda found: (found[1], found[0] == "html"))[0] if wanted else None


def _wanted(accept: bytes, forms: Mapping[str, F]) -> list[tuple[F, float]]:
    """Those of the forms that an Accept header names, in its order with their quality; a quality of 0 is not wanted."""
    found: list[tuple[F, float]] = []
    for part in accept.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name in forms and (quality := _quality(parameters)) > 0:
            found.append((forms[name], quality))
    return found


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def decoded_pairs(query: bytes) -> list[tuple[str, str]]:
    """The name-value pairs of a query string; a plus is a blank, a name without a value has the empty one."""
    if _BROKEN_ESCAPE.search(query):
        raise _not_text()
    pairs: list[tuple[str, str]] = []
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise _not_text() from None


def _not_text() -> Refused:
    return Refused("bad_parameter", "The query string must be percent-encoded UTF-8.", reason="encoding")
