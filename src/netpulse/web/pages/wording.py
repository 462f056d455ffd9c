"""An error in the visitor's language: the words of its code, or the finer ones of its reason."""

from __future__ import annotations

from netpulse.errors import NetPulseError
from netpulse.words import Words


def told(words: Words, error: NetPulseError) -> str:
    """What this error says to a visitor; `{time}` in its words is the wait until it is worth asking again."""
    code = f"error.code.{error.code}"
    finer = f"{code}.{error.reason}"
    return words.t(finer if error.reason and words.has(finer) else code, time=clock(error.retry_after_s or 1))


def clock(seconds: int) -> str:
    """Minutes and seconds: `4:12`."""
    return f"{seconds // 60}:{seconds % 60:02d}"
