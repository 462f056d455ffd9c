"""Routers, their connections, and the devices that answer for them: an immutable picture of the configuration.

A *router* is what a visitor asks about. A *device* is what is really talked to: the router itself, or a route server.
Sessions, breakers and limits are keyed by the device's `key`, which survives a reload of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from netpulse.values import Address, Family, Prefix

Visibility = Literal["public", "key", "hidden"]
ConnectionType = Literal["IX", "TRANSIT", "PEER", "CUSTOMER"]
EgressMode = Literal["source", "policy", "routing_instance", "next_hop"]


@dataclass(frozen=True, slots=True)
class Ssh:
    """How a device is reached over SSH. `host_keys` are the pinned public keys, OpenSSH one-line form."""

    host: str
    user: str
    key_file: Path
    host_keys: tuple[str, ...]
    port: int = 22


@dataclass(frozen=True, slots=True)
class BirdSocket:
    """A BIRD control socket: a local path, or a path on the host behind `ssh`."""

    path: str
    ssh: Ssh | None = None


@dataclass(frozen=True, slots=True)
class ThisHost:
    """The machine the service runs on: commands by argument vector, no shell."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of recorded commands and what came back, with its timing."""

    path: Path


Reach = Ssh | BirdSocket | ThisHost | Recording


@dataclass(frozen=True, slots=True)
class Device:
    """Something that takes commands. `key` is `router:SLUG` or `route_server:NAME`.

    At most `max_sessions` commands run on it at once; `reserved_sessions` of them only for callers with a key.
    """

    key: str
    platform: str
    reach: Reach
    max_sessions: int = 3
    reserved_sessions: int = 0
    own_routes: bool = False  # the device is the router itself, so its choice is the router's choice


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Where a route source keeps a router's routes of one family.

    `table` and `protocol` select them; routes learned by `best_protocol` are what the router itself chose.
    """

    table: str | None = None
    protocol: str | None = None
    best_protocol: str | None = None


@dataclass(frozen=True, slots=True)
class RouteSource:
    """Where BGP questions about a router are answered. `route_server` is None if the router answers itself."""

    device: Device
    route_server: str | None
    tables: Mapping[Family, RouteTable]


@dataclass(frozen=True, slots=True)
class Match:
    """How a route of a connection is recognised; every field that is given must agree."""

    first_asn: int | None = None
    next_hop: tuple[Address | Prefix, ...] = ()
    community: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One way from a router to the rest of the Internet, chosen by its source address.

    Id 0 is "Router's own choice": no source, `type` None.
    """

    id: int
    name: str
    type: ConnectionType | None
    asn: int | None = None
    group: str | None = None
    source_ipv4: Address | None = None
    source_ipv6: Address | None = None
    egress: EgressMode = "source"
    routing_instance: str | None = None
    next_hop_ipv4: Address | None = None
    next_hop_ipv6: Address | None = None
    neighbors: tuple[Address, ...] = ()
    match: Match = field(default_factory=Match)
    lan_ipv4: Prefix | None = None
    lan_ipv6: Prefix | None = None
    visible: Visibility = "public"

    def source(self, family: Family) -> Address | None:
        return self.source_ipv4 if family == 4 else self.source_ipv6

    @property
    def families(self) -> tuple[Family, ...]:
        """The families this connection can source packets in; both for the router's own choice."""
        if self.id == 0:
            return (4, 6)
        ours: list[Family] = []
        if self.source_ipv4:
            ours.append(4)
        if self.source_ipv6:
            ours.append(6)
        return tuple(ours)


OWN_CHOICE = Connection(id=0, name="Router's own choice", type=None)


@dataclass(frozen=True, slots=True)
class Router:
    """A router as the file describes it. `maintenance` is the text shown while it is out of service."""

    slug: str
    name: str
    location: str
    model: str
    platform: str
    device: Device
    os_version: str | None = None
    connections: tuple[Connection, ...] = ()
    routes: tuple[RouteSource, ...] = ()
    visible: Visibility = "public"
    maintenance: str | None = None

    def connection(self, connection_id: int) -> Connection | None:
        return next((c for c in self.connections if c.id == connection_id), None)


@dataclass(frozen=True, slots=True)
class Site:
    """Who runs this looking glass."""

    name: str
    organization: str
    asn: int | None = None
    contact: str | None = None

    @property
    def contact_url(self) -> str | None:
        """Where the contact leads: itself if it is a web or mail link, `mailto:` to an e-mail address; None for other words."""
        text = self.contact or ""
        if re.fullmatch(r"(https?://|mailto:)\S+", text, re.IGNORECASE):
            return text
        return f"mailto:{quote(text, safe='@+')}" if re.fullmatch(r"[^@\s:/]+@[^@\s:/]+", text) else None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every router in file order, and the addresses that belong to the infrastructure itself."""

    routers: tuple[Router, ...]
    infrastructure: tuple[Prefix, ...] = ()

    def router(self, slug: str) -> Router | None:
        return next((r for r in self.routers if r.slug == slug), None)

    def devices(self) -> dict[str, Device]:
        """Every device by its key, each once."""
        found = {router.device.key: router.device for router in self.routers}
        for router in self.routers:
            found.update({source.device.key: source.device for source in router.routes})
        return found
