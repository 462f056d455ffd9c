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
from doubles.steps import Exit, Hang, Say, Step
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
PATIENCE = Deadlines(login_s=10.0, silence_s=10.0, ping_s=20.0, traceroute_s=20.0, bird_s=10.0)
"""Deadlines that a loaded machine does not reach."""
HASTE = replace(PATIENCE, login_s=1.0, silence_s=1.0)
"""Deadlines for faults that only a deadline finds."""
SECRETS = ("127.0.0.1", "netpulse", "ssh-ed25519", "Traceback", "asyncssh", "/", "Error")


def well(command: str) -> list[Step]:
    """What a router that is well prints."""
    return [Say(TRACE if command.startswith("traceroute") else PING), Exit(0)]


def hangs(_command: str) -> list[Step]:
    """Two lines, and then nothing more."""
    return [*map(Say, LINES[:2]), Hang()]


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
        while slots.taken:  # noqa: ASYNC110 - nobody is told of it, so each turn of the loop looks
            await asyncio.sleep(0)


async def failure(
    glass: Glass,
    log: pytest.LogCaptureFixture,
    code: str,
    path: str = PING_PATH,
    *,
    says: str = "",
    audited: str | None = None,
) -> dict[str, Any]:
    """A question that fails with this code, and what is kept of it. `audited` is the device's own code, if it is another.

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
    assert [(row.outcome, row.code) for row in rows if row.kind in path] == [("failed", audited or code)]
    assert all(row.outcome for row in rows)
    told = [record for record in log.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told if (audited or code) in record.getMessage() and says in record.getMessage()]
    assert not [record for record in told if record.exc_info]
    assert (await glass.get(OTHER_PATH)).status_code == 200
    return dict((await glass.get(f"/results/{answer.headers['x-result-id']}")).json().get("data", {}))


async def answer(glass: Glass, path: str = PING_PATH) -> dict[str, Any]:
    """The data of a question that must be answered."""
    got = await glass.get(path)
    assert got.status_code == 200, got.text
    data: dict[str, Any] = got.json()["data"]
    return data


class Cable:
    """TCP between a client and a router's port, which can be cut without either end being told.

    After `freeze` nothing more passes on the connections there are; new ones are fine. `cut_after` lets so many more
    pieces of the router's through and then breaks their connection. `broken` counts connections that the client closed.
    """

    def __init__(self, port: int) -> None:
        self._behind = port
        self._frozen: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._left: int | None = None
        self._server: asyncio.Server | None = None
        self.broken = 0
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Cable:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def freeze(self) -> None:
        self._frozen |= self._writers

    def cut_after(self, pieces: int) -> None:
        self._left = pieces

    async def until_broken(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.broken < count:
                self._changed.clear()
                await self._changed.wait()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_router, to_router = await asyncio.open_connection("127.0.0.1", self._behind)
        self._writers |= {writer, to_router}
        try:
            await asyncio.gather(
                self._copy(reader, to_router), self._copy(from_router, writer, counted=True), return_exceptions=True
            )
        finally:
            self._writers -= {writer, to_router}

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool = False) -> None:
        while data := await source.read(65536):
            if sink in self._frozen:
                continue
            if counted and self._left is not None:
                self._left -= 1
                if self._left < 0:
                    self._left = None
                    for writer in list(self._writers):
                        writer.transport.abort()
                    return
            sink.write(data)
        if not counted:
            self.broken += 1
            self._changed.set()
        sink.close()


@asynccontextmanager
async def instead_of(
    router: FakeRouter, greet: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]
) -> AsyncIterator[None]:
    """Something else answers at the router's port inside the scope."""
    await router.stop_listening()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await greet(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", router.port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        await router.listen()
