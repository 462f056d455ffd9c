"""Traceroute: which routers lie on the way out from this connection's address."""

from __future__ import annotations

from typing import Literal

from netpulse.cells import QueryType
from netpulse.query import Parameter
from netpulse.records import Record

MOST_HOPS = 30
"""Largest TTL probed."""

PROBES = 3
"""Probes to each hop, on every platform here."""

SILENT_HOPS = 4
"""Hops in a row without any reply after which the rest is not worth waiting for."""


class Probe(Record, frozen=True, kw_only=True):
    """One probe's reply. `note` is `timeout` or the router's mark, such as `!H`."""

    address: str | None
    name: str | None = None
    rtt_ms: float | None = None
    note: str | None = None


class Hop(Record, frozen=True, kw_only=True):
    """One distance from the router. `mpls` has the labels as the router prints them, outermost first."""

    hop: int
    probes: tuple[Probe, ...]
    asn: int | None = None
    as_name: str | None = None
    ix: str | None = None
    mpls: tuple[str, ...] = ()


class TracerouteResult(Record, frozen=True, kw_only=True):
    """The whole way. `reached` says that the target itself answered; `stopped` why the trace ended early, if it did."""

    hops: tuple[Hop, ...]
    reached: bool
    stopped: Literal["silent_tail", "deadline", "caller"] | None = None


def say(result: TracerouteResult) -> str:
    """One line: `6 hops, target reached` or `8 hops, target not reached, stopped at a silent tail`."""
    count = len(result.hops)
    words = f"{count} {'hop' if count == 1 else 'hops'}, target {'reached' if result.reached else 'not reached'}"
    if result.stopped is None:
        return words
    reasons = {
        "silent_tail": "stopped at a silent tail",
        "deadline": "stopped at the time limit",
        "caller": "stopped by the caller",
    }
    return f"{words}, {reasons[result.stopped]}"


QUERY = QueryType(
    name="traceroute",
    title="Traceroute",
    summary="List the routers between one connection's address and the target, with three probes per hop.",
    parameters=(
        Parameter(
            name="target",
            kind="target",
            summary="IP address or host name to trace",
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
        Parameter(
            name="as_lookup",
            kind="flag",
            summary="Add the AS number, AS name and exchange of each hop",
            example="true",
            default=False,
        ),
    ),
    record=Hop,
    record_key="hop",
    result=TracerouteResult,
    sourced=True,
    deadline="traceroute",
    cut_is_answer=True,
    say=say,
)
