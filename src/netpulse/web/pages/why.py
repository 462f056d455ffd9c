"""Why a route is not the best one, and why its origin is valid or not, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from netpulse.preference import Merits, lost_by
from netpulse.words import Words

_BEFORE = "not best in its group - "
_STEPS = {
    "lower local pref": "local_pref",
    "local preference": "local_pref",
    "longer as path": "as_path",
    "as path": "as_path",
    "worse origin attribute": "origin",
    "origin": "origin",
    "higher med": "med",
    "always compare med": "med",
    "lower weight": "weight",
    "not originated here": "local_route",
    "not learned by ebgp": "peer_type",
    "interior > exterior > exterior via interior": "peer_type",
    "higher igp metric": "igp_metric",
    "igp metric": "igp_metric",
    "newer than the best": "age",
    "active preferred": "age",
    "higher router id": "router_id",
    "router id": "router_id",
    "longer cluster list": "cluster",
    "cluster list length": "cluster",
    "higher neighbour address": "neighbor",
    "update source": "neighbor",
}
"""What our readers and Junos call the step that decided, by its key among the words."""


_REASONS = {
    "allows": re.compile(r"a ROA for (?P<prefix>\S+) allows (?P<asn>AS\d+)"),
    "none": re.compile(r"no ROA covers this prefix"),
    "long": re.compile(
        r"the ROA for (?P<prefix>\S+) allows (?P<asn>AS\d+) prefixes up to (?P<longest>/\d+), not a (?P<length>/\d+)"
    ),
    "other": re.compile(r"the ROA for (?P<prefix>\S+) allows (?P<asns>AS\d+(?: and AS\d+)*) only"),
    "nobody": re.compile(r"the ROA for (?P<prefix>\S+) allows nobody"),
    "router": re.compile(r"the router's own validation"),
}
"""The reasons that `enrich/rpki.py` and our readers give, by their key among the words."""


class Why(NamedTuple):
    """The step that decided, as a key below `result.why.`, or else `words` as they were given; `ours` if nobody else said it."""

    step: str | None = None
    words: str = ""
    ours: bool = False


def why_not(route: Mapping[str, Any], others: Sequence[Mapping[str, Any]], *, med_hidden: bool = False) -> Why:
    """Why this route lost, among the other routes of the same source; empty if it did not, or nobody can say.

    Where the MED is hidden from the reader it looks as if there were none, so nothing is said of it.
    """
    if route.get("best") is not False:
        return Why()
    if said := route.get("why_not_best"):
        step = _STEPS.get(said.lower().removeprefix(_BEFORE))
        return Why(step) if step else Why(words=said)
    best = next((each for each in others if each.get("best") and each["prefix"] == route["prefix"]), None)
    step = lost_by(_merits(route), _merits(best)) if best else None
    known = step is not None and not (med_hidden and step in ("med", "later"))
    return Why(step, ours=True) if known else Why()


def rpki_reason(words: Words, reason: str | None) -> str:
    """Why the origin of a route is valid or not; as it was given where there are no words for it."""
    for key, shape in _REASONS.items():
        if found := shape.fullmatch(reason or ""):
            values = {name: value.replace(" and ", ", ") for name, value in found.groupdict().items()}
            return words.t(f"result.rpki.why.{key}", **values)
    return reason or ""


def _merits(route: Mapping[str, Any]) -> Merits:
    path = route["as_path"]
    numbers = [each for each in path or () if isinstance(each, int)]
    return Merits(
        route["local_pref"],
        None if path is None else sum(isinstance(each, int) or "set" in each for each in path),
        route["origin"],
        numbers[0] if numbers else None,
        route["med"],
    )
