"""`netpulse db upgrade` and `netpulse audit find|purge|export`, and how the command line gets at the database."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

if TYPE_CHECKING:
    from netpulse.settings import Settings
    from netpulse.store.audit import AuditFilter, AuditRow

T = TypeVar("T")

db_app = typer.Typer(no_args_is_help=True, help="The database: keys, results and the audit trail.")
audit_app = typer.Typer(no_args_is_help=True, help="Who asked what, when, and how it ended.")

EXIT_CONFIG = 78
DEFAULT_FILE = Path("netpulse.yaml")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file; its storage is used. Default: ./netpulse.yaml"),
]


class Format(StrEnum):
    """How rows are written."""

    jsonl = "jsonl"
    csv = "csv"


def fail(sentence: str, code: int = 1) -> typer.Exit:
    """Say what is wrong; raise what this returns."""
    typer.echo(sentence, err=True)
    return typer.Exit(code)


def settings_of(config: Path | None, *, private_keys: bool = True) -> Settings:
    """The settings of the file, or the built-in ones if there is no file; ends the program with 78 if it is bad.

    Without `private_keys` the keys of routers need not be readable: under systemd they are root's, the database is not.
    """
    from netpulse.config import ConfigFaults, default_settings, load

    if config is None and not DEFAULT_FILE.exists():
        return default_settings()
    try:
        return load(config or DEFAULT_FILE, private_keys=private_keys)
    except ConfigFaults as faults:
        raise fail(str(faults), EXIT_CONFIG) from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns; ends the program with 1 and a sentence if the database cannot be used."""
    from netpulse.store import StorageFault

    try:
        return asyncio.run(work)
    except StorageFault as fault:
        raise fail(str(fault)) from None


def moment(text: str, *, end_of_day: bool = False) -> datetime:
    """The UTC time that an ISO date or time writes; without a zone it is UTC. A date is its first or last moment."""
    try:
        if len(text) == len("2026-01-31"):
            midnight = datetime.combine(date.fromisoformat(text), time(), UTC)
            return midnight + timedelta(days=1) if end_of_day else midnight
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a date like 2026-01-31 or a time like 2026-01-31T12:00Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


@db_app.callback()
def database() -> None:
    """The database: keys, results and the audit trail."""


@db_app.command("upgrade")
def db_upgrade(config: ConfigOption = None) -> None:
    """Bring the database up to date.

    The server and every command do this by themselves when they open it; run it by hand to do it before a restart.
    """
    settings = settings_of(config, private_keys=False)

    async def work() -> str:
        from netpulse.store.database import known_schemas, open_database

        async with open_database(settings.storage) as database:
            current = known_schemas()[-1]
            if database.upgraded_from is None:
                return f"{database.path}: schema {current}, nothing to do."
            return f"{database.path}: schema {current}, was {database.upgraded_from}."

    typer.echo(run(work()))


SinceOption = Annotated[str | None, typer.Option("--since", help="From this date or time on (UTC).")]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Up to and with this date, or before this time (UTC).")
]
KeyOption = Annotated[str | None, typer.Option("--key", help="The eight digits of an API key.")]
ClientOption = Annotated[str | None, typer.Option("--client", help="Client address or prefix.")]
QueryOption = Annotated[str | None, typer.Option("--query", help="Kind of query, like ping.")]
RouterOption = Annotated[str | None, typer.Option("--router", help="Router, by its slug.")]
TargetOption = Annotated[str | None, typer.Option("--target", help="Target, as it was sent to the router.")]
OutcomeOption = Annotated[str | None, typer.Option("--outcome", help="finished, failed, refused or interrupted.")]
RequestOption = Annotated[str | None, typer.Option("--request", help="A request, by the X-Request-Id of its answer.")]


