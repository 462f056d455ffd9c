"""Does a route server answer, and does it keep each router's routes where the file says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from netpulse.cli.check_router import check_ssh, explain_start
from netpulse.cli.findings import Finding, bad, good, ms
from netpulse.errors import Fault
from netpulse.inventory import BirdSocket, Device, Recording, Router, RouteSource, RouteTable
from netpulse.platforms.bird_sessions import Session, read_sessions
from netpulse.pool import make_transport
from netpulse.settings import Settings
from netpulse.transports import probe
from netpulse.values import Family

_TABLE = re.compile(r"\A\s+(?:Peer )?[Tt]able:\s+(\S+)\Z")
_PROTOCOL = re.compile(r"\A([A-Za-z_]\w*)\s+([A-Z][A-Za-z]+)\s")
_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Holdings:
    """What `show protocols all` tells: tables, protocols, BGP sessions."""

    tables: tuple[str, ...]
    protocols: tuple[str, ...]
    sessions: tuple[Session, ...]


def read_holdings(lines: Iterable[str]) -> Holdings:
    """The names in the output; lines of other shapes are passed over."""
    kept = list(lines)
    tables = dict.fromkeys(found[1] for line in kept if (found := _TABLE.match(line)))
    protocols = [found[1] for line in kept if (found := _PROTOCOL.match(line)) and found[1] != "Name"]
    return Holdings(tuple(tables), tuple(protocols), read_sessions(kept))


async def check_route_server(device: Device, routers: Iterable[Router], settings: Settings) -> list[Finding]:
    """Its access, then what it holds for each router that is asked there."""
    reach = device.reach
    if isinstance(reach, Recording):
        return [good("recording", f"answers come from {reach.path}")]
    findings: list[Finding] = []
    ssh = reach.ssh if isinstance(reach, BirdSocket) else None
    if ssh is not None:
        findings = await check_ssh(ssh, settings)
        if not all(finding.good for finding in findings):
            return findings
    transport, behind = make_transport(device, settings.deadlines.login_s)
    try:
        status = await probe.ask(transport, "show status", deadline_s=settings.deadlines.bird_s)
        protocols = await probe.ask(transport, "show protocols all", deadline_s=settings.deadlines.bird_s)
    except Fault as fault:
        found = await explain_start(ssh, fault, settings)
        where = f"{reach.path}: " if isinstance(reach, BirdSocket) and found.what == "command" else ""
        return [*findings, Finding(found.good, found.what, where + found.said, found.paste)]
    finally:
        for each in (transport, *behind):
            await each.close()
    version = next((line for line in status.lines if line.startswith("BIRD ")), "BIRD")
    findings.append(good("command", f"show status: {version}, first line after {ms(status.first_s or 0.0)}"))
    holdings = read_holdings(protocols.lines)
    for router in routers:
        for source in router.routes:
            if source.device.key == device.key:
                findings += _held(router, source, holdings)
    return findings


def _held(router: Router, source: RouteSource, holdings: Holdings) -> Iterator[Finding]:
    if not source.tables:
        up = [session.name for session in holdings.sessions if session.established]
        said = f"{len(up)} of {len(holdings.sessions)} BGP sessions are established"
        yield Finding(bool(up), f"routes of {router.slug}", said)
    for family, table in source.tables.items():
        what = f"routes of {router.slug}, IPv{family}"
        missing = list(_missing(what, table, holdings))
        yield from missing or _sessions(what, family, table, holdings)


def _missing(what: str, table: RouteTable, holdings: Holdings) -> Iterator[Finding]:
    if table.table is not None and table.table not in holdings.tables:
        yield bad(what, f"there is no table {table.table}; {_real(table.table, holdings.tables)}")
    for name in (table.protocol, table.best_protocol):
        if name is not None and name not in holdings.protocols:
            yield bad(what, f"there is no protocol {name}; {_real(name, holdings.protocols)}")


def _real(name: str, names: tuple[str, ...]) -> str:
    near = get_close_matches(name, names, n=len(names) or 1, cutoff=0.4)
    listed = [*near, *(other for other in names if other not in near)][:_MOST_LISTED]
    more = f" and {len(names) - len(listed)} more" if len(names) > len(listed) else ""
    return f"it has {', '.join(listed)}{more}" if listed else "it has none"


def _sessions(what: str, family: Family, table: RouteTable, holdings: Holdings) -> Iterator[Finding]:
    named = {table.protocol, table.best_protocol} - {None}
    feeding = [
        session
        for session in holdings.sessions
        if session.name in named
        or (table.table is not None and (channel := session.channel(family)) and channel.table == table.table)
    ]
    if not feeding:
        yield good(what, f"table {table.table} is there; no BGP session feeds it directly")
    for session in feeding:
        if session.carries(family):
            received = session.received(family)
            count = "" if received is None else f", {received} updates received"
            yield good(what, f"session {session.name} is established{count}")
        else:
            yield bad(what, f"session {session.name} is not established; see the route server and the router")
