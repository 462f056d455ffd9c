"""Stored results, read again: who may see one, and what of it, is decided now and not when it was made."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from netpulse.errors import Fault, NotHere
from netpulse.inventory import Inventory, Router
from netpulse.pipeline import CONNECTION_FIELDS
from netpulse.policy import Caller, connections_for, routers_for
from netpulse.render.as_json import encode
from netpulse.services import Services
from netpulse.store import StorageFault
from netpulse.store.results import StoredResult

_log = logging.getLogger(__name__)
_ID = re.compile(r"\A[0-9a-f]{32}\Z", re.ASCII)


def nothing_here() -> NotHere:
    return NotHere("not_found", "There is no such result; results are kept for a few days and then deleted.")


async def saved_result(services: Services, caller: Caller, result_id: str) -> StoredResult:
    """The result with this id as this caller may see it; NotHere if there is none, or none for this caller."""
    if not _ID.match(result_id):
        raise nothing_here()
    try:
        found = await services.store.results.get(result_id)
    except StorageFault as problem:
        _log.warning("a stored result cannot be read: %s", problem)
        raise Fault(
            "audit_unavailable",
            "Stored results cannot be read now; try again in a moment.",
            detail=str(problem),
        ) from problem
    if found is None or not may_read(caller, found, services.settings.inventory):
        raise nothing_here()
    shown = services.settings.disclosure(caller.audience)
    return replace(found, body=encode(shown.data(msgspec.json.decode(found.body)))) if shown else found


def _names_unseen(caller: Caller, result: StoredResult, routers: Iterable[Router]) -> bool:
    """Whether it names a connection that was shown when it was made and is not for this caller now."""
    for router in routers:
        shown = connections_for(caller, router)
        for connection in router.connections:
            # A name alone proves nothing: a router may print any word. An id is only there where we put it.
            ids = (f'"{field}":{connection.id}{end}' for field in CONNECTION_FIELDS for end in ",}")
            if connection not in shown and any(mark.encode() in result.body for mark in ids):
                return True
    return False


def may_read(caller: Caller, result: StoredResult, inventory: Inventory) -> bool:
    """Whether every router and the connection of this result exist for the caller under the settings of now."""
    visible = {router.slug: router for router in routers_for(caller, inventory)}
    if any(slug not in visible for slug in result.routers):
        return False
    if result.audience == "key" and not caller.keyed:
        return False
    if _names_unseen(caller, result, (visible[slug] for slug in result.routers)):
        return False
    if result.connection is None:
        return True
    return any(
        connection.id == result.connection
        for slug in result.routers
        for connection in connections_for(caller, visible[slug])
    )
