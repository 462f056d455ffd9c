"""Which way packets from a source really leave, in words that are true."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from netpulse.inventory import Connection, Router
from netpulse.records import Egress, Route
from netpulse.special_purpose import inside
from netpulse.values import Address


def expected_connection(routes: tuple[Route, ...]) -> int | None:
    """The connection that the router's own best route uses; None when its choice is not known.

    A collector's decision is not the router's. It counts only when every route belongs to one and the same connection.
    """
    for route in routes:
        if route.best and route.best_by == "router":
            return route.learned_from.connection_id
    candidates = {route.learned_from.connection_id for route in routes}
    return candidates.pop() if len(candidates) == 1 else None


def seen_at(first_hop: Address | None, router: Router) -> Connection | None:
    """The connection that the first hop of a trace belongs to: its neighbour, or another address in its exchange's LAN."""
    if first_hop is None:
        return None
    for connection in router.connections:
        if first_hop in connection.neighbors:
            return connection
    for connection in router.connections:
        if any(lan is not None and inside(first_hop, (lan,)) for lan in (connection.lan_ipv4, connection.lan_ipv6)):
            return connection
    return None


def judge(
    router: Router,
    connection: Connection,
    expected: int | None,
    first_hop: Address | None = None,
    shown: Collection[int] | None = None,
) -> Egress:
    """The verdict on this connection, in words that name only the connections in `shown` (None: all of them).

    `enforced`: the operator steers this source, or the router was told the way. `same`: the router's best path is this
    connection. `differs`: it is another one, or a trace saw another one. `unknown`: nobody knows.
    """
    best = router.connection(expected) if expected is not None else None
    seen = seen_at(first_hop, router)
    if shown is not None:
        best, seen = _veiled(best, shown), _veiled(seen, shown)
        expected = expected if expected in shown else None
    if connection.egress == "source":
        return _by_best_path(connection, best, seen, expected)
    if seen is not None and seen.id != connection.id:
        note = (
            f"The configuration says that this source leaves by {connection.name}, but the first hop is {seen.name}'s."
        )
        return Egress(mode=connection.egress, expected_connection=expected, verdict="differs", note=note)
    told = {
        "policy": f"The operator steers packets from this source address out of {connection.name}",
        "routing_instance": f"The router sends these packets through the routing instance of {connection.name}",
        "next_hop": f"The router sends these packets to the next hop of {connection.name}",
    }[connection.egress]
    if seen is not None:
        told += ", and the first hop of this trace is there"
    if best is not None and best.id != connection.id:
        told += f"; without that its best path would be {best.name}"
    return Egress(mode=connection.egress, expected_connection=expected, verdict="enforced", note=told + ".")


def _veiled(connection: Connection | None, shown: Collection[int]) -> Connection | None:
    """The same connection without its name, if it does not exist for whoever reads this."""
    if connection is None or connection.id in shown:
        return connection
    return replace(connection, name="another connection")


def _by_best_path(
    connection: Connection, best: Connection | None, seen: Connection | None, expected: int | None
) -> Egress:
    back = "The source address chooses only the way back"
    if connection.id == 0:
        back = "The router chooses the source address and the way out"
    out = seen or best
    how = "the first hop of this trace is there" if seen is not None else "the router's best path"
    if out is None:
        note = f"{back}; which connection the packets leave by is the router's choice and not known here."
        return Egress(mode="source", expected_connection=expected, verdict="unknown", note=note)
    if connection.id == 0 or out.id == connection.id:
        note = f"{back}; packets leave by {out.name}, {how}."
        return Egress(mode="source", expected_connection=expected, verdict="same", note=note)
    note = f"{back}; packets leave by {out.name}, {how}, not by {connection.name}."
    return Egress(mode="source", expected_connection=expected, verdict="differs", note=note)
