"""Does a router answer as its part of the file says: name, TCP, host key, login, a command, each source, each neighbour."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from netpulse import values
from netpulse.cells import Cell, Matrix
from netpulse.cli.findings import Finding, bad, good, ms, reason
from netpulse.errors import Fault
from netpulse.inventory import Connection, Recording, Router, Ssh
from netpulse.pool import make_transport
from netpulse.query import Ask
from netpulse.settings import Settings
from netpulse.transports import probe
from netpulse.transports.local_user import have_a_name
from netpulse.transports.seam import Transport
from netpulse.transports.ssh import offered_host_key
from netpulse.values import Address, Family, Prefix

_NOT_OURS = re.compile(r"assign requested address", re.IGNORECASE)
_INSTANCE = re.compile(r"\b(?:instance|vrf)\b", re.IGNORECASE)
_LOOPBACK = IPv4Address("127.0.0.1")
_PATIENCE_S = 2.0


async def check_router(router: Router, settings: Settings, matrix: Matrix) -> list[Finding]:
    """Every check of this router in the order a packet meets them; the first that makes the rest pointless is the last."""
    reach = router.device.reach
    if router.maintenance is not None:
        return [good("maintenance", f"{router.maintenance} (not asked)")]
    if isinstance(reach, Recording):
        return [good("recording", f"answers come from {reach.path}")]
    findings: list[Finding] = []
    if isinstance(reach, Ssh):
        findings = await check_ssh(reach, settings)
        if not all(finding.good for finding in findings):
            return findings
    transport, behind = make_transport(router.device, settings.deadlines.login_s)
    try:
        return findings + await _Checks(router, settings, matrix, transport).run()
    finally:
        for each in (transport, *behind):
            await each.close()


async def check_ssh(reach: Ssh, settings: Settings) -> list[Finding]:
    """Name, TCP and whether any host key is pinned."""
    findings = []
    if values.address(reach.host) is None:
        found = await probe.addresses_of(reach.host, settings.deadlines.dns_s)
        if not found:
            return [bad("name", f"{reach.host} has no address; correct ssh.host or the name servers of this host")]
        findings.append(good("name", f"{reach.host} is {', '.join(found)}"))
    where = f"{reach.host} port {reach.port}"
    try:
        took_s = await probe.accepts(reach.host, reach.port, settings.deadlines.login_s)
    except Fault as fault:
        return [*findings, bad("TCP", f"{where}: {reason(fault)}; check ssh.host, ssh.port and filters on the way")]
    findings.append(good("TCP", f"{where} accepts, {ms(took_s)}"))
    if not reach.host_keys:
        findings.append(await unknown_key(reach, settings, "no host key is pinned"))
    return findings


async def unknown_key(reach: Ssh, settings: Settings, what: str) -> Finding:
    """The host key that the device presents, ready to paste. Nothing was sent to it."""
    have_a_name()
    key = await offered_host_key(reach.host, reach.port, settings.deadlines.login_s)
    if key is None:
        return bad("host key", f"{what}, and none is presented; is this an SSH server?")
    said = f"{what}; if this is the key of the device (compare it on its console), put it into its ssh settings:"
    return bad("host key", said, f'host_keys: ["{key}"]')


async def explain_start(reach: object, fault: Fault, settings: Settings) -> Finding:
    """Why a device could not even be given a command."""
    if fault.code == "router_identity" and isinstance(reach, Ssh):
        return await unknown_key(reach, settings, "none of the pinned keys is presented")
    if fault.code == "router_login" and isinstance(reach, Ssh):
        who = f"{reach.user} with the key {reach.key_file}"
        return bad("login", f"{who} is refused; add its public key to that login ({fault.detail})")
    return bad("login" if isinstance(reach, Ssh) else "command", reason(fault))


@dataclass(slots=True)
class _Heard:
    """What a ping's lines told so far."""

    rtt_ms: float | None = None
    answered: bool = False
    refusal: str | None = None
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Checks:
    router: Router
    settings: Settings
    matrix: Matrix
    transport: Transport

    async def run(self) -> list[Finding]:
        cell = self.matrix.cell(self.router.platform, "ping")
        findings: list[Finding] = []
        if cell is not None:
            findings = await self._command(cell)
            if not findings[-1].good:
                return findings
            findings += await self._connections(cell)
        aspath = self.matrix.cell(self.router.platform, "aspath")
        if aspath is not None and any(source.route_server is None for source in self.router.routes):
            findings.append(await self._own_routes(aspath))
        return findings

    async def _command(self, cell: Cell) -> list[Finding]:
        """The login, and one harmless command: the router pings its own address."""
        sourced = ((c, family) for c in self.router.connections if c.id for family in c.families)
        first = next(sourced, None)
        ask = _ask(*first, first[0].source(first[1])) if first else Ask(target=_LOOPBACK, family=4)
        heard = _Heard()
        command = cell.command(ask)
        reach = self.router.device.reach
        try:
            reply = await self._ping(cell, ask, heard)
        except Fault as fault:
            return [await explain_start(reach, fault, self.settings)]
        findings = []
        if isinstance(reach, Ssh):
            findings = [good("host key", "is a pinned one"), good("login", f"as {reach.user}, {ms(reply.start_s)}")]
        if heard.refusal is not None and not _NOT_OURS.search(heard.refusal):
            findings.append(bad("command", f"{command}: refused with: {heard.refusal}; `netpulse account` allows it"))
        elif reply.first_s is None:
            findings.append(bad("command", f"{command}: nothing came back in {self._longest_s(cell, ask):.0f} s"))
        else:
            findings.append(good("command", f"{command}: first line after {ms(reply.first_s)}"))
        return findings

    async def _connections(self, cell: Cell) -> list[Finding]:
        at_once = asyncio.Semaphore(self.router.device.max_sessions)

        async def one(connection: Connection, family: Family, neighbor: Address | None) -> Finding:
            async with at_once:
                return await self._source(cell, connection, family, neighbor)

        checks = [
            one(connection, family, neighbor)
            for connection in self.router.connections
            if connection.id
            for family in connection.families
            for neighbor in _neighbors(connection, family)
        ]
        return list(await asyncio.gather(*checks))

    async def _source(self, cell: Cell, connection: Connection, family: Family, neighbor: Address | None) -> Finding:
        what = f"connection {connection.id} {connection.name}, IPv{family}"
        source = connection.source(family)
        heard = _Heard()
        try:
            await self._ping(cell, _ask(connection, family, neighbor or source), heard)
        except Fault as fault:
            return bad(what, reason(fault))
        if heard.refusal is not None and _NOT_OURS.search(heard.refusal):
            return bad(what, f"the source {source} is not on this router; correct source_ipv{family}")
        if heard.refusal is not None and connection.routing_instance and _INSTANCE.search(heard.refusal):
            return bad(what, f"the instance {connection.routing_instance} does not exist there: {heard.refusal}")
        if heard.refusal is not None:
            return bad(what, f"the router refuses: {heard.refusal}")
        instance = f" in {connection.routing_instance}" if connection.routing_instance else ""
        if neighbor is None:
            said = f"source {source} is on this router{instance}; no IPv{family} neighbour is named, so none was asked"
            return good(what, said) if heard.answered else bad(what, f"the source {source} does not answer itself")
        if heard.answered:
            time = "" if heard.rtt_ms is None else f" in {heard.rtt_ms:g} ms"
            return good(what, f"source {source} is on this router{instance}, neighbour {neighbor} answers{time}")
        if connection.type == "IX" and await self._answers_at_all(cell, family, neighbor):
            said = f"source {source} is on this router, neighbour {neighbor} answers, but not to that source"
            return good(what, f"{said} (a route server has no way back to it)")
        words = next((line for line in reversed(heard.lines) if line.strip()), "")
        more = f" (last line: {words})" if words else ""
        return bad(what, f"the neighbour {neighbor} does not answer packets from {source}{more}")

    async def _answers_at_all(self, cell: Cell, family: Family, neighbor: Address) -> bool:
        """Whether it answers the address that the router itself takes, the one in the exchange's LAN."""
        heard = _Heard()
        try:
            await self._ping(cell, Ask(target=neighbor, family=family), heard)
        except Fault:
            return False
        return heard.answered

    async def _own_routes(self, cell: Cell) -> Finding:
        """Whether the router answers a question about routes; which route it has does not matter."""
        ask = Ask(target=IPv4Network("0.0.0.0/0"), family=4, own_routes=True)
        try:
            reply = await probe.ask(
                self.transport,
                cell.command(ask),
                deadline_s=self.settings.deadlines.bird_s,
                enough=self._is_refusal,
            )
        except Fault as fault:
            return bad("routes", reason(fault))
        refused = next((line for line in reply.lines if self._is_refusal(line)), None)
        if refused is not None:
            return bad("routes", f"{cell.command(ask)}: refused with: {refused}; `netpulse account` allows it")
        if reply.first_s is None and not reply.whole:
            return bad("routes", f"{cell.command(ask)}: nothing came back")
        return good("routes", f"the router answers for itself, {ms(reply.first_s or 0.0)}")

    async def _ping(self, cell: Cell, ask: Ask, heard: _Heard) -> probe.Reply:
        """Pings until the first reply or refusal. Raises Fault."""
        reader = cell.reader(ask)

        def enough(line: str) -> bool:
            heard.lines.append(line)
            if self._is_refusal(line):
                heard.refusal = line
            for record in reader.feed(line):
                heard.answered = True
                heard.rtt_ms = getattr(record, "rtt_ms", None)
            return heard.answered or heard.refusal is not None

        return await probe.ask(self.transport, cell.command(ask), deadline_s=self._longest_s(cell, ask), enough=enough)

    def _longest_s(self, cell: Cell, ask: Ask) -> float:
        ends_s = cell.ends_after_s(ask) + _PATIENCE_S if cell.ends_after_s else self.settings.deadlines.ping_s
        return min(ends_s, self.settings.deadlines.ping_s)

    def _is_refusal(self, line: str) -> bool:
        return any(re.search(pattern, line) for pattern in self.matrix.platforms[self.router.platform].refusals)


def _neighbors(connection: Connection, family: Family) -> list[Address | None]:
    return [neighbor for neighbor in connection.neighbors if neighbor.version == family] or [None]


def _ask(connection: Connection, family: Family, target: Address | Prefix | None) -> Ask:
    return Ask(
        target=target,
        family=family,
        source=connection.source(family),
        routing_instance=connection.routing_instance,
        next_hop=connection.next_hop_ipv4 if family == 4 else connection.next_hop_ipv6,
    )
