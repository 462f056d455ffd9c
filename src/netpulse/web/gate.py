"""The front of /api/v1: who asks, whether they may now, and only then what.

The order is fixed: key, limit, path and method, parameters. Each request with a valid key costs one, whatever its answer;
only `/limits` and the continuation of a run of the same caller are free.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from functools import lru_cache

from netpulse.errors import Busy, Fault, NetPulseError, NotHere, Unauthorized
from netpulse.limits import LimitState, client_bucket
from netpulse.policy import Caller
from netpulse.services import Services
from netpulse.store.keys import KeyRecord
from netpulse.values import Address
from netpulse.web.access import facts_of, prefix_of
from netpulse.web.api import PREFIX, Api
from netpulse.web.clients import client_of, client_text
from netpulse.web.exchange import (
    Exchange,
    Form,
    Header,
    Heard,
    Receive,
    Reply,
    Scope,
    Send,
    hear,
    preferred_form,
    problem,
    send_reply,
)
from netpulse.web.waiting import Gone

WINDOW_S = 60.0
_BEARER = re.compile(rb"\A[Bb][Ee][Aa][Rr][Ee][Rr] +([\x21-\x7e]{1,512})\Z")
_EXPOSED = b"Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, X-Result-Id"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """ASGI in front of the paths of the API. The scope's path begins with PREFIX."""

    services: Services
    api: Api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id: str = scope["state"]["request_id"]
        heard = hear(scope["headers"])
        extra = self._cross_origin(heard)
        exchange: Exchange | None = None
        try:
            if heard.preflight and scope["method"] == "OPTIONS" and len(extra) > 1:
                facts_of(scope).status = _PREFLIGHT.status
                await send_reply(send, _PREFLIGHT, request_id, extra)
                return
            exchange = self._admitted(scope, receive, send, heard, request_id, extra)
            reply = await self._answer(exchange)
        except NetPulseError as error:
            reply = problem(error, preferred_form(heard.accept), _allowed(error))
        except Gone:
            return
        except Exception as defect:  # the last door: the caller gets a sentence, the log gets the rest
            _log.exception("the request %s met a defect", request_id)
            if exchange is not None and exchange.started:
                raise
            reply = problem(Fault("internal", "The service made a mistake.", detail=repr(defect)))
        if reply is None:
            return
        facts = facts_of(scope)
        facts.code, facts.status = reply.code, reply.status
        if exchange is None:
            await send_reply(send, reply, request_id, extra)
        else:
            await exchange.reply(reply)

    def _admitted(
        self, scope: Scope, receive: Receive, send: Send, heard: Heard, request_id: str, extra: tuple[Header, ...]
    ) -> Exchange:
        """The exchange of a caller with a valid key; nothing is counted for it yet."""
        settings = self.services.settings
        client = client_of(scope["client"], heard.forwarded_for, settings.trusted_proxies)
        facts = facts_of(scope)
        facts.client = prefix_of(client)
        record = self._key(heard, client)
        facts.key_id = record.id
        caller = Caller(
            owner=f"key:{record.id}",
            audience="key",
            client=client_text(client),
            routers=record.routers,
            key_id=record.id,
        )
        limit = LimitState(True, record.per_minute, 0, 0)
        now_s = asyncio.get_running_loop().time()
        return Exchange(scope, receive, send, heard, request_id, now_s, caller, limit, extra)

    def _key(self, heard: Heard, client: Address) -> KeyRecord:
        """The key of the request; Unauthorized, or Busy for a client that keeps trying."""
        try:
            if len(heard.authorization) != 1:
                raise Unauthorized(detail="no single Authorization header")
            form = _BEARER.match(heard.authorization[0])
            if form is None:
                raise Unauthorized(detail="not a bearer token")
            return self.services.store.keys.check(form[1].decode("ascii"), client)
        except Unauthorized:
            if heard.authorization:
                most = self.services.settings.limits.bad_keys_per_minute
                state = self.services.windows.hit(f"bad-key:{client_bucket(client)}", most, WINDOW_S)
                if not state.admitted:
                    raise Busy(
                        "rate_limited",
                        "Too many requests with a wrong key came from this address; check the key, then try again.",
                        retry_after_s=state.retry_after_s,
                    ) from None
            raise

    async def _answer(self, exchange: Exchange) -> Reply | None:
        path = exchange.scope["path"][len(PREFIX) :]
        method = exchange.scope["method"]
        bucket = exchange.caller.owner
        windows = self.services.windows
        route = self.api.find(path)
        if route is not None:
            facts_of(exchange.scope).route = route.template
        if route is not None and route.is_free(exchange):
            exchange.state = windows.look(bucket, exchange.state.limit, WINDOW_S)
        else:
            exchange.state = windows.hit(bucket, exchange.state.limit, WINDOW_S)
            if not exchange.state.admitted:
                return _over_limit(exchange.form, exchange.state.retry_after_s)
        if route is None:
            raise NotHere("not_found", "There is nothing at this path; /openapi.json lists what there is.")
        handler = route.methods.get(method)
        if handler is None:
            raise WrongMethod(tuple(route.methods))
        return await handler(exchange)

    def _cross_origin(self, heard: Heard) -> tuple[Header, ...]:
        """What browsers of other origins are told; nothing unless the operator lists origins."""
        origins = self.services.settings.cors_origins
        if not origins:
            return ()
        vary = (b"vary", b"Origin")
        if heard.origin is None or heard.origin.decode("latin-1") not in origins:
            return (vary,)
        return (
            vary,
            (b"access-control-allow-origin", heard.origin),
            (b"access-control-expose-headers", _EXPOSED),
        )


@lru_cache(maxsize=256)
def _over_limit(form: Form, retry_after_s: int) -> Reply:
    """The refusal beyond a key's limit, made once: saying no must cost less than answering."""
    sentence = "The limit of this key is reached; try again after the time given."
    return problem(Busy("rate_limited", sentence, retry_after_s=retry_after_s), form)


class WrongMethod(NotHere):
    """The path exists; `allowed` are the methods it has."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__("method_not_allowed", f"This path takes only {' and '.join(allowed)}.")
        self.allowed = allowed


def _allowed(error: NetPulseError) -> tuple[Header, ...]:
    return ((b"allow", ", ".join(error.allowed).encode()),) if isinstance(error, WrongMethod) else ()


_PREFLIGHT = Reply(
    200,
    b"",
    headers=(
        (b"access-control-allow-methods", b"GET, DELETE"),
        (b"access-control-allow-headers", b"Authorization, Accept, Last-Event-ID"),
        (b"access-control-max-age", b"600"),
    ),
)
