"""Routers and connections as one caller may see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from netpulse.errors import Refused
from netpulse.inventory import Connection, Router
from netpulse.neighbors import Status
from netpulse.policy import Caller, connections_for, offered, routers_for
from netpulse.records import Record
from netpulse.services import Services
from netpulse.settings import Settings
from netpulse.web.kept import Kept

ROUTER_COLUMNS = ("slug", "name", "location", "model", "status", "queries")
CONNECTION_COLUMNS = ("id", "name", "type", "asn", "source_ipv4", "source_ipv6", "status")

T = TypeVar("T")


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


class Views(Generic[T]):
    """What `make` gives for a caller, made anew only when what `seen` says has changed since."""

    def __init__(self, seen: Callable[[], object], make: Callable[[Caller], T]) -> None:
        self._seen = seen
        self._make = make
        self._kept: Kept[T] = Kept()

    def of(self, caller: Caller) -> T:
        """The same object for every caller who may see the same, while it looks the same."""
        return self._kept.get((caller.audience, caller.routers), self._seen(), lambda: self._make(caller))


def routers_seen(services: Services) -> tuple[Settings, tuple[str, ...]]:
    """What `router_views` depends on, beside the caller."""
    settings = services.settings
    return settings, tuple([services.pool.state(router.device) for router in settings.inventory.routers])
