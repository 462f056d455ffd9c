"""Reads BIRD's `show protocols all`: which BGP sessions feed a table, and whether their first load is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netpulse.platforms.reading import seconds_since, whole
from netpulse.values import Family

YOUNG_S = 60
"""A session up for less is asked twice: its counter of received routes must stand still."""


@dataclass
class Channel:
    """One address family of a session. `received` counts import updates, None if the daemon does not say."""

    family: Family
    up: bool = False
    table: str | None = None
    received: int | None = None


@dataclass
class Session:
    """One BGP protocol. `since` is as BIRD writes it."""

    name: str
    since: str
    established: bool = False
    neighbor: str | None = None
    channels: list[Channel] = field(default_factory=list)

    def channel(self, family: Family) -> Channel | None:
        return next((channel for channel in self.channels if channel.family == family), None)

    def carries(self, family: Family) -> bool:
        channel = self.channel(family)
        return self.established and channel is not None and channel.up

    def received(self, family: Family) -> int | None:
        channel = self.channel(family)
        return None if channel is None else channel.received

    def up_s(self, now: str) -> int | None:
        return seconds_since(self.since, now)


def read_sessions(lines: Iterable[str]) -> tuple[Session, ...]:
    """Every BGP protocol in `show protocols all`; other protocols and other lines are passed over."""
    sessions: list[Session] = []
    inside = False
    for line in lines:
        words = line.split()
        if not words:
            continue
        if not line[0].isspace():
            inside = len(words) >= 5 and words[1] == "BGP"
            if inside:
                sessions.append(Session(name=words[0], since=_since(words[4:])))
        elif inside:
            _read_detail(sessions[-1], line.strip())
    return tuple(sessions)


def _since(words: list[str]) -> str:
    """`08:00:22.895`, or a date with the time of day behind it."""
    return " ".join(words[:2]) if len(words) > 1 and words[1][:2].isdigit() and ":" in words[1] else words[0]


def _read_detail(session: Session, text: str) -> None:
    if text in ("Channel ipv4", "Channel ipv6"):
        session.channels.append(Channel(family=4 if text.endswith("4") else 6))
        return
    name, colon, value = text.partition(":")
    words = value.split()
    if not colon or not words:
        return
    if name == "Neighbor address":
        session.neighbor = words[0].partition("%")[0]
    elif name == "BGP state":
        session.established = words[0] == "Established"
    elif session.channels:
        channel = session.channels[-1]
        if name == "State":
            channel.up = words[0] == "UP"
        elif name == "Table":
            channel.table = words[0]
        elif name == "Import updates":
            channel.received = whole(words[0])
