"""What can happen to a job, and what is left when it is over.

Per job: any number of `Queued`, one `Started`, any number of `Output` and `Found`, then exactly one of `Finished` and
`Failed`. Events are values; who they belong to is said by the log that holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from netpulse.errors import NetPulseError
from netpulse.records import Record

Ending = Literal["end", "silent_tail", "deadline", "caller", "fault"]
"""Why a command's output stopped: by itself, by one of our rules, by the caller, or by a fault."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one job: the screened text always, the result if it could be read.

    `unread` says why there is no result. `started_at` is UTC. `lines_cut` means output went over its limit.
    """

    command: str
    output: str
    result: Record | None
    unread: str | None
    truncated: bool
    started_at: datetime
    queued_ms: int
    duration_ms: int
    ending: Ending = "end"


@dataclass(frozen=True, slots=True)
class Queued:
    """The job waits for a session; `position` counts from 1."""

    position: int


@dataclass(frozen=True, slots=True)
class Started:
    """The command is about to be sent. Times are UTC; `queued_ms` is how long it waited."""

    started_at: datetime
    queued_ms: int


@dataclass(frozen=True, slots=True)
class Output:
    """One line as the device printed it, screened, without its line end."""

    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A record as soon as its line was there; a later one with the same key replaces it."""

    record: Record


@dataclass(frozen=True, slots=True)
class Finished:
    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended without an answer; `partial` is what there was, None if the command never started."""

    error: NetPulseError
    partial: Answer | None


Event = Queued | Started | Output | Found | Finished | Failed
Last = Finished | Failed
