"""``show bgp summary`` of a lab router: the sessions of its own BIRD, printed in Junos's form. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from netpulse.lab.junos_routes import age_text

_HEAD = re.compile(r"(?P<name>\S+)\s+BGP\s+\S+\s+\S+\s+(?P<since>\d{4}-\d\d-\d\d(?: [\d:.]+)?|[\d:.]+)")
_ROUTES = re.compile(r"\s+Routes:\s+(?P<imported>\d+) imported.*?(?:(?P<preferred>\d+) preferred)?$")
_STATES = {"Established": "Establ", "Down": "Idle", "Start": "Connect", "Close": "Idle", "Passive": "Active"}


@dataclass(slots=True)
class Peer:
    """One session as BIRD shows it; ``tables`` are (table, imported, preferred) by channel."""

    since: str
    address: str = ""
    asn: str = "0"
    state: str = "Idle"
    tables: list[tuple[str, int, int]] = field(default_factory=list)


def read_peers(lines: Iterable[str]) -> list[Peer]:
    """The BGP sessions in BIRD's ``show protocols all``."""
    peers: list[Peer] = []
    inside = False
    family = ""
    for line in lines:
        if line[:1].strip():
            head = _HEAD.match(line)
            inside = head is not None
            if head is not None:
                peers.append(Peer(since=head["since"]))
        elif inside:
            name, _, value = line.strip().partition(":")
            words = value.split() or [""]
            routes = _ROUTES.match(line)
            if name.startswith("Channel ipv"):
                family = "inet.0" if name.endswith("4") else "inet6.0"
            elif name == "BGP state":
                peers[-1].state = _STATES.get(words[0], words[0])
            elif name == "Neighbor address":
                peers[-1].address = words[0].partition("%")[0]
            elif name == "Neighbor AS":
                peers[-1].asn = words[0]
            elif routes is not None:
                peers[-1].tables.append((family, int(routes["imported"]), int(routes["preferred"] or 0)))
    return [peer for peer in peers if peer.address]


def print_summary(peers: Sequence[Peer], now: datetime) -> str:
    """What Junos prints: counters that BIRD does not keep are zero."""
    down = sum(peer.state != "Establ" for peer in peers)
    lines = [
        "Threading mode: BGP I/O",
        "Default eBGP mode: advertise - accept, receive - accept",
        f"Groups: 1 Peers: {len(peers)} Down peers: {down}",
        "Table          Tot Paths  Act Paths Suppressed    History Damp State    Pending",
    ]
    for table in ("inet.0", "inet6.0"):
        counts = [(total, active) for peer in peers for name, total, active in peer.tables if name == table]
        lines += [f"{table:<21}", f"{sum(t for t, _ in counts):>24}{sum(a for _, a in counts):>11}{0:>11}{0:>11}{0:>11}{0:>11}"]
    lines.append(
        "Peer                     AS      InPkt     OutPkt    OutQ   Flaps Last Up/Dwn State|#Active/Received/Accepted/Damped..."
    )
    for peer in peers:
        lines.append(
            f"{peer.address:<22}{peer.asn:>5}{0:>11}{0:>11}{0:>8}{0:>8}{age_text(peer.since, now):>12} {peer.state}"
        )
        if peer.state == "Establ":
            lines += [f"  {table}: {active}/{total}/{total}/0" for table, total, active in peer.tables]
    return "\n".join(lines) + "\n"
