"""`netpulse keys create|list|revoke`: API keys, also while the server runs; it notices within a second."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netpulse.cli.database import ConfigOption, fail, moment, run, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from netpulse.settings import Settings
    from netpulse.store.keys import KeyRecord
    from netpulse.values import Prefix

keys_app = typer.Typer(no_args_is_help=True, help="API keys: make, list and revoke them.")


@keys_app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is, up to 64 characters.")],
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", min=1, help="Requests a minute. Default: limits of the configuration.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="Last day it works, like 2026-12-31, or a time (UTC).")
    ] = None,
    router: Annotated[
        list[str] | None, typer.Option("--router", metavar="SLUG", help="Only this router, by its slug; may be repeated.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option("--network", metavar="PREFIX", help="Only from this prefix or address; may be repeated.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, once: only its digest is kept.

    The key alone goes to standard output, what it may do to standard error.
    """
    settings = settings_of(config, private_keys=False)
    routers = _routers(router or [], settings)
    networks = [_network(text) for text in network or []]
    expires_at = None if expires is None else moment(expires, end_of_day=True)

    async def work() -> tuple[str, KeyRecord, Path]:
        from netpulse.store import open_store

        async with open_store(settings.storage) as store:
            made = await store.keys.create(
                name,
                per_minute=per_minute or settings.limits.key_per_minute,
                expires_at=expires_at,
                routers=routers,
                networks=networks,
            )
            return *made, store.database.path

    try:
        text, record, path = run(work())
    except ValueError as problem:
        raise fail(str(problem), 2) from None
    typer.echo(text)
    typer.echo(f"{_line(record)}\nKeep it now: it cannot be shown again. Servers on {path} take it.", err=True)


@keys_app.command("list")
def list_keys(
    everything: Annotated[bool, typer.Option("--all", help="Expired and revoked ones too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: ConfigOption = None,
) -> None:
    """List the keys, oldest first. Their secrets are nowhere."""
    settings = settings_of(config, private_keys=False)

    async def work() -> list[KeyRecord]:
        from netpulse.store import open_store

        async with open_store(settings.storage) as store:
            return store.keys.all()

    for record in run(work()):
        if everything or _state(record) == "valid":
            typer.echo(json.dumps(_fields(record)) if as_json else _line(record))


@keys_app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The eight digits after np_, as list shows them.")],
    config: ConfigOption = None,
) -> None:
    """Make a key useless, within a second also to a running server. It cannot be undone."""
    settings = settings_of(config, private_keys=False)
    # Whoever pastes the whole key means its id; the secret goes no further.
    wanted = key_id.removeprefix("np_").split("_")[0]

    async def work() -> KeyRecord | None:
        from netpulse.store import open_store

        async with open_store(settings.storage) as store:
            return await store.keys.revoke(wanted)

    record = run(work())
    if record is None:
        raise fail("There is no key with this id; netpulse keys list --all shows them.")
    typer.echo(_line(record))


def _routers(slugs: list[str], settings: Settings) -> list[str]:
    known = [router.slug for router in settings.inventory.routers]
    unknown = [slug for slug in slugs if slug not in known]
    if unknown:
        raise fail(f"There is no router {unknown[0]}; the configuration has {', '.join(known)}.", 2)
    return slugs


def _network(text: str) -> Prefix:
    from ipaddress import ip_network

    try:
        return ip_network(text)
    except ValueError:
        raise typer.BadParameter("--network is an address or a prefix without host bits, like 192.0.2.0/24") from None


def _state(record: KeyRecord) -> str:
    if record.revoked_at is not None:
        return "revoked"
    if record.expires_at is not None and record.expires_at <= datetime.now(UTC):
        return "expired"
    return "valid"


def _time(moment_: datetime | None) -> str | None:
    return None if moment_ is None else moment_.isoformat(timespec="seconds").replace("+00:00", "Z")


def _fields(record: KeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.owner,
        "state": _state(record),
        "per_minute": record.per_minute,
        "expires_at": _time(record.expires_at),
        "routers": list(record.routers),
        "networks": [str(network) for network in record.networks],
        "created_at": _time(record.created_at),
        "revoked_at": _time(record.revoked_at),
    }


def _line(record: KeyRecord) -> str:
    # A name is any text: what a terminal would obey instead of print is written as an escape.
    name = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in record.owner)
    return "  ".join(
        (
            record.id,
            _state(record),
            name,
            f"{record.per_minute} a minute",
            f"until {_time(record.expires_at)}" if record.expires_at else "no expiry",
            ", ".join(record.routers) or "all routers",
            ", ".join(map(str, record.networks)) or "from anywhere",
        )
    )
