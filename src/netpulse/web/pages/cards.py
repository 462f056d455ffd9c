"""The network as a visitor may see it: a card for each router with its connections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import NamedTuple

from netpulse.inventory import Device
from netpulse.policy import Caller
from netpulse.services import Services
from netpulse.web.inventory_views import ConnectionView, RouterView, Views, connection_views, router_views, routers_seen
from netpulse.words import Words

TYPES = ("IX", "TRANSIT", "PEER", "CUSTOMER")
"""The kinds of connections in the order that they are shown; a router's own choice, which has none, comes last."""

MOST_ROWS = 120
"""Connections that are shown at once; in a larger network the first page lists routers only, and `/network` folds them."""


class Silence(NamedTuple):
    """When a router that does not answer last did, `HH:MM` in UTC and minutes ago; both None if it never has."""

    at: str | None
    minutes: int | None


class Card(NamedTuple):
    """A router with its connections, sorted by kind, and what its operator says about it while it is out of service.

    `sessions` is how many commands it takes at once; `silence` is there while it is down.
    """

    router: RouterView
    platform: str
    maintenance: str | None
    connections: tuple[ConnectionView, ...]
    sessions: int
    silence: Silence | None

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many connections there are of each kind that there is."""
        found = [(kind, sum(c.type == kind for c in self.connections)) for kind in TYPES]
        return [(kind, count) for kind, count in found if count]


def place_of(kind: str | None) -> int:
    """Where connections of this kind are shown among the others."""
    return TYPES.index(kind) if kind in TYPES else len(TYPES)


Cards = Views[tuple[Card, ...]]


def cards_of(services: Services) -> Cards:
    """Every router that exists for a caller, in file order."""
    return Views(lambda: _seen(services), lambda caller: _cards(services, caller))


def _seen(services: Services) -> object:
    """What the routers and connections look like; the cards depend on it, beside the caller."""
    settings, states = routers_seen(services)
    routers = settings.inventory.routers
    return (
        settings,
        states,
        [silence_of(services, router.device) for router, state in zip(routers, states, strict=True) if state == "down"],
        [services.neighbors.of(router) for router in routers],
    )


def _cards(services: Services, caller: Caller) -> tuple[Card, ...]:
    found = []
    for view in router_views(caller, services):
        router = services.settings.inventory.router(view.slug)
        device = router.device if router else None
        platform = services.matrix.platforms.get(view.platform)
        found.append(
            Card(
                view,
                platform.title if platform else view.platform,
                router.maintenance if router else None,
                tuple(sorted(connection_views(caller, view.slug, services), key=lambda c: place_of(c.type))),
                device.max_sessions if device else 0,
                silence_of(services, device) if device and view.status == "down" else None,
            )
        )
    return tuple(found)


def silence_of(services: Services, device: Device) -> Silence:
    """Since when this device has not answered."""
    ago_s = services.pool.answered_s_ago(device)
    if ago_s is None:
        return Silence(None, None)
    last = services.store.audit.wall() - timedelta(seconds=ago_s)
    return Silence(f"{last.astimezone(UTC):%H:%M}", int(ago_s // 60))


def is_large(shown: Sequence[Card]) -> bool:
    """Whether these are more connections than are shown at once."""
    return sum(len(card.connections) for card in shown) > MOST_ROWS


def kinds_in(shown: Sequence[Card]) -> list[str]:
    """The kinds of connections that these routers have, in their order."""
    there = {connection.type for card in shown for connection in card.connections}
    return [kind for kind in TYPES if kind in there]


def in_numbers(words: Words, services: Services, shown: Sequence[Card]) -> str:
    """The network in one line: routers, connections, exchanges and transit providers, each counted once."""
    visible = {(card.router.slug, c.id) for card in shown for c in card.connections}
    exchanges: set[str] = set()
    transits: set[str] = set()
    for router in services.settings.inventory.routers:
        for connection in router.connections:
            if (router.slug, connection.id) in visible:
                if connection.type == "IX":
                    exchanges.add(connection.group or connection.name)
                elif connection.type == "TRANSIT":
                    transits.add(str(connection.asn or connection.name))
    counts = {
        "routers": len(shown),
        "connections": len(visible),
        "exchanges": len(exchanges),
        "transits": len(transits),
    }
    return " · ".join(words.t(f"network.{what}", n=n) for what, n in counts.items() if n or what == "routers")
