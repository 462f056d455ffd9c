"""The `ip` commands and kernel settings of every namespace, from the topology. Pure: text only.

All commands of one namespace go into one `ip -batch`; some thirty namespaces take about 0.2 s that way.
`dev` and `name` are always spelt out: `ip link add he ...` would print the help.
"""

from __future__ import annotations

from netpulse.lab import topology as net
from netpulse.lab.shapes import Connection, Link, Node

LAN = "lan"  # the namespace and the interface of our own LAN
RELAY = "relay"  # the namespace that delays and loses
BRIDGE = "br0"
INTERNAL_TABLE = 90  # our own LAN and blocks, asked before any connection's table

# Set before links exist, since an interface copies `default` when it is made.
SETTINGS: dict[str, str] = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
    "net/ipv6/conf/default/accept_dad": "0",
    # No link-local address by itself: it would come when the carrier is noticed, up to a second late, and BIRD ends an
    # IPv6 session that opens before. Each port gets one by hand.
    "net/ipv6/conf/default/addr_gen_mode": "1",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/keep_addr_on_down": "1",
    "net/ipv6/conf/all/keep_addr_on_down": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # A bridge port forwards up to a second after it is up; ask again often, so that no session waits for a retry.
    "net/ipv4/neigh/default/retrans_time_ms": "100",
    "net/ipv4/neigh/default/mcast_solicit": "20",
    "net/ipv6/neigh/default/retrans_time_ms": "100",
    "net/ipv6/neigh/default/mcast_solicit": "20",
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_msgs_per_sec": "100000",
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv4/icmp_errors_use_inbound_ifaddr": "1",
}


def namespaces() -> list[str]:
    """Every namespace: the nodes, our LAN's switch and the relay."""
    return [*net.NODES, LAN, RELAY]


def relay_ports(link: Link) -> tuple[str, str]:
    """The two interfaces that the relay joins for this link."""
    return f"{link.right}-a", f"{link.right}-b"


def cables() -> list[str]:
    """One batch that lays every cable, each end already in its namespace."""
    lines = []
    for link in net.LINKS:
        if link.relayed:
            near, far = relay_ports(link)
            lines.append(_cable(link.right, link.left, near, RELAY))
            lines.append(_cable(link.left, link.right, far, RELAY))
        else:
            lines.append(_cable(link.right, link.left, link.left, link.right))
    for ix in net.EXCHANGES.values():
        lines.extend(_cable(ix.name, member, member, ix.name) for member, _ in ix.members)
    lines.extend(_cable(LAN, node, node, LAN) for node in net.LAN_PLACES)
    return lines


def relayed_ends() -> list[tuple[str, str]]:
    """Node and interface at each end of every cable that the relay carries."""
    return [end for link in net.LINKS if link.relayed for end in ((link.left, link.right), (link.right, link.left))]


def _cable(interface: str, namespace: str, peer_interface: str, peer_namespace: str) -> str:
    return f"link add name {interface} netns {namespace} type veth peer name {peer_interface} netns {peer_namespace}"


def inside(namespace: str) -> list[str]:
    """The batch of one namespace: addresses, interfaces up, static routes and rules."""
    lines = ["link set dev lo up"]
    if namespace == LAN:
        return [*lines, *_switch(list(net.LAN_PLACES))]
    if namespace == RELAY:
        ports = [port for link in net.LINKS if link.relayed for port in relay_ports(link)]
        return [*lines, *(f"link set dev {port} up" for port in ports)]
    node = net.NODES[namespace]
    if namespace in net.EXCHANGES:
        ix = net.EXCHANGES[namespace]
        lines += _switch([member for member, _ in ix.members])
        lines += _port(BRIDGE, node, str(ix.ipv4_of(ix.route_server)), str(ix.ipv6_of(ix.route_server)))
    for link in net.links_of(namespace):
        lines += _link_end(node, link)
    for ix, place in net.exchanges_of(namespace):
        lines += _port(ix.name, node, str(ix.ipv4_of(place)), str(ix.ipv6_of(place)))
    if namespace in net.LAN_PLACES:
        places = net.LAN_PLACES[namespace]
        lines += _port(
            LAN, node, *(str(address(place)) for place in places for address in (net.lan_ipv4, net.lan_ipv6))
        )
    for address in node.addresses:
        lines += _address("lo", f"{address}/{128 if ':' in address else 32}")
    lines.extend(f"route add blackhole {prefix}" for prefix in node.drops)
    if namespace in net.ROUTERS:
        lines += _own_router(namespace)
    return lines


