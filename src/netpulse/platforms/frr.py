"""FRRouting: BGP by its own JSON, ping and traceroute by the Linux below it. Captures from FRR 8.4.4.

The login's forced command (see `account`) runs `show bgp …` in vtysh and the two others as programs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec.structs import replace

from netpulse.cells import AccountFor, Cell, Platform, Trial, Unread
from netpulse.events import Ending
from netpulse.platforms import linux
from netpulse.platforms.paths import answer, asked_prefix, community, ext_community, path_elements
from netpulse.platforms.reading import literal, network
from netpulse.preference import Step, lost_by, merits_of
from netpulse.queries.aspath import AsPathResult
from netpulse.query import Ask
from netpulse.records import (
    WELL_KNOWN,
    AsConfed,
    AsConfedSet,
    AsSet,
    Community,
    LearnedFrom,
    Neighbor,
    Neighbors,
    PathElement,
    Record,
    Route,
    first_asn_of,
    origin_of,
)

_ORIGINS: dict[str, Literal["IGP", "EGP", "incomplete"]] = {"IGP": "IGP", "EGP": "EGP", "incomplete": "incomplete"}
_LOST_BY = {
    "Weight": "lower weight",
    "Local Pref": "lower local pref",
    "Local Route": "not originated here",
    "AS Path": "longer AS path",
    "Confederation based AS Path": "longer AS path",
    "Origin": "worse origin attribute",
    "MED": "higher MED",
    "Peer Type": "not learned by eBGP",
    "IGP Metric": "higher IGP metric",
    "Older Path": "newer than the best",
    "Router ID": "higher router ID",
    "Cluster length": "longer cluster list",
    "Neighbor IP": "higher neighbour address",
}
"""What FRR's reasons for the best path say of one that lost."""
_STEPS: Mapping[str, Step] = {"Local Pref": "local_pref", "AS Path": "as_path", "Origin": "origin", "MED": "med"}
_NO_REASONS = frozenset({"First path received", "Nothing to Select", "Nothing left to compare"})
_DEEPEST = 100
"""Nested brackets read; real replies have 6, and the JSON parser recurses. Its recursion error is no ValueError."""


def aspath_command(ask: Ask) -> str:
    """An address gives the longest match, a prefix only itself."""
    return f"show bgp ipv{ask.family} unicast {ask.target} json"


class AsPathReader:
    """One JSON document; where an exact prefix is absent, a second one for its first address tells what covers it."""

    def __init__(self, ask: Ask) -> None:
        self.enough = False
        self.complete = False
        self._ask = ask
        self._asked, self._exact = asked_prefix(ask)
        self._reply = _Reply()
        self._covering: _Reply | None = None

    def feed(self, line: str) -> Iterable[Record]:
        if self._covering is not None:
            self._covering.add(line)
            return ()
        if self._reply.whole:
            return ()  # what stands behind the document is none of its routes, which were given already
        self._reply.add(line)
        if not self._reply.whole:
            return ()
        self.complete = True
        return _routes(self._reply, self._ask)

    def follow_up(self) -> str | None:
        if not self._exact or self._covering is not None or not self._reply.is_empty():
            return None
        self._covering = _Reply()
        return f"show bgp ipv{self._ask.family} unicast {self._asked.network_address} json"

    def close(self, ending: Ending) -> AsPathResult:
        if not self._reply.whole and not self._reply.not_found:
            raise Unread("The reply is not one whole JSON document.")
        routes = _routes(self._reply, self._ask)
        if not self._reply.is_empty() and not routes:
            raise Unread("The reply has no list of paths.")
        if not routes and self._covering is not None:
            routes = _routes(self._covering, self._ask)
        return answer(self._asked, self._exact, routes)


class _Reply:
    """Lines of one reply until its outermost bracket closes. vtysh may complain in front of it."""

    def __init__(self) -> None:
        self.whole = False
        self.not_found = False
        self._lines: list[str] = []
        self._depth = 0
        self._document: Mapping[str, Any] = {}

    def add(self, line: str) -> None:
        if self.whole:
            return
        if not self._lines and not line.lstrip().startswith("{"):
            self.not_found = self.not_found or line.strip() == "% Network not in table"
            return
        self._lines.append(line)
        deepest, opened = _opened(line)
        too_deep = self._depth + deepest > _DEEPEST
        self._depth += opened
        if self._depth <= 0 or too_deep:
            try:
                document = json.loads("\n".join(self._lines)) if self._depth == 0 and not too_deep else None
            except ValueError:
                document = None
            self._document = document if isinstance(document, dict) else {}
            self.whole = isinstance(document, dict)
            if not self.whole:
                self._lines.clear()
                self._depth = 0

    def is_empty(self) -> bool:
        return self.not_found or (self.whole and not self._document)

    def prefix(self) -> str | None:
        place = network(_text(self._document.get("prefix")) or "")
        return None if place is None else place.compressed

    def objects(self) -> list[Mapping[str, Any]]:
        return [_object(value) for value in self._document.values()]

    def paths(self) -> list[Mapping[str, Any]]:
        return _objects(self._document.get("paths"))


