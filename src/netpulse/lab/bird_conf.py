"""The configuration text of every BIRD in the lab, from the topology. Pure.

Transit networks follow the usual trade: customers hear everything, peers and providers hear only customers. Which of
the three a route came from is remembered in a large community (ASN:1:1 customer, :2 peer, :3 provider).
"""

from __future__ import annotations

from pathlib import Path

from netpulse.lab import topology as net
from netpulse.lab.shapes import Connection, Exchange, Link, Node, System

CUSTOMER, PEER, PROVIDER = 1, 2, 3
FAMILIES = ("v4", "v6")
_CHANNEL = {"v4": "ipv4", "v6": "ipv6"}
# Connect at once, retry soon: BIRD's own defaults are for routers that live for years, not for a lab's first second.
_PATIENCE = "connect delay time 1; connect retry time 2; error wait time 1, 2; hold time 90; startup hold time 10;"


def render(node: Node, log_file: Path) -> str:
    """The whole bird.conf of one node."""
    parts = [_preamble(node, log_file)]
    if node.name in net.ROUTE_SERVERS:
        parts.append(_own_route_server(node.name))
    elif node.name in net.EXCHANGES:
        parts.append(_exchange_route_server(net.EXCHANGES[node.name]))
    elif node.asn == net.OWN_ASN:
        parts.append(_own_router(node))
    else:
        parts.append(_transit(node))
    return "\n".join(parts)


# The short device scan is a heartbeat: see bird_control.nudge.
def _preamble(node: Node, log_file: Path) -> str:
    log = f'log "{log_file}" {{ warning, error, fatal, bug }};'
    return f"{log}\nrouter id {node.router_id};\nprotocol device {{ scan time 1; }}\n"


def _kernel(name: str, family: str, *, table: str = "", kernel_table: int | None = None) -> str:
    where = f"table {table}; " if table else ""
    own_table = f"kernel table {kernel_table}; " if kernel_table else ""
    return (
        f"protocol kernel {name} {{ {own_table}"
        f"{_CHANNEL[family]} {{ {where}import none; export where source = RTS_BGP; }}; }}\n"
    )


def _static(name: str, family: str, prefixes: list[str], *, table: str = "", via: str = "blackhole") -> str:
    where = f" {{ table {table}; }}" if table else ""
    routes = " ".join(f"route {prefix} {via};" for prefix in prefixes)
    return f"protocol static {name} {{ {_CHANNEL[family]}{where}; {routes} }}\n"


def _bgp(name: str, local: str, asn: int, peer: str, peer_asn: int, options: str, family: str, channel: str) -> str:
    return (
        f"protocol bgp {name} {{ local {local} as {asn}; neighbor {peer} as {peer_asn}; {options} {_PATIENCE}\n"
        f"  {_CHANNEL[family]} {{ {channel} }}; }}\n"
    )


# --- networks that are not ours ---------------------------------------------------------------------------------


def _transit(node: Node) -> str:
    system = net.SYSTEMS[node.asn]
    text = [_trade_filters(system)]
    for family in FAMILIES:
        own = [prefix for prefix in node.announces if (":" in prefix) == (family == "v6")]
        text.append(_kernel(f"kernel_{family}", family))
        if own:
            text.append(_static(f"own_{family}", family, own))
    for link in net.links_of(node.name):
        text.extend(_link_sessions(node, link))
    for ix, place in net.exchanges_of(node.name):
        text.extend(_member_sessions(node, ix, place))
    return "".join(text)


def _trade_filters(system: System) -> str:
    asn = system.asn

    def learn(name: str, rank: int, local_pref: int, mark: tuple[int, int] | None) -> str:
        marked = f"bgp_community.add(({mark[0]},{mark[1]})); " if mark else ""
        return (
            f"filter from_{name} {{ bgp_large_community.delete([({asn},1,*)]); bgp_local_pref = {local_pref}; "
            f"{marked}bgp_large_community.add(({asn},1,{rank})); accept; }}\n"
        )

    return (
        learn("customer", CUSTOMER, 200, system.customer_mark)
        + learn("peer", PEER, 150, system.peer_mark)
        + learn("provider", PROVIDER, 100, None)
        + "filter to_customer { if source ~ [RTS_STATIC, RTS_BGP] then accept; reject; }\n"
        + "filter to_others { if source = RTS_STATIC then accept; "
        + f"if source = RTS_BGP && ({asn},1,{CUSTOMER}) ~ bgp_large_community then accept; reject; }}\n"
    )


