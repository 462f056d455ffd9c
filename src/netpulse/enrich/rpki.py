"""Route origin validation (RFC 6811) against the validated ROA payloads that an RPKI validator exports.

The file is the JSON that Routinator, rpki-client and others write: `{"roas": [{"prefix", "maxLength", "asn"}, …]}`. Half a
million payloads take some 8 MB here: numbers in sorted arrays, by the length of their prefix.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

import msgspec

from netpulse.records import Rpki

_BITS: Mapping[int, int] = {AF_INET: 32, AF_INET6: 128}
_LONGEST_KEPT = 64
"""Bits of a prefix that one number of an array holds; nobody announces longer ones."""


class Roa(msgspec.Struct):
    """One entry; `asn` is written `AS64500` or `64500`."""

    prefix: str
    asn: int | str
    maxLength: int | None = None  # noqa: N815 (the name in the file)


class _Export(msgspec.Struct):
    roas: list[Roa]


@dataclass(frozen=True, slots=True)
class _Payloads:
    """Payloads of one prefix length: the prefixes' bits in order, and beside each its AS number and longest length."""

    prefixes: array[int]
    asns: array[int]
    longest: array[int]

    def of(self, bits: int) -> Iterator[tuple[int, int]]:
        at = bisect_left(self.prefixes, bits)
        while at < len(self.prefixes) and self.prefixes[at] == bits:
            yield self.asns[at], self.longest[at]
            at += 1


@dataclass(frozen=True, slots=True)
class Vrps:
    """All payloads, by address family and prefix length; empty and false without data."""

    payloads: Mapping[int, Mapping[int, _Payloads]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.payloads)

    def state(self, prefix: str, origin_asn: int | None) -> Rpki:
        """What the payloads say of this route. A route whose path ends in a set has no origin, so none can match."""
        address, _, written = prefix.partition("/")
        family = AF_INET6 if ":" in address else AF_INET
        try:
            whole, length = int.from_bytes(inet_pton(family, address), "big"), int(written)
        except (OSError, ValueError):
            return Rpki()
        bits = _BITS[family]
        covering: list[tuple[str, int, int]] = []
        for shorter, payloads in self.payloads.get(family, {}).items():
            if shorter > length:
                continue
            for asn, longest in payloads.of(whole >> (bits - shorter)):
                if asn == origin_asn and asn != 0 and length <= longest:
                    return Rpki(state="valid", reason=f"a ROA for {_text(family, whole, shorter)} allows AS{asn}")
                covering.append((_text(family, whole, shorter), asn, longest))
        if not covering:
            return Rpki(state="not_found", reason="no ROA covers this prefix")
        return Rpki(state="invalid", reason=_why_invalid(covering, origin_asn, length))


def _why_invalid(covering: list[tuple[str, int, int]], origin_asn: int | None, length: int) -> str:
    for place, asn, longest in covering:
        if asn == origin_asn and asn != 0:
            return f"the ROA for {place} allows AS{asn} prefixes up to /{longest}, not a /{length}"
    place, asns = covering[-1][0], sorted({asn for _, asn, _ in covering})
    allowed = " and ".join(f"AS{asn}" for asn in asns if asn)
    return f"the ROA for {place} allows {f'{allowed} only' if allowed else 'nobody'}"


def _text(family: int, whole: int, length: int) -> str:
    bits = _BITS[family]
    network = whole >> (bits - length) << (bits - length)
    return f"{inet_ntop(family, network.to_bytes(bits // 8, 'big'))}/{length}"


def roas_in(path: Path) -> list[Roa]:
    """The entries of this file as they are written; ValueError if it is not such an export."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Export).roas
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise ValueError(f"is not an export of an RPKI validator: {fault}") from None


def read_vrps(path: Path) -> Vrps:
    """The payloads in this file; ValueError if it is not such an export. Entries that are no payload are passed over."""
    # One number each, because sorting half a million tuples would hold every other thread for half a second.
    found: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for family, bits, length, asn, longest in _payloads(roas_in(path)):
        found[family, length].append(bits << 40 | asn << 8 | longest)
    payloads: dict[int, dict[int, _Payloads]] = {}
    for (family, length), rows in sorted(found.items()):
        rows.sort()
        payloads.setdefault(family, {})[length] = _Payloads(
            array("Q", (row >> 40 for row in rows)),
            array("I", (row >> 8 & 0xFFFFFFFF for row in rows)),
            array("B", (row & 0xFF for row in rows)),
        )
    return Vrps(payloads)


def _payloads(roas: Iterable[Roa]) -> Iterator[tuple[int, int, int, int, int]]:
    """Family, bits of the prefix, its length, AS number and longest length of each."""
    for roa in roas:
        address, _, written = roa.prefix.partition("/")
        family = AF_INET6 if ":" in address else AF_INET
        number = str(roa.asn).upper().removeprefix("AS")
        try:
            whole = int.from_bytes(inet_pton(family, address), "big")
        except OSError:
            continue
        if not (written.isdecimal() and number.isdecimal()) or int(number) > 0xFFFFFFFF:
            continue
        length, bits = int(written), _BITS[family]
        longest = length if roa.maxLength is None else roa.maxLength
        if length <= min(bits, _LONGEST_KEPT) and length <= longest <= bits:
            yield family, whole >> (bits - length), length, int(number), longest
