"""Does a login do what it must and no more: one command of each form, and commands that must be refused.

Every command stays within the closed alphabet of all that is ever sent, is given no input, and is ended after its first
line. What a router prints is shown only where it refuses: anything else may be what nobody should see.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from netpulse.cells import Platform, Trial
from netpulse.cli.findings import Finding, bad, good, reason
from netpulse.errors import Fault
from netpulse.inventory import Connection, Device, Ssh
from netpulse.pool import make_transport
from netpulse.transports import probe
from netpulse.transports.seam import Transport
from netpulse.values import Family

_PATIENCE_S = 4.0
_WORLD = re.compile(r"assign requested address|(?:instance|vrf)\b.{0,80}(?:not found|not exist)", re.IGNORECASE)
"""Words by which a router declines what it was allowed to run: the login let the command through."""
_MISUNDERSTOOD = re.compile(r"syntax error|invalid option", re.IGNORECASE)
_MOST_SHOWN = 120


def filled(shape: str, connections: Sequence[Connection]) -> str:
    """A command of this shape that asks the router about itself: its own addresses, else loopback, and the default route."""
    values = {
        "IPV4": _own(connections, 4) or "127.0.0.1",
        "IPV6": _own(connections, 6) or "::1",
        "PREFIX4": "0.0.0.0/0",
        "PREFIX6": "::/0",
        "NUMBER": "1",
    }
    return " ".join(values.get(word, word) for word in shape.split())


def _own(connections: Sequence[Connection], family: Family) -> str | None:
    sources = (connection.source(family) for connection in connections)
    return next((str(source) for source in sources if source is not None), None)


async def verify(
    reach: Ssh, platform: Platform, allowed: Sequence[str], *, login_s: float, patience_s: float = _PATIENCE_S
) -> list[Finding]:
    """Findings about each command that must run, then about each that must not; the first fault of the device ends it.

    `patience_s` is the time a command is given for its first line.
    """
    transport, behind = make_transport(Device("login", platform.name, reach), login_s)
    findings: list[Finding] = []
    try:
        findings += [await _must_run(transport, platform, command, patience_s) for command in allowed]
        findings += [await _must_be_refused(transport, platform, trial, patience_s) for trial in platform.trials]
    except Fault as fault:
        findings.append(bad("login", reason(fault)))
    finally:
        for each in (transport, *behind):
            await each.close()
    return findings


async def _must_run(transport: Transport, platform: Platform, command: str, patience_s: float) -> Finding:
    try:
        reply = await probe.ask(transport, command, deadline_s=patience_s, enough=_says_something)
    except Fault as fault:
        if fault.code != "router_refused":
            raise
        return bad(command, f"must run, is refused: {reason(fault)}")
    refusal = _refusal(reply, platform)
    if refusal is not None and not _WORLD.search(refusal):
        return bad(command, f"must run, is refused with: {refusal[:_MOST_SHOWN]}")
    if not reply.lines and reply.late:
        return bad(command, f"must run, and nothing came back in {patience_s:g} s")
    return good(command, "runs")


async def _must_be_refused(transport: Transport, platform: Platform, trial: Trial, patience_s: float) -> Finding:
    command = trial.command
    try:
        reply = await probe.ask(transport, command, deadline_s=patience_s, enough=_says_something)
    except Fault as fault:
        if fault.code not in ("router_refused", "router_closed"):
            raise
        return good(command, "is refused")
    refusal = _refusal(reply, platform)
    if refusal is None:
        return bad(command, f"must be refused and is not (no harm was done: {trial.harmless})")
    if _MISUNDERSTOOD.search(refusal):
        return good(command, f"is not understood: {refusal[:_MOST_SHOWN]}")
    return good(command, f"is refused: {refusal[:_MOST_SHOWN]}")


def _refusal(reply: probe.Reply, platform: Platform) -> str | None:
    return next((line for line in reply.lines if any(re.search(p, line) for p in platform.refusals)), None)


def _says_something(line: str) -> bool:
    return bool(line.strip())
