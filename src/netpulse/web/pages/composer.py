"""The form as data: what can be chosen, what was typed, and the command that would run.

The command is not imitated: each cell's own builder makes it once for an address of ours, which then stands for the
target and the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, NamedTuple

from netpulse.cells import Cell, QueryType
from netpulse.inventory import Connection, Device, Router, RouteTable
from netpulse.policy import Caller, connections_for, offered, routers_for
from netpulse.query import Ask, Parameter
from netpulse.services import Services
from netpulse.values import Address, Family, Prefix, address, prefix
from netpulse.web.pages.cards import place_of

ALL_ROUTERS = "*"
"""The value of `router` that means all of them; no slug has this form."""

# Addresses that stand for the caller's target and a connection's source while a command is built.
_TARGETS: dict[str, Address | Prefix] = {
    "4": IPv4Address("203.0.113.77"),
    "6": IPv6Address("2001:db8:ffff::77"),
    "4/": IPv4Network("203.0.113.0/24"),
    "6/": IPv6Network("2001:db8:ffff::/48"),
}
_SOURCES: dict[Family, Address] = {4: IPv4Address("198.51.100.77"), 6: IPv6Address("2001:db8:eeee::55")}
_FAMILIES: tuple[Family, Family] = (4, 6)

Forms = dict[str, str]
"""Commands by the form of the target: `4`, `6`, and `4/`, `6/` for prefixes; with `{target}` and `{source}` in them."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form holds, as text, whether or not it makes sense."""

    router: str = ""
    connection: str = ""
    query: str = ""
    target: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def pairs(self) -> list[tuple[str, str]]:
        """As the parameters of a link to the form."""
        given = [
            ("router", self.router),
            ("connection", self.connection),
            ("query", self.query),
            ("target", self.target),
        ]
        return [pair for pair in (*given, *self.options.items()) if pair[1]]


