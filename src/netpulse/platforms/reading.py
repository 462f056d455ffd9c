"""Small safe pieces for readers: numbers and addresses out of untrusted text. Nothing here ever raises."""

from __future__ import annotations

import re

from netpulse.values import address

_DECIMAL = re.compile(r"\A[0-9]{1,12}(?:\.[0-9]{1,12})?\Z", re.ASCII)


def whole(text: str) -> int | None:
    """The whole number this text writes with at most 18 digits, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def decimal(text: str) -> float | None:
    """The number this text writes with digits and at most one point, or None."""
    return float(text) if _DECIMAL.match(text) else None


def literal(text: str) -> str | None:
    """The canonical address that this text writes, without a zone id (`fe80::1%eth0`); None if it is none."""
    value = address(text.partition("%")[0])
    return None if value is None else value.compressed
