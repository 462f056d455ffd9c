"""The configuration text of FRR's bgpd and zebra in the lab, from the topology. Pure."""

from __future__ import annotations

from netpulse.lab import topology as net
from netpulse.lab.shapes import Connection, Node


def render_zebra(node: Node) -> str:
    """zebra.conf: FRR's side of the kernel needs no more than a name."""
    return f"frr defaults traditional\nhostname {node.name}\nip nht resolve-via-default\n"


def render_bgpd(node: Node) -> str:
    """bgpd.conf: one session per connection and family; each connection announces only its own block."""
    connections = net.connections_of(node.name)
    lines = [
        "frr defaults traditional",
        f"hostname {node.name}",
        # Route maps that came after the sessions would wait 5 s.
        "bgp route-map delay-timer 0",
        *(line for connection in connections for line in _policy(connection)),
        f"router bgp {node.asn}",
        f" bgp router-id {node.router_id}",
        " no bgp ebgp-requires-policy",
        " no bgp default ipv4-unicast",
        " no bgp network import-check",
        " timers bgp 30 90",
    ]
    for connection in connections:
        for address in net.neighbors_of(connection):
            lines += [
                f" neighbor {address} remote-as {connection.asn}",
                f" neighbor {address} description {connection.title}",
                f" neighbor {address} timers connect 1",
                f" neighbor {address} advertisement-interval 0",
            ]
    for index, family in enumerate(("ipv4", "ipv6")):
        lines.append(f" address-family {family} unicast")
        lines.extend(f"  network {_block(connection, family)}" for connection in connections)
        for connection in connections:
            address = net.neighbors_of(connection)[index]
            lines += [
                f"  neighbor {address} activate",
                f"  neighbor {address} soft-reconfiguration inbound",
                f"  neighbor {address} route-map from-{connection.key} in",
                f"  neighbor {address} route-map to-{connection.key}-{family} out",
            ]
        lines.append(" exit-address-family")
    return "\n".join([*lines, "exit", ""])


def _block(connection: Connection, family: str) -> str:
    return connection.block_ipv4 if family == "ipv4" else connection.block_ipv6


def _policy(connection: Connection) -> list[str]:
    key = connection.key
    lines = [
        f"ip prefix-list own-{key} seq 5 permit {connection.block_ipv4}",
        f"ipv6 prefix-list own-{key} seq 5 permit {connection.block_ipv6}",
        f"route-map from-{key} permit 10",
        f" set local-preference {connection.local_pref}",
        f" set community {net.OWN_ASN}:{1000 + connection.id} additive",
        f" set large-community {net.OWN_ASN}:10:{connection.id} additive",
        "exit",
    ]
    for family, word in (("ipv4", "ip"), ("ipv6", "ipv6")):
        lines += [
            f"route-map to-{key}-{family} permit 10",
            f" match {word} address prefix-list own-{key}",
            "exit",
        ]
    return lines
