"""The small Internet as values: what DESIGN promises of it, and that its numbers never collide."""

from __future__ import annotations

import itertools
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from netpulse.lab import bird_conf, config_file, frr_conf, wiring
from netpulse.lab import topology as net

SOURCES = {
    1: ("core1", "203.0.113.1"),
    2: ("core1", "198.51.100.1"),
    3: ("core1", "203.0.113.65"),
    4: ("core2", "203.0.113.129"),
    5: ("core2", "203.0.113.193"),
}


def test_the_promised_connections_have_the_promised_sources() -> None:
    assert {n: (net.CONNECTIONS[n].router, net.CONNECTIONS[n].source_ipv4) for n in SOURCES} == SOURCES
    assert {c.source_ipv6 for c in net.CONNECTIONS.values()} == {f"2001:db8:{n}::1" for n in range(1, 9)}


def test_one_further_connection_only_sets_its_source() -> None:
    assert [c.id for c in net.CONNECTIONS.values() if c.egress == "source"] == [7]


def test_each_source_lies_in_its_own_block_and_blocks_do_not_overlap() -> None:
    blocks = {c.id: ip_network(c.block_ipv4) for c in net.CONNECTIONS.values()}
    assert all(ip_address(c.source_ipv4) in blocks[c.id] for c in net.CONNECTIONS.values())
    assert not [pair for pair in itertools.combinations(blocks.values(), 2) if pair[0].overlaps(pair[1])]
    assert not any(block.overlaps(net.LAN_IPV4) for block in blocks.values())


def test_no_two_links_share_a_subnet() -> None:
    subnets = [net.ends_of(link).left_ipv4.network for link in net.LINKS]
    assert len(set(subnets)) == len(subnets)


def test_every_link_address_is_announced_by_the_network_that_owns_it() -> None:
    for link in net.LINKS:
        owner = net.SYSTEMS[net.NODES[link.left].asn]
        address = net.ends_of(link).left_ipv4.ip
        announced = [ip_network(prefix) for prefix in owner.announces if ":" not in prefix]
        assert any(address in prefix for prefix in announced), link


def test_nobody_announces_an_exchange_lan() -> None:
    announced = [ip_network(p) for node in net.NODES.values() for p in node.announces if ":" not in p]
    assert not [p for p in announced for ix in net.EXCHANGES.values() if p.overlaps(ix.ipv4)]


def test_only_the_connections_own_block_is_announced_through_it() -> None:
    text = bird_conf.render(net.NODES["core1"], Path("core1.log"))
    for line in text.splitlines():
        if line.startswith("protocol static own_cogent_v4"):
            assert "203.0.113.0/26" in line
            assert "198.51.100.0/24" not in line


def test_interface_names_fit_the_kernel() -> None:
    words = [line.split() for line in wiring.cables()]
    names = [name for line in words for name in (line[3], line[9])]
    assert max(map(len, names)) <= 15


@pytest.mark.parametrize("name", ["dns.google", "google.com", "one.one.one.one"])
def test_a_promised_name_has_both_families(name: str) -> None:
    assert {ip_address(a).version for a in net.names()[name]} == {4, 6}


def test_every_hop_has_a_name() -> None:
    named = {address for addresses in net.names().values() for address in addresses}
    hops = {
        str(address)
        for link in net.LINKS
        for address in (net.ends_of(link).left_ipv4.ip, net.ends_of(link).right_ipv6.ip)
    }
    assert hops <= named


def test_frr_announces_each_block_by_its_own_session_only() -> None:
    text = frr_conf.render_bgpd(net.NODES["frr1"])
    assert "ip prefix-list own-arelion seq 5 permit 192.0.2.64/27" in text
    assert "neighbor 89.149.1.1 route-map to-gtt-ipv4 out" in text


def test_the_configuration_without_frr_leaves_its_router_out() -> None:
    routers = ("core1", "core2", "bird1")
    sockets = {name: Path(f"/run/{name}.ctl") for name in ("rs1", "rs2", "bird1")}
    access = config_file.Access(
        dict.fromkeys(routers, ("127.0.0.1", 2200)),
        dict.fromkeys(routers, "ssh-ed25519 AAAA"),
        "keys/lab",
        sockets,
        ("127.0.0.1", 53),
    )
    text = config_file.render(access, routers)
    assert 'slug: "frr1"' not in text
    assert 'best_protocol: "core1_best6"' in text
    assert 'key_file: "keys/lab"' in text
