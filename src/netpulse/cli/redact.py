"""Real numbers in a capture into numbers for documentation, everywhere the same for the same, so that it still parses.

IPv4 to RFC 5737 (and RFC 2544 when those three are used up), IPv6 to RFC 3849, AS numbers to RFC 5398 (then to private ones).
Prefix lengths, last octets and subnets stay: readers and people need them. Names are left alone: in free text they cannot be
told from words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain
from typing import Any

from netpulse.values import address

_IPV4 = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:/(\d{1,2}))?(?![\w]|\.\d)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?:/(\d{1,3}))?(?![\w:]|\.\d)", re.ASCII)
_AS_WORD = re.compile(r"\bAS(\d{1,10})", re.ASCII)
_AS_PATH = re.compile(r"as[_ -]?path\W{0,4}([0-9 {}(),\[\]]+)", re.IGNORECASE | re.ASCII)
_COMMUNITY = re.compile(r"(?<![\w:.])(\d{3,10}):\d|\((\d{1,10}), ?\d", re.ASCII)
_AS_FIELDS = frozenset({"as_path", "asn", "origin_asn", "set", "confed", "confed_set"})
_SMALL_IID = 0x10000


class Redaction:
    """One capture's replacements. `asns` are the AS numbers that it is known to mention."""

    def __init__(self, asns: set[int]) -> None:
        self._blocks4 = _blocks4()
        self._blocks6 = (0x20010DB8_0000_0000 | n << 16 for n in range(1, 0x10000))
        self._map4: dict[int, int] = {}
        self._map6: dict[int, int] = {}
        self._interface_ids: dict[int, int] = {}
        small = chain(range(64496, 64512), range(64512, 65535))
        large = chain(range(65536, 65552), range(4_200_000_000, 4_294_967_295))
        self._asns = {asn: next(small if asn < 0x10000 else large) for asn in sorted(asns)}

    def text(self, text: str) -> str:
        """The same text with every address and every known AS number replaced."""
        # Addresses first: what stands for an AS number must not be taken for part of an address.
        text = _IPV6.sub(self._ipv6, _IPV4.sub(self._ipv4, text))
        if not self._asns:
            return text
        known = "|".join(map(str, sorted(self._asns, reverse=True)))
        numbers = re.compile(rf"(?<![0-9.:/-])((?:(?<=AS)|(?<![A-Za-z]))(?:{known}))(?![0-9./]|:db8)", re.ASCII)
        return numbers.sub(lambda found: str(self._asns[int(found[1])]), text)

    def _ipv4(self, found: re.Match[str]) -> str:
        real = address(found[1])
        if not isinstance(real, IPv4Address) or not _tells_something(real) or int(found[2] or 0) > 32:
            return found[0]
        block = int(real) >> 8
        if block not in self._map4:
            self._map4[block] = next(self._blocks4)
        return _written(IPv4Address(self._map4[block] << 8 | int(real) & 0xFF), found[2])

    def _ipv6(self, found: re.Match[str]) -> str:
        real = address(found[1])
        if not isinstance(real, IPv6Address) or not _tells_something(real) or int(found[2] or 0) > 128:
            return found[0]
        block, subnet, interface_id = int(real) >> 80, int(real) >> 64 & 0xFFFF, int(real) & (1 << 64) - 1
        if interface_id >= _SMALL_IID:  # it may hold a hardware address
            interface_id = self._interface_ids.setdefault(interface_id, _SMALL_IID + len(self._interface_ids))
        if real.is_link_local:
            return _written(IPv6Address(0xFE80 << 112 | interface_id), found[2])
        if block not in self._map6:
            self._map6[block] = next(self._blocks6)
        return _written(IPv6Address((self._map6[block] | subnet) << 64 | interface_id), found[2])


def _blocks4() -> Iterator[int]:
    yield from (0xC00002, 0xC63364, 0xCB0071)  # 192.0.2, 198.51.100, 203.0.113
    yield from range(0xC61200, 0xC61400)  # 198.18.0.0/15
    yield from range(0x0A0000, 0x0B0000)  # 10.0.0.0/8; a capture of so many networks is a mistake anyway


def _tells_something(real: IPv4Address | IPv6Address) -> bool:
    """Whether this address belongs to somebody: not `0.0.0.0`, loopback, multicast or broadcast."""
    return not (real.is_unspecified or real.is_loopback or real.is_multicast or real == IPv4Address("255.255.255.255"))


def _written(place: IPv4Address | IPv6Address, length: str | None) -> str:
    if length is None:
        return str(place)
    if isinstance(place, IPv4Address):
        return str(IPv4Network((int(place), int(length)), strict=False))
    return str(IPv6Network((int(place), int(length)), strict=False))


def asns_in(value: Any, *, inside: bool = False) -> set[int]:
    """The AS numbers of a `result` object, by the names of its fields."""
    if isinstance(value, Mapping):
        return set().union(*(asns_in(inner, inside=name in _AS_FIELDS) for name, inner in value.items()))
    if isinstance(value, list | tuple):
        return set().union(*(asns_in(inner, inside=inside) for inner in value))
    return {value} if inside and type(value) is int else set()


def asns_written(text: str) -> set[int]:
    """The AS numbers that a text itself calls so: `AS174`, what stands behind `AS path:`, and who owns a community."""
    text = _IPV6.sub(" ", _IPV4.sub(" ", text))
    found = {*_AS_WORD.findall(text)}
    for owner in chain.from_iterable(_COMMUNITY.findall(text)):
        found.update([owner] if owner else [])
    for path in _AS_PATH.findall(text):
        found.update(re.findall(r"\d{1,10}", path))
    return {number for number in map(int, found) if 0 < number <= 0xFFFFFFFF}
