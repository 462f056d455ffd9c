"""`netpulse check`: the file, then every router, connection and route source as the product itself would ask them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from netpulse.cells import Matrix
    from netpulse.settings import Settings

BAD_FILE = 78
BAD_CHECK = 1


def check(
    config: Annotated[Path, typer.Option("--config", "-c", help="The file to check.")] = Path("netpulse.yaml"),
    offline: Annotated[bool, typer.Option("--offline", help="Only the file; connect to nothing.")] = False,
) -> None:
    """Tell every fault of the configuration at once, then whether each router answers as it says."""
    raise typer.Exit(check_command(config, offline))


def check_command(config: Path, offline: bool) -> int:
    """0 if all is well, 78 if the file is bad (its faults are on standard error), 1 if a check fails."""
    from netpulse import cells
    from netpulse.config import ConfigFaults, read

    matrix = cells.discover()
    try:
        reading = read(config, platforms=matrix.platforms.keys())
    except ConfigFaults as bad:
        print(bad, file=sys.stderr)
        return BAD_FILE
    routers = reading.settings.inventory.routers
    connections = sum(len(router.connections) for router in routers)
    print(f"{config}: no faults; {_count(len(routers), 'router')}, {_count(connections, 'connection')}")
    for warning in reading.warnings:
        print(f"{warning} (a warning)")
    if offline:
        return 0
    failed = asyncio.run(check_everything(reading.settings, matrix))
    print(f"{_count(failed, 'check')} failed" if failed else "every check passed")
    return BAD_CHECK if failed else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


async def check_everything(settings: Settings, matrix: Matrix) -> int:
    """Checks all devices at the same time and prints what was found in the order of the file; how many checks failed."""
    from netpulse.cli.check_router import check_router
    from netpulse.cli.check_routes import check_route_server
    from netpulse.cli.findings import rendered

    routers = settings.inventory.routers
    servers = {
        source.device.key: source.device
        for router in routers
        for source in router.routes
        if source.route_server is not None
    }
    titles = [f"router {router.slug} ({router.name})" for router in routers]
    titles += [f"route server {key.partition(':')[2]}" for key in servers]
    async with asyncio.TaskGroup() as group:
        checks = [group.create_task(check_router(router, settings, matrix)) for router in routers]
        checks += [group.create_task(check_route_server(device, routers, settings)) for device in servers.values()]
        failed = 0
        for title, running in zip(titles, checks, strict=True):
            findings = await running
            failed += sum(not finding.good for finding in findings)
            print(rendered(title, findings), flush=True)
    return failed
