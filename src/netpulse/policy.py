"""Query to jobs, or a refusal: the only maker of `Job`.

Whether the router exists for this caller, whether it answers this kind of query, which family and which literal address
are meant, and whether that address may be asked about. No socket to a router exists before this said yes.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Literal

from netpulse.cells import Cell, Matrix, QueryType
from netpulse.errors import Busy, NetPulseError, Refused
from netpulse.inventory import Connection, Device, Inventory, Router, RouteSource, RouteTable
from netpulse.limits import Windows, client_bucket
from netpulse.query import Ask, Budget, Job, Query
from netpulse.settings import Settings
from netpulse.special_purpose import inside, why_special
from netpulse.values import Address, Family, HostName, Prefix, Target, canonical, family_of

Audience = Literal["public", "key"]
Resolve = Callable[[HostName, tuple[Family, ...]], Awaitable[list[Address]]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `owner` is `key:ID` or `visitor:PREFIX`; `routers` restricts a key to these slugs, empty means all.

    `lease_s` is how long a run of theirs goes on with nobody listening.
    """

    owner: str
    audience: Audience
    client: str
    routers: tuple[str, ...] = ()
    key_id: str | None = None
    lease_s: float = 5.0

    @property
    def keyed(self) -> bool:
        return self.audience == "key"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A router of a query over all routers that cannot be asked now, and why."""

    router: Router
    error: NetPulseError


@dataclass(frozen=True, slots=True)
class Plan:
    """What one query leads to: one job, or one place per router in file order when `folded`."""

    query: Query
    kind: QueryType
    places: tuple[Job | Unavailable, ...]
    folded: bool

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(place for place in self.places if isinstance(place, Job))


def may_see(caller: Caller, visible: str) -> bool:
    return visible == "public" or (visible == "key" and caller.keyed)


def routers_for(caller: Caller, inventory: Inventory) -> list[Router]:
    """The routers that exist for this caller, in file order."""
    return [
        router
        for router in inventory.routers
        if may_see(caller, router.visible) and (not caller.routers or router.slug in caller.routers)
    ]


def connections_for(caller: Caller, router: Router) -> list[Connection]:
    return [connection for connection in router.connections if may_see(caller, connection.visible)]


def offered(matrix: Matrix, router: Router) -> tuple[str, ...]:
    """The query types that this router answers, in the order of the matrix."""
    return tuple(name for name, kind in matrix.queries.items() if _devices(matrix, router, kind))


def _devices(
    matrix: Matrix, router: Router, kind: QueryType, family: Family | None = None
) -> list[tuple[Device, RouteSource | None, Cell]]:
    """What can be asked about this router, in order: its route sources for BGP questions, else the router itself."""
    if not kind.about_routes:
        cell = matrix.cell(router.platform, kind.name)
        return [(router.device, None, cell)] if cell else []
    found: list[tuple[Device, RouteSource | None, Cell]] = []
    for source in router.routes:
        cell = matrix.cell(source.device.platform, kind.name)
        # A route server that was told of no table in this family would answer from one of all routers together.
        holds = source.route_server is None or family is None or family in source.tables
        if cell and holds:
            found.append((source.device, source, cell))
    return found


class Policy:
    """Admission under one snapshot of the settings."""

    def __init__(
        self,
        settings: Settings,
        matrix: Matrix,
        resolve: Resolve,
        windows: Windows,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._matrix = matrix
        self._resolve = resolve
        self._windows = windows
        self._wall = wall

    async def admit(self, caller: Caller, query: Query) -> Plan:
        """The one job that this query leads to. Raises Refused or Busy (`target_limited`)."""
        kind = self._matrix.queries[query.kind]
        router = self._router(caller, query, kind)
        if router.maintenance is not None:
            raise _maintenance(router.maintenance)
        if not _devices(self._matrix, router, kind):
            raise Refused(
                "not_offered", "This router does not answer this kind of query; /routers lists what each one answers."
            )
        connection = self._connection(caller, query, router) if kind.sourced else None
        target, family = await self._target(query, kind, connection)
        devices = _devices(self._matrix, router, kind, family)
        if not devices:
            raise Refused("not_offered", f"The routes of this router are not known in IPv{family}.")
        self._count_target(kind, target)
        return Plan(
            query, kind, (self._job(caller.keyed, query, kind, router, connection, devices, target, family),), False
        )

    async def admit_all(self, caller: Caller, query: Query) -> Plan:
        """One place per router that answers this kind of query; at least one, or Refused `not_offered`."""
        kind = self._matrix.queries[query.kind]
        target, family = await self._target(query, kind, None)
        self._count_target(kind, target)
        places: list[Job | Unavailable] = []
        for router in routers_for(caller, self._settings.inventory):
            devices = _devices(self._matrix, router, kind, family)
            if not devices:
                continue
            if router.maintenance is not None:
                places.append(Unavailable(router, _maintenance(router.maintenance)))
            else:
                places.append(self._job(caller.keyed, query, kind, router, None, devices, target, family))
        if not places:
            raise Refused("not_offered", "No router here answers this kind of query.")
        return Plan(query, kind, tuple(places), True)

    def inner(self, router: Router, address: Address, *, keyed: bool) -> Job | None:
        """The job that asks this router's best route for an address, for egress and AS numbers; None if it has none."""
        kind = self._matrix.queries.get("aspath")
        family = family_of(address)
        devices = _devices(self._matrix, router, kind, family) if kind else []
        if kind is None or not devices:
            return None
        query = Query(kind.name, address, router.slug)
        job = self._job(keyed, query, kind, router, None, devices, address, family)
        # A router's own sessions are for those who asked; a route server answers in a moment.
        return replace(job, spare=job.route_source is None or job.route_source.route_server is None)

    def neighbors(self, router: Router) -> Job | None:
        """The job that lists this router's BGP neighbours; None where nothing tells them, or nothing may be asked."""
        if router.maintenance is not None or self._settings.limits.neighbor_states_s <= 0:
            return None
        own = (router.device, *(source.device for source in router.routes if source.device.own_routes))
        for device in own:
            platform = self._matrix.platforms.get(device.platform)
            if platform is not None and (cell := platform.neighbors) is not None:
                ask = Ask(target=None, family=4, own_routes=True)
                return Job(
                    query=Query("neighbors", None, router.slug),
                    router=router,
                    connection=None,
                    device=device,
                    ask=ask,
                    command=cell.command(ask),
                    read=self._reader(cell, ask),
                    budget=self._output_budget(self._settings.deadlines.bird_s, cell),
                    worst_case_s=cell.worst_case_s(ask),
                    refusals=platform.refusals,
                    spare=True,
                )
        return None

    def _router(self, caller: Caller, query: Query, kind: QueryType) -> Router:
        visible = routers_for(caller, self._settings.inventory)
        if query.router is None:
            for router in visible:
                if router.maintenance is None and _devices(self._matrix, router, kind):
                    return router
            raise Refused("not_offered", "No router here answers this kind of query.")
        found = next((router for router in visible if router.slug == query.router), None)
        if found is None:
            raise Refused("unknown_router", "There is no such router; /routers lists the routers and their slugs.")
        return found

    def _connection(self, caller: Caller, query: Query, router: Router) -> Connection:
        for connection in connections_for(caller, router):
            if connection.id == query.connection:
                return connection
        raise Refused(
            "unknown_connection",
            "This router has no such connection; /connections?router=SLUG lists its connections and their ids.",
        )

    async def _target(
        self, query: Query, kind: QueryType, connection: Connection | None
    ) -> tuple[Address | Prefix | None, Family]:
        """The literal that will be asked about, and its family."""
        wanted = query.options.get("family")
        families: tuple[Family, ...] = connection.families if connection else (4, 6)
        if wanted is not None:
            asked: Family = 4 if wanted == "4" else 6
            if asked not in families:
                raise Refused("no_address_in_family", f"This connection has no IPv{asked} source address.")
            families = (asked,)
        if not families:
            raise Refused("no_address_in_family", "This connection has no source address.")
        target = query.target
        if target is None:
            return None, families[0]
        if isinstance(target, HostName):
            return await self._resolved(target, families, kind)
        family = family_of(target)
        if family not in families:
            raise Refused(
                "no_address_in_family",
                f"The target is an IPv{family} address, but this connection or the family asked for is IPv{families[0]} only; "
                f"use an IPv{families[0]} target.",
            )
        self._check(target, kind)
        return target, family

    async def _resolved(self, host: HostName, families: tuple[Family, ...], kind: QueryType) -> tuple[Address, Family]:
        addresses = await self._resolve(host, families)
        if not addresses:
            if len(families) == 1:
                raise Refused(
                    "no_address_in_family" if await self._has_other(host, families[0]) else "name_not_found",
                    f"The host name in target has no IPv{families[0]} address.",
                )
            raise Refused("name_not_found", "The host name in target has no address; check its spelling.")
        for address in addresses:
            self._check(address, kind)
        chosen = addresses[0]
        return chosen, family_of(chosen)

    async def _has_other(self, host: HostName, family: Family) -> bool:
        return bool(await self._resolve(host, (6,) if family == 4 else (4,)))

    def must_be_public(self, target: Target | None) -> None:
        """Refused for a literal target that nobody can ask about from anywhere; it tells nothing of this network."""
        if target is None or isinstance(target, HostName):
            return
        special = None if inside(target, self._settings.targets.allow) else why_special(target)
        if special is not None:
            raise _refused(f"The target is special-purpose address space ({special}); use a public address.")

    def _check(self, target: Address | Prefix, kind: QueryType) -> None:
        self.must_be_public(target)
        rules = self._settings.targets
        network = ip_network(target)
        if inside(network, rules.allow):
            return
        if kind.about_routes:
            return  # a question to a table sends nothing there
        if inside(network, rules.deny):
            raise _refused("The operator of this looking glass does not allow this target.")
        if inside(network, self._settings.inventory.infrastructure):
            raise _refused("The target belongs to the operator's infrastructure; use an address beyond it.")

    def _count_target(self, kind: QueryType, target: Address | Prefix | None) -> None:
        """Packets to one address are limited across all callers; questions to a table are not packets."""
        if kind.about_routes or target is None:
            return
        # Whoever holds one address of a /64 holds all of them, and their line fills from any.
        where = client_bucket(target) if isinstance(target, IPv4Address | IPv6Address) else canonical(target)
        state = self._windows.hit(f"target:{where}", self._settings.limits.target_per_minute, 60.0)
        if not state.admitted:
            raise _target_limited(state.retry_after_s)

    def _job(
        self,
        keyed: bool,
        query: Query,
        kind: QueryType,
        router: Router,
        connection: Connection | None,
        devices: list[tuple[Device, RouteSource | None, Cell]],
        target: Address | Prefix | None,
        family: Family,
    ) -> Job:
        otherwise: Job | None = None
        for device, source, cell in reversed(devices):
            ask = Ask(
                target=target,
                family=family,
                source=connection.source(family) if connection else None,
                routing_instance=connection.routing_instance if connection else None,
                next_hop=_next_hop(connection, family),
                table=source.tables.get(family, RouteTable()) if source else RouteTable(),
                own_routes=device.own_routes or (source is not None and source.route_server is None),
                options=query.options,
            )
            otherwise = Job(
                query=query,
                router=router,
                connection=connection,
                device=device,
                ask=ask,
                command=cell.command(ask),
                read=self._reader(cell, ask),
                budget=self._budget(kind, cell),
                worst_case_s=cell.worst_case_s(ask),
                ends_after_s=cell.ends_after_s(ask) if cell.ends_after_s else None,
                cut_is_answer=kind.cut_is_answer,
                refusals=self._matrix.platforms[device.platform].refusals,
                route_source=source,
                shareable=kind.about_routes,
                keyed=keyed,
                otherwise=otherwise,
            )
        if otherwise is None:
            raise Refused("not_offered", "This router does not answer this kind of query.")
        return otherwise

    def _reader(self, cell: Cell, ask: Ask) -> Callable[[], object]:
        """A plan may be asked again later, so the time is that of the reading."""
        return lambda: cell.reader(replace(ask, asked_at_s=self._wall()))

    def _budget(self, kind: QueryType, cell: Cell) -> Budget:
        deadlines = self._settings.deadlines
        deadline_s = {
            "ping": deadlines.ping_s,
            "traceroute": deadlines.traceroute_s,
            "bird": deadlines.bird_s,
        }.get(kind.deadline, deadlines.ping_s)
        return self._output_budget(deadline_s, cell)

    def _output_budget(self, deadline_s: float, cell: Cell) -> Budget:
        output = self._settings.output
        return Budget(
            deadline_s=deadline_s,
            silence_s=min(self._settings.deadlines.silence_s, deadline_s),
            most_bytes=output.most_structured_bytes if cell.structured else output.most_bytes,
            most_lines=output.most_structured_bytes if cell.structured else output.most_lines,
        )


def _next_hop(connection: Connection | None, family: Family) -> Address | None:
    if connection is None:
        return None
    return connection.next_hop_ipv4 if family == 4 else connection.next_hop_ipv6


def _maintenance(why: str) -> Refused:
    """The operator's own text is the sentence's end."""
    return Refused("maintenance", f"This router is out of service; choose another one. {why.rstrip('. ')}.")


def _refused(sentence: str) -> Refused:
    return Refused("target_refused", sentence)


def _target_limited(retry_after_s: int) -> Busy:
    return Busy(
        "target_limited",
        "This target was asked about too often in the last minute; try again after the time given.",
        retry_after_s=retry_after_s,
    )