def _switch(ports: list[str]) -> list[str]:
    lines = [f"link add name {BRIDGE} type bridge forward_delay 0 mcast_snooping 0", f"link set dev {BRIDGE} up"]
    for port in ports:
        lines.append(f"link set dev {port} master {BRIDGE}")
        lines.append(f"link set dev {port} up")
    return lines


def _port(interface: str, node: Node, *addresses: str) -> list[str]:
    """A routed interface, up, with its link-local address and these."""
    lines = [line for address in (f"fe80::{node.number}/64", *addresses) for line in _address(interface, address)]
    return [*lines, f"link set dev {interface} up"]


def _address(interface: str, address: str) -> list[str]:
    quick = " nodad" if ":" in address else ""
    return [f"address add {address} dev {interface}{quick}"]


def _link_end(node: Node, link: Link) -> list[str]:
    ends = net.ends_of(link)
    leftmost = node.name == link.left
    interface = link.right if leftmost else link.left
    mine = (ends.left_ipv4, ends.left_ipv6) if leftmost else (ends.right_ipv4, ends.right_ipv6)
    lines = _port(interface, node, *(str(address) for address in mine))
    if link.relation == "host":
        if leftmost:
            for address in net.NODES[link.right].addresses:
                via = ends.right_ipv6.ip if ":" in address else ends.right_ipv4.ip
                lines.append(f"route add {address}/{128 if ':' in address else 32} via {via} dev {interface}")
        else:
            lines.append(f"route add default via {ends.left_ipv4.ip} dev {interface}")
            lines.append(f"route add default via {ends.left_ipv6.ip} dev {interface}")
    elif node.daemon == "speaker" and not leftmost and interface == default_way_out(node):
        lines.append(f"route add default via {ends.left_ipv4.ip} dev {interface}")
    return lines


def default_way_out(node: Node) -> str:
    """Where a node without a routing table of its own sends everything: its first provider."""
    return next(link.left for link in net.links_of(node.name) if link.right == node.name)


def _own_router(slug: str) -> list[str]:
    lines = []
    for connection in net.connections_of(slug):
        lines += _address("lo", f"{connection.source_ipv4}/32")
        lines += _address("lo", f"{connection.source_ipv6}/128")
        if connection.egress == "policy":
            lines += _policy(connection)
    lines.append(f"rule add pref 90 from all lookup {INTERNAL_TABLE}")
    lines.append(f"-6 rule add pref 90 from all lookup {INTERNAL_TABLE}")
    lines.append(f"route add {net.LAN_IPV4} dev {LAN} table {INTERNAL_TABLE}")
    lines.append(f"route add {net.LAN_IPV6} dev {LAN} table {INTERNAL_TABLE}")
    for other in net.CONNECTIONS.values():
        if other.router != slug:
            place = net.LAN_PLACES[other.router][0]
            for block, via in ((other.block_ipv4, net.lan_ipv4(place)), (other.block_ipv6, net.lan_ipv6(place))):
                lines.append(f"route add {block} via {via.ip} dev {LAN} table {INTERNAL_TABLE}")
    return lines


def _policy(connection: Connection) -> list[str]:
    """Packets from this connection's block look in its own table, which ends in `unreachable`.

    Without that end a source without a route would fall through to the main table and leave by another connection.
    """
    table = connection.kernel_table
    lines = [
        f"rule add pref 100 from {connection.block_ipv4} lookup {table}",
        f"-6 rule add pref 100 from {connection.block_ipv6} lookup {table}",
        f"route add unreachable default table {table} metric 4278198272",
        f"-6 route add unreachable default table {table} metric 4278198272",
    ]
    if net.NODES[connection.router].daemon == "frr":
        # FRR 8.4 fills no second table from BGP: the whole connection is one default.
        lines.extend(
            f"route add default via {neighbor} dev {connection.interface} table {table}"
            for neighbor in net.neighbors_of(connection)
        )
    return lines
