"""Tables that give numbers their names, read once from the operator's files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netpulse.screen import clean

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Names:
    """AS number to name, community text to meaning."""

    autonomous_systems: Mapping[int, str] = field(default_factory=dict)
    communities: Mapping[str, str] = field(default_factory=dict)

    def of_as(self, asn: int | None) -> str | None:
        return None if asn is None else self.autonomous_systems.get(asn)

    def of_community(self, value: str) -> str | None:
        return self.communities.get(value)


def _rows(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (row[0].strip(), clean(row[1].strip())[:_LONGEST_NAME])
            for row in csv.reader(file)
            if len(row) >= 2 and not row[0].startswith("#")
        ]


def read_names(as_names: Path | None, communities: Path | None) -> Names:
    """The names in these CSV files (`number,name`); lines that are not of that form, such as a header, are passed over."""
    numbers: dict[int, str] = {}
    if as_names is not None:
        for number, name in _rows(as_names):
            digits = number.upper().removeprefix("AS")
            if digits.isascii() and digits.isdigit():
                numbers[int(digits)] = name
    meanings = dict(_rows(communities)) if communities is not None else {}
    return Names(numbers, meanings)
