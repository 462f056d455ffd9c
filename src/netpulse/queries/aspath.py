"""AS path: which routes BGP knows for an address or a prefix, and which one the router chose."""

from __future__ import annotations

from collections.abc import Sequence

from netpulse.cells import QueryType
from netpulse.query import Parameter
from netpulse.records import PathElement, Record, Route, first_asn_of


class AsPathResult(Record, frozen=True, kw_only=True):
    """Every route for the question, the best first.

    `prefix` is what the routes are for, null if there is none. For the question after an exact prefix that is absent,
    `covering` is the longest prefix around it that the router has a route for.
    """

    prefix: str | None
    covering: str | None
    routes: tuple[Route, ...]


class BestPath(Record, frozen=True, kw_only=True):
    """What one router chose."""

    router: str
    prefix: str
    as_path: tuple[PathElement, ...] | None
    as_path_text: str | None
    next_hop: str | None
    connection_id: int | None


class UpstreamUse(Record, frozen=True, kw_only=True):
    """A neighbour AS that best paths go through, and the routers that chose it."""

    asn: int
    routers: tuple[str, ...]


class AsPathSummary(Record, frozen=True, kw_only=True):
    """How several routers see the target: origin ASes and prefixes of all routes, then the routers' choices."""

    origins: tuple[int, ...]
    prefixes: tuple[str, ...]
    best_paths: tuple[BestPath, ...]
    upstreams: tuple[UpstreamUse, ...]


def say(result: AsPathResult) -> str:
    """One line: `8.8.8.0/24, 3 routes, best 174 15169`."""
    if result.prefix is None:
        return (
            "No route" if result.covering is None else f"No route for exactly this prefix; covered by {result.covering}"
        )
    count = len(result.routes)
    words = f"{result.prefix}, {count} {'route' if count == 1 else 'routes'}"
    best = next((route for route in result.routes if route.best), None)
    return words if best is None else f"{words}, best {best.as_path_text or 'without an AS path'}"


def fold(answers: Sequence[tuple[str, AsPathResult]]) -> AsPathSummary:
    """The summary of these routers' answers, each under its slug, in their order."""
    origins: dict[int, None] = {}
    prefixes: dict[str, None] = {}
    best_paths: list[BestPath] = []
    used: dict[int, list[str]] = {}
    for router, result in answers:
        for route in result.routes:
            prefixes[route.prefix] = None
            if route.origin_asn is not None:
                origins[route.origin_asn] = None
        best = next((route for route in result.routes if route.best), None)
        if best is None:
            continue
        best_paths.append(
            BestPath(
                router=router,
                prefix=best.prefix,
                as_path=best.as_path,
                as_path_text=best.as_path_text,
                next_hop=best.next_hop,
                connection_id=best.learned_from.connection_id,
            )
        )
        upstream = first_asn_of(best.as_path or ())
        if upstream is not None:
            used.setdefault(upstream, []).append(router)
    return AsPathSummary(
        origins=tuple(sorted(origins)),
        prefixes=tuple(prefixes),
        best_paths=tuple(best_paths),
        upstreams=tuple(UpstreamUse(asn=asn, routers=tuple(routers)) for asn, routers in sorted(used.items())),
    )


QUERY = QueryType(
    name="aspath",
    title="AS path",
    summary="Show the BGP routes for an address or an exact prefix, and which one the router chose.",
    parameters=(
        Parameter(
            name="target",
            kind="target",
            summary="IP address (longest match) or exact prefix",
            example="8.8.8.0/24",
            required=True,
            targets=frozenset({"address", "prefix"}),
        ),
        Parameter(
            name="router",
            kind="router",
            summary="Router whose routes are asked for; the first available one if left out",
            example="core1",
        ),
    ),
    record=Route,
    record_key="prefix",
    result=AsPathResult,
    sourced=False,
    about_routes=True,
    deadline="bird",
    say=say,
    fold=fold,
    fold_result=AsPathSummary,
)
