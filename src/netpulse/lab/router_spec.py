"""What a lab router's command line is told at its start: one JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSpec:
    """One router's command line. Paths are absolute; ``fast`` shortens every wait and changes no text.

    ``wrapper`` is a Linux account's forced command, ``allow`` the ``allow-commands`` of a Junos login class.
    """

    name: str
    platform: Literal["junos", "linux"]
    control: str
    host_keys: tuple[str, ...]
    authorized_keys: str
    user: str = "netpulse"
    listen_fd: int | None = None
    bird_socket: str | None = None
    fast: bool = False
    tables: dict[str, str] = field(default_factory=lambda: {"v4": "master4", "v6": "master6"})
    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    forward_unix: tuple[str, ...] = ()
    wrapper: str | None = None
    allow: str | None = None
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every program: nothing of ours but these."""
        return {"PATH": self.path, "LC_ALL": "C", **self.env}


def read_spec(path: Path) -> RouterSpec:
    """The specification in this file. Raises ValueError, in one sentence, for a file that is not one."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as fault:
        raise ValueError(f"{path}: is not a readable JSON file ({fault}); write the router's specification there") from fault
    known = {one.name for one in fields(RouterSpec)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"{path}: has the unknown key {unknown[0]}; known are {', '.join(sorted(known))}")
    for name in ("host_keys", "forward_unix"):
        if name in given:
            given[name] = tuple(given[name])
    try:
        spec = RouterSpec(**given)
    except TypeError as fault:
        raise ValueError(f"{path}: is incomplete ({fault}); give every required key") from fault
    if spec.platform not in ("junos", "linux"):
        raise ValueError(f"{path}: has the platform {spec.platform!r}; use junos or linux")
    if not spec.host_keys:
        raise ValueError(f"{path}: names no host key; give at least one path in host_keys")
    return spec
