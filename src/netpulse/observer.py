"""Where the program says what has happened, for whoever counts it. The one here listens to nothing.

Everything that is ever counted or timed goes through these methods, so that no other file knows how. What is said is values
of the inventory and closed word lists; a caller's own text is never among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from netpulse.query import Job

Step = Literal["queue", "login", "command", "parse", "enrich"]
STEPS: tuple[Step, ...] = ("queue", "login", "command", "parse", "enrich")
"""Where the time of a question goes.

    queue    until a session of the device was free
    login    from there until the command was sent: the login if no connection was open, else the opening of a channel
    command  the device's own time, from there to the end of its output
    parse    our reading of that output
    enrich   what is looked up afterwards before the answer goes out: names, meanings, the egress verdict
"""


class Observer:
    """Hears what happens, in the event loop; every method returns at once and raises nothing."""

    def executed(self, job: Job, code: str | None, steps: Mapping[Step, float]) -> None:
        """A command sent to a device, or about to be, has ended: with this code, or None if well. Steps in seconds."""

    def enriched(self, job: Job, seconds: float) -> None:
        """An answer has been completed with what the device did not know."""

    def told(self, router: str, connection: int | None, query: str, code: str | None) -> None:
        """One job of somebody's question has ended: with this code of `errors.CODES`, or None if it was answered."""

    def answered(self, method: str, route: str, status: int, code: str | None) -> None:
        """A request over HTTP was answered. `route` is the template of its path, `code` that of an error."""

    def reloaded(self, accepted: bool) -> None:
        """The configuration file was read again: its settings are in force now, or it was refused."""


NOBODY = Observer()
