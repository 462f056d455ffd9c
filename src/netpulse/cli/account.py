"""`netpulse account`: the least-privilege login for one device, made from the commands it will ever be sent, and its proof."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netpulse.cli.database import fail, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netpulse.cells import Matrix
    from netpulse.inventory import Connection, Device, Router, RouteTable, Ssh
    from netpulse.settings import Settings


def account(
    router: Annotated[str, typer.Argument(metavar="ROUTER", help="A router's slug, or the name of a route server.")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file. Default: ./netpulse.yaml")
    ] = None,
    from_address: Annotated[
        str | None, typer.Option("--from", help="The one address that the login may come from.", metavar="ADDRESS")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Log in and prove that the login does what it must, and no more.")
    ] = False,
) -> None:
    """Print the least-privilege login for a router, or prove that it is one.

    The text is what to enter on the router: a login that can run the commands of the looking glass and nothing else. It is
    made from the same declarations that make the commands, so it always fits them. Nothing is sent anywhere.

    With --verify it logs in, runs one command of each form against the router's own addresses, and tries commands that must
    be refused; each is harmless where it is not, and the output says why. Exit code 1 if anything is not as it must be.

    \b
    Examples:
      netpulse account core1 --config netpulse.yaml --from 192.0.2.10
      netpulse account core1 --verify
    """
    from netpulse.cells import AccountFor, discover
    from netpulse.platforms.logins import shapes_of

    settings, matrix = settings_of(config), discover()
    title, device, connections, tables = _found(settings, router)
    shapes = shapes_of(matrix, device.platform, connections, tables)
    reach = login_of(device)
    if verify:
        if reach is None:
            raise fail(f"{router} is not reached over SSH, so there is no login to verify.")
        raise typer.Exit(_verified(title, device, reach, matrix, shapes, connections, settings.deadlines.login_s))
    render = matrix.platforms[device.platform].account
    if render is None:
        raise fail(f"The platform {device.platform} of {router} has no login of its own to make.")
    socket = _socket_of(device, settings)
    if reach is None and socket is None:
        raise fail(f"{router} is not reached over SSH, so it needs no login.")
    if from_address is not None:
        try:
            from_address = str(ip_address(from_address))
        except ValueError:
            raise fail("--from must be an IP address, like 192.0.2.10.", 2) from None
    text = render(
        AccountFor(
            name=title,
            user=reach.user if reach else "netpulse",
            public_key=_public_key(reach.key_file) if reach else "",
            from_address=from_address,
            shapes=shapes,
            login=reach is not None,
            socket=socket,
        )
    )
    typer.echo(text, nl=not text.endswith("\n"))


def _found(
    settings: Settings, name: str
) -> tuple[str, Device, tuple[Connection, ...], tuple[RouteTable, ...]]:
    """The device of this name, its title, and what its commands may name."""
    from netpulse.inventory import RouteTable

    server = settings.inventory.devices().get(f"route_server:{name}")
    if server is None and settings.inventory.router(name) is None:
        known = [router.slug for router in settings.inventory.routers]
        known += [key.partition(":")[2] for key in settings.inventory.devices() if key.startswith("route_server:")]
        raise fail(
            f"There is no router {name}, nor a route server {name} in any router's `routes`; there are {', '.join(known)}.", 2
        )
    if server is None or settings.inventory.router(name) is not None:
        router = router_of(settings, name)
        return router.name, router.device, router.connections, (RouteTable(),)
    tables = [
        table
        for router in settings.inventory.routers
        for source in router.routes
        if source.device.key == server.key
        for table in source.tables.values()
    ]
    return name, server, (), tuple(dict.fromkeys(tables)) or (RouteTable(),)


def router_of(settings: Settings, slug: str) -> Router:
    """The router of this slug; ends the program with 2 if there is none."""
    found = settings.inventory.router(slug)
    if found is None:
        known = ", ".join(router.slug for router in settings.inventory.routers)
        raise fail(f"There is no router {slug}; the configuration has {known}.", 2)
    return found


def login_of(device: Device) -> Ssh | None:
    """The SSH login of a device, also of a BIRD behind one; None if it has none."""
    from netpulse.inventory import BirdSocket, Ssh

    reach = device.reach.ssh if isinstance(device.reach, BirdSocket) else device.reach
    return reach if isinstance(reach, Ssh) else None


def _socket_of(device: Device, settings: Settings) -> str | None:
    """The BIRD socket that is opened on this device, also by a route server that shares its login; None if there is none."""
    from netpulse.inventory import BirdSocket

    for other in (device, *settings.inventory.devices().values()):
        if isinstance(other.reach, BirdSocket) and (other is device or _same_login(other, device)):
            return other.reach.path
    return None


def _same_login(one: Device, other: Device) -> bool:
    ours, theirs = login_of(one), login_of(other)
    if ours is None or theirs is None:
        return False
    return (ours.host, ours.port, ours.user) == (theirs.host, theirs.port, theirs.user)


def _verified(
    title: str,
    device: Device,
    reach: Ssh,
    matrix: Matrix,
    shapes: Sequence[str],
    connections: Sequence[Connection],
    login_s: float,
) -> int:
    """Prints what was found; 1 if anything is not as it must be."""
    from netpulse.cli.findings import rendered
    from netpulse.cli.verify import filled, verify
    from netpulse.inventory import BirdSocket

    platform = matrix.platforms[device.platform]
    allowed = () if isinstance(device.reach, BirdSocket) else tuple(filled(shape, connections) for shape in shapes)
    findings = asyncio.run(verify(reach, platform, allowed, login_s=login_s))
    typer.echo(rendered(f"the login {reach.user} of {title}", findings))
    failed = sum(not finding.good for finding in findings)
    typer.echo(f"{failed} not as it must be" if failed else "as it must be")
    return 1 if failed else 0


def _public_key(key_file: Path) -> str:
    beside = key_file.with_name(f"{key_file.name}.pub")
    try:
        return beside.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise fail(
            f"{beside}: {problem.strerror}; write the public key there: ssh-keygen -y -f {key_file} > {beside}"
        ) from None
