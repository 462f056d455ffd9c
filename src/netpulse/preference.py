"""Why one BGP route lost against another, by what every router compares first.

BIRD, FRR and Junos agree on this order: local preference, AS path length, origin, and between routes of one neighbour AS the
MED (RFC 4271 section 9.1.2.2 and their manuals; a missing MED is 0, as is their default). What they compare before, a weight or
a protocol's preference, and after, is theirs alone and not told.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from netpulse.records import AsSet, Route, first_asn_of

Step = Literal["local_pref", "as_path", "origin", "med", "later"]
"""What decided; `later` if all of these are equal."""

_ORIGINS = ("IGP", "EGP", "incomplete")


class Merits(NamedTuple):
    """What counts of a route. `length` is its path's, a set counted once and a confederation not at all; None if not known."""

    local_pref: int | None
    length: int | None
    origin: str | None
    neighbor: int | None
    med: int | None


def merits_of(route: Route) -> Merits:
    """Those of this route, as far as its source told them."""
    path = route.as_path
    length = None if path is None else sum(isinstance(element, int | AsSet) for element in path)
    return Merits(route.local_pref, length, route.origin, first_asn_of(path or ()), route.med)


def lost_by(route: Merits, best: Merits) -> Step | None:
    """The first of these in which the route is worse than the best one; None where it is better, or something is not known."""
    if route.local_pref is None or best.local_pref is None:
        return None
    if route.local_pref != best.local_pref:
        return "local_pref" if route.local_pref < best.local_pref else None
    if route.length is None or best.length is None:
        return None
    if route.length != best.length:
        return "as_path" if route.length > best.length else None
    if route.origin not in _ORIGINS or best.origin not in _ORIGINS:
        return None
    if route.origin != best.origin:
        return "origin" if _ORIGINS.index(route.origin) > _ORIGINS.index(best.origin) else None
    if route.neighbor != best.neighbor:
        return "later"
    med, best_med = route.med or 0, best.med or 0
    if med == best_med:
        return "later"
    return "med" if med > best_med else None
