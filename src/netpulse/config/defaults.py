"""The settings without any file: this host as a router, on loopback only."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from netpulse.inventory import OWN_CHOICE, Device, Inventory, Router, RouteSource, Site, ThisHost
from netpulse.settings import Settings


def default_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """This host as the router `local` with its own ping and traceroute, listening on 127.0.0.1:8080.

    The database is in $STATE_DIRECTORY (systemd) or $XDG_STATE_HOME/netpulse; where neither can be written, in a new
    temporary folder; where nothing can be written, in memory.
    """
    device = Device(key="router:local", platform="linux", reach=ThisHost(), own_routes=True)
    host = socket.gethostname()
    router = Router(
        slug="local",
        name=host,
        location="",
        model="",
        platform="linux",
        device=device,
        connections=(OWN_CHOICE,),
        routes=(RouteSource(device, None, {}),),
    )
    return Settings(
        inventory=Inventory((router,)),
        site=Site(name="NetPulse Looking Glass", organization=""),
        storage=_storage(os.environ if environment is None else environment),
    )


def _storage(environment: Mapping[str, str]) -> str:
    for folder in _state_folders(environment):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return f"sqlite:///{folder / 'netpulse.db'}"
    try:
        return f"sqlite:///{Path(tempfile.mkdtemp(prefix='netpulse-')) / 'netpulse.db'}"
    except OSError:
        return "sqlite:///:memory:"


def _state_folders(environment: Mapping[str, str]) -> list[Path]:
    if environment.get("STATE_DIRECTORY"):
        return [Path(environment["STATE_DIRECTORY"].split(":")[0])]
    if environment.get("XDG_STATE_HOME", "").startswith("/"):
        return [Path(environment["XDG_STATE_HOME"]) / "netpulse"]
    if environment.get("HOME", "").startswith("/"):
        return [Path(environment["HOME"]) / ".local" / "state" / "netpulse"]
    return []
