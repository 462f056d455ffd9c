"""Where the time of a traceroute goes: what each hop adds, by network, and every hop as a line. Pure; templates draw it.

A hop's time is the median of its probes. It adds what it takes longer than any hop before it, so what all hops add is the
longest time; a hop that answers faster than one before it adds 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from itertools import takewhile
from math import floor, log10
from statistics import median
from typing import Any, Literal

from netpulse.records import ms_text

NetworkKind = Literal["ix", "as", "private", "unknown", "silent"]
Room = Literal["narrow", "middle", "wide"]

_COLOURS = ("c0", "c2", "c3", "c4")
_PATTERNS, _IX_PATTERN = 4, 4
_PRIVATE = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_LEAST_JUMP_MS = 10.0
_LEAST_JUMP_PART = 0.25
_ROOMS: tuple[tuple[Room, float, float], ...] = (("narrow", 290, 0.08), ("middle", 610, 0.05), ("wide", 870, 0.03))
"""How wide a bar is at least in this room, and the least part of it that is labelled."""

_LETTER_PX, _MORE_LETTERS = 6.1, 7
"""The advance of a label's type, and the letters that it has beside its two numbers, with a blank behind it."""

_MPLS = re.compile(r"(?:L|Label)[= ]\s*(\d+)", re.IGNORECASE)
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Network:
    """Whose hop it is, with the class of its colour and the number of its pattern (0 is plain).

    Neighbouring networks differ in both; sixteen networks of one trace never share both. Exchanges look alike and have their
    names. `text` is the AS number after `AS`, the name of the exchange, or empty.
    """

    kind: NetworkKind
    text: str
    name: str
    colour: str
    pattern: int


@dataclass(frozen=True, slots=True)
class Host:
    """A router that answered for this hop."""

    address: str
    name: str | None


@dataclass(frozen=True, slots=True)
class HopLine:
    """A hop as a line. `again` if the hop before is of the same network. `times_ms` has None where no answer came.

    The silent hops at the end are one line, from `hop` to `until`, which is the same number everywhere else.
    `ticks` are the probes' places on the scale and `reach` the median's, as parts of 1; `jump` marks a hop that adds much.
    """

    hop: int
    until: int
    hosts: tuple[Host, ...]
    network: Network
    again: bool
    lost: int
    sent: int
    times_ms: tuple[float | None, ...]
    median_ms: float | None
    added_ms: float | None
    jump: bool
    ticks: tuple[float, ...]
    reach: float | None
    notes: tuple[str, ...]
    mpls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """What one hop adds, as parts of the bar.

    `label` is the least room that has a place for its label, None if none has; the label ends with the segment if `to_end`,
    else it begins with it.
    """

    hop: int
    network: Network
    start: float
    part: float
    added_ms: float
    label: Room | None = None
    to_end: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """What the hops of one network add together."""

    network: Network
    added_ms: float
    part: float


@dataclass(frozen=True, slots=True)
class TimeBar:
    """Everything to draw: the sum, each hop's segment, each network's share in the order of the way, and all lines.

    `scale_ms` is the round time at which the ticks of the lines end.
    """

    total_ms: float
    scale_ms: float
    segments: tuple[Segment, ...]
    shares: tuple[Share, ...]
    lines: tuple[HopLine, ...]


def time_bar(hops: Sequence[Mapping[str, Any]]) -> TimeBar:
    """The bar of these hops, in the form of the public JSON; with no answer at all there is no segment."""
    networks = _networks(hops)
    times = [tuple(probe["rtt_ms"] for probe in hop["probes"]) for hop in hops]
    known = [[time for time in probes if time is not None] for probes in times]
    middles = [median(probes) if probes else None for probes in known]
    total_ms = max((middle for middle in middles if middle is not None), default=0.0)
    scale_ms = _round_up(max((time for probes in known for time in probes), default=1.0))
    lines: list[HopLine] = []
    reached_ms = 0.0
    for hop, network, probes, middle in zip(hops, networks, times, middles, strict=True):
        added_ms = None if middle is None else max(0.0, middle - reached_ms)
        reached_ms += added_ms or 0.0
        hosts = {probe["address"]: Host(probe["address"], probe["name"]) for probe in hop["probes"] if probe["address"]}
        lines.append(
            HopLine(
                hop=hop["hop"],
                until=hop["hop"],
                hosts=tuple(hosts.values()),
                network=network,
                again=bool(lines) and network.kind != "silent" and lines[-1].network == network,
                lost=sum(time is None for time in probes),
                sent=len(probes),
                times_ms=probes,
                median_ms=middle,
                added_ms=added_ms,
                jump=added_ms is not None and added_ms >= max(_LEAST_JUMP_MS, _LEAST_JUMP_PART * total_ms),
                ticks=tuple(time / scale_ms for time in probes if time is not None),
                reach=None if middle is None else middle / scale_ms,
                notes=tuple(dict.fromkeys(p["note"] for p in hop["probes"] if p["note"] and p["note"] != "timeout")),
                mpls=tuple(map(_label, hop["mpls"])),
            )
        )
    return TimeBar(total_ms, scale_ms, _segments(lines, total_ms), _shares(lines, total_ms), _folded(lines))