def _opened(line: str) -> tuple[int, int]:
    """Brackets opened less those closed on this line, outside of strings: at the deepest place, and at its end."""
    depth = deepest = 0
    in_string = escaped = False
    for character in line:
        if escaped:
            escaped = False
        elif in_string:
            escaped = character == "\\"
            in_string = character != '"'
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest, depth


def _routes(reply: _Reply, ask: Ask) -> list[Route]:
    prefix = reply.prefix()
    if prefix is None:
        return []
    by: Literal["router", "collector"] = "router" if ask.own_routes else "collector"
    routes = [_route(prefix, path, by, ask.asked_at_s) for path in reply.paths()]
    best = next((route for route in routes if route.best), None)
    reasons = [_text(_object(path.get("bestpath")).get("selectionReason")) for path in reply.paths()]
    reason = next((text for text, route in zip(reasons, routes, strict=True) if text and route.best), None)
    if best is None or reason is None or reason in _NO_REASONS:
        return routes
    words = _LOST_BY.get(reason, f"another path won by: {reason}")
    only = len(routes) == 2
    return [
        route if route.best or not (only or _lost_so(route, best, reason)) else replace(route, why_not_best=words)
        for route in routes
    ]


def _lost_so(route: Route, best: Route, reason: str) -> bool:
    """Whether this path of several lost by that: FRR names only the last step that decided for the best one, not against whom."""
    merits, most = (
        each._replace(local_pref=100 if each.local_pref is None else each.local_pref)
        for each in (merits_of(route), merits_of(best))
    )
    return reason in _STEPS and lost_by(merits, most) == _STEPS[reason]


def _route(
    prefix: str, path: Mapping[str, Any], by: Literal["router", "collector"], asked_at_s: float | None
) -> Route:
    aspath = _object(path.get("aspath"))
    elements = _path(aspath)
    text = _text(aspath.get("string"))
    hops = [hop for one in _objects(path.get("nexthops")) if (hop := literal(_text(one.get("ip")) or ""))]
    next_hop = next((hop for hop in hops if not hop.startswith("fe80:")), hops[0] if hops else None)
    peer = _object(path.get("peer"))
    peer_id = _text(peer.get("peerId")) or ""
    address = literal(peer_id)
    local = path.get("sourced") is True or path.get("local") is True
    direct = peer.get("type") == "external" and (address is None or address in hops)
    return Route(
        prefix=prefix,
        as_path=elements,
        as_path_text="" if text == "Local" else text,
        origin_asn=None if elements is None else origin_of(elements),
        next_hop=next_hop,
        learned_from=LearnedFrom(
            # An unnumbered neighbour has an interface's name for an address.
            address=None if local else address or (peer_id[:40] or None),
            asn=first_asn_of(elements) if elements and direct else None,
        ),
        local_pref=_number(path.get("locPrf")),
        med=_number(path.get("metric")),
        origin=_ORIGINS.get(_text(path.get("origin")) or ""),
        communities=tuple(community(value) for value in _listed(path.get("community"))),
        large_communities=tuple(Community(value=value) for value in _listed(path.get("largeCommunity"))),
        ext_communities=tuple(ext_community(value) for value in _listed(path.get("extendedCommunity"))),
        age_s=_age_s(_object(path.get("lastUpdate")).get("epoch"), asked_at_s),
        best=_object(path.get("bestpath")).get("overall") is True,
        best_by=by,
    )


def _age_s(epoch: object, asked_at_s: float | None) -> int | None:
    """FRR tells when a path came, by its own clock; as ages go, ours is the same."""
    if type(epoch) is not int or asked_at_s is None:
        return None
    return max(0, int(asked_at_s) - epoch)


def _path(aspath: Mapping[str, Any]) -> tuple[PathElement, ...] | None:
    """The segments if the reply has them, else the written path (`Local` is the empty one)."""
    text = _text(aspath.get("string"))
    segments = aspath.get("segments")
    if not isinstance(segments, list):
        return None if text is None else path_elements("" if text == "Local" else text)
    path: list[PathElement] = []
    for segment in _objects(segments):
        listed = segment.get("list")
        numbers = tuple(n for n in listed if type(n) is int) if isinstance(listed, list) else ()
        kind = segment.get("type")
        if kind == "as-sequence":
            path += numbers
        elif kind == "as-set":
            path.append(AsSet(set=numbers))
        elif kind == "as-confed-sequence":
            path.append(AsConfed(confed=numbers))
        elif kind == "as-confed-set":
            path.append(AsConfedSet(confed_set=numbers))
        else:
            return None
    return tuple(path)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= 0xFFFFFFFF else None