@audit_app.command("find")
def audit_find(
    since: SinceOption = None,
    until: UntilOption = None,
    key: KeyOption = None,
    client: ClientOption = None,
    query: QueryOption = None,
    router: RouterOption = None,
    target: TargetOption = None,
    outcome: OutcomeOption = None,
    request: RequestOption = None,
    most: Annotated[int, typer.Option("--limit", min=1, help="Rows shown at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show the newest rows that match everything given, newest first."""
    wanted = _wanted(since, until, key, client, query, router, target, outcome, request)
    settings = settings_of(config, private_keys=False)

    async def work() -> bool:
        from netpulse.store import open_store
        from netpulse.store.export import json_line

        shown = 0
        async with open_store(settings.storage) as store:
            async for row in store.audit.find(wanted):
                if shown == most:
                    return True
                sys.stdout.write(json_line(row) if as_json else _line(row))
                shown += 1
        return False

    if run(work()):
        typer.echo(f"There are more; --limit shows more than {most}.", err=True)


@audit_app.command("export")
def audit_export(
    since: SinceOption = None,
    until: UntilOption = None,
    key: KeyOption = None,
    client: ClientOption = None,
    query: QueryOption = None,
    router: RouterOption = None,
    target: TargetOption = None,
    outcome: OutcomeOption = None,
    request: RequestOption = None,
    form: Annotated[Format, typer.Option("--format", help="JSON lines or CSV.")] = Format.jsonl,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file; default: standard output.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write every row that matches, oldest first."""
    wanted = _wanted(since, until, key, client, query, router, target, outcome, request)
    settings = settings_of(config, private_keys=False)

    async def work(stream: TextIO) -> int:
        from netpulse.store import open_store
        from netpulse.store.export import csv_header, csv_line, json_line

        written = 0
        async with open_store(settings.storage) as store:
            if form is Format.csv:
                stream.write(csv_header())
            async for row in store.audit.find(wanted, newest_first=False):
                stream.write(csv_line(row) if form is Format.csv else json_line(row))
                written += 1
        return written

    if output is None:
        written = run(work(sys.stdout))
    else:
        try:
            with open(output, "x", opener=_private, encoding="utf-8", newline="") as stream:
                written = run(work(stream))
        except FileExistsError:
            raise fail(f"{output}: the file exists; remove it or name another one.") from None
        except OSError as problem:
            raise fail(f"{output}: {problem.strerror}; name a file that can be written.") from None
    typer.echo(f"{written} rows.", err=True)


@audit_app.command("purge")
def audit_purge(
    older_than: Annotated[int, typer.Option("--older-than", min=1, help="Days; rows older than this are deleted.")],
    config: ConfigOption = None,
) -> None:
    """Delete old rows for good. Without this rows are kept, with client addresses cut after retention.audit_days."""
    settings = settings_of(config, private_keys=False)

    async def work() -> int:
        from netpulse.store import open_store

        async with open_store(settings.storage) as store:
            return await store.audit.purge(datetime.now(UTC) - timedelta(days=older_than))

    typer.echo(f"{run(work())} rows deleted.")


def _private(path: str, flags: int) -> int:
    # Client addresses are for the eyes of its owner only.
    return os.open(path, flags, 0o600)


def _wanted(
    since: str | None,
    until: str | None,
    key: str | None,
    client: str | None,
    query: str | None,
    router: str | None,
    target: str | None,
    outcome: str | None,
    request: str | None,
) -> AuditFilter:
    from ipaddress import ip_network
    from typing import get_args

    from netpulse.store.audit import AuditFilter, Outcome

    if outcome is not None and outcome not in get_args(Outcome):
        raise typer.BadParameter(f"--outcome is one of {', '.join(get_args(Outcome))}")
    try:
        network = None if client is None else ip_network(client, strict=False)
    except ValueError:
        raise typer.BadParameter("--client is an address or a prefix, like 192.0.2.0/24") from None
    return AuditFilter(
        since=None if since is None else moment(since),
        until=None if until is None else moment(until, end_of_day=True),
        key_id=key,
        client=network,
        kind=query,
        router=router,
        target=target,
        outcome=outcome,  # type: ignore[arg-type]
        request_id=request,
    )


def _line(row: AuditRow) -> str:
    how = row.outcome or "running"
    words = [
        row.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        f"{how} ({row.code})" if row.code else how,
        f"key {row.key_id}" if row.key_id else "visitor",
        row.client,
        row.kind,
        row.router or "-",
        "-" if row.connection is None else str(row.connection),
        row.target or "-",
    ]
    if row.duration_ms is not None:
        words.append(f"{row.duration_ms} ms")
    return "  ".join(words) + "\n"
