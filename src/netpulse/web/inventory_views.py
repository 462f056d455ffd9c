"""Routers and connections as one caller may see them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from netpulse.errors import Refused
from netpulse.inventory import Connection, Router
from netpulse.neighbors import Status
from netpulse.policy import Caller, connections_for, offered, routers_for
from netpulse.records import Record
from netpulse.render.as_json import encode
from netpulse.services import Services
from netpulse.settings import Settings

ROUTER_COLUMNS = ("slug", "name", "location", "model", "status", "queries")
CONNECTION_COLUMNS = ("id", "name", "type", "asn", "source_ipv4", "source_ipv6", "status")
_MOST_VIEWS = 256


class RouterView(Record, frozen=True, kw_only=True):
    """A router; `status` is our own access to it, `families` what its connections can send, `queries` what it answers."""

    slug: str
    name: str
    location: str
    model: str
    os_version: str | None
    platform: str
    status: Literal["up", "busy", "down", "maintenance"]
    families: tuple[int, ...]
    queries: tuple[str, ...]


class ConnectionView(Record, frozen=True, kw_only=True):
    """A connection; `status` is the BGP state of its neighbours where that is known, `type` is null for id 0."""

    id: int
    name: str
    type: Literal["IX", "TRANSIT", "PEER", "CUSTOMER"] | None
    asn: int | None
    source_ipv4: str | None
    source_ipv6: str | None
    egress: Literal["source", "policy", "routing_instance", "next_hop"]
    status: Status


class LimitsView(Record, frozen=True, kw_only=True):
    """Where the limit of a key stands: requests a minute, how many are left, seconds until that changes."""

    limit: int
    remaining: int
    reset_s: int


class StoppedView(Record, frozen=True, kw_only=True):
    """A question that was stopped; false if it had ended before."""

    id: str
    stopped: bool


def router_views(caller: Caller, services: Services) -> list[RouterView]:
    """Every router that exists for this caller, in file order."""
    return [_router_view(caller, router, services) for router in routers_for(caller, services.settings.inventory)]


def _router_view(caller: Caller, router: Router, services: Services) -> RouterView:
    families = {family for connection in connections_for(caller, router) for family in connection.families}
    return RouterView(
        slug=router.slug,
        name=router.name,
        location=router.location,
        model=router.model,
        os_version=router.os_version,
        platform=router.platform,
        status="maintenance" if router.maintenance is not None else services.pool.state(router.device),
        families=tuple(sorted(families)),
        queries=offered(services.matrix, router),
    )


def connection_views(caller: Caller, slug: str | None, services: Services) -> list[ConnectionView]:
    """The connections of this router; Refused `unknown_router` if it does not exist for the caller."""
    for router in routers_for(caller, services.settings.inventory):
        if router.slug == slug:
            return [
                _connection_view(connection, services.neighbors.status(router, connection))
                for connection in connections_for(caller, router)
            ]
    raise Refused("unknown_router", "There is no such router; /routers lists the routers and their slugs.")


def _connection_view(connection: Connection, status: Status) -> ConnectionView:
    return ConnectionView(
        id=connection.id,
        name=connection.name,
        type=connection.type,
        asn=None if connection.type == "IX" else connection.asn,
        source_ipv4=None if connection.source_ipv4 is None else str(connection.source_ipv4),
        source_ipv6=None if connection.source_ipv6 is None else str(connection.source_ipv6),
        egress=connection.egress,
        status=status,
    )


class _View(NamedTuple):
    settings: Settings
    states: tuple[str, ...]
    body: bytes


class RouterList:
    """The JSON of all routers, made anew only when the settings or a router's state changed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._views: dict[tuple[str, tuple[str, ...]], _View] = {}

    def json(self, caller: Caller) -> bytes:
        """The list as this caller may see it."""
        services = self._services
        settings = services.settings
        states = tuple([services.pool.state(router.device) for router in settings.inventory.routers])
        who = (caller.audience, caller.routers)
        view = self._views.get(who)
        if view is None or view.settings is not settings or view.states != states:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            view = self._views[who] = _View(settings, states, encode(router_views(caller, services)))
        return view.body
