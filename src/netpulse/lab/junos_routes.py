"""``show route ... detail`` of a lab router: what its own BIRD holds, printed in Junos's form.

The text of BIRD 2 is read into `Entry` values and printed again; both steps are pure. Only `ask_bird` touches the
world. What BIRD does not know and Junos always prints (reference counts, pointers, interface indexes) is a constant.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

REPLY_LIMIT_BYTES = 16 * 1024 * 1024

_HEAD = re.compile(
    r"(?P<prefix>\S*)\s+(?P<kind>unicast|blackhole|unreachable|prohibit) "
    r"\[(?P<protocol>\S+) (?P<since>\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d+)?)?|\d\d:\d\d:\d\d(?:\.\d+)?)"
    r"(?: from (?P<neighbor>[0-9a-fA-F.:]+)\S*)?\](?P<best> \*)? \((?P<preference>\d+)[^)]*\)"
)
_VIA = re.compile(r"\tvia (?P<gateway>[0-9a-fA-F.:]+) on (?P<interface>\S+)")
_DEVICE = re.compile(r"\tdev (?P<interface>\S+)")
_ATTRIBUTE = re.compile(r"\t(?P<name>BGP\.\w+|Type): (?P<value>.*)")
_COUNT = re.compile(r"(?P<routes>\d+) of \d+ routes for (?P<networks>\d+) networks")
_ORIGIN_LETTERS = {"IGP": "I", "EGP": "E", "Incomplete": "?"}


class BirdUnwilling(Exception):
    """BIRD answered with an error: its words, without the code."""


@dataclass(slots=True)
class Entry:
    """One route of one prefix as BIRD shows it; ``attributes`` are its lines ``name: value``."""

    prefix: str
    kind: str
    protocol: str
    since: str
    neighbor: str | None
    best: bool
    gateway: str | None = None
    interface: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> list[str]:
        return re.findall(r"\{[^}]*\}|\([^)]*\)|\d+", self.attributes.get("BGP.as_path", ""))


async def ask_bird(socket_path: str, command: str, timeout_s: float = 15.0) -> list[str]:
    """The lines BIRD answers to one command, without their codes.

    Raises `BirdUnwilling` for an error it speaks, OSError if it cannot be reached, TimeoutError if it is silent.
    """
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_unix_connection(socket_path, limit=REPLY_LIMIT_BYTES)
        try:
            await _reply(reader)
            writer.write(command.encode() + b"\n")
            await writer.drain()
            return await _reply(reader)
        finally:
            writer.close()


async def _reply(reader: asyncio.StreamReader) -> list[str]:
    lines: list[str] = []
    while raw := await reader.readline():
        line = raw.decode("utf-8", "replace").rstrip("\n")
        code = re.match(r"(\d{4})([ -])", line)
        if code is None:
            # A continuation begins with one blank; a line with a plus is BIRD's log talking into the conversation.
            if line.startswith(" "):
                lines.append(line[1:])
            continue
        if code[1][0] in "89":
            if code[1] == "8001":
                return []
            raise BirdUnwilling(line[5:])
        if line[5:]:
            lines.append(line[5:])
        if code[2] == " ":
            return lines
    raise ConnectionResetError("BIRD closed the connection inside a reply")


def read_entries(lines: Iterable[str]) -> list[Entry]:
    """The routes in BIRD's text, in its order. Lines that say nothing about a route are skipped."""
    entries: list[Entry] = []
    prefix = ""
    for line in lines:
        if match := _HEAD.match(line):
            prefix = match["prefix"] or prefix
            entries.append(
                Entry(prefix, match["kind"], match["protocol"], match["since"], match["neighbor"], bool(match["best"]))
            )
        elif not entries:
            continue
        elif match := _VIA.match(line):
            entries[-1].gateway, entries[-1].interface = match["gateway"], match["interface"]
        elif match := _DEVICE.match(line):
            entries[-1].interface = match["interface"]
        elif match := _ATTRIBUTE.match(line):
            entries[-1].attributes[match["name"]] = match["value"].strip()
    return entries


