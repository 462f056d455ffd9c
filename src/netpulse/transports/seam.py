"""The one shape of a transport, and the last check before anything is written.

A transport takes one command text and gives back its bytes. It raises `Fault` with the code of what went wrong and
nothing else. It knows nothing of queries, readers or budgets: the executor cuts it off.
"""

from __future__ import annotations

import re
from typing import Protocol

from netpulse.errors import Fault

LONGEST_COMMAND = 512
"""Bytes. BIRD resets a connection on a line near 1,024 (measured on 2.0.12); nothing of ours comes close to 512."""


class Running(Protocol):
    """One command under way."""

    async def read(self) -> bytes:
        """The next bytes, b"" at the end. Raises Fault when the device breaks its protocol."""

    @property
    def ended_well(self) -> bool:
        """Whether the device itself said that the command is over."""

    def stop(self) -> None:
        """Ask the device to end it, by signal and close; returns at once. Safe to call at any time, often."""

    async def ended(self) -> None:
        """Returns once the end is known at the device; may never return when the device does not say."""


class Transport(Protocol):
    """One device, its connections kept between commands."""

    async def start(self, command: str) -> Running:
        """Send the command; raises Fault `router_unreachable`, `router_identity`, `router_login`, `router_timeout`."""

    async def close(self) -> None:
        """Close every connection; nothing is left behind."""


class Alphabet:
    """The closed set of characters that a transport may write, checked at the last step before the write."""

    def __init__(self, name: str, characters: str) -> None:
        self._name = name
        self._whole = re.compile(rf"\A[{characters}]{{1,{LONGEST_COMMAND}}}\Z", re.ASCII)

    def check(self, command: str) -> str:
        """The same text if every character is in the alphabet; Fault `internal` otherwise, and nothing was written."""
        if not self._whole.match(command):
            raise Fault(
                "internal",
                "The command could not be sent.",
                detail=f"a command outside the alphabet of {self._name} was stopped before the write",
            )
        return command


EXEC = Alphabet("SSH exec", r"A-Za-z0-9 .:/_-")
BIRD = Alphabet("BIRD", r"A-Za-z0-9 .:/_-")
ARGV = Alphabet("this host", r"A-Za-z0-9 .:/_-")