def _link_sessions(node: Node, link: Link) -> list[str]:
    if link.relation == "host":
        return []
    ends = net.ends_of(link)
    leftmost = node.name == link.left
    other = net.NODES[link.right if leftmost else link.left]
    options = "passive;" if _waits(node, other) else ""
    if link.relation == "internal":
        # A chain of reflectors, each naming itself as next hop: no IGP is needed inside a provider.
        options += " direct; rr client;"
        channel = "next hop self; gateway direct; import all; export where source ~ [RTS_STATIC, RTS_BGP];"
    elif link.relation == "peer":
        channel = "import filter from_peer; export filter to_others;"
    elif leftmost:
        say_med = f"bgp_med = {link.med}; " if link.med is not None else ""
        channel = (
            f"import filter from_customer; "
            f"export filter {{ if source !~ [RTS_STATIC, RTS_BGP] then reject; {say_med}accept; }};"
        )
    else:
        repeat = f"bgp_path.prepend({node.asn}); " * link.prepend
        channel = (
            "import filter from_provider; export filter { if source != RTS_STATIC && "
            f"!(source = RTS_BGP && ({node.asn},1,{CUSTOMER}) ~ bgp_large_community) then reject; {repeat}accept; }};"
        )
    pairs = {"v4": (ends.left_ipv4.ip, ends.right_ipv4.ip), "v6": (ends.left_ipv6.ip, ends.right_ipv6.ip)}
    found = []
    for family, (left, right) in pairs.items():
        local, peer = (left, right) if leftmost else (right, left)
        name = f"{other.name}_{family}"
        found.append(_bgp(name, str(local), node.asn, str(peer), other.asn, options, family, channel))
    return found


def _waits(node: Node, other: Node) -> bool:
    """One side of each session only waits, so that two sides never meet halfway. Programs other than BIRD call."""
    if other.daemon != "bird":
        return True
    return (node.stage, node.number) < (other.stage, other.number)


def _member_sessions(node: Node, ix: Exchange, place: int) -> list[str]:
    addresses = {
        "v4": (ix.ipv4_of(place).ip, ix.ipv4_of(ix.route_server).ip),
        "v6": (ix.ipv6_of(place).ip, ix.ipv6_of(ix.route_server).ip),
    }
    channel = "import filter from_peer; export filter to_others;"
    return [
        _bgp(f"{ix.name}_{family}", str(local), node.asn, str(server), ix.asn, "", family, channel)
        for family, (local, server) in addresses.items()
    ]


def _exchange_route_server(ix: Exchange) -> str:
    text = []
    for member, place in ix.members:
        addresses = {
            "v4": (ix.ipv4_of(ix.route_server).ip, ix.ipv4_of(place).ip),
            "v6": (ix.ipv6_of(ix.route_server).ip, ix.ipv6_of(place).ip),
        }
        asn = net.NODES[member].asn
        for family, (local, peer) in addresses.items():
            channel = (
                f"import filter {{ bgp_large_community.add(({ix.asn},0,{asn})); accept; }}; "
                "export where source = RTS_BGP;"
            )
            name = f"{member}_{family}"
            options = "rs client; passive;"
            text.append(_bgp(name, str(local), ix.asn, str(peer), asn, options, family, channel))
    return "".join(text)


# --- our routers ------------------------------------------------------------------------------------------------


def _own_router(node: Node) -> str:
    text = [_kernel(f"kernel_{family}", family) for family in FAMILIES]
    text.extend(_connection(node, connection) for connection in net.connections_of(node.name))
    if node.name in net.MONITORED:
        text.extend(_reports(node))
    return "".join(text)


def _connection(node: Node, connection: Connection) -> str:
    """A table of its own per family, which fills its own kernel table.

    Of several connections each learns into its own table, and all meet in the main one. A router's only connection
    learns into the main table, as such routers do, and its own is a copy: BIRD fills one kernel table from one table.
    """
    text = []
    alone = len(net.connections_of(node.name)) == 1
    neighbors = dict(zip(FAMILIES, net.neighbors_of(connection), strict=True))
    locals_ = _local_addresses(node, connection)
    asn = connection.asn or net.EXCHANGES[connection.interface].asn
    for family in FAMILIES:
        name = f"{connection.key}_{family}"
        table = f"t_{name}"  # BIRD keeps tables and protocols in one name space
        main = f"master{family[1]}"
        learning = main if alone else table
        block = connection.block_ipv4 if family == "v4" else connection.block_ipv6
        text.append(f"{_CHANNEL[family]} table {table};\n")
        text.append(_static(f"own_{name}", family, [block], table=learning))
        if connection.egress == "policy":
            text.append(_kernel(f"kernel_{name}", family, table=table, kernel_table=connection.kernel_table))
        channel = (
            f"table {learning}; import filter {{ {_learning(connection, family)} accept; }}; "
            f"export where source = RTS_STATIC;"
        )
        options = "" if connection.exchange else "passive;"
        text.append(_bgp(name, locals_[family], node.asn, neighbors[family], asn, options, family, channel))
        direction = "import none; export where source = RTS_BGP;" if alone else "import all; export none;"
        text.append(f"protocol pipe pipe_{name} {{ table {main}; peer table {table}; {direction} }}\n")
    return "".join(text)


