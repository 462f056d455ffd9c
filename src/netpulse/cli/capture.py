"""`netpulse capture`: what a router really prints, recorded as a fixture for readers and bug reports."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netpulse.cli.account import router_of
from netpulse.cli.database import fail, settings_of

if TYPE_CHECKING:
    from netpulse.cells import Matrix, Reader
    from netpulse.inventory import Router
    from netpulse.query import Job
    from netpulse.settings import Settings
    from netpulse.transports.seam import Transport

_MOST_FOLLOW_UPS = 4


@dataclass(slots=True)
class Recorded:
    """The commands that were sent, in order, each with the bytes that came back."""

    job: Job
    taken: list[tuple[str, bytes]] = field(default_factory=list)


def capture(
    router: Annotated[str, typer.Argument(metavar="ROUTER", help="The router's slug in the configuration.")],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to ask: ping, traceroute, aspath …")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="What to ask about, as the query takes it.")],
    connection: Annotated[
        str | None, typer.Option("--connection", "-c", metavar="ID", help="Id of the connection to send from.")
    ] = None,
    further: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME=VALUE", help="A further parameter of the query; may be repeated."),
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", help="The fixture's name, like two-paths-one-best. Default: the target.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--to", help="Where fixtures are. Default: tests/captures, else captures.")
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Write addresses and AS numbers of documentation instead of the real ones.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a fixture of that name.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="The configuration file. Default: ./netpulse.yaml")
    ] = None,
) -> None:
    """Record what a router prints as a fixture.

    Sends the one command that this question leads to, under the same rules as any visitor's, and writes the bytes before any
    cleaning to PLATFORM/QUERY/CASE.out, their origin to CASE.toml beside it. Further commands that the reader asks for go to
    CASE.1.out and so on. With --redact read through the result all the same: names are not replaced.

    \b
    Examples:
      netpulse capture core1 ping 8.8.8.8 --connection 1
      netpulse capture core1 aspath 8.8.8.0/24 --redact --case two-paths-one-best
    """
    from netpulse.cells import discover
    from netpulse.errors import NetPulseError, NotHere, Refused

    settings = settings_of(config)
    found = router_of(settings, router)
    given = [("target", target), *(_pair(text) for text in further or [])]
    if connection is not None:
        given.append(("connection", connection))
    try:
        recorded = asyncio.run(record(settings, discover(), found, query, given))
    except NetPulseError as error:
        said = " ".join(filter(None, (error.sentence, error.detail and f"({error.detail})")))
        raise fail(said, 2 if isinstance(error, Refused | NotHere) else 1) from None
    where = (folder or _default_folder()) / recorded.job.device.platform / query
    try:
        typer.echo(_write(where, case, recorded, found, redact=redact, force=force))
    except FileExistsError as taken:
        raise fail(f"{taken.filename} is there already; name another --case, or overwrite it with --force.") from None
    except OSError as problem:
        raise fail(f"{where}: {problem.strerror}; name a folder that can be written with --to.") from None


async def record(
    settings: Settings, matrix: Matrix, router: Router, query: str, given: list[tuple[str, str]]
) -> Recorded:
    """What the router, or its first route source that can be reached, prints for this question. Raises NetPulseError."""
    from netpulse.errors import Fault, NotHere
    from netpulse.limits import Windows
    from netpulse.lookup import Lookup
    from netpulse.policy import Caller, Policy
    from netpulse.pool import make_transport
    from netpulse.query import parse

    kind = matrix.queries.get(query)
    if kind is None:
        raise NotHere("not_found", f"There is no such query; there are {', '.join(matrix.queries)}.")
    if any(parameter.kind == "router" for parameter in kind.parameters):
        given = [("router", router.slug), *given]
    # Who has the configuration may ask a router that nobody else sees.
    opened = replace(router, visible="public", maintenance=None)
    alone = replace(settings, inventory=replace(settings.inventory, routers=(opened,)))
    lookup = Lookup(settings.resolver, time.monotonic)
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
        recorded.taken.append((command, await _one(job, transport, command, reader)))
        command = reader.follow_up()
    return recorded


async def _one(job: Job, transport: Transport, command: str, reader: Reader) -> bytes:
    """The bytes of one command, up to its end, a tail not worth waiting for, or its budget."""
    from netpulse.screen import Screen

    screen = Screen(job.budget.most_bytes, job.budget.most_lines)
    taken = bytearray()
    running = await transport.start(command)
    try:
        async with asyncio.timeout(min(job.budget.deadline_s, job.ends_after_s or job.budget.deadline_s)):
            while data := await running.read():
                taken += data
                for line in screen.feed(data):
                    for _ in reader.feed(line):
                        continue
                if reader.enough or screen.full:
                    break
    except TimeoutError:
        # A command that has nothing more to say: what it printed is the fixture.
        typer.echo("The command did not end by itself and was ended.", err=True)
    finally:
        running.stop()
    for line in screen.close():
        for _ in reader.feed(line):
            continue
    return bytes(taken)


def result_of(recorded: Recorded, outputs: list[bytes]) -> Any:
    """What the reader makes of these outputs, as plain values; None if it understands nothing."""
    import msgspec

    from netpulse.cells import SourceDown, Unread
    from netpulse.screen import Screen

    reader: Reader = recorded.job.read()
    for index, output in enumerate(outputs):
        screen = Screen(recorded.job.budget.most_bytes, recorded.job.budget.most_lines)
        for line in (*screen.feed(output), *screen.close()):
            for _ in reader.feed(line):
                continue
        if index + 1 < len(outputs):
            reader.follow_up()
    try:
        return msgspec.to_builtins(reader.close("end"))
    except (Unread, SourceDown):
        return None


def _write(where: Path, case: str | None, recorded: Recorded, router: Router, *, redact: bool, force: bool) -> str:
    outputs = [output for _, output in recorded.taken]
    commands = [command for command, _ in recorded.taken]
    target = str(recorded.job.ask.target)
    notes = []
    altered = "nothing"
    result = result_of(recorded, outputs)
    if result is None:
        notes.append("The reader understands nothing of it.")
    if redact:
        outputs, (target, *commands) = _redacted(result, outputs, [target, *commands])
        altered = "addresses to RFC 5737 and RFC 3849, AS numbers to RFC 5398"
        notes.append("Read it through before you give it away: names are not replaced.")
    name = re.sub(r"[^a-z0-9]+", "-", (case or target).lower()).strip("-")[:60] or "case"
    where.mkdir(parents=True, exist_ok=True)
    files = [where / f"{name}{f'.{number}' if number else ''}.out" for number in range(len(outputs))]
    for file, output in zip(files, outputs, strict=True):
        with file.open("wb" if force else "xb") as opened:
            opened.write(output)
    device = recorded.job.device
    known = (
        (router.model, device.platform, router.os_version) if device.key == router.device.key else (device.platform,)
    )
    origin = {
        "command": commands[0],
        "follow_ups": commands[1:],
        "target": target,
        "own_routes": recorded.job.ask.own_routes,
        "system": " ".join(filter(None, known)),
        "altered": altered,
    }
    toml = "".join(f"{key} = {_toml(value)}\n" for key, value in origin.items())
    today = datetime.now(UTC).date().isoformat()
    (where / f"{name}.toml").write_text(f"{toml}captured = {today}\n", encoding="utf-8")
    return "\n".join([*map(str, files), str(where / f"{name}.toml"), *notes])


def _redacted(result: Any, outputs: list[bytes], words: list[str]) -> tuple[list[bytes], list[str]]:
    """Outputs and words with the same replacements. Bytes that are not UTF-8 survive as they are."""
    from netpulse.cli.redact import Redaction, asns_in, asns_written

    texts = [output.decode("utf-8", "surrogateescape") for output in outputs]
    redaction = Redaction(asns_in(result).union(*map(asns_written, texts)))
    redacted = [redaction.text(text).encode("utf-8", "surrogateescape") for text in texts]
    return redacted, [redaction.text(word) for word in words]


def _toml(value: Any) -> str:
    """A text, a flag or a list of texts; what is written here has no character that TOML and JSON quote differently."""
    import json

    return json.dumps(value, ensure_ascii=False)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise fail("--with takes NAME=VALUE, like --with family=6.", 2)
    return name, value


def _default_folder() -> Path:
    return Path("tests/captures") if Path("tests").is_dir() else Path("captures")
