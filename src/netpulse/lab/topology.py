"""Our own part of the small Internet as values, and look-ups over all of it. Pure.

The other networks are in `internet`; everybody else reads both through this module.
"""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

from netpulse.lab.internet import EXCHANGES, LINKS, NODES, OWN_ASN, SYSTEMS
from netpulse.lab.shapes import Connection, Ends, Exchange, Link, Node, OwnRouter, Stage

__all__ = ["EXCHANGES", "LINKS", "NODES", "OWN_ASN", "SYSTEMS"]

LAN_IPV4 = IPv4Network("192.0.2.0/26")
LAN_IPV6 = IPv6Network("2001:db8:ff::/64")

CONNECTIONS: dict[int, Connection] = {
    c.id: c
    for c in (
        Connection(1, "core1", "cogent", "Cogent Transit", 174, "203.0.113.1", "203.0.113.0/26", 120, "cogent1"),
        Connection(2, "core1", "lumen", "Lumen Transit", 3356, "198.51.100.1", "198.51.100.0/24", 110, "lumen1"),
        Connection(3, "core1", "decix", "DE-CIX", None, "203.0.113.65", "203.0.113.64/26", 100, None, "decix"),
        Connection(4, "core2", "ntt", "NTT Transit", 2914, "203.0.113.129", "203.0.113.128/26", 110, "ntt1"),
        Connection(5, "core2", "amsix", "AMS-IX", None, "203.0.113.193", "203.0.113.192/26", 100, None, "amsix"),
        Connection(6, "frr1", "arelion", "Arelion Transit", 1299, "192.0.2.65", "192.0.2.64/27", 200, "arelion1"),
        Connection(7, "frr1", "gtt", "GTT Transit", 3257, "192.0.2.97", "192.0.2.96/27", 100, "gtt1", None, "source"),
        Connection(8, "bird1", "zayo", "Zayo Transit", 6461, "192.0.2.129", "192.0.2.128/27", 100, "zayo1"),
    )
}

# DE-CIX carries everything of its members, but core1 prefers it only for these origins: so a visitor sees both a
# connection that wins by preference and one that loses although its path is shorter.
PREFERRED_AT_EXCHANGE: dict[str, tuple[int, ...]] = {"decix": (13335,), "amsix": (13335, 3333)}

ROUTERS: dict[str, OwnRouter] = {
    r.slug: r
    for r in (
        OwnRouter("core1", "Core Router 1", "DC1 - Primary", "MX304", "junos", "23.2R1", 1, (1, 2, 3)),
        OwnRouter("core2", "Core Router 2", "DC2 - Secondary", "MX304", "junos", "23.2R1", 2, (4, 5)),
        OwnRouter("frr1", "Edge Router 1", "DC3 - Edge", "x86 server", "frr", "FRR 8.4.4", 3, (6, 7)),
        OwnRouter("bird1", "Edge Router 2", "DC3 - Edge", "x86 server", "linux", "BIRD 2.0.12", 4, (8,)),
    )
}
MONITORED = ("core1", "core2")  # the routers that tell rs1 and rs2 what they know
# Two addresses each, for the plain and for the add-path session: BIRD runs one session per neighbour address.
ROUTE_SERVERS: dict[str, tuple[int, int]] = {"rs1": (33, 34), "rs2": (35, 36)}
LAN_PLACES: dict[str, tuple[int, ...]] = {
    **{r.slug: (r.lan_place, r.lan_place + 10) if r.slug in MONITORED else (r.lan_place,) for r in ROUTERS.values()},
    **ROUTE_SERVERS,
}

TARGET_NAMES: dict[str, tuple[str, ...]] = {
    "dns.google": ("8.8.8.8", "2001:4860:4860::8888"),
    "google.com": ("142.250.185.78", "2001:4860:4860::200e"),
    "one.one.one.one": ("1.1.1.1", "2606:4700:4700::1111"),
    "dns9.quad9.net": ("9.9.9.9", "2620:fe::fe"),
    "www.ripe.net": ("193.0.6.139", "2001:67c:2e8::139"),
    "a23-0-0-1.deploy.static.akamaitechnologies.com": ("23.0.0.1", "2600:1400::1"),
    "www.utwente.nl": ("130.89.1.1",),
    "lossy.far.example": ("80.80.80.80",),
    "slow.far.example": ("81.81.81.81",),
}


