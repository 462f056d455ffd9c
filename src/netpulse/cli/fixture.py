"""A question asked of one device as the product asks it, and what came back as a fixture for `tests/captures`."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from netpulse.cells import Matrix, Reader, SourceDown, Unread, discover
from netpulse.cli.redact import Redaction, asns_in, asns_written
from netpulse.errors import Fault, NotHere
from netpulse.events import Ending
from netpulse.inventory import Router
from netpulse.limits import Windows
from netpulse.lookup import Lookup
from netpulse.policy import Caller, Policy
from netpulse.pool import make_transport
from netpulse.query import Job, parse
from netpulse.screen import Screen
from netpulse.settings import Settings
from netpulse.transports.seam import Transport
from netpulse.values import address, prefix

_MOST_FOLLOW_UPS = 4


@dataclass(slots=True)
class Recorded:
    """The commands that were sent, in order, each with the bytes that came back, and how the last one ended."""

    job: Job
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    ending: Ending = "end"


async def record(
    settings: Settings, matrix: Matrix, router: Router, query: str, given: list[tuple[str, str]]
) -> Recorded:
    """What the router, or its first route source that can be reached, prints for this question. Raises NetPulseError."""
    kind = matrix.queries.get(query)
    if kind is None:
        raise NotHere("not_found", f"There is no such query; there are {', '.join(matrix.queries)}.")
    if any(parameter.kind == "router" for parameter in kind.parameters):
        given = [("router", router.slug), *given]
    # Who has the configuration may ask a router that nobody else sees.
    opened = replace(router, visible="public", maintenance=None)
    alone = replace(settings, inventory=replace(settings.inventory, routers=(opened,)))
    lookup = Lookup(settings.resolver, time.monotonic, hosts=settings.hosts)
    try:
        policy = Policy(alone, matrix, lookup.addresses, Windows(time.monotonic))
        caller = Caller(owner="operator", audience="key", client="local")
        job: Job | None = (await policy.admit(caller, parse(query, kind.parameters, given))).jobs[0]
    finally:
        await lookup.close()
    unreached = Fault("internal", "There is nobody to ask.")
    while job is not None:
        transport, behind = make_transport(job.device, settings.deadlines.login_s)
        try:
            return await _converse(job, transport)
        except Fault as fault:
            unreached, job = fault, job.otherwise
        finally:
            for each in (transport, *behind):
                await each.close()
    raise unreached


async def _converse(job: Job, transport: Transport) -> Recorded:
    reader: Reader = job.read()
    recorded = Recorded(job)
    command: str | None = job.command
    while command is not None and len(recorded.taken) <= _MOST_FOLLOW_UPS:
        recorded.taken.append((command, await _one(recorded, transport, command, reader)))
        command = reader.follow_up() if recorded.ending == "end" else None
    return recorded


async def _one(recorded: Recorded, transport: Transport, command: str, reader: Reader) -> bytes:
    """The bytes of one command, up to its end, a tail not worth waiting for, or its budget."""
    job = recorded.job
    screen = Screen(job.budget.most_bytes, job.budget.most_lines)
    taken = bytearray()
    running = await transport.start(command)
    try:
        async with asyncio.timeout(job.ends_after_s or job.budget.deadline_s):
            while data := await running.read():
                taken += data
                _feed(reader, screen.feed(data))
                if reader.enough or screen.full:
                    recorded.ending = "silent_tail" if reader.enough else "end"
                    break
    except TimeoutError:
        recorded.ending = "deadline" if job.ends_after_s is None else "end"
    finally:
        running.stop()
    _feed(reader, screen.close())
    return bytes(taken)


def _feed(reader: Reader, lines: list[str]) -> None:
    for line in lines:
        for _ in reader.feed(line):
            continue


def reading_of(recorded: Recorded, outputs: list[bytes]) -> dict[str, Any]:
    """What the reader makes of these outputs: `result`, or in `unread` or `source_down` why there is none."""
    reader: Reader = recorded.job.read()
    for index, output in enumerate(outputs):
        screen = Screen(recorded.job.budget.most_bytes, recorded.job.budget.most_lines)
        _feed(reader, [*screen.feed(output), *screen.close()])
        if index + 1 < len(outputs):
            reader.follow_up()
    try:
        return {"result": msgspec.to_builtins(reader.close(recorded.ending))}
    except Unread as reason:
        return {"unread": str(reason)}
    except SourceDown as reason:
        return {"source_down": str(reason)}


def write(where: Path, case: str | None, recorded: Recorded, router: Router, *, redact: bool, force: bool) -> str:
    """Writes the fixture; the text says which files, and what to look at. FileExistsError unless `force`."""
    outputs = [output for _, output in recorded.taken]
    commands = [command for command, _ in recorded.taken]
    ask = {name: value for name, value in _ask_of(recorded.job).items() if value is not None}
    reading = reading_of(recorded, outputs)
    notes = [f"The reader says: {next(iter(reading.values()))}"] if "result" not in reading else []
    altered = "nothing"
    if redact:
        redaction = _redaction(reading, outputs)
        outputs = [_as_bytes(redaction.text(_as_text(output))) for output in outputs]
        commands = [redaction.text(command) for command in commands]
        ask = {name: redaction.text(value) if isinstance(value, str) else value for name, value in ask.items()}
        altered = "addresses to RFC 5737 and RFC 3849, AS numbers to RFC 5398"
        reading = reading_of(replace(recorded, job=_about(recorded.job, ask)), outputs)
        notes.append("Names are not replaced: read it through before you give it away.")
    name = re.sub(r"[^a-z0-9]+", "-", (case or str(ask["target"])).lower()).strip("-")[:60] or "case"
    device = recorded.job.device
    known = (
        (router.model, device.platform, router.os_version) if device.key == router.device.key else (device.platform,)
    )
    origin: dict[str, Any] = {"command": commands[0], "system": " ".join(filter(None, known)), "altered": altered}
    if commands[1:]:
        origin["then"] = commands[1:]
    if recorded.ending != "end":
        origin["ending"] = recorded.ending
    today = datetime.now(UTC).date().isoformat()
    toml = f"{_toml(origin)}captured = {today}\n\n[ask]\n{_toml(ask)}"
    files = {f"{name}{f'.then{number}' if number else ''}.out": output for number, output in enumerate(outputs)}
    files[f"{name}.toml"] = toml.encode()
    files[f"{name}.json"] = json.dumps(reading, indent=2, ensure_ascii=False).encode() + b"\n"
    where.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        with (where / file).open("wb" if force else "xb") as opened:
            opened.write(content)
    return "\n".join([*(str(where / file) for file in files), *notes])


def _ask_of(job: Job) -> dict[str, Any]:
    """What the command and the reader were made from, as the tests of captures read it."""
    ask = job.ask
    return {
        "target": None if ask.target is None else str(ask.target),
        "source": None if ask.source is None else str(ask.source),
        "table": ask.table.table,
        "protocol": ask.table.protocol,
        "best_protocol": ask.table.best_protocol,
        "own_routes": ask.own_routes or None,
    }


def _about(job: Job, ask: dict[str, Any]) -> Job:
    """The same job about the redacted target, so that its reader knows it again."""
    target = address(ask["target"]) or prefix(ask["target"])
    cell = discover().cells[job.device.platform, job.query.kind]
    changed = replace(job.ask, target=target)
    return replace(job, ask=changed, read=lambda: cell.reader(changed))


def _redaction(reading: dict[str, Any], outputs: list[bytes]) -> Redaction:

    return Redaction(asns_in(reading).union(*(asns_written(_as_text(output)) for output in outputs)))


def _as_text(output: bytes) -> str:
    # Bytes that are not UTF-8 survive as they are.
    return output.decode("utf-8", "surrogateescape")


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _toml(values: Mapping[str, Any]) -> str:
    """Texts, flags and lists of texts; no character of theirs is quoted differently in TOML and JSON."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
