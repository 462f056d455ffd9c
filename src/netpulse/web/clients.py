"""Who is at the other end: the peer, or whom a trusted proxy says it speaks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from netpulse.values import Address, Prefix

_NOBODY = IPv4Address("127.0.0.1")
"""The peer of a Unix socket."""


def client_of(peer: tuple[str, int] | None, forwarded_for: Sequence[bytes], trusted: tuple[Prefix, ...]) -> Address:
    """The client's address. X-Forwarded-For is read from the right, and only as far as trusted proxies wrote it.

    An entry that is not an address ends the walk: the last one known stands.
    """
    here = _peer(peer[0]) if peer else _NOBODY
    if not trusted or not forwarded_for or not _inside(here, trusted):
        return here
    for entry in reversed(b",".join(forwarded_for).split(b",")):
        address = parsed(entry.strip().decode("latin-1"))
        if address is None:
            return here
        here = address
        if not _inside(here, trusted):
            return here
    return here


@lru_cache(maxsize=4096)
def client_text(client: Address) -> str:
    """The address as text; writing one anew costs as much as checking a key."""
    return str(client)


@lru_cache(maxsize=4096)
def _peer(host: str) -> Address:
    return parsed(host.partition("%")[0]) or _NOBODY


def parsed(text: str) -> Address | None:
    """The address this text writes, an IPv4 one inside IPv6 as itself; None if it is none."""
    if len(text) > 45 or "%" in text:
        return None
    try:
        address: Any = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address  # type: ignore[no-any-return]


def _inside(address: Address, blocks: tuple[Prefix, ...]) -> bool:
    return any(address.version == block.version and address in block for block in blocks)
