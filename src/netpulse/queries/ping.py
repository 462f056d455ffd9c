"""Ping: do packets from this connection's address come back, and how fast."""

from __future__ import annotations

from netpulse.cells import QueryType
from netpulse.query import Parameter
from netpulse.records import Record, ms_text

COUNT = 5
"""Echo requests per query, one a second."""


class Echo(Record, frozen=True, kw_only=True):
    """One reply. `seq` is as the device counts: from 0 or from 1. `bytes` is the size the device reports."""

    seq: int
    address: str | None
    ttl: int | None
    bytes: int | None
    rtt_ms: float | None


class PingResult(Record, frozen=True, kw_only=True):
    """The whole ping. Times are null if nothing came back; duplicates are counted once."""

    sent: int
    received: int
    loss_pct: float
    rtt_min_ms: float | None
    rtt_avg_ms: float | None
    rtt_max_ms: float | None
    rtt_stddev_ms: float | None
    echoes: tuple[Echo, ...]


def say(result: PingResult) -> str:
    """One line: `5 sent, 5 received, 0 % loss, 1.2 / 1.4 / 1.9 ms`."""
    if result.sent == 0:
        return "Nothing could be sent: no route to the target"
    words = f"{result.sent} sent, {result.received} received, {result.loss_pct:.3g} % loss"
    times_ms = (result.rtt_min_ms, result.rtt_avg_ms, result.rtt_max_ms)
    known_ms = [time_ms for time_ms in times_ms if time_ms is not None]
    if len(known_ms) < len(times_ms):
        return words
    return f"{words}, {' / '.join(map(ms_text, known_ms))} ms"


QUERY = QueryType(
    name="ping",
    title="Ping",
    summary="Send five echo requests from the address of one connection and time the replies.",
    parameters=(
        Parameter(
            name="target",
            kind="target",
            summary="IP address or host name to probe",
            example="8.8.8.8",
            required=True,
            targets=frozenset({"address", "host"}),
        ),
        Parameter(
            name="router", kind="router", summary="Router that sends the packets", example="core1", required=True
        ),
        Parameter(
            name="connection",
            kind="connection",
            summary="Id of the connection whose source address is used",
            example="1",
            required=True,
        ),
        Parameter(
            name="family",
            kind="choice",
            summary="IP version to use for a host name",
            example="4",
            choices=("4", "6"),
        ),
    ),
    record=Echo,
    record_key="seq",
    result=PingResult,
    sourced=True,
    deadline="ping",
    say=say,
)
