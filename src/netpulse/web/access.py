"""What is written down of each request: one line of the log, and one count. Never what the caller wrote.

Whoever answers a request adds what it knows to the request's `logs.Access`; the app tells it when the answer is over.
"""

from __future__ import annotations

import time
from functools import lru_cache

from netpulse import logs
from netpulse.logs import Access
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


def new_facts(request_id: str, method: str) -> Access:
    """What is known of a request that has just come; a method that is none of HTTP's is `other`."""
    return Access(request_id, method if method in METHODS else "other", NOWHERE)


def facts_of(scope: Scope) -> Access:
    """What is known of this request so far, to be added to."""
    facts: Access = scope["state"]["facts"]
    return facts


def asked(facts: Access, plan: Plan) -> None:
    """The request asks this."""
    facts.query = plan.query.kind
    facts.target = target_text(plan.query.target)
    if not plan.folded:
        place = plan.places[0]
        facts.router = place.router.slug
        if isinstance(place, Job) and place.connection is not None:
            facts.connection = place.connection.id


def told(facts: Access, began_s: float, observer: Observer) -> None:
    """Write it down: the answer is over. `began_s` is when the request came, by the monotonic clock."""
    facts.ms = round((time.monotonic() - began_s) * 1000)
    observer.answered(facts.method, facts.route, facts.status, facts.code)
    logs.access(facts)


@lru_cache(maxsize=4096)
def prefix_of(client: Address) -> str:
    """The /24 or /48 that stands for a client in the log."""
    return cut_client(client_text(client))