class Model(NamedTuple):
    """The part of the form that only the settings decide. `sets` are commands by query and form, each once."""

    routers: tuple[Router, ...]
    connections: Mapping[str, tuple[Connection, ...]]
    queries: Mapping[str, tuple[str, ...]]
    sets: list[dict[str, Forms]]
    set_of: Mapping[tuple[str, int | None], int]

    @property
    def ways(self) -> int:
        """How many connections there are to choose from."""
        return sum(map(len, self.connections.values()))

    def router(self, slug: str) -> Router | None:
        return next((router for router in self.routers if router.slug == slug), None)

    def first(self, slug: str) -> str:
        """The connection of this router that stands first in the file, as text; nothing if it has none."""
        router = self.router(slug)
        shown = {connection.id for connection in self.connections.get(slug, ())}
        return next((str(c.id) for c in router.connections if c.id in shown), "") if router else ""

    def command(self, typed: Typed, kind: QueryType, blank: str = "target") -> str | None:
        """What would be sent: the command, or those of all routers in service, a line each behind who is asked.

        `blank` is the word for a target that was not typed yet. None where the router or connection has no command.
        """
        if typed.router != ALL_ROUTERS:
            return self._command(typed, kind, blank)
        asked = [router for router in self.routers if router.maintenance is None]
        found = [(router, self._command(replace(typed, router=router.slug), kind, blank)) for router in asked]
        return "\n".join(f"{asked_of(router, kind) or router.slug}> {text}" for router, text in found if text) or None

    def _command(self, typed: Typed, kind: QueryType, blank: str) -> str | None:
        connection = int(typed.connection) if kind.sourced and typed.connection.isdecimal() else None
        place = self.set_of.get((typed.router, connection))
        forms = {} if place is None else self.sets[place].get(kind.name, {})
        form = form_of(typed.target)
        wished = typed.options.get("family")
        if form is None:
            form = wished if wished in forms else next(iter(forms), "")
        if form not in forms:
            return None
        text = forms[form]
        source = next((c for c in self.connections.get(typed.router, ()) if c.id == connection), None)
        literal = source.source(4 if form[0] == "4" else 6) if source else None
        target = typed.target.strip() or blank
        if form_of(typed.target) is None:
            target = f"<{target}>"
        return text.replace("{source}", str(literal)).replace("{target}", target)

    def pairs(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Every router that is in service and each of its connections, as headings with values and texts below them."""
        return [
            (
                f"{router.slug} · {router.location}",
                [(f"{router.slug}.{c.id}", _in_one_line(c)) for c in self.connections[router.slug]],
            )
            for router in self.routers
            if router.maintenance is None
        ]

    def for_script(self) -> dict[str, Any]:
        """The same for the script of the form, as small as it can be."""
        return {
            "sets": self.sets,
            "routers": {
                router.slug: {
                    "name": router.name,
                    "asked": _asked_name(router),
                    "queries": self.queries[router.slug],
                    "first": self.first(router.slug),
                    "set": self.set_of.get((router.slug, None)),
                    "connections": [
                        [
                            c.id,
                            c.name,
                            c.type or "",
                            c.asn if c.type != "IX" else None,
                            str(c.source_ipv4 or ""),
                            str(c.source_ipv6 or ""),
                            self.set_of.get((router.slug, c.id)),
                        ]
                        for c in self.connections[router.slug]
                    ],
                }
                for router in self.routers
            },
        }


def model_of(services: Services, caller: Caller) -> Model:
    """The form's choices for this caller under the settings of now."""
    matrix = services.matrix
    routers = tuple(routers_for(caller, services.settings.inventory))
    connections = {
        router.slug: tuple(sorted(connections_for(caller, router), key=lambda c: place_of(c.type)))
        for router in routers
    }
    sets: list[dict[str, Forms]] = []
    set_of: dict[tuple[str, int | None], int] = {}

    def keep(place: tuple[str, int | None], commands: dict[str, Forms]) -> None:
        if commands not in sets:
            sets.append(commands)
        set_of[place] = sets.index(commands)

    for router in routers:
        about: dict[str, Forms] = {}
        for kind in matrix.queries.values():
            if not kind.sourced and (found := _device(services, router, kind)):
                about[kind.name] = _forms(router, None, kind, *found)
        keep((router.slug, None), about)
        for connection in connections[router.slug]:
            sourced: dict[str, Forms] = {}
            for kind in matrix.queries.values():
                if kind.sourced and (found := _device(services, router, kind)):
                    sourced[kind.name] = _forms(router, connection, kind, *found)
            keep((router.slug, connection.id), sourced)
    return Model(routers, connections, {router.slug: offered(matrix, router) for router in routers}, sets, set_of)


def _in_one_line(connection: Connection) -> str:
    """`TRANSIT Cogent Transit AS174`, `IX DE-CIX`."""
    number = f"AS{connection.asn}" if connection.asn and connection.type != "IX" else ""
    return " ".join(filter(None, (connection.type, connection.name, number)))


def _asked_name(router: Router) -> str | None:
    """The route server that answers BGP questions about this router; None if it answers them itself."""
    return next((source.route_server for source in router.routes), None)


def asked_of(router: Router, kind: QueryType) -> str | None:
    """The route server that this question goes to instead of the router; None if it goes to the router."""
    return _asked_name(router) if kind.about_routes else None


def _device(
    services: Services, router: Router, kind: QueryType
) -> tuple[Device, Cell, Mapping[Family, RouteTable]] | None:
    if not kind.about_routes:
        cell = services.matrix.cell(router.platform, kind.name)
        return (router.device, cell, {}) if cell else None
    for source in router.routes:
        cell = services.matrix.cell(source.device.platform, kind.name)
        if cell:
            return source.device, cell, source.tables
    return None


def _forms(
    router: Router,
    connection: Connection | None,
    kind: QueryType,
    device: Device,
    cell: Cell,
    tables: Mapping[Family, RouteTable],
) -> Forms:
    """What this cell would send, by the form of the target, with the places of target and source marked."""
    wanted = next((parameter.targets for parameter in kind.parameters if parameter.kind == "target"), frozenset())
    defaults = {p.name: p.default for p in kind.parameters if p.kind not in ("target", "router", "connection")}
    found: Forms = {}
    for family in _FAMILIES:
        if connection is not None and family not in connection.families:
            continue
        for form in (str(family), f"{family}/"):
            if form.endswith("/") and "prefix" not in wanted:
                continue
            has_source = connection is not None and connection.source(family) is not None
            ask = Ask(
                target=_TARGETS[form],
                family=family,
                source=_SOURCES[family] if has_source else None,
                routing_instance=connection.routing_instance if connection else None,
                next_hop=(connection.next_hop_ipv4 if family == 4 else connection.next_hop_ipv6)
                if connection
                else None,
                table=tables.get(family, RouteTable()),
                own_routes=device.own_routes or router.device is device,
                options=defaults,
            )
            command = cell.command(ask)
            found[form] = command.replace(str(_TARGETS[form]), "{target}").replace(str(_SOURCES[family]), "{source}")
    return found


def form_of(text: str) -> str | None:
    """`4`, `6`, `4/` or `6/`; None for a name, for nothing, and for what is none of these."""
    text = text.strip()
    literal = address(text)
    if literal is not None:
        return str(literal.version)
    try:
        block = prefix(text)
    except ValueError:  # bits beyond the length: a prefix all the same, refused when it is asked
        return f"{6 if ':' in text else 4}/"
    return None if block is None else f"{block.version}/"


def options_of(kinds: Mapping[str, QueryType]) -> list[tuple[Parameter, str]]:
    """Every further parameter of these questions, once, with the names of the questions that take it."""
    found: dict[str, tuple[Parameter, list[str]]] = {}
    for kind in kinds.values():
        for parameter in kind.parameters:
            if parameter.kind not in ("target", "router", "connection"):
                found.setdefault(parameter.name, (parameter, []))[1].append(kind.name)
    return [(parameter, " ".join(names)) for parameter, names in found.values()]