def read_session(lines: Iterable[str]) -> dict[str, str]:
    """``show protocols all NAME`` as its lines ``name: value``; the first of a name counts."""
    session: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.strip().partition(":")
        if colon:
            session.setdefault(name, value.strip())
    return session


def print_table(
    table: str, count_line: str, entries: Sequence[Entry], sessions: Mapping[str, Mapping[str, str]], now: datetime
) -> str:
    """What Junos prints for these entries; nothing at all when there are none.

    ``count_line`` is BIRD's own count of the table, ``sessions`` what `read_session` gave by protocol name, ``now``
    is local time as BIRD shows it.
    """
    if not entries:
        return ""
    counted = _COUNT.search(count_line)
    routes, networks = (int(counted["routes"]), int(counted["networks"])) if counted else (len(entries), 1)
    text = f"\n{table}: {networks} destinations, {routes} routes ({networks} active, 0 holddown, 0 hidden)\n"
    by_prefix: dict[str, list[Entry]] = {}
    for entry in entries:
        by_prefix.setdefault(entry.prefix, []).append(entry)
    for prefix, group in by_prefix.items():
        best = next((entry for entry in group if entry.best), None)
        entry_word = "entry" if len(group) == 1 else "entries"
        text += f"{prefix} ({len(group)} {entry_word}, {1 if best else 0} announced)\n"
        for entry in sorted(group, key=_rank):
            text += "".join(_print_entry(entry, best, sessions.get(entry.protocol, {}), now, table))
        text += "\n"
    return text


def _print_entry(
    entry: Entry, best: Entry | None, session: Mapping[str, str], now: datetime, table: str
) -> Iterable[str]:
    mark = "*" if entry.best else " "
    indent = " " * 16
    if "BGP.as_path" not in entry.attributes:
        name = "Direct" if entry.gateway is None and entry.kind == "unicast" else "Static"
        yield f"        {mark}{name:<7}Preference: {0 if name == 'Direct' else 5}\n"
        yield from (f"{indent}{line}\n" for line in (*_next_hop(entry), f"Age: {age_text(entry.since, now)} "))
        yield f"{indent}AS path: I\n"
        return
    local_pref = int(entry.attributes.get("BGP.local_pref", "100"))
    peer_asn, local_asn = session.get("Neighbor AS", "0"), session.get("Local AS", "0")
    side = "Int" if peer_asn == local_asn else "Ext"
    source = entry.neighbor or session.get("Neighbor address", "")
    yield f"        {mark}BGP    Preference: 170/-{local_pref + 1}\n"
    lines = [*_next_hop(entry)]
    if source:
        lines.insert(3, f"Source: {source}")
    if entry.attributes.get("BGP.next_hop") and entry.gateway != entry.attributes["BGP.next_hop"].split()[0]:
        lines.append(f"Protocol next hop: {entry.attributes['BGP.next_hop'].split()[0]}")
    lines.append(f"State: <{'Active ' if entry.best else ''}{side}>")
    if not entry.best and best is not None:
        lines.append(f"Inactive reason: {inactive_reason(entry, best)}")
    lines.append(f"Local AS: {local_asn:>5} Peer AS: {peer_asn:>5}")
    med = entry.attributes.get("BGP.med")
    age = age_text(entry.since, now)
    lines.append(f"Age: {age} " if med is None else f"Age: {f'{age} ':<11}Metric: {med} ")
    lines.append("Validation State: unverified ")
    lines.append(f"Task: BGP_{peer_asn}.{source}")
    if entry.best:
        lines.append("Announcement bits (3): 0-KRT 1-BGP_RT_Background 2-Resolve tree 1 ")
    origin = _ORIGIN_LETTERS.get(entry.attributes.get("BGP.origin", ""), "?")
    lines.append(f"AS path: {' '.join([*map(_segment, entry.path), origin])} ")
    if communities := _communities(entry.attributes):
        lines.append(f"Communities: {' '.join(communities)}")
    lines += ["Accepted", f"Localpref: {local_pref}", f"Router ID: {session.get('Neighbor ID', '0.0.0.0')}"]
    yield from (f"{indent}{line}\n" for line in lines)


