"""What is wrong with a configuration file, all of it at once, each with its place and its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Place = tuple[str | int, ...]
"""Keys and list positions from the top of the file, like `("routers", 0, "slug")`."""


def written(place: Place) -> str:
    """The place as people write it: `routers[0].connections[1].asn`; empty for the whole file."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(frozen=True, slots=True, order=True)
class ConfigFault:
    """One fault. Lines and columns count from 1; `text` says what is wrong and what to do about it."""

    line: int
    column: int
    path: str
    text: str
    file: Path

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.text}" if self.path else f"{where}: {self.text}"


class ConfigFaults(Exception):
    """The file cannot be used; `faults` are in the order of the file, and the text has one line for each."""

    def __init__(self, faults: list[ConfigFault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(map(str, self.faults)))