def _local_addresses(node: Node, connection: Connection) -> dict[str, str]:
    if connection.exchange:
        ix, place = next(found for found in net.exchanges_of(node.name) if found[0].name == connection.exchange)
        return {"v4": str(ix.ipv4_of(place).ip), "v6": str(ix.ipv6_of(place).ip)}
    link = next(k for k in net.LINKS if (k.left, k.right) == (connection.upstream, node.name))
    ends = net.ends_of(link)
    return {"v4": str(ends.right_ipv4.ip), "v6": str(ends.right_ipv6.ip)}


def _learning(connection: Connection, family: str) -> str:
    own = f"{connection.block_ipv4}+" if family == "v4" else f"{connection.block_ipv6}+"
    text = (
        f"if net ~ [ {own} ] then reject; bgp_local_pref = {connection.local_pref}; "
        f"bgp_large_community.add(({net.OWN_ASN},10,{connection.id})); "
        f"bgp_community.add(({net.OWN_ASN},{1000 + connection.id})); "
    )
    for origin in net.PREFERRED_AT_EXCHANGE.get(connection.key, ()):
        text += f"if bgp_path.last = {origin} then bgp_local_pref = 150; "
    return text


def _reports(node: Node) -> list[str]:
    """To each route server and in each family: what this router chose, and all that it knows."""
    text = []
    own_plain, own_add_path = net.LAN_PLACES[node.name]
    for server, (plain, add_path) in net.ROUTE_SERVERS.items():
        for family, address in (("v4", net.lan_ipv4), ("v6", net.lan_ipv6)):
            channel = "next hop keep; import none; export where source = RTS_BGP;"
            for kind, place, target, extra in (
                ("best", own_plain, plain, ""),
                ("all", own_add_path, add_path, " add paths tx;"),
            ):
                text.append(
                    _bgp(
                        f"{server}_{kind}_{family}", str(address(place).ip), node.asn, str(address(target).ip),
                        net.OWN_ASN, "passive; direct;", family, channel + extra,
                    )
                )  # fmt: skip
    return text


def _own_route_server(server: str) -> str:
    """rs1 keeps a table for each router, rs2 keeps all in its main tables: operators build collectors either way."""
    plain, add_path = net.ROUTE_SERVERS[server]
    text = []
    for router in net.MONITORED:
        its_plain, its_add_path = net.LAN_PLACES[router]
        for family, address in (("v4", net.lan_ipv4), ("v6", net.lan_ipv6)):
            table, everything, best = net.collector_names(server, router, family)
            resolving = f"{router}_igp_{family}"
            default = "0.0.0.0/0" if family == "v4" else "::/0"
            through = f"via {address(its_plain).ip}"
            if not table.startswith("master"):
                text.append(f"{_CHANNEL[family]} table {table};\n")
            text.append(f"{_CHANNEL[family]} table {resolving};\n")
            # Link nets stay out of our iBGP, so next hops are resolved by the one fact that is always true:
            # whatever this router's next hop is, it is reached through this router.
            text.append(_static(f"via_{router}_{family}", family, [default], table=resolving, via=through))
            channel = f"table {table}; igp table {resolving}; import all; export none;"
            for protocol, place, its_place, extra in (
                (best, plain, its_plain, ""),
                (everything, add_path, its_add_path, " add paths rx;"),
            ):
                local, peer = str(address(place).ip), str(address(its_place).ip)
                text.append(_bgp(protocol, local, net.OWN_ASN, peer, net.OWN_ASN, "multihop;", family, channel + extra))
            text.extend(_connection_view(c, table, everything, family) for c in net.connections_of(router))
    return "".join(text)


def _connection_view(connection: Connection, table: str, everything: str, family: str) -> str:
    name = f"{connection.router}_{connection.key}_{family}"
    if connection.exchange:
        ix = net.EXCHANGES[connection.exchange]
        belongs = f"bgp_next_hop ~ {ix.ipv4 if family == 'v4' else ix.ipv6}"
    else:
        belongs = f"bgp_path.first = {connection.asn}"
    return (
        f"{_CHANNEL[family]} table {name};\n"
        f"protocol pipe view_{name} {{ table {table}; peer table {name}; import none; "
        f'export where proto = "{everything}" && {belongs}; }}\n'
    )