def _next_hop(entry: Entry) -> Iterable[str]:
    if entry.kind != "unicast":
        yield from (f"Next hop type: {'Discard' if entry.kind == 'blackhole' else 'Reject'}, Next hop index: 0",
                    "Address: 0x0", "Next-hop reference count: 1")
        return
    kind = "Router" if entry.gateway else "Interface"
    yield f"Next hop type: {kind}, Next hop index: 0"
    yield "Address: 0x0"
    yield "Next-hop reference count: 1"
    hop = f"{entry.gateway} via {entry.interface}" if entry.gateway else f"via {entry.interface}"
    yield f"Next hop: {hop}, selected"
    yield "Session Id: 0"


def inactive_reason(entry: Entry, best: Entry) -> str:
    """Why Junos would say that this route lost to the best one: the first step of its decision at which they differ."""
    mine, theirs = entry.attributes, best.attributes
    if int(mine.get("BGP.local_pref", "100")) < int(theirs.get("BGP.local_pref", "100")):
        return "Local Preference"
    if _path_length(entry) > _path_length(best):
        return "AS path"
    order = ["IGP", "EGP", "Incomplete"]
    if order.index(mine.get("BGP.origin", "Incomplete")) > order.index(theirs.get("BGP.origin", "Incomplete")):
        return "Origin"
    same_neighbor = entry.path[:1] == best.path[:1]
    if same_neighbor and int(mine.get("BGP.med", "0")) > int(theirs.get("BGP.med", "0")):
        return "Not Best in its group - Route Metric or MED comparison"
    if ("BGP.originator_id" in mine) != ("BGP.originator_id" in theirs):
        return "Interior > Exterior > Exterior via Interior"
    if _numeric(entry.neighbor) > _numeric(best.neighbor):
        return "Not Best in its group - Router ID" if same_neighbor else "Router ID"
    return "Active preferred"


def _rank(entry: Entry) -> tuple[bool, int, int]:
    """The order in which Junos lists the routes of one prefix: the active one, then by what it compares first."""
    return not entry.best, -int(entry.attributes.get("BGP.local_pref", "100")), _path_length(entry)


def _path_length(entry: Entry) -> int:
    return sum(not segment.startswith("(") for segment in entry.path)


def _numeric(address: str | None) -> int:
    if address is None:
        return 0
    return int(IPv6Address(address) if ":" in address else IPv4Address(address))


def _segment(segment: str) -> str:
    return "{" + " ".join(re.findall(r"\d+", segment)) + "}" if segment.startswith("{") else segment


def _communities(attributes: Mapping[str, str]) -> list[str]:
    found = [f"{a}:{b}" for a, b in re.findall(r"\((\d+),\s*(\d+)\)", attributes.get("BGP.community", ""))]
    large = re.findall(r"\((\d+),\s*(\d+),\s*(\d+)\)", attributes.get("BGP.large_community", ""))
    extended = re.findall(r"\((rt|ro), (\S+), (\d+)\)", attributes.get("BGP.ext_community", ""))
    names = {"rt": "target", "ro": "origin"}
    return (
        found
        + [f"large:{':'.join(parts)}" for parts in large]
        + [f"{names[kind]}:{key}:{value}" for kind, key, value in extended]
    )


def age_text(since: str, now: datetime) -> str:
    """The time since ``since`` (a date, a time of today, or both) in Junos's form: ``1:06``, ``4:45:37``, ``3w2d 4:45:37``."""
    moment = datetime.fromisoformat(since if "-" in since else f"{now:%Y-%m-%d} {since}")
    seconds = max(0, int((now - moment).total_seconds()))
    days, clock = divmod(seconds, 86_400)
    hours, minutes, rest = clock // 3600, clock // 60 % 60, clock % 60
    weeks, weekdays = divmod(days, 7)
    if weeks:
        return f"{weeks}w{weekdays}d {hours:02d}:{minutes:02d}:{rest:02d}"
    if days:
        return f"{days}d {hours:02d}:{minutes:02d}:{rest:02d}"
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest}"
