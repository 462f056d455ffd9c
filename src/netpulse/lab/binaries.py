"""Where the programs are that the lab runs: on PATH, in /usr/sbin, in FRR's folder, or in an unpacked package root."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ROOT_VARIABLE = "NETPULSE_LAB_ROOT"
_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin", "usr/lib/frr")


def folders(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Every folder that is searched, in order: the unpacked root first, because whoever sets it means it."""
    root = environment.get(ROOT_VARIABLE)
    unpacked = [Path(root) / folder for folder in _FOLDERS] if root else []
    on_path = [Path(folder) for folder in environment.get("PATH", "").split(os.pathsep) if folder]
    usual = [Path("/") / folder for folder in _FOLDERS]
    return list(dict.fromkeys([*unpacked, *on_path, *usual]))


def find(name: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The program's full path, or None if it is nowhere."""
    # Debian installs traceroute as traceroute.db and links it in a script that unpacking does not run.
    spellings = (name, f"{name}.db") if name == "traceroute" else (name,)
    for folder in folders(environment):
        for spelling in spellings:
            path = folder / spelling
            # os.access says no, and does not raise, for a folder on PATH that this user may not enter.
            if os.access(path, os.X_OK) and path.is_file():
                return path
    return None


def environment_for(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which the programs run: their folders on PATH and, for an unpacked root, its libraries."""
    found = dict(base)
    found["PATH"] = os.pathsep.join(str(folder) for folder in folders(base))
    root = base.get(ROOT_VARIABLE)
    if root:
        libraries = [f"{root}/usr/lib/x86_64-linux-gnu", f"{root}/usr/lib/x86_64-linux-gnu/frr"]
        libraries += [f"{root}/usr/lib/aarch64-linux-gnu", f"{root}/usr/lib"]
        if base.get("LD_LIBRARY_PATH"):
            libraries.append(base["LD_LIBRARY_PATH"])
        found["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    return found


def has_frr(environment: Mapping[str, str] = os.environ) -> bool:
    """True if a whole FRR is here: the routing daemon, the kernel's side, and the shell."""
    return all(find(name, environment) for name in ("bgpd", "zebra", "vtysh"))
