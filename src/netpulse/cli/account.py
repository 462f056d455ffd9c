"""`netpulse account`: the least-privilege login for one router, made from the commands it will ever be sent."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netpulse.cli.database import ConfigOption, fail, settings_of

if TYPE_CHECKING:
    from netpulse.inventory import Router, Ssh
    from netpulse.settings import Settings


def account(
    router: Annotated[str, typer.Argument(metavar="ROUTER", help="The router's slug in the configuration.")],
    config: ConfigOption = None,
    from_address: Annotated[
        str | None, typer.Option("--from", help="The one address that the login may come from.", metavar="ADDRESS")
    ] = None,
) -> None:
    """Print the least-privilege login for a router.

    The text is what to enter on the router: a login that can run the commands of the looking glass and nothing else. It is
    made from the same declarations that make the commands, so it always fits them. Nothing is sent anywhere.

    \b
    Example:
      netpulse account core1 --config netpulse.yaml --from 192.0.2.10
    """
    from netpulse.cells import AccountFor, discover

    found = router_of(settings_of(config), router)
    render = discover().platforms[found.platform].account
    if render is None:
        raise fail(f"The platform {found.platform} of {router} has no login of its own to make.")
    reach = _ssh(found)
    if reach is None:
        raise fail(f"{router} is not reached over SSH, so it needs no login.")
    if from_address is not None:
        try:
            from_address = str(ip_address(from_address))
        except ValueError:
            raise fail("--from must be an IP address, like 192.0.2.10.", 2) from None
    text = render(
        AccountFor(
            name=found.name,
            user=reach.user,
            public_key=_public_key(reach.key_file),
            from_address=from_address,
            connections=found.connections,
        )
    )
    typer.echo(text, nl=not text.endswith("\n"))


def router_of(settings: Settings, slug: str) -> Router:
    """The router of this slug; ends the program with 2 if there is none."""
    found = settings.inventory.router(slug)
    if found is None:
        known = ", ".join(router.slug for router in settings.inventory.routers)
        raise fail(f"There is no router {slug}; the configuration has {known}.", 2)
    return found


def _ssh(router: Router) -> Ssh | None:
    from netpulse.inventory import BirdSocket, Ssh

    reach = router.device.reach
    if isinstance(reach, BirdSocket):
        return reach.ssh
    return reach if isinstance(reach, Ssh) else None


def _public_key(key_file: Path) -> str:
    beside = key_file.with_name(f"{key_file.name}.pub")
    try:
        return beside.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise fail(
            f"{beside}: {problem.strerror}; write the public key there: ssh-keygen -y -f {key_file} > {beside}"
        ) from None
