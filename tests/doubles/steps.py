"""What a scripted double does next. A script is a list of these."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


class Step:
    """Anything a double can do next."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Say(Step):
    """Sends this; a text is sent as UTF-8."""

    what: str | bytes
    on_stderr: bool = False

    @property
    def raw(self) -> bytes:
        return self.what.encode() if isinstance(self.what, str) else self.what


@dataclass(frozen=True, slots=True)
class WaitFor(Step):
    """Goes on when the test sets this event."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True)
class Exit(Step):
    """Ends the command with this status. A script that simply ends does this with 0."""

    status: int = 0


@dataclass(frozen=True, slots=True)
class Close(Step):
    """Closes without another word: a channel without exit status, a connection in the middle."""


@dataclass(frozen=True, slots=True)
class Reset(Step):
    """Breaks the whole connection hard."""


@dataclass(frozen=True, slots=True)
class Hang(Step):
    """Says nothing ever again."""
