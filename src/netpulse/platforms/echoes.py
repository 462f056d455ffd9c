"""Reads what `ping` prints in the two great traditions: iputils, and BSD with Junos.

One reply a line, a summary of counts, a line of times. Readers are told how many probes were asked for, because a ping
that we end ourselves prints no summary.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from netpulse.cells import Unread
from netpulse.events import Ending
from netpulse.platforms.reading import decimal, literal, whole
from netpulse.queries.ping import Echo, PingResult
from netpulse.records import Record

_SEQUENCES = (" icmp_seq=", " icmp_req=")  # icmp_req is how iputils before 2012 wrote it
_NO_WAY = ("network is unreachable", "no route to host", "can't assign", "permission denied", "not permitted")


def read_echo(line: str) -> tuple[Echo, bool] | None:
    """The reply on this line and whether it is a duplicate; None for every other line.

    A line such as `From 192.0.2.1 icmp_seq=1 Destination Host Unreachable` is a router's complaint, not a reply.
    """
    size_text, found, rest = line.partition(" bytes from ")
    mark = next((mark for mark in _SEQUENCES if mark in rest), None)
    size = whole(size_text.rpartition(" ")[2])
    if not found or mark is None or size is None:
        return None
    sender, _, tail = rest.partition(mark)
    fields = tail.split()
    seq = whole(fields[0].rstrip(",:")) if fields else None
    if seq is None:
        return None
    ttl: int | None = None
    rtt_ms: float | None = None
    for field in fields[1:]:
        name, _, value = field.partition("=")
        if name in ("ttl", "hlim"):
            ttl = whole(value)
        elif name == "time":
            rtt_ms = decimal(value.removesuffix("ms"))
    return Echo(seq=seq, address=_sender(sender), ttl=ttl, bytes=size, rtt_ms=rtt_ms), "(DUP!)" in fields


def _sender(text: str) -> str | None:
    word = text.rstrip(":,").rpartition(" ")[2]
    return literal(word.removeprefix("(").removesuffix(")"))


class PingReader:
    """Replies as they come, then counts and times; from the summary if there is one, else from the replies.

    `asked` is how many probes the command sends, `first_seq` how the system numbers the first.
    """

    def __init__(self, asked: int, first_seq: int) -> None:
        self.enough = False
        self.complete = False
        self._asked = asked
        self._first_seq = first_seq
        self._echoes: dict[int, Echo] = {}
        self._header = False
        self._no_way = False
        self._counts: tuple[int, int, float] | None = None
        self._times_ms: tuple[float | None, ...] | None = None

    def feed(self, line: str) -> Iterable[Record]:
        text = line.strip()
        reply = read_echo(text)
        if reply is not None:
            echo, duplicate = reply
            if duplicate or echo.seq in self._echoes:
                return ()
            self._echoes[echo.seq] = echo
            return (echo,)
        if text.startswith(("PING ", "PING6(", "PING6 ")):
            self._header = True
        elif "packets transmitted" in text:
            self._counts = _counts(text) or self._counts
            self.complete = self._counts is not None
        elif text.startswith(("rtt min/", "round-trip min/")):
            self._times_ms = _times_ms(text)
        elif text.startswith(("ping: ", "ping6: ")) and any(words in text.lower() for words in _NO_WAY):
            self._no_way = True
        return ()

    def follow_up(self) -> str | None:
        return None

    def close(self, ending: Ending) -> PingResult:
        sent, received, loss_pct = self._counts or self._counted(ending)
        replies_ms = [echo.rtt_ms for echo in self._echoes.values() if echo.rtt_ms is not None]
        low, middle, high, spread = self._times_ms or _computed_ms(replies_ms)
        return PingResult(
            sent=sent,
            received=received,
            loss_pct=loss_pct,
            rtt_min_ms=low,
            rtt_avg_ms=middle,
            rtt_max_ms=high,
            rtt_stddev_ms=spread,
            echoes=tuple(self._echoes.values()),
        )

    def _counted(self, ending: Ending) -> tuple[int, int, float]:
        received = len(self._echoes)
        if not received and not self._header:
            if self._no_way:
                return 0, 0, 100.0
            raise Unread("There is no ping output in what the device printed.")
        if ending in ("caller", "fault"):
            if not received and not self._no_way:
                # Nought would read as "nothing could be sent", which nobody knows: silence says nothing about the way out.
                raise Unread("The ping ended before its first reply, so nobody knows how many probes were sent.")
            # Stopped halfway: only as many probes as the replies prove are counted as sent.
            sent = max((seq - self._first_seq + 1 for seq in self._echoes), default=0)
            sent = min(max(sent, received), max(self._asked, received))
        else:
            # The command sends all its probes before we end it for want of replies.
            sent = max(self._asked, received)
        return sent, received, _loss_pct(sent, received)


def _loss_pct(sent: int, received: int) -> float:
    return round(100.0 * max(0, sent - received) / sent, 1) if sent else 100.0


_MOST_COUNTED = 1000
"""A device that says that it sent or got more than this does not tell what our command did."""


def _counts(text: str) -> tuple[int, int, float] | None:
    """`5 packets transmitted, 5 [packets] received, [+1 duplicates,] 0% packet loss[, time 4005ms]`."""
    sent: int | None = None
    received: int | None = None
    for part in text.split(","):
        words = part.split()
        number = whole(words[0]) if words else None
        if number is None:
            continue
        if words[-1] == "transmitted":
            sent = number
        elif words[-1] == "received":
            received = number
    if sent is None or received is None or max(sent, received) > _MOST_COUNTED:
        return None
    return sent, received, _loss_pct(sent, received)


def _times_ms(text: str) -> tuple[float | None, ...] | None:
    """Four times of `rtt min/avg/max/mdev = 0.1/0.2/0.3/0.1 ms, pipe 2`; the fourth is None where it is not printed."""
    words = text.partition("=")[2].split()
    times_ms: list[float | None] = [decimal(part) for part in words[0].split("/")] if words else []
    if len(times_ms) not in (3, 4) or None in times_ms:
        return None
    return (*times_ms, None)[:4]


def _computed_ms(replies_ms: list[float]) -> tuple[float | None, ...]:
    """Least, mean, greatest and population deviation, as the programs compute them."""
    if not replies_ms:
        return (None, None, None, None)
    mean_ms = sum(replies_ms) / len(replies_ms)
    spread_ms = math.sqrt(sum((one_ms - mean_ms) ** 2 for one_ms in replies_ms) / len(replies_ms))
    return (min(replies_ms), round(mean_ms, 3), max(replies_ms), round(spread_ms, 3))
