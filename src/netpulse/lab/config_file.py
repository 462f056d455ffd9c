"""Writes the netpulse.yaml with which the looking glass serves the lab, or what was recorded of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from netpulse.lab import topology as net
from netpulse.lab.shapes import Connection, OwnRouter

USER = "netpulse"
ALLOWED = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
AS_NAMES = Path(__file__).with_name("as_names.csv")
VRPS = Path(__file__).with_name("vrps.json")
_TITLES = {"decix": "DE-CIX", "amsix": "AMS-IX"}


class Reaching(Protocol):
    """How the file says its devices and names are reached; each is the part of a block that tells it."""

    def router(self, slug: str) -> dict[str, Any]: ...

    def route_server(self, name: str) -> dict[str, Any]: ...

    def resolver(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Access:
    """How the host reaches the lab. key_file is relative to the configuration's folder."""

    ssh: Mapping[str, tuple[str, int]]
    host_keys: Mapping[str, str]
    key_file: str
    bird_sockets: Mapping[str, Path]
    dns: tuple[str, int]

    def router(self, slug: str) -> dict[str, Any]:
        host, port = self.ssh[slug]
        login = {
            "host": host,
            "port": port,
            "user": USER,
            "key_file": self.key_file,
            "host_keys": [self.host_keys[slug]],
        }
        return {"ssh": login}

    def route_server(self, name: str) -> dict[str, Any]:
        bird = {"bird": {"socket": str(self.bird_sockets[name])}}
        return bird if name in net.ROUTE_SERVERS else {**self.router(name), **bird}

    def resolver(self) -> dict[str, Any]:
        return {"servers": [f"{self.dns[0]}:{self.dns[1]}"]}


@dataclass(frozen=True)
class Recorded:
    """Every device answers from one recording; names are nobody's."""

    path: Path

    def router(self, slug: str) -> dict[str, Any]:
        return {"recording": str(self.path)}

    def route_server(self, name: str) -> dict[str, Any]:
        return {"recording": str(self.path)}

    def resolver(self) -> dict[str, Any]:
        return {}


def render(access: Reaching, routers: Sequence[str]) -> str:
    """The whole file, for these routers, as YAML text."""
    tree = {
        "site": {
            "name": "NetPulse Looking Glass",
            "organization": "Your Company Name",
            "asn": net.OWN_ASN,
            "contact": "noc@example.com",
        },
        "route_servers": _route_servers(access, routers),
        "routers": [_router(access, net.ROUTERS[slug]) for slug in routers],
        "targets": {"allow": list(ALLOWED)},
        "resolver": access.resolver(),
        "limits": {"target_per_minute": 600, "neighbor_states_s": 10},
        "data": {"as_names": str(AS_NAMES), "vrps": str(VRPS)},
    }
    return "# Written by the lab at every start.\n" + "\n".join(_yaml(tree, 0)) + "\n"


def _route_servers(access: Reaching, routers: Sequence[str]) -> list[dict[str, Any]]:
    servers: list[dict[str, Any]] = [{"name": name, **access.route_server(name)} for name in net.ROUTE_SERVERS]
    if "bird1" in routers:
        servers.append({"name": "bird1", **access.route_server("bird1"), "own": True})
    return servers


def _router(access: Reaching, router: OwnRouter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "slug": router.slug,
        "name": router.name,
        "location": router.location,
        "model": router.model,
        "platform": router.platform,
        "os_version": router.os_version,
        **access.router(router.slug),
    }
    if router.slug in net.MONITORED:
        found["routes"] = _collected(router.slug)
    elif router.platform == "linux":
        found["routes"] = [{"from": router.slug, "ipv4": {"table": "master4"}, "ipv6": {"table": "master6"}}]
    found["connections"] = [_connection(net.CONNECTIONS[number]) for number in router.connections]
    return found


def _collected(slug: str) -> list[dict[str, Any]]:
    """rs1 by table, rs2 by protocol: both ways of keeping a router's routes are shown."""
    table4, _, best4 = net.collector_names("rs1", slug, "v4")
    table6, _, best6 = net.collector_names("rs1", slug, "v6")
    _, all4, _ = net.collector_names("rs2", slug, "v4")
    _, all6, _ = net.collector_names("rs2", slug, "v6")
    return [
        {
            "from": "rs1",
            "ipv4": {"table": table4, "best_protocol": best4},
            "ipv6": {"table": table6, "best_protocol": best6},
        },
        {"from": "rs2", "ipv4": {"protocol": all4}, "ipv6": {"protocol": all6}},
    ]


def _connection(connection: Connection) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": connection.id,
        "name": connection.title,
        "type": "IX" if connection.exchange else "TRANSIT",
        "source_ipv4": connection.source_ipv4,
        "source_ipv6": connection.source_ipv6,
        "egress": connection.egress,
        "neighbors": list(net.neighbors_of(connection)),
    }
    if connection.exchange:
        ix = net.EXCHANGES[connection.exchange]
        found |= {"group": _TITLES[ix.name], "lan_ipv4": str(ix.ipv4), "lan_ipv6": str(ix.ipv6)}
        # A route server stays out of the path, so the members' first ASes differ: our own mark is what they share.
        found["match"] = {"community": f"{net.OWN_ASN}:{1000 + connection.id}"}
    else:
        found["asn"] = connection.asn
        found["match"] = {"first_asn": connection.asn}
    return found


def _yaml(value: Any, depth: int) -> list[str]:
    """Block style, scalars quoted as JSON, which YAML 1.2 contains."""
    pad = "  " * depth
    lines = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                lines += [f"{pad}{key}:", *_yaml(inner, depth + 1)]
            else:
                lines.append(f"{pad}{key}: {json.dumps(inner, ensure_ascii=False)}")
    else:
        for inner in value:
            if isinstance(inner, dict):
                first, *rest = _yaml(inner, depth + 1)
                lines += [f"{pad}- {first.strip()}", *rest]
            else:
                lines.append(f"{pad}- {json.dumps(inner, ensure_ascii=False)}")
    return lines
