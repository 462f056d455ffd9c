"""The nouns of the small Internet: systems, nodes, links, exchanges, connections. Values only.

Addresses are worked out here and nowhere else: a link takes the next free subnet of the system that owns it, so every
module that renders, wires or names something sees the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from typing import Literal

Relation = Literal["customer", "peer", "internal", "host"]
Daemon = Literal["bird", "frr", "speaker", "none"]
Stage = Literal[1, 2]


@dataclass(frozen=True)
class System:
    """One autonomous system: what it announces, where its link addresses come from, how it marks routes."""

    asn: int
    name: str
    link_ipv4: str
    link_ipv6: str
    announces: tuple[str, ...]
    customer_mark: tuple[int, int] | None = None
    peer_mark: tuple[int, int] | None = None


@dataclass(frozen=True)
class Node:
    """One network namespace. `number` becomes the router id; `stage` 1 starts first."""

    name: str
    number: int
    asn: int
    domain: str
    daemon: Daemon = "bird"
    stage: Stage = 1
    addresses: tuple[str, ...] = ()
    announces: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()

    @property
    def router_id(self) -> str:
        return f"10.0.0.{self.number}"


@dataclass(frozen=True)
class Link:
    """A cable between two nodes. `customer`: right buys from left. `host`: right is a lone host behind left.

    prepend is how often the right side repeats itself towards left; med is what left tells right.
    delay_ms is one way; lose_every drops each n-th packet of a flow towards right. Either needs the relay.
    """

    left: str
    right: str
    relation: Relation
    prepend: int = 0
    med: int | None = None
    delay_ms: float = 0.0
    lose_every: int = 0

    @property
    def relayed(self) -> bool:
        return bool(self.delay_ms or self.lose_every)


@dataclass(frozen=True)
class Ends:
    """The numbers of a link: its place in its owner's pool, and the interface addresses of both ends."""

    place: int
    left_ipv4: IPv4Interface
    right_ipv4: IPv4Interface
    left_ipv6: IPv6Interface
    right_ipv6: IPv6Interface


@dataclass(frozen=True)
class Exchange:
    """An Internet exchange: one LAN, one route server, members by the last number of their address."""

    name: str
    asn: int
    ipv4: IPv4Network
    ipv6: IPv6Network
    route_server: int
    members: tuple[tuple[str, int], ...]

    def ipv4_of(self, place: int) -> IPv4Interface:
        return IPv4Interface((int(self.ipv4[0]) + place, self.ipv4.prefixlen))

    def ipv6_of(self, place: int) -> IPv6Interface:
        return IPv6Interface((int(self.ipv6[0]) + place, self.ipv6.prefixlen))


@dataclass(frozen=True)
class Connection:
    """One way out of a router of ours, as the looking glass will list it.

    `key` names tables and communities. Exactly one of `upstream` (the node at the other end) and `exchange` is set.
    """

    id: int
    router: str
    key: str
    title: str
    asn: int | None
    source_ipv4: str
    block_ipv4: str
    local_pref: int
    upstream: str | None = None
    exchange: str | None = None
    egress: Literal["policy", "source"] = "policy"

    @property
    def source_ipv6(self) -> str:
        return f"2001:db8:{self.id}::1"

    @property
    def block_ipv6(self) -> str:
        return f"2001:db8:{self.id}::/48"

    @property
    def kernel_table(self) -> int:
        return 100 + self.id

    @property
    def interface(self) -> str:
        """The router's interface towards this connection: it bears the name of what is at its other end."""
        name = self.upstream or self.exchange
        if name is None:
            raise ValueError(f"connection {self.id} leads nowhere")
        return name


@dataclass(frozen=True)
class OwnRouter:
    """What the looking glass shows of one of our routers."""

    slug: str
    name: str
    location: str
    model: str
    platform: Literal["junos", "frr", "linux"]
    os_version: str
    lan_place: int
    connections: tuple[int, ...] = ()