def _networks(hops: Sequence[Mapping[str, Any]]) -> list[Network]:
    """The network of each hop; colours and patterns are given in the order in which networks appear."""
    given: dict[tuple[NetworkKind, str], Network] = {}
    found: list[Network] = []
    for hop in hops:
        kind, text, name = _whose(hop)
        key = (kind, text)
        if key not in given:
            same = sum(each.kind == kind for each in given.values())
            if kind == "as":
                round_, place = divmod(same, len(_COLOURS))
                colour, pattern = _COLOURS[place], (place + round_) % _PATTERNS
            else:
                colour, pattern = ("c1", _IX_PATTERN) if kind == "ix" else ("cx", 0)
            given[key] = Network(kind, text, name, colour, pattern)
        found.append(given[key])
    return found


def _whose(hop: Mapping[str, Any]) -> tuple[NetworkKind, str, str]:
    addresses = [probe["address"] for probe in hop["probes"] if probe["address"]]
    if hop["ix"]:
        return "ix", hop["ix"], ""
    if hop["asn"] is not None:
        return "as", f"AS{hop['asn']}", hop["as_name"] or ""
    if not addresses:
        return "silent", "", ""
    return ("private", "", "") if all(map(_is_private, addresses)) else ("unknown", "", "")


def _is_private(text: str) -> bool:
    """Whether no number plan gives this address to one network: private use and shared space (RFC 1918, 6598, 4193)."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE)


def _folded(lines: Sequence[HopLine]) -> tuple[HopLine, ...]:
    """The lines with the silent ones at the end in one, while it grows too: what is above does not move."""
    tail = list(takewhile(lambda line: not line.hosts, reversed(lines)))
    if len(tail) < 2:
        return tuple(lines)
    lost, sent = sum(line.lost for line in tail), sum(line.sent for line in tail)
    whole = replace(tail[-1], until=tail[0].hop, lost=lost, sent=sent, times_ms=())
    return (*lines[: -len(tail)], whole)


def _segments(lines: Sequence[HopLine], total_ms: float) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    start = 0.0
    for line in lines:
        if line.added_ms:
            part = line.added_ms / total_ms
            segments.append(Segment(line.hop, line.network, start, part, line.added_ms))
            start += part
    return _labelled(segments)


def _labelled(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The longest get their labels first; more room adds labels and takes none away."""
    found = list(segments)
    longest = sorted(range(len(found)), key=lambda index: (-found[index].part, index))
    for room, width_px, least in _ROOMS:
        places = [_place(segment, width_px) for segment in found if segment.label]
        for index in longest:
            segment = found[index]
            if segment.label or segment.part < least:
                continue
            segment = replace(segment, label=room, to_end=_place(segment, width_px)[1] > 1)
            left, right = _place(segment, width_px)
            if left >= 0 and all(right <= begin or left >= end for begin, end in places):
                found[index] = segment
                places.append((left, right))
    return tuple(found)


def _place(segment: Segment, width_px: float) -> tuple[float, float]:
    """From where to where the label of this segment goes in a bar so wide, as parts of it."""
    letters = len(str(segment.hop)) + len(ms_text(segment.added_ms)) + _MORE_LETTERS
    need, end = letters * _LETTER_PX / width_px, segment.start + segment.part
    return (end - need, end) if segment.to_end else (segment.start, segment.start + need)


def _shares(lines: Sequence[HopLine], total_ms: float) -> tuple[Share, ...]:
    sums: dict[Network, float] = {}
    for line in lines:
        if line.added_ms is not None:
            sums[line.network] = sums.get(line.network, 0.0) + line.added_ms
    return tuple(Share(network, ms, ms / total_ms if total_ms else 0.0) for network, ms in sums.items())


def _round_up(value_ms: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    if value_ms <= 0:
        return 1.0
    size = 10.0 ** floor(log10(value_ms))
    return next((size * step for step in _STEPS if size * step >= value_ms), size * 10)


def _label(text: str) -> str:
    """The number of an MPLS label as routers write it (`Label=299776 CoS=0 TTL=1 S=1`); a text without one stays as it is."""
    found = _MPLS.search(text)
    return found[1] if found else text
