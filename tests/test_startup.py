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
    "httpx2",
    "netpulse.lab",
    "pydantic",
    "ruamel",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "typer",
)
"""Each takes a noticeable part of the time a start has, and some megabytes."""

WITHOUT_FILE = """
import netpulse.config, netpulse.store.database, netpulse.store.keys, netpulse.web.server
netpulse.config.default_settings({"STATE_DIRECTORY": FOLDER})
"""
SERVED = """
import asyncio, netpulse.config
from netpulse.web.server import bound_socket, serving

async def main():
    async with serving(netpulse.config.default_settings({"STATE_DIRECTORY": FOLDER}), [bound_socket("127.0.0.1", 0)]):
        pass

asyncio.run(main())
"""


OPENED = """
import asyncio, netpulse.config
from dataclasses import replace
from pathlib import Path
from netpulse.inventory import Inventory, Ssh
from netpulse.services import open_services

settings = netpulse.config.default_settings({"STATE_DIRECTORY": FOLDER})
(router,) = settings.inventory.routers
far = replace(router, device=replace(router.device, reach=Ssh("192.0.2.1", "netpulse", Path("key"), ())), routes=())

async def main():
    async with open_services(replace(settings, inventory=Inventory((far,)))) as services:
        AFTERWARDS

asyncio.run(main())
"""


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


def test_a_server_without_a_file_imports_them_neither_while_it_runs(tmp_path: Path) -> None:
    imported_by(SERVED, tmp_path)  # the first start makes the database, which takes alembic
    assert imported_by(SERVED, tmp_path) == []


def test_what_the_inventory_needs_is_imported_in_its_own_time(tmp_path: Path) -> None:
    assert "asyncssh" not in imported_by(OPENED.replace("AFTERWARDS", "pass"), tmp_path)
    assert "asyncssh" in imported_by(OPENED.replace("AFTERWARDS", "await services.warm()"), tmp_path)
