"""Reads what `traceroute` prints: Linux, and BSD with Junos.

A hop is a numbered line; further addresses of the same hop and MPLS labels may follow on indented lines of their own.
The hop is given at once and given again when such a line adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from netpulse.cells import Unread
from netpulse.events import Ending
from netpulse.platforms.reading import decimal, literal, whole
from netpulse.queries.traceroute import MOST_HOPS, PROBES, SILENT_HOPS, Hop, Probe, TracerouteResult
from netpulse.records import Record

_NO_WAY = ("network is unreachable", "no route to host", "permission denied", "not permitted")
_NAME = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,252}\Z", re.ASCII)
_LONGEST_LINE = 2000
"""Characters of a hop line that are looked at; three probes with long names need about 900."""
_MOST_PROBES = 32
"""Probes and labels of one hop that are kept. A hop is given again whenever it grows, so without a limit a router that
repeats one hop 2,000 times would be told of in gigabytes."""


def read_probes(words: list[str]) -> tuple[tuple[Probe, ...], tuple[str, ...]]:
    """The probes and the MPLS labels that these words of a hop line tell.

    An address holds for all times after it until the next one; a mark such as `!H` belongs to the time before it.
    """
    probes: list[Probe] = []
    labels: list[str] = []
    place: str | None = None
    name: str | None = None
    word_before = ""
    in_brackets = False
    for index, word in enumerate(words):
        if word in ("MPLS", "[MPLS:") or word.startswith("<MPLS:"):
            labels.append(_label(words[index:]))
            break
        if in_brackets or word.startswith("["):
            in_brackets = not word.endswith("]")
        elif word == "*":
            probes.append(Probe(address=None, note="timeout"))
        elif word.endswith("ms") and (word == "ms" or word[0].isdigit()):
            rtt_ms = decimal(word.removesuffix("ms") or word_before)
            if rtt_ms is not None and place is not None:
                probes.append(Probe(address=place, name=name, rtt_ms=rtt_ms))
        elif word.startswith("!") and probes and probes[-1].address is not None:
            last = probes[-1]
            probes[-1] = Probe(address=last.address, name=last.name, rtt_ms=last.rtt_ms, note=word)
        elif (found := literal(word.removeprefix("(").removesuffix(")"))) is not None:
            # `name (address)` and Junos's `name address`; `address (address)` has no name.
            name = word_before if _is_name(word_before) else None
            place = found
        word_before = word
    return tuple(probes), tuple(labels)


def _is_name(word: str) -> bool:
    return bool(_NAME.match(word)) and "." in word and literal(word) is None and decimal(word) is None


def _label(words: list[str]) -> str:
    """The words of one label stack entry, as the router prints them."""
    return " ".join(words).removeprefix("MPLS ").strip("[]<>")


class TracerouteReader:
    """Hops as their lines are complete; knows when the target answered and when the tail has fallen silent."""

    def __init__(self, target: str) -> None:
        self.enough = False
        self.complete = False
        self._target = target
        self._hops: dict[int, Hop] = {}
        self._piecemeal: dict[int, Hop] = {}  # hops whose probes come one to a line
        self._latest: int | None = None
        self._header = False
        self._no_way = False

    def feed(self, line: str) -> Iterable[Record]:
        text = line[:_LONGEST_LINE]
        # Errors of sending are printed into the table: ` 4  *traceroute: sendto: No route to host`.
        text, complaint, what = text.partition("traceroute: ")
        if text.startswith(("traceroute to ", "traceroute6 to ")):
            self._header = True
            return ()
        if "bind: " in (what if complaint else text)[:30]:
            self._header = False  # the source was refused, so there is no trace behind the header
        if any(words in (what if complaint else text).lower() for words in _NO_WAY):
            self._no_way = True
        words = text.replace("*", " * ").split()
        if not words:
            return ()
        number = whole(words[0]) if len(words[0]) <= 3 else None
        if number is not None and number == self._latest:
            return self._go_on(number, words[1:])
        if number is not None and number <= MOST_HOPS and len(words) > 1:
            return self._begin(number, words[1:])
        if number is not None and complaint and number == (self._latest or 0) + 1:
            # Nothing could be sent, and BSD says so before the hop's first star: ` 1 traceroute: wrote 8.8.8.8 52 chars`.
            self._latest = number
            self._piecemeal[number] = Hop(hop=number, probes=())
            return ()
        if self._latest is not None and (line[:2].isspace() or (self._latest in self._piecemeal and words == ["*"])):
            return self._go_on(self._latest, words)
        return ()

    def _begin(self, number: int, words: list[str]) -> Iterable[Record]:
        probes, labels = read_probes(words)
        if not probes:
            return ()
        self._latest = number
        return self._keep(Hop(hop=number, probes=probes[:_MOST_PROBES], mpls=labels[:_MOST_PROBES]))

    def _go_on(self, number: int, words: list[str]) -> Iterable[Record]:
        probes, labels = read_probes(words)
        if not probes and not labels:
            return ()
        before = self._hops.get(number) or self._piecemeal[number]
        grown = Hop(
            hop=number, probes=(before.probes + probes)[:_MOST_PROBES], mpls=(before.mpls + labels)[:_MOST_PROBES]
        )
        return () if grown == self._hops.get(number) else self._keep(grown)

    def _keep(self, hop: Hop) -> Iterable[Record]:
        self._hops[hop.hop] = hop
        marked = any((probe.note or "").startswith("!") for probe in hop.probes)
        self.complete = self.complete or marked or self._is_target(hop) or hop.hop >= MOST_HOPS
        latest = list(self._hops.values())[-SILENT_HOPS:]
        whole_hop = hop.hop not in self._piecemeal or len(hop.probes) >= PROBES
        self.enough = len(latest) == SILENT_HOPS and all(map(_silent, latest)) and whole_hop
        return (hop,)

    def _is_target(self, hop: Hop) -> bool:
        return any(probe.address == self._target for probe in hop.probes)

    def follow_up(self) -> str | None:
        return None

    def close(self, ending: Ending) -> TracerouteResult:
        if not self._hops and not self._header and not self._no_way:
            raise Unread("There is no traceroute output in what the device printed.")
        hops = tuple(self._hops[number] for number in sorted(self._hops))
        return TracerouteResult(
            hops=hops,
            reached=any(map(self._is_target, hops)),
            stopped=ending if ending in ("silent_tail", "deadline", "caller") else None,
        )


def _silent(hop: Hop) -> bool:
    return all(probe.address is None for probe in hop.probes)
