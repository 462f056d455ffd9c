"""What `check` found about one device: a line each, good or bad, and sometimes something to paste."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netpulse.errors import Fault


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `paste` is text for the configuration file that mends it."""

    good: bool
    what: str
    said: str
    paste: str | None = None


def good(what: str, said: str) -> Finding:
    return Finding(True, what, said)


def bad(what: str, said: str, paste: str | None = None) -> Finding:
    return Finding(False, what, said, paste)


def reason(fault: Fault) -> str:
    """What happened in the operator's words: the public sentence and the detail behind it."""
    sentence = fault.sentence.rstrip(".")
    return f"{sentence} ({fault.detail})" if fault.detail else sentence


def ms(seconds: float) -> str:
    """Seconds as a short text in milliseconds."""
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def rendered(title: str, findings: Iterable[Finding]) -> str:
    """The findings under their title, one line each, what to paste indented below."""
    lines = [title]
    for finding in findings:
        lines.append(f"  {'ok  ' if finding.good else 'FAIL'}  {finding.what}: {finding.said}")
        if finding.paste is not None:
            lines += [f"        {line}" for line in finding.paste.splitlines()]
    return "\n".join(lines)
