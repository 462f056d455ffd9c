"""Lines of the table: what was measured beside its bar, and on which machine."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line. `held` is None where nothing could be measured; `measured` then says why."""

    what: str
    bar: str
    measured: str
    held: bool | None

    @property
    def verdict(self) -> str:
        return {True: "held", False: "**missed**", None: "not measured"}[self.held]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown, with the machine above."""
    lines = [machine(), "", "| what | bar | measured | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.bar} | {row.measured} | {row.verdict} |" for row in rows]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """One sentence: processor, cores, memory, kernel, Python, and how busy it is."""
    cores, memory_gib = _cores(), _memory_kib("MemTotal") / 1024 / 1024
    load = Path("/proc/loadavg").read_text().split()[0]
    return (
        f"Measured on {cores} cores of {_processor()} with {memory_gib:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}; load average {load} at the start."
    )


def _cores() -> int:
    return Path("/proc/cpuinfo").read_text().count("processor\t:")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _memory_kib(name: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0
