"""A Linux router, or this host: iputils ping and the Linux traceroute. Captures from iputils 20221126, traceroute 2.1.2.

Never mtr: with a source address it ignores policy routing for IPv4 and would show another connection's path.
"""

from __future__ import annotations

from netpulse.cells import Cell, Platform
from netpulse.platforms.echoes import PingReader
from netpulse.platforms.hops import TracerouteReader
from netpulse.queries.ping import COUNT
from netpulse.queries.traceroute import MOST_HOPS
from netpulse.query import Ask


def ping_command(ask: Ask) -> str:
    """Five probes a second apart; with no reply at all it waits one second more, else two round trips."""
    source = "" if ask.source is None else f" -I {ask.source}"
    return f"ping -{ask.family} -n -c {COUNT} -W 1{source} {ask.target}"


def traceroute_command(ask: Ask) -> str:
    """Three probes a hop, 32 at a time.

    `-w 2/3/10` waits 2 s at most, but only 3 round trips of the same hop or 10 of a farther one where those answered.
    With `-w 2` alone those two are off: a silent hop in the middle then cost 2.0 s instead of 0.01 s.
    """
    source = "" if ask.source is None else f" -s {ask.source}"
    return f"traceroute -{ask.family} -n{source} -N 32 -q 3 -w 2/3/10 -m {MOST_HOPS} {ask.target}"


PING = Cell(
    command=ping_command,
    reader=lambda ask: PingReader(COUNT, first_seq=1),
    worst_case_s=lambda ask: COUNT - 1 + 10.0,
    ends_after_s=lambda ask: COUNT - 1 + 2.0,
)

# 90 probes, 32 at a time, 2 s each: the longest run seen was 6 s.
TRACEROUTE = Cell(
    command=traceroute_command,
    reader=lambda ask: TracerouteReader(str(ask.target)),
    worst_case_s=lambda ask: 12.0,
)

REFUSALS = (
    r"\A(?:ping: |ping6: )?bind: Cannot assign requested address\Z",
    r"\Aping6?: invalid (?:source address|option|argument)\b.{0,200}\Z",
    r"\Aping6?: (?:unknown iface|socket): .{0,200}\Z",
    r"\A.{0,100}: (?:command )?not found\Z",
    r"\ANot an allowed command\.\Z",
)

PLATFORM = Platform(
    name="linux",
    title="Linux",
    cells={"ping": PING, "traceroute": TRACEROUTE},
    refusals=REFUSALS,
)
