"""Who reads a page: nobody we know, counted by address, in a language and a colour theme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from netpulse.errors import Busy, Refused
from netpulse.limits import LimitState, client_bucket
from netpulse.policy import Caller
from netpulse.services import Services
from netpulse.values import Address
from netpulse.web.clients import client_of
from netpulse.web.exchange import hear
from netpulse.words import Words, choose, known, words_for

Theme = Literal["light", "dark"]
_THEMES: dict[str | None, Theme] = {"light": "light", "dark": "dark"}
LANGUAGE_COOKIE = "np_lang"
THEME_COOKIE = "np_theme"
LEASE_S = 15.0
"""How long a question goes on with its page closed."""

MISSES_PER_MINUTE = 60
"""Results that are not there, and questions that are none, that one visitor may ask for in a minute."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A reader. `bucket` is who they are for counting: an IPv4 address or the /64 of an IPv6 one.

    `theme` is None where the browser decides.
    """

    caller: Caller
    address: Address
    bucket: str
    words: Words
    theme: Theme | None


def visitor_of(services: Services, request: Request) -> Visitor:
    """The reader of this request; language and theme from its query string, else its cookies, else its headers."""
    settings = services.settings
    heard = hear(request.scope["headers"])
    address = client_of(request.scope["client"], heard.forwarded_for, settings.trusted_proxies)
    bucket = client_bucket(address)
    return Visitor(
        caller=Caller(owner=f"visitor:{bucket}", audience="public", client=str(address), lease_s=LEASE_S),
        address=address,
        bucket=bucket,
        words=words_for(_language(request, settings.languages)),
        theme=_theme(request),
    )


def quota(services: Services, visitor: Visitor) -> LimitState:
    """Where the visitor's limit stands; nothing is counted."""
    limits = services.settings.limits
    return services.windows.look(visitor.caller.owner, limits.visitor_queries, limits.visitor_window_s)


def spend(services: Services, visitor: Visitor) -> LimitState:
    """Counts one question of this visitor; `admitted` says whether it may be asked."""
    limits = services.settings.limits
    return services.windows.hit(visitor.caller.owner, limits.visitor_queries, limits.visitor_window_s)


def missed(services: Services, visitor: Visitor) -> None:
    """Counts something that this visitor asked for in vain; Busy beyond MISSES_PER_MINUTE."""
    _or_busy(services.windows.hit(f"miss:{visitor.bucket}", MISSES_PER_MINUTE, 60.0))


def heed(services: Services, visitor: Visitor) -> None:
    """Busy while this visitor has asked for too much in vain, before anything is looked up for them. Counts nothing."""
    bucket = f"miss:{visitor.bucket}"
    limit = services.windows.look(bucket, MISSES_PER_MINUTE, 60.0)
    if not limit.admitted:
        services.windows.refuse(bucket)
    _or_busy(limit)


def _or_busy(limit: LimitState) -> None:
    if not limit.admitted:
        sentence = "Too much that does not exist was asked for from this address; try again after the time given."
        raise Busy("rate_limited", sentence, reason="misses", retry_after_s=limit.retry_after_s)


def same_origin(request: Request, public_url: str | None) -> bool:
    """Whether our own page sent this form, as far as the browser says."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return True
    ours = {request.headers.get("host"), _place(public_url or "")}
    return _place(origin) in ours - {None, ""}


def _place(url: str) -> str | None:
    """Host and port of a URL; None where it cannot be one."""
    try:
        return urlsplit(url).netloc
    except ValueError:  # a bracket that nothing closes, a character that becomes a slash
        return None


def must_be_ours(request: Request, public_url: str | None) -> None:
    """Refused where another site sent this form, as far as the browser says."""
    if not same_origin(request, public_url):
        raise Refused(
            "bad_parameter",
            "The form was sent by another site; open its page here and send it from there.",
            detail="its Origin is neither the Host that reached us nor server.public_url",
            reason="origin",
        )


@lru_cache
def offered_languages(languages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the configured languages that there are words of; English if none."""
    return tuple(dict.fromkeys(words_for(tag).tag for tag in languages if known(tag))) or ("en",)


def _language(request: Request, languages: tuple[str, ...]) -> str:
    offered = offered_languages(languages)
    for wish in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in offered:
            return wish
    return choose(request.headers.get("accept-language", ""), offered)


def _theme(request: Request) -> Theme | None:
    for wish in (request.query_params.get("theme"), request.cookies.get(THEME_COOKIE)):
        if wish in _THEMES:
            return _THEMES[wish]
    return None
