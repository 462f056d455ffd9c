"""What a start does not wait for: libraries that a server needs later, or never, are not imported before it listens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LATER = (
    "alembic",
    "asyncssh",
    "cryptography",
    "dns",
    "httpx2",
    "netpulse.lab",
    "pydantic",
    "rich",
    "ruamel",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "structlog",
    "typer",
)
"""Each takes a noticeable part of the time a start has, and some megabytes."""

WITHOUT_FILE = """
import netpulse.config, netpulse.store.database, netpulse.store.keys, netpulse.web.server
netpulse.config.default_settings({"STATE_DIRECTORY": FOLDER})
"""
OPENED = """
import asyncio, netpulse.config
from dataclasses import replace
from pathlib import Path
from netpulse.inventory import Inventory, Ssh, ThisHost
from netpulse.services import open_services
from netpulse.web.app import App
from netpulse.web.pages import page_routes

settings = netpulse.config.default_settings({"STATE_DIRECTORY": FOLDER})
(router,) = settings.inventory.routers
router = replace(router, device=replace(router.device, reach=REACH), routes=())

async def main():
    async with open_services(replace(settings, inventory=Inventory((router,)))) as services:
        App(services, page_routes(services))
        LAST

asyncio.run(main())
"""


def opened(folder: Path, *, reach: str = "ThisHost()", last: str = "pass") -> list[str]:
    """Which of LATER are there once the services of one router, reached like this, and their web are open."""
    script = OPENED.replace("REACH", reach).replace("LAST", last)
    imported_by(script, folder)  # the first start makes the database, which takes alembic
    return imported_by(script, folder)


def imported_by(script: str, folder: Path) -> list[str]:
    """Which of LATER are there once the script has run."""
    told = f"import sys\nprint(*(name for name in {LATER!r} if name in sys.modules))"
    words = f"FOLDER = {str(folder)!r}\n{script}\n{told}"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("module", ["netpulse.web.server", "netpulse.services", "netpulse.config", "netpulse.store"])
def test_importing_the_server_imports_nothing_that_it_needs_later(module: str, tmp_path: Path) -> None:
    assert imported_by(f"import {module}", tmp_path) == []


def test_a_start_without_a_file_reads_none_and_logs_in_nowhere(tmp_path: Path) -> None:
    assert imported_by(WITHOUT_FILE, tmp_path) == []


def test_a_server_of_this_host_opens_without_them(tmp_path: Path) -> None:
    assert opened(tmp_path) == []


def test_what_the_inventory_needs_is_imported_in_its_own_time(tmp_path: Path) -> None:
    over_ssh = "Ssh('192.0.2.1', 'netpulse', Path('key'), ())"
    assert opened(tmp_path, reach=over_ssh) == []
    assert {"asyncssh", "dns"} <= set(opened(tmp_path, reach=over_ssh, last="await services.warm()"))