def ends_of(link: Link) -> Ends:
    """The addresses of both ends. The owner is the left system; its n-th link is its n-th subnet."""
    owner = NODES[link.left].asn
    place = [other for other in LINKS if NODES[other.left].asn == owner].index(link)
    base4 = int(IPv4Network(SYSTEMS[owner].link_ipv4)[0]) + 256 * (place + 1)
    base6 = int(IPv6Network(SYSTEMS[owner].link_ipv6)[0]) + ((place + 1) << 64)
    return Ends(
        place + 1,
        IPv4Interface((base4 + 1, 30)), IPv4Interface((base4 + 2, 30)),
        IPv6Interface((base6 + 1, 64)), IPv6Interface((base6 + 2, 64)),
    )  # fmt: skip


def lan_ipv4(place: int) -> IPv4Interface:
    """Address number `place` of our own LAN."""
    return IPv4Interface((int(LAN_IPV4[0]) + place, LAN_IPV4.prefixlen))


def lan_ipv6(place: int) -> IPv6Interface:
    """Address number `place` of our own LAN."""
    return IPv6Interface((int(LAN_IPV6[0]) + place, LAN_IPV6.prefixlen))


def links_of(node: str) -> list[Link]:
    """Every cable of a node, in the order of the topology."""
    return [link for link in LINKS if node in (link.left, link.right)]


def exchanges_of(node: str) -> list[tuple[Exchange, int]]:
    """Every exchange the node is a member of, with its place on that LAN."""
    return [(ix, place) for ix in EXCHANGES.values() for member, place in ix.members if member == node]


def connections_of(router: str) -> list[Connection]:
    """The connections of one of our routers, by id."""
    return [c for c in CONNECTIONS.values() if c.router == router]


def connection_on(router: str, interface: str) -> Connection | None:
    """The connection that leaves `router` by `interface`."""
    return next((c for c in connections_of(router) if c.interface == interface), None)


def neighbors_of(connection: Connection) -> tuple[str, str]:
    """The BGP neighbours of a connection: one IPv4 address, one IPv6 address."""
    if connection.exchange:
        ix = EXCHANGES[connection.exchange]
        return str(ix.ipv4_of(ix.route_server).ip), str(ix.ipv6_of(ix.route_server).ip)
    link = next(k for k in LINKS if (k.left, k.right) == (connection.upstream, connection.router))
    ends = ends_of(link)
    return str(ends.left_ipv4.ip), str(ends.left_ipv6.ip)


def collector_names(server: str, router: str, family: str) -> tuple[str, str, str]:
    """What a route server of ours calls a router's table, its add-path session and its plain session.

    family is `v4` or `v6`. BIRD has one name space for tables and protocols, so only one of them is `core1_v4`.
    """
    six = "6" if family == "v6" else ""
    best = f"{router}_best{six}"
    if server == "rs1":
        return f"{router}_{family}", f"{router}_all{six}", best
    return f"master{family[1]}", f"{router}_{family}", best


def nodes_in(stage: Stage) -> list[Node]:
    """The nodes that start in this stage."""
    return [node for node in NODES.values() if node.stage == stage]


def names() -> dict[str, tuple[str, ...]]:
    """Every name of the lab with its addresses: the targets', then one for each interface and exchange port."""
    found: dict[str, tuple[str, ...]] = dict(TARGET_NAMES)
    for link in LINKS:
        ends = ends_of(link)
        found[f"ae{ends.place}.{NODES[link.left].domain}"] = (str(ends.left_ipv4.ip), str(ends.left_ipv6.ip))
        found[f"ae{ends.place}-{NODES[link.left].asn}.{NODES[link.right].domain}"] = (
            str(ends.right_ipv4.ip), str(ends.right_ipv6.ip),
        )  # fmt: skip
    for ix in EXCHANGES.values():
        ports = (("rs1", ix.route_server), *((NODES[node].asn, place) for node, place in ix.members))
        for who, place in ports:
            label = who if isinstance(who, str) else f"as{who}"
            found[f"{label}.{NODES[ix.name].domain}"] = (str(ix.ipv4_of(place).ip), str(ix.ipv6_of(place).ip))
    for node, places in LAN_PLACES.items():
        found[NODES[node].domain] = tuple(
            str(ip) for place in places for ip in (lan_ipv4(place).ip, lan_ipv6(place).ip)
        )
    for connection in CONNECTIONS.values():
        name = f"lg-{connection.key}.{NODES[connection.router].domain}"
        found[name] = (connection.source_ipv4, connection.source_ipv6)
    return found
