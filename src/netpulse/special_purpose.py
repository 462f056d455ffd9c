"""Addresses that no looking glass should probe: one frozen table of ours.

Taken from the IANA IPv4 and IPv6 Special-Purpose Address Registries and RFC 5771, RFC 4291, RFC 3849, RFC 9637. The
language's own `is_global` is not used: its answer changes between Python releases and lets wrappers of private IPv4
addresses (NAT64, 6to4, Teredo, mapped) through. For IPv6 everything outside global unicast (2000::/3) is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)

SPECIAL_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(block), what)
    for block, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private use"),
        ("100.64.0.0/10", "shared address space"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link local"),
        ("172.16.0.0/12", "private use"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay anycast"),
        ("192.168.0.0/16", "private use"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)

GLOBAL_V6 = IPv6Network("2000::/3")

SPECIAL_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(block), what)
    for block, what in (
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
)

Networks = Iterable[IPv4Network | IPv6Network]


@lru_cache(maxsize=4096)
def why_special(place: IPv4Address | IPv6Address | IPv4Network | IPv6Network) -> str | None:
    """What makes this address, or the whole of this prefix, special-purpose; None for ordinary space.

    A prefix that merely contains a special block (0.0.0.0/0, 192.0.0.0/8) is ordinary.
    """
    net = ip_network(place)
    if isinstance(net, IPv4Network):
        return next((what for block, what in SPECIAL_V4 if net.subnet_of(block)), None)
    special = next((what for block, what in SPECIAL_V6 if net.subnet_of(block)), None)
    if special:
        return special
    return None if net.overlaps(GLOBAL_V6) else "outside global unicast"


def inside(place: IPv4Address | IPv6Address | IPv4Network | IPv6Network, networks: Networks) -> bool:
    """Whether the address or the whole prefix lies in one of these networks."""
    net = ip_network(place)
    for block in networks:
        if isinstance(net, IPv4Network) and isinstance(block, IPv4Network) and net.subnet_of(block):
            return True
        if isinstance(net, IPv6Network) and isinstance(block, IPv6Network) and net.subnet_of(block):
            return True
    return False
