"""A looking glass whose core1 is really reached, over SSH and a BIRD socket, so that the way there can break.

    async with FakeRouter(ANSWERS) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router)) as glass:
        stored = await failure(glass, caplog, "router_closed")

`core2` is a script and always well. What holds for every fault is asserted by `failure` and `answer`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from doubles.fake_router import FakeRouter, fixed_key
from doubles.glass import PING, SETTINGS, TRACE, Glass, answers, transit
from doubles.scripted import Scripted
from doubles.steps import Exit, Say, Step
from netpulse.inventory import BirdSocket, Device, Inventory, Reach, Router, RouteSource, RouteTable, Ssh, ThisHost
from netpulse.pool import make_transport
from netpulse.services import open_services
from netpulse.settings import Deadlines
from netpulse.store.audit import AuditFilter, AuditRow
from netpulse.transports.seam import Transport
from netpulse.web.server import bound_socket, listening

PING_PATH = "/ping?target=8.8.8.8&router=core1&connection=1"
PATH_PATH = "/aspath?target=8.8.8.8&router=core1"
OTHER_PATH = "/ping?target=8.8.8.8&router=core2&connection=2"
LINES = PING.splitlines(keepends=True)
PATIENCE = Deadlines(login_s=0.4, silence_s=0.4, ping_s=5.0, traceroute_s=5.0, bird_s=1.0)
"""Deadlines that a fault reaches soon and a loaded machine does not."""
SECRETS = ("127.0.0.1", "netpulse", "ssh-ed25519", "Traceback", "asyncssh", "/", "Error")


def well(command: str) -> list[Step]:
    """What a router that is well prints."""
    return [Say(TRACE if command.startswith("traceroute") else PING), Exit(0)]


def by_ssh(folder: Path, router: FakeRouter | int, host: str = "127.0.0.1") -> Ssh:
    """The way to this router, or to whatever is at this port in its place."""
    key_file = folder / "key"
    key_file.write_bytes(fixed_key("client").export_private_key("openssh"))
    port = router if isinstance(router, int) else router.port
    line = " ".join(fixed_key("router").export_public_key().decode().split()[:2])
    return Ssh(host, "netpulse", key_file, (line,), port)


def core1(reach: Reach, bird: Path | None = None) -> Router:
    rs1 = Device("route_server:rs1", "bird", BirdSocket(str(bird)), max_sessions=4)
    return Router(
        "core1",
        "Router core1",
        "DC1",
        "box",
        "linux",
        Device("router:core1", "linux", reach, max_sessions=3),
        connections=(transit(1, "203.0.113.1"),),
        routes=(RouteSource(rs1, "rs1", {4: RouteTable(table="core1_v4")}),) if bird else (),
    )


@asynccontextmanager
async def faulty_glass(
    folder: Path,
    reach: Reach | None = None,
    *,
    bird: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
    **changes: Any,
) -> AsyncIterator[Glass]:
    """The service over core1, reached so, and core2. `changes` are fields of Settings."""
    other = Device("router:core2", "linux", ThisHost(), max_sessions=3)
    core2 = Router("core2", "Router core2", "DC2", "box", "linux", other, connections=(transit(2, "203.0.113.2"),))
    scripted = {"router:core2": Scripted(answers)}
    if reach is None:
        scripted["router:core1"] = Scripted(answers)

    def make(device: Device, login_s: float) -> tuple[Transport, list[Transport]]:
        found = scripted.get(device.key)
        return (found, []) if found is not None else make_transport(device, login_s)

    known = {"deadlines": PATIENCE, "storage": f"sqlite:///{folder / 'glass.db'}", "bgp_cache_s": 0.0, **changes}
    settings = replace(SETTINGS, inventory=Inventory((core1(reach or ThisHost(), bird), core2)), **known)
    sock = bound_socket("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with open_services(settings, clock=clock, make=make) as services, listening(services, [sock]):
        key, _ = await services.store.keys.create("tests", per_minute=100_000)
        async with httpx2.AsyncClient(timeout=30) as client:
            yield Glass(services, scripted, port, key, client)


async def audit(glass: Glass) -> list[AuditRow]:
    """Every row, oldest first, once all that is queued is written."""
    await glass.services.store.database.writer.drained()
    return [row async for row in glass.services.store.audit.find(AuditFilter(), newest_first=False)]


async def sessions_free(glass: Glass, key: str = "router:core1") -> None:
    """Returns once no session of the device is taken."""
    (slots,) = (post.slots for post in glass.services.pool.posts() if post.device.key == key)
    async with asyncio.timeout(10):
        while slots.taken:
            await asyncio.sleep(0)


async def failure(
    glass: Glass, log: pytest.LogCaptureFixture, code: str, path: str = PING_PATH, *, says: str = ""
) -> dict[str, Any]:
    """A question that fails with this code, and what is kept of it.

    The caller gets one sentence without a word of the device, the audit row is closed, the log has a warning and no
    traceback, and others are served.
    """
    before = len(await audit(glass))
    log.clear()
    answer = await glass.get(path)
    assert (answer.status_code, answer.json().get("code")) == (500, code), answer.text
    assert list(answer.json()) == ["error", "code"]
    assert answer.json()["error"].endswith(".")
    assert not [word for word in SECRETS if word in answer.json()["error"]]
    rows = (await audit(glass))[before:]
    assert [(row.outcome, row.code) for row in rows if row.kind in path] == [("failed", code)]
    assert all(row.outcome for row in rows)
    told = [record for record in log.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told if code in record.getMessage() and says in record.getMessage()]
    assert not [record for record in told if record.exc_info]
    assert (await glass.get(OTHER_PATH)).status_code == 200
    return dict((await glass.get(f"/results/{answer.headers['x-result-id']}")).json().get("data", {}))


async def answer(glass: Glass, path: str = PING_PATH) -> dict[str, Any]:
    """The data of a question that must be answered."""
    got = await glass.get(path)
    assert got.status_code == 200, got.text
    data: dict[str, Any] = got.json()["data"]
    return data
