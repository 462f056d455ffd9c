"""Which connection of ours a route belongs to, and what its communities mean."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from msgspec.structs import replace

from netpulse.enrich.tables import Names
from netpulse.inventory import Connection, Match, Router
from netpulse.records import Community, Route, first_asn_of
from netpulse.special_purpose import inside
from netpulse.values import Address


def with_meaning(route: Route, router: Router, names: Names) -> Route:
    """The route with its connection, the neighbour's name, the meaning of each community, and its origin's validity."""
    connection = connection_of(route, router)
    learned = route.learned_from
    if connection is not None and learned.connection_id is None:
        learned = replace(learned, connection_id=connection.id)
    if learned.name is None:
        learned = replace(learned, name=names.of_as(learned.asn))
    return replace(
        route,
        learned_from=learned,
        communities=_named(route.communities, names),
        large_communities=_named(route.large_communities, names),
        ext_communities=_named(route.ext_communities, names),
        # What the router itself validated counts for more than our own copy of the payloads.
        rpki=names.vrps.state(route.prefix, route.origin_asn) if names.vrps and route.rpki.state is None else route.rpki,
    )


def _named(communities: tuple[Community, ...], names: Names) -> tuple[Community, ...]:
    if not names.communities:
        return communities
    return tuple(c if c.name else replace(c, name=names.of_community(c.value)) for c in communities)


def connection_of(route: Route, router: Router) -> Connection | None:
    """The connection whose `match` recognises the route, else the one that has its neighbour or next hop among its own."""
    for connection in router.connections:
        if connection.match != Match() and _matches(route, connection):
            return connection
    ends = {address for address in (_address(route.learned_from.address), _address(route.next_hop)) if address}
    for connection in router.connections:
        if ends.intersection(connection.neighbors):
            return connection
    return None


def _matches(route: Route, connection: Connection) -> bool:
    match = connection.match
    if match.first_asn is not None and first_asn_of(route.as_path or ()) != match.first_asn:
        return False
    if match.next_hop:
        next_hop = _address(route.next_hop)
        if next_hop is None or not _among(next_hop, match):
            return False
    if match.community is not None:
        every = (*route.communities, *route.large_communities, *route.ext_communities)
        return any(community.value == match.community for community in every)
    return True


def _among(next_hop: Address, match: Match) -> bool:
    return any(
        entry == next_hop if isinstance(entry, IPv4Address | IPv6Address) else inside(next_hop, (entry,))
        for entry in match.next_hop
    )


def _address(text: str | None) -> Address | None:
    """Next hops come in the router's words: sometimes a name, an interface or a link-local with its zone."""
    if text is None:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None
