"""What is written down of each request: one line of the log, and one count. Never what the caller wrote.

Whoever answers a request adds what it knows to the request's `Facts`; the app tells them when the answer is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from netpulse import logs
from netpulse.observer import Observer
from netpulse.policy import Plan
from netpulse.query import Job
from netpulse.render.as_json import target_text
from netpulse.store.audit import cut_client
from netpulse.values import Address
from netpulse.web.clients import client_text
from netpulse.web.exchange import Scope

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NOWHERE = "(none)"
"""The route of a request that has none, whatever its path."""


@dataclass(slots=True)
class Facts:
    """What is known of one request. `route` is a template of ours; `code` is that of an error."""

    request_id: str
    method: str
    began_s: float
    route: str = NOWHERE
    status: int = 0  # stays 0 where the client left before there was an answer
    client: Address | None = None
    key_id: str | None = None
    code: str | None = None
    plan: Plan | None = None
    run_id: str | None = None
    now: Callable[[], float] = field(default=time.monotonic, repr=False)

    def tell(self, observer: Observer) -> None:
        """Write it down: the answer is over."""
        observer.answered(self.method, self.route, self.status, self.code)
        place = self.plan.places[0] if self.plan is not None and not self.plan.folded else None
        connection = place.connection if isinstance(place, Job) else None
        logs.access(
            logs.Access(
                request_id=self.request_id,
                method=self.method,
                route=self.route,
                status=self.status,
                ms=round((self.now() - self.began_s) * 1000),
                client=_prefix(self.client) if self.client is not None else "",
                key_id=self.key_id,
                code=self.code,
                query=self.plan.query.kind if self.plan is not None else None,
                router=place.router.slug if place is not None else None,
                connection=connection.id if connection is not None else None,
                target=target_text(self.plan.query.target) if self.plan is not None else None,
                run_id=self.run_id,
            )
        )


def facts_of(scope: Scope) -> Facts:
    """The facts of this request."""
    facts: Facts = scope["state"]["facts"]
    return facts


def new_facts(request_id: str, method: str) -> Facts:
    """Those of a request that has just come; a method that is none of HTTP's is `other`."""
    return Facts(request_id, method if method in METHODS else "other", time.monotonic())


@lru_cache(maxsize=4096)
def _prefix(client: Address) -> str:
    return cut_client(client_text(client))
