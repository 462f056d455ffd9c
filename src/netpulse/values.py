"""Text in, safe value out: targets are parsed once, at the door, and trusted inside.

A target becomes an `Address`, a `Prefix` or a `HostName`; whatever is sent anywhere later is `canonical()` of the value,
never the caller's text. The order is: characters, form, value. `ipaddress` alone is not a gate: it accepts zone ids with
line breaks inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
)
from typing import Literal

from netpulse.errors import Refused

Address = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network
Family = Literal[4, 6]
TargetKind = Literal["address", "prefix", "host"]


@dataclass(frozen=True, slots=True)
class HostName:
    """A fully qualified name in lower case, without the final dot; at most 253 characters (RFC 1035, RFC 1123)."""

    name: str

    def __str__(self) -> str:
        return self.name


Target = Address | Prefix | HostName

_ADDRESS_TEXT = re.compile(r"\A[0-9A-Fa-f.:]{2,45}\Z", re.ASCII)
_PREFIX_TEXT = re.compile(r"\A([0-9A-Fa-f.:]{2,45})/(0|[1-9][0-9]{0,2})\Z", re.ASCII)
_V4_ONLY = re.compile(r"\A[0-9.]+\Z", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"\A(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?\Z", re.ASCII)
_PRIVATE_SUFFIXES = frozenset(
    "localhost local localdomain internal intranet private lan home corp test invalid example onion arpa alt".split()
)

LONGEST_TARGET = 254
"""Characters; a host name has at most 253 and a final dot, a prefix 49."""


def canonical(target: Target) -> str:
    """The one text of this value: compressed lower-case addresses, prefixes with their length."""
    if isinstance(target, HostName):
        return target.name
    return target.compressed


def family_of(place: Address | Prefix) -> Family:
    return 4 if place.version == 4 else 6


def address(text: str) -> Address | None:
    """The address this text writes in full, or None. No zone id, no leading zeros, no IPv4 inside IPv6."""
    if not _ADDRESS_TEXT.match(text):
        return None
    try:
        if ":" not in text:
            return IPv4Address(text)
        return None if "." in text else IPv6Address(text)
    except AddressValueError:
        return None


def prefix(text: str) -> Prefix | None:
    """The prefix this text writes as ADDRESS/LENGTH, host bits included in the check; None if it is not one.

    Raises ValueError if the address has bits set beyond the length.
    """
    form = _PREFIX_TEXT.match(text)
    if form is None:
        return None
    base = address(form[1])
    if base is None or int(form[2]) > base.max_prefixlen:
        return None
    if isinstance(base, IPv4Address):
        return IPv4Network((int(base), int(form[2])))
    return IPv6Network((int(base), int(form[2])))


def host_name(text: str) -> HostName | None:
    """The host name this text writes: at least two labels, letters, digits and hyphens, not a local-only suffix."""
    if not text.isascii():  # in small letters a Kelvin sign would be a k
        return None
    name = text.removesuffix(".").lower()
    if len(name) > 253 or not _HOST.match(name):
        return None
    labels = name.split(".")
    if labels[-1] in _PRIVATE_SUFFIXES or any(x[2:4] == "--" and not x.startswith("xn--") for x in labels):
        return None
    return HostName(name)


# Nobody types these, so that a refusal never seems to repeat what was sent.
_FORMS = {
    "address": "an IP address like 198.41.0.4 or 2001:503:ba3e::2:30",
    "prefix": "a prefix like 198.41.0.0/24",
    "host": "a host name like a.root-servers.net",
}


def parse_target(text: str, kinds: frozenset[TargetKind]) -> Target:
    """The value of a caller's target, of one of these kinds; Refused(`bad_target`) with what to write instead."""
    if len(text) <= LONGEST_TARGET:
        if "/" in text:
            if "prefix" in kinds:
                return _parse_prefix(text, kinds)
        elif (literal := address(text)) is not None:
            if "address" in kinds:
                return literal
        elif "host" in kinds and not _V4_ONLY.match(text):
            if (name := host_name(text)) is not None:
                return name
            if text.lower().removesuffix(".").rpartition(".")[2] in _PRIVATE_SUFFIXES:
                raise Refused(
                    "bad_target", "The host name in target is of a private or reserved domain; use a public name like dns.google."
                )
    raise _bad_target(kinds)


def _bad_target(kinds: frozenset[TargetKind]) -> Refused:
    forms = " or ".join(_FORMS[kind] for kind in ("address", "prefix", "host") if kind in kinds)
    return Refused("bad_target", f"The value of target must be {forms}.")


def _parse_prefix(text: str, kinds: frozenset[TargetKind]) -> Prefix:
    try:
        value = prefix(text)
    except ValueError:
        raise Refused(
            "bad_target",
            "The prefix in target has bits set beyond its length; write its first address, like 8.8.8.0/24.",
        ) from None
    if value is None:
        raise _bad_target(kinds)
    shortest = 8 if value.version == 4 else 16
    if value.prefixlen < shortest and value.prefixlen != 0:
        raise Refused(
            "bad_target",
            "The prefix in target is too short; use /8 to /32 for IPv4, /16 to /128 for IPv6, or a default route.",
        )
    return value
