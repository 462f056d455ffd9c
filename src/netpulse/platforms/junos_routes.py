"""Reads Junos's `show route … detail` into routes, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from netpulse.platforms.paths import community, ext_community, path_elements
from netpulse.platforms.reading import literal, network, whole
from netpulse.records import Community, LearnedFrom, PathElement, Route, Rpki, first_asn_of, origin_of

_ENTRY = re.compile(r"\A(?P<mark>[*+-]?)(?P<protocol>[A-Z][A-Za-z0-9-]{1,20})\s+(?:Preference: |/-?[0-9])")
_PEER = re.compile(r"\bPeer AS:\s{0,12}([0-9.]{1,21})(?:\s|\Z)")
_METRIC = re.compile(r"\bMetric:\s{0,12}([0-9]{1,10})(?:\s|\Z)")
_AGE = re.compile(
    r"\AAge:\s{0,12}(?:(?P<weeks>[0-9]{1,4})w)?(?:(?P<days>[0-9]{1,4})d)?\s?"
    r"(?P<clock>[0-9]{1,2}(?::[0-9]{2}){0,2})(?:\s|\Z)"
)
_ORIGINS: dict[str, Literal["IGP", "EGP", "incomplete"]] = {"I": "IGP", "E": "EGP", "?": "incomplete"}
_STATES: dict[str, Literal["valid", "invalid", "not_found"]] = {
    "valid": "valid",
    "invalid": "invalid",
    "unknown": "not_found",
}


def destination(line: str) -> str | None:
    """The prefix of a line like `8.8.8.0/24 (2 entries, 1 announced)`, or None."""
    place, opened, rest = line.strip().partition(" (")
    found = network(place)
    return found.compressed if opened and found is not None and " entr" in rest[:20] else None


@dataclass
class Draft:
    """One route while its lines come in; the first line of each kind counts."""

    prefix: str
    protocol: str
    active: bool
    source: str | None = None
    next_hop: str | None = None
    gateway: str | None = None
    peer_asn: int | None = None
    age_s: int | None = None
    metric: int | None = None
    local_pref: int | None = None
    as_path: str | None = None
    communities: str = ""
    reason: str | None = None
    validation: str = ""

    def add(self, text: str) -> None:
        """Take one line of details, without the blanks around it."""
        name, colon, value = text.partition(":")
        value = value.strip()
        if not colon or not value:
            return
        if name == "Source":
            self.source = self.source or literal(value)
        elif name == "Protocol next hop":
            self.next_hop = self.next_hop or literal(value.split()[0])
        elif name == "Next hop" and (self.gateway is None or value.endswith("selected")):
            self.gateway = literal(value.split()[0]) or self.gateway
        elif name == "Local AS":
            found = _PEER.search(text)
            self.peer_asn = whole(found[1]) if found else None
        elif name == "Age" and self.age_s is None:
            self.age_s = age_s(text)
            found = _METRIC.search(text)
            self.metric = whole(found[1]) if found else None
        elif name == "Localpref":
            self.local_pref = whole(value)
        elif name == "AS path" and self.as_path is None:
            self.as_path = value
        elif name == "Communities":
            self.communities = value
        elif name in ("Inactive reason", "Hidden reason") and not self.active:
            self.reason = value if name == "Inactive reason" else f"hidden: {value}"
        elif name == "Validation State":
            self.validation = value

    def route(self, by: Literal["router", "collector"]) -> Route:
        is_bgp = self.protocol == "BGP"
        text, path, origin = _as_path(self.as_path if is_bgp else None)
        next_hop = self.next_hop or self.gateway
        words = self.communities.split()
        large = [word.partition(":")[2] for word in words if word.startswith("large:")]
        plain = [word for word in words if _is_plain(word)]
        others = [word for word in words if not _is_plain(word) and not word.startswith("large:")]
        state = _STATES.get(self.validation)
        return Route(
            prefix=self.prefix,
            as_path=path,
            as_path_text=text,
            origin_asn=None if path is None else origin_of(path),
            next_hop=next_hop,
            learned_from=LearnedFrom(
                address=self.source or (next_hop if is_bgp else None),
                asn=self.peer_asn if self.peer_asn is not None or self.source else first_asn_of(path or ()),
            ),
            local_pref=self.local_pref,
            med=self.metric if is_bgp else None,
            origin=origin,
            communities=tuple(community(word) for word in plain),
            large_communities=tuple(Community(value=word) for word in large),
            ext_communities=tuple(ext_community(word) for word in others),
            age_s=self.age_s,
            best=self.active,
            best_by=by,
            why_not_best=self.reason,
            rpki=Rpki(state=state, reason="the router's own validation" if state else None),
        )


def begin(line: str, prefix: str) -> Draft | None:
    """The route that a line like `*BGP    Preference: 170/-101` begins, or None. The star is the active route."""
    found = _ENTRY.match(line.strip())
    if found is None:
        return None
    return Draft(prefix=prefix, protocol=found["protocol"], active=found["mark"] == "*")


def age_s(text: str) -> int | None:
    """Seconds of `Age: 3w2d 4:45:37`, `Age: 1:06` or `Age: 13`."""
    found = _AGE.match(text)
    if found is None:
        return None
    seconds = 0
    for part in found["clock"].split(":"):
        seconds = seconds * 60 + int(part)
    return seconds + 86400 * (int(found["weeks"] or 0) * 7 + int(found["days"] or 0))


def _as_path(
    value: str | None,
) -> tuple[str | None, tuple[PathElement, ...] | None, Literal["IGP", "EGP", "incomplete"] | None]:
    """Text, elements and origin of `174 15169 I`; what Junos adds behind the letter, as `(Originator)`, is no path."""
    if value is None:
        return None, None, None
    words = value.split()
    at = next((index for index, word in enumerate(words) if word in _ORIGINS), None)
    if at is None:
        return value, None, None
    text = " ".join(words[:at])
    return text, path_elements(text, square_is_set=False), _ORIGINS[words[at]]


def _is_plain(word: str) -> bool:
    """Whether this is a community of two numbers or one with a well-known name."""
    high, colon, low = word.partition(":")
    return (whole(high) is not None and whole(low) is not None) if colon else True
