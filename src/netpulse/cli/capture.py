"""`netpulse capture`: what a router really prints, recorded as a fixture for readers and bug reports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from netpulse.cli.account import router_of
from netpulse.cli.database import fail, settings_of


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

    Sends the one command that this question leads to, under the same rules as any visitor's. In PLATFORM/QUERY it writes the
    bytes before any cleaning to CASE.out, those of further commands that the reader asks for to CASE.then1.out and so on, the
    question and the origin to CASE.toml, and what the reader makes of it to CASE.json: compare that with the output before
    you keep it. --redact does not replace names: read the text through before you give it away.

    \b
    Examples:
      netpulse capture core1 ping 8.8.8.8 --connection 1
      netpulse capture core1 aspath 8.8.8.0/24 --redact --case two-paths-one-best
    """
    from netpulse.cells import discover
    from netpulse.cli.fixture import record, write
    from netpulse.errors import NetPulseError, NotHere, Refused

    settings = settings_of(config)
    found = router_of(settings, router)
    given = [("target", target), *(_pair(text) for text in further or [])]
    if connection is not None:
        ids = [str(known.id) for known in found.connections]
        if connection not in ids:
            raise fail(f"{router} has no connection {connection}; it has {', '.join(ids)}.", 2)
        given.append(("connection", connection))
    try:
        recorded = asyncio.run(record(settings, discover(), found, query, given))
    except NetPulseError as error:
        said = " ".join(filter(None, (error.sentence, error.detail and f"({error.detail})")))
        raise fail(said, 2 if isinstance(error, Refused | NotHere) else 1) from None
    where = (folder or _default_folder()) / recorded.job.device.platform / query
    try:
        typer.echo(write(where, case, recorded, found, redact=redact, force=force))
    except FileExistsError as taken:
        raise fail(f"{taken.filename} is there already; name another --case, or overwrite it with --force.") from None
    except OSError as problem:
        raise fail(f"{where}: {problem.strerror}; name a folder that can be written with --to.") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise fail("--with takes NAME=VALUE, like --with family=6.", 2)
    return name, value


def _default_folder() -> Path:
    return Path("tests/captures") if Path("tests").is_dir() else Path("captures")