def _listed(value: object) -> list[str]:
    """The communities of one kind: a list where FRR gives one, else the words of its text."""
    kind = _object(value)
    listed = kind.get("list")
    if isinstance(listed, list):
        return [one for one in listed if isinstance(one, str)]
    return (_text(kind.get("string")) or "").split()


def account(account: AccountFor) -> str:
    """The group `frrvty` lets the login reach vtysh; the script lets it ask only these questions there."""
    why = "# The group lets it open the daemons' sockets through vtysh, where the script lets it only ask about routes.\n"
    return linux.account_text(account, groups=" --groups frrvty", why_groups=why)


TRIALS = (
    *linux.TRIALS,
    Trial("show version", "prints the release; it stands for `show running-config`, which may hold secrets"),
    Trial("vtysh --version", "prints the release; it stands for a vtysh that takes every command"),
    Trial("show bgp ipv4 unicast summary json", "prints the neighbours' states, which no visitor asked for"),
)

ASPATH = Cell(command=aspath_command, reader=AsPathReader, worst_case_s=lambda ask: 5.0, structured=True)

_NAMES = "|".join(name.replace("-", "-?") for names in WELL_KNOWN.values() for name in names)
_COMMUNITY = rf"(?:\d+:\d+|(?i:{_NAMES}))"
_NEXT_HOP = r'"ip":\s*"([^"]*)"'

SHOWS = {
    "local_pref": (r'"locPrf":\s*(\d+)',),
    "med": (r'"metric":\s*(\d+)',),
    "learned_from.address": (
        r'"(?:peerId|routerId|originatorId)":\s*"([^"]*)"',
        r'^\s*"([0-9A-Fa-f.:]+)":\s*\{',  # whom the route was told
        _NEXT_HOP,
    ),
    "next_hop": (_NEXT_HOP,),
    "origin": (r'"origin":\s*"([^"]*)"',),
    "communities": (rf'"({_COMMUNITY}(?: {_COMMUNITY})*)"',),
    "large_communities": (r'"(\d+:\d+:\d+(?: \d+:\d+:\d+)*)"',),
    "ext_communities": (r'"([A-Za-z][\w-]*:\d[\d.]*:\d+(?: [A-Za-z][\w-]*:\d[\d.]*:\d+)*)"',),
    "age_s": (r'"epoch":\s*(\d+)', r'"string":\s*"([A-Z][a-z]{2} [A-Z][a-z]{2} [^"]*)"'),
    "why_not_best": (r'"selectionReason":\s*"([^"]*)"',),
}

class NeighborsReader:
    """One JSON document of `show bgp summary json`: by address family, then by neighbour."""

    enough = False

    def __init__(self) -> None:
        self.complete = False
        self._reply = _Reply()

    def feed(self, line: str) -> Iterable[Record]:
        self._reply.add(line)
        self.complete = self._reply.whole
        return ()

    def follow_up(self) -> str | None:
        return None

    def close(self, ending: Ending) -> Neighbors:
        if not self._reply.whole:
            raise Unread("The reply is not one whole JSON document.")
        found: list[Neighbor] = []
        for family in self._reply.objects():
            for name, peer in _object(family.get("peers")).items():
                address = literal(name)
                if address is not None:
                    found.append(Neighbor(address=address, established=_object(peer).get("state") == "Established"))
        return Neighbors(neighbors=tuple(found))


NEIGHBORS = Cell(
    command=lambda ask: "show bgp summary json",
    reader=lambda ask: NeighborsReader(),
    worst_case_s=lambda ask: 5.0,
    structured=True,
)

PLATFORM = Platform(
    name="frr",
    title="FRRouting",
    cells={"ping": linux.PING, "traceroute": linux.TRACEROUTE, "aspath": ASPATH},
    refusals=(
        *linux.REFUSALS,
        r"\A% (?:Unknown command|Command incomplete|Ambiguous command|There is no matched command)\b.{0,300}\Z",
        r"\A% BGP instance not found\b.{0,100}\Z",
        r"\AExiting: failed to connect to any daemons\.\Z",
    ),
    account=account,
    trials=TRIALS,
    shows=SHOWS,
    neighbors=NEIGHBORS,
)
