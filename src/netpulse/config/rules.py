"""What must hold between settings, and between the file and the world around it.

These rules read the plain data of the file, not the models: a fault elsewhere never hides the faults found here.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from netpulse import values
from netpulse.cells import Matrix
from netpulse.config.faults import Place, written
from netpulse.config.hiding import hiding_faults
from netpulse.config.secrets import key_fault, named_file, secret_file
from netpulse.enrich.rpki import roas_in
from netpulse.enrich.tables import read_names
from netpulse.settings import MOST_LOGO_BYTES

Found = tuple[Place, str]
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """What surrounds the file: its folder, the names a platform may have, the environment variables, the matrix.

    Without `private_keys` the files of private keys are not looked at.
    """

    folder: Path
    platforms: Collection[str]
    environment: Mapping[str, str]
    matrix: Matrix
    private_keys: bool = True


def broken_rules(data: Data, world: World) -> Iterator[Found]:
    """Each broken rule with its place. Parts of the wrong shape are passed over; the models report those."""
    data = _without_nulls(data)
    yield from _storage(data, world)
    servers = list(_blocks(data, (), "route_servers"))
    routers = list(_blocks(data, (), "routers"))
    yield from _unique(((*place, "name"), server.get("name")) for place, server in servers)
    yield from _unique(((*place, "slug"), router.get("slug")) for place, router in routers)
    for place, server in servers:
        yield from _server(place, server, world)
    for place, router in routers:
        yield from _router(place, router, world)
        yield from _routes(place, router, {str(s.get("name")): s for _, s in servers})
    connections = [found for place, router in routers for found in _blocks(router, place, "connections")]
    yield from _unique(((*place, "id"), connection.get("id")) for place, connection in connections)
    yield from _unique(
        ((*place, name), values.address(text))
        for place, connection in connections
        for name in ("source_ipv4", "source_ipv6")
        if isinstance(text := connection.get(name), str)
    )
    for place, connection in connections:
        yield from _connection(place, connection)
    platforms = {router.get("platform") for _, router in routers} | ({"bird"} if servers else set())
    yield from hiding_faults(data, world.matrix, [name for name in world.matrix.platforms if name in platforms])
    for name, text in _block(data, "data").items():
        yield from (_payloads if name == "vrps" else _table)(("data", name), text, world)
    for name, fault_of in (("logo", _logo_fault), ("terms", _terms_fault)):
        yield from _shown(("branding", name), _block(data, "branding").get(name), world, fault_of)


def _without_nulls(data: Any) -> Any:
    """The same data; a key set to null is a key not set. Lists keep their length, so places stay true."""
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(value) for value in data] if isinstance(data, list) else data


def _block(data: Data, name: str) -> Data:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _blocks(data: Data, place: Place, name: str) -> Iterator[tuple[Place, Data]]:
    found = data.get(name)
    if isinstance(found, list):
        for i, block in enumerate(found):
            if isinstance(block, dict):
                yield (*place, name, i), block


def _unique(named: Iterator[tuple[Place, Any]]) -> Iterator[Found]:
    first: dict[Any, Place] = {}
    for place, value in named:
        if value is None or isinstance(value, list | dict):
            continue
        if value in first:
            yield place, f"{value} is already used by {written(first[value])}; each needs its own"
        else:
            first[value] = place


def _storage(data: Data, world: World) -> Iterator[Found]:
    storage = data.get("storage", "sqlite:///netpulse.db")
    if isinstance(storage, str):
        file = sqlite_file(storage, world.folder)
        if storage.startswith(("postgresql:", "postgresql+", "postgres:")):
            yield ("storage",), "PostgreSQL is not supported by this release; write sqlite:///netpulse.db"
        elif file is None:
            yield ("storage",), "must be a database URL like sqlite:///netpulse.db"
        elif not file.parent.is_dir():
            yield ("storage",), f"the folder {file.parent} does not exist; make it, or name a file elsewhere"
    coordination = data.get("coordination", "memory://")
    if isinstance(coordination, str) and coordination != "memory://":
        if coordination.startswith(("redis:", "rediss:", "valkey:", "valkeys:", "unix:")):
            yield ("coordination",), "Redis and Valkey are not supported by this release; run one process on memory://"
        else:
            yield ("coordination",), "must be memory://"


def sqlite_file(storage: str, folder: Path) -> Path | None:
    """The file of a `sqlite:///` URL, relative ones from this folder; None if the URL is not of that form."""
    scheme, found, name = storage.partition(":///")
    if scheme != "sqlite" or not found or not name or name.startswith(":") or set(name) & set("?#\0"):
        return None
    return named_file(folder, name)


def _server(place: Place, server: Data, world: World) -> Iterator[Found]:
    if "bird" not in server and "recording" not in server:
        yield place, "needs `bird: {socket: PATH}`, the control socket of the BIRD that answers"
    if "recording" in server and ("bird" in server or "ssh" in server):
        yield (*place, "recording"), "a recording takes the place of bird and ssh; remove one or the other"
    yield from _ssh((*place, "ssh"), server.get("ssh"), world)
    yield from _readable((*place, "recording"), server.get("recording"), world)


def _router(place: Place, router: Data, world: World) -> Iterator[Found]:
    platform = router.get("platform")
    if isinstance(platform, str) and platform not in world.platforms:
        yield (*place, "platform"), _not_one_of(platform, "a platform", world.platforms)
    reaches = [name for name in ("ssh", "recording") if name in router]
    if not reaches and platform == "bird":
        yield place, "a BIRD is a route server: list it under route_servers with `own: true`, and use `platform: linux`"
    elif not reaches and isinstance(platform, str) and platform != "linux" and platform in world.platforms:
        yield place, "needs `ssh: {host, user, key_file, host_keys}`; only platform linux can be this host itself"
    elif platform == "bird" and "recording" not in router and not router.get("routes"):
        yield (
            place,
            "needs `routes: [{from: NAME}]`: a BIRD is asked over its control socket, listed under route_servers",
        )
    if len(reaches) > 1:
        yield (*place, "recording"), "a recording takes the place of ssh; remove one of the two"
    yield from _ssh((*place, "ssh"), router.get("ssh"), world)
    yield from _readable((*place, "recording"), router.get("recording"), world)
    reserved, most = router.get("reserved_sessions"), router.get("max_sessions", 3)
    if isinstance(reserved, int) and isinstance(most, int) and 0 < most <= reserved:
        yield (*place, "reserved_sessions"), f"must be less than max_sessions ({most}), else visitors get none"
    seen: dict[Any, int] = {}
    for where, connection in _blocks(router, place, "connections"):
        egress = connection.get("egress")
        if isinstance(egress, str) and platform in world.platforms and not world.matrix.heeds(str(platform), egress):
            yield (
                (*where, "egress"),
                f"the commands of platform {platform} cannot be told a way out; use policy and steer the source on the router",
            )
        for j, text in enumerate(_texts(connection, "neighbors")):
            neighbor, i = values.address(text), int(where[-1])
            if neighbor is not None and seen.setdefault(neighbor, i) != i:
                other = f"connections[{seen[neighbor]}]"
                yield (*where, "neighbors", j), f"{neighbor} is already a neighbour of {other}; name it once"


def _texts(block: Data, name: str) -> list[str]:
    found = block.get(name)
    return [text if isinstance(text, str) else "" for text in found] if isinstance(found, list) else []


def _not_one_of(name: str, what: str, known: Collection[str]) -> str:
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    rest = f"did you mean {close[0]}?" if close else f"use one of {', '.join(sorted(known)) or 'those you define'}"
    return f'"{name[:40]}" is not {what}; {rest}'


def _ssh(place: Place, ssh: Any, world: World) -> Iterator[Found]:
    name = ssh.get("key_file") if isinstance(ssh, dict) else None
    if world.private_keys and isinstance(name, str) and name:
        key_file = secret_file(world.folder, name, world.environment)
        fault = key_fault(key_file, is_credential=key_file != named_file(world.folder, name))
        if fault:
            yield (*place, "key_file"), fault


def _readable(place: Place, name: Any, world: World) -> Iterator[Found]:
    if not isinstance(name, str) or not name:
        return
    file = named_file(world.folder, name)
    try:
        file.open("rb").close()
    except FileNotFoundError:
        yield place, f"there is no file {file}; check the name"
    except IsADirectoryError:
        yield place, f"{file} is a folder; name a file"
    except OSError as fault:
        yield place, f"{file} cannot be read by user {os.geteuid()} ({(fault.strerror or '').lower()}); let it read the file"


def _shown(place: Place, name: Any, world: World, fault_of: Callable[[Path], str | None]) -> Iterator[Found]:
    """A file that pages show is looked into, so that nothing of it is missing on them without a word."""
    unreadable = list(_readable(place, name, world))
    yield from unreadable
    if not unreadable and isinstance(name, str) and name:
        file = named_file(world.folder, name)
        if fault := fault_of(file):
            yield place, f"{file} {fault}"


def _logo_fault(file: Path) -> str | None:
    with file.open("rb") as opened:
        content = opened.read(MOST_LOGO_BYTES + 1)
    if file.suffix.lower() not in (".svg", ".png"):
        return "is neither a .svg nor a .png; browsers are shown no other kind"
    if not content:
        return "is empty; name the file of a picture"
    if len(content) > MOST_LOGO_BYTES:
        return f"is larger than {MOST_LOGO_BYTES // 1024} KiB, which every visitor would load; make it smaller"
    if file.suffix.lower() == ".png" and not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "is no PNG picture, whatever its name says; save it as PNG or SVG"
    # With a prefix, as some programs write it, and in UTF-16 too.
    if file.suffix.lower() == ".svg" and not re.search(rb"<(\w+:)?svg\b", content.replace(b"\0", b"")):
        return "is no SVG picture, as it has no <svg> in it; save it as SVG (not packed) or PNG"
    return None


def _terms_fault(file: Path) -> str | None:
    line = _first_line_not_utf8(file)
    return f"is not UTF-8 in line {line}; save it as UTF-8" if line else None


def _table(place: Place, name: Any, world: World) -> Iterator[Found]:
    """A file of names is read whole, as the service will read it, so that a bad one is a fault here and not there."""
    unreadable = list(_readable(place, name, world))
    yield from unreadable
    if unreadable or not isinstance(name, str) or not name:
        return
    file = named_file(world.folder, name)
    try:
        read_names(file, None)
    except UnicodeDecodeError:
        yield place, f"{file} is not UTF-8 in line {_first_line_not_utf8(file)}; save it as UTF-8"
    except csv.Error as fault:
        yield place, f"{file} is not a table ({fault}); look for a quotation mark that is never closed"


def _payloads(place: Place, name: Any, world: World) -> Iterator[Found]:
    unreadable = list(_readable(place, name, world))
    yield from unreadable
    if not unreadable and isinstance(name, str) and name:
        file = named_file(world.folder, name)
        try:
            roas_in(file)
        except ValueError as fault:
            yield place, f"{file} {fault}; let the validator write JSON with `roas`"


def _first_line_not_utf8(file: Path) -> int | None:
    content = file.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as fault:
        return content.count(b"\n", 0, fault.start) + 1
    return None


def _routes(place: Place, router: Data, servers: Mapping[str, Data]) -> Iterator[Found]:
    for where, source in _blocks(router, place, "routes"):
        name = source.get("from")
        if not isinstance(name, str):
            continue
        server = servers.get(name)
        if server is None:
            yield (*where, "from"), _not_one_of(name, "a route server of this file", servers)
        elif not server.get("own") and "ipv4" not in source and "ipv6" not in source:
            yield where, "needs ipv4 or ipv6 with the table or protocol that holds this router's routes"
        for family in ("ipv4", "ipv6"):
            table = source.get(family)
            if isinstance(table, dict) and "table" not in table and "protocol" not in table:
                yield (*where, family), "needs `table` or `protocol`, else routes of every router would be shown"


def _connection(place: Place, connection: Data) -> Iterator[Found]:
    if connection.get("id") == 0 and not isinstance(connection.get("id"), bool):
        yield (*place, "id"), "0 is the router's own choice; number connections from 1 (`own_choice: true` offers 0)"
    elif isinstance(number := connection.get("id"), int) and number < 0:
        yield (*place, "id"), f"must be at least 1, is {number}"
    if "source_ipv4" not in connection and "source_ipv6" not in connection:
        yield place, "needs source_ipv4 or source_ipv6, the address its queries come from"
    if connection.get("type") == "IX":
        if connection.get("asn") is not None:
            yield (*place, "asn"), "an IX has no AS number of its own; remove it"
    else:
        for name in ("lan_ipv4", "lan_ipv6"):
            if name in connection:
                yield (*place, name), "only an IX has a LAN; remove it, or make the type IX"
    yield from _egress(place, connection)
    for name in ("source_ipv4", "source_ipv6"):
        source = values.address(text) if isinstance(text := connection.get(name), str) else None
        if source and (source.is_multicast or source.is_unspecified or source.is_loopback):
            yield (*place, name), f"{source} cannot be a source of packets to others; use an address of the router"


def _egress(place: Place, connection: Data) -> Iterator[Found]:
    egress = connection.get("egress", "source")
    if egress == "routing_instance" and "routing_instance" not in connection:
        yield (*place, "egress"), "needs `routing_instance: NAME` beside it"
    if egress != "routing_instance" and "routing_instance" in connection:
        yield (*place, "routing_instance"), "has no effect unless egress is routing_instance; set that or remove it"
    for family in ("ipv4", "ipv6"):
        hop = f"next_hop_{family}"
        if egress == "next_hop" and f"source_{family}" in connection and hop not in connection:
            yield (*place, "egress"), f"needs `{hop}: ADDRESS` beside it"
        if egress != "next_hop" and hop in connection:
            yield (*place, hop), "has no effect unless egress is next_hop; set that or remove it"
