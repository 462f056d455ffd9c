"""Tables that give numbers their names, read once from the operator's files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from netpulse.enrich.rpki import Vrps
from netpulse.screen import clean
from netpulse.values import Address, Prefix, prefix

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Names:
    """AS number to name, community text to meaning, LAN of an exchange to its name; and what the RPKI says."""

    autonomous_systems: Mapping[int, str] = field(default_factory=dict)
    communities: Mapping[str, str] = field(default_factory=dict)
    ix_lans: Mapping[Prefix, str] = field(default_factory=dict)
    vrps: Vrps = Vrps()

    def of_as(self, asn: int | None) -> str | None:
        return None if asn is None else self.autonomous_systems.get(asn)

    def of_community(self, value: str) -> str | None:
        return self.communities.get(value)

    def of_lan(self, address: Address) -> str | None:
        """The exchange whose LAN has this address."""
        lengths = {lan.prefixlen for lan in self.ix_lans if lan.version == address.version}
        around = (ip_network((address, length), strict=False) for length in sorted(lengths, reverse=True))
        return next((self.ix_lans[lan] for lan in around if lan in self.ix_lans), None)


def _rows(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (row[0].strip(), clean(row[1].strip())[:_LONGEST_NAME])
            for row in csv.reader(file)
            if len(row) >= 2 and not row[0].startswith("#")
        ]


def read_names(as_names: Path | None, communities: Path | None, ix_lans: Path | None = None) -> Names:
    """The names in these CSV files (`number,name`); lines that are not of that form, such as a header, are passed over."""
    numbers: dict[int, str] = {}
    for number, name in _rows(as_names) if as_names is not None else ():
        digits = number.upper().removeprefix("AS")
        if digits.isascii() and digits.isdigit():
            numbers[int(digits)] = name
    meanings = dict(_rows(communities)) if communities is not None else {}
    lans = {_lan(text): name for text, name in (_rows(ix_lans) if ix_lans is not None else ())}
    return Names(numbers, meanings, {lan: name for lan, name in lans.items() if lan is not None})


def _lan(text: str) -> Prefix | None:
    try:
        return prefix(text)
    except ValueError:
        return None
