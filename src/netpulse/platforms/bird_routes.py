"""Reads BIRD's `show route … all` into routes, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from netpulse.platforms.paths import community, ext_community, path_elements
from netpulse.platforms.reading import literal, network, seconds_since, whole
from netpulse.records import Community, LearnedFrom, Route, first_asn_of, origin_of

_ORIGINS: dict[str, Literal["IGP", "EGP", "incomplete"]] = {"igp": "IGP", "egp": "EGP", "incomplete": "incomplete"}
_PAIR = re.compile(r"\(([^()]{1,80})\)")
_LISTS = ("community", "large_community", "ext_community")


@dataclass
class Draft:
    """One route while its lines come in. `sender` is the neighbour after `from`, None where it is the gateway."""

    prefix: str
    protocol: str
    since: str
    sender: str | None
    starred: bool
    gateway: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    latest: str = ""
    _read: dict[bool, Route] = field(default_factory=dict)

    def add(self, line: str) -> None:
        """Take one line of details: an attribute, the rest of a long one, or the gateway."""
        self._read.clear()
        text = line.strip()
        name, colon, value = text.partition(":")
        key = name.lower()
        if text.startswith("(") and self.latest in _LISTS:
            self.attributes[self.latest] += " " + text
        elif text.startswith("via "):
            self.gateway = self.gateway or literal(text.split()[1])
        elif colon and key.startswith(("bgp.", "bgp_")):
            # BIRD 2 writes `BGP.as_path`, BIRD 3 `bgp_path`.
            self.latest = {"path": "as_path"}.get(key[4:], key[4:])
            self.attributes[self.latest] = value.strip()
        else:
            self.latest = ""

    def route(self, *, now: str | None, collector: bool) -> Route:
        """The finished route, not yet best or otherwise.

        Behind a collector the session says nothing: the neighbour is the next hop that the router passed on.
        """
        read = self._read.get(collector)
        if read is None:
            read = self._read[collector] = self._all_but_age(collector)
        return read if now is None else replace(read, age_s=seconds_since(self.since, now))

    def _all_but_age(self, collector: bool) -> Route:
        text = self.attributes.get("as_path")
        path = None if text is None else path_elements(text)
        hops = self.attributes.get("next_hop", "").split()
        next_hop = literal(hops[0]) if hops else self.gateway
        sender = next_hop if collector else self.sender or self.gateway or next_hop
        # Where a route server or an iBGP neighbour passed the route on, the path does not begin with the neighbour.
        direct = sender is not None and sender == next_hop
        return Route(
            prefix=self.prefix,
            as_path=path,
            as_path_text=text,
            origin_asn=None if path is None else origin_of(path),
            next_hop=next_hop,
            learned_from=LearnedFrom(address=sender, asn=first_asn_of(path) if path and direct else None),
            local_pref=whole(self.attributes.get("local_pref", "")),
            med=whole(self.attributes.get("med", "")),
            origin=_ORIGINS.get(self.attributes.get("origin", "").lower()),
            communities=tuple(community(":".join(parts)) for parts in self._parts("community")),
            large_communities=tuple(Community(value=":".join(parts)) for parts in self._parts("large_community")),
            ext_communities=tuple(ext_community(":".join(parts)) for parts in self._parts("ext_community")),
            age_s=None,
        )

    def _parts(self, name: str) -> list[list[str]]:
        return [[part.strip() for part in inner.split(",")] for inner in _PAIR.findall(self.attributes.get(name, ""))]


def begin(line: str, prefix_before: str | None) -> Draft | None:
    """The route that this line begins, or None.

    `8.8.8.0/24  unicast [core1 08:00:23.047 from 10.0.0.1] * (100) [AS15169i]`; further routes of one prefix have
    blanks in its place.
    """
    head, opened, tail = line.partition(" [")
    inside, closed, flags = tail.partition("]")
    words = head.split()
    if not opened or not closed or not words:
        return None
    gateway = literal(words[words.index("via") + 1]) if "via" in words[:-1] else None
    if line[0].isspace() and network(words[0]) is None:
        place = prefix_before if line[:12].isspace() else None
    else:
        found = network(words[0])
        place = None if found is None else found.compressed
    what = inside.split()
    if place is None or len(what) < 2:
        return None
    session, arrow, sender = inside.partition(" from ")
    return Draft(
        prefix=place,
        protocol=what[0],
        since=" ".join(session.split()[1:]),
        sender=literal(sender.strip()) if arrow else None,
        starred="*" in flags.split(),
        gateway=gateway,
    )
