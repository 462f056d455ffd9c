"""A server process of its own in front of a scripted router, for faults of the process itself.

    async with FakeRouter(well) as router, server_of(tmp_path, router) as server:
        async with server.client() as client:
            answer = await client.get(server.url + PING_PATH)
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from doubles import server_process
from doubles.fake_router import FakeRouter
from doubles.faulty import by_ssh
from doubles.machine import DISK
from netpulse.store import open_store
from netpulse.store.audit import AuditFilter, AuditRow

FILE = """\
site: {{name: Test, organization: Example}}
storage: sqlite:///{database}
limits: {{target_per_minute: 100000, queue_places: 10, queue_wait_s: 30}}
deadlines: {{silence_s: 50, ping_s: 50}}
routers:
  - slug: core1
    name: Core
    location: DC1
    model: box
    platform: linux
    max_sessions: {sessions}
    ssh: {{host: 127.0.0.1, port: {port}, user: netpulse, key_file: key, host_keys: ["{host_key}"]}}
    connections:
      - {{id: 1, name: Transit, type: TRANSIT, asn: 174, source_ipv4: 203.0.113.1, egress: policy}}
"""


@dataclass
class Server:
    """The process, where it answers, and a key."""

    process: Process
    url: str
    folder: Path
    headers: dict[str, str]

    @asynccontextmanager
    async def client(self, most: int = 200) -> AsyncIterator[httpx2.AsyncClient]:
        """A client with the key and at most so many connections."""
        limits = httpx2.Limits(max_connections=most, max_keepalive_connections=most)
        async with httpx2.AsyncClient(timeout=30, headers=self.headers, base_url=self.url, limits=limits) as client:
            yield client

    def limit(self, what: int, soft: int) -> None:
        """From now on the process may have so much of a resource."""
        resource.prlimit(self.process.pid, what, (soft, resource.prlimit(self.process.pid, what)[1]))

    @property
    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def data_bytes(self) -> int:
        """What counts for RLIMIT_DATA."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:")) * 1024

    async def audit(self) -> list[AuditRow]:
        """Every row, once the process is over."""
        async with open_store(f"sqlite:///{self.folder / 'test.db'}") as store:
            return [row async for row in store.audit.find(AuditFilter(), newest_first=False)]


async def log_of(stream: asyncio.StreamReader | None) -> list[dict[str, Any]]:
    """Every line that is left."""
    assert stream is not None
    return [json.loads(line) for line in (await stream.read()).splitlines() if line.startswith(b"{")]


@asynccontextmanager
async def server_of(
    folder: Path,
    router: FakeRouter,
    *,
    sessions: int = 3,
    stderr: int | None = PIPE,
    inside: Sequence[str] = (),
    database: str = "test.db",
) -> AsyncIterator[Server]:
    """The process is gone at the end, whatever it was doing. `inside` are words before its command, as `machine` has them."""
    reach = by_ssh(folder, router)
    reach.key_file.chmod(0o600)
    path = folder / "netpulse.yaml"
    path.write_text(
        FILE.format(
            sessions=sessions, port=reach.port, host_key=reach.host_keys[0], database=database
        )
    )
    (folder / DISK).mkdir()
    async with open_store(f"sqlite:///{folder / 'test.db'}") as store:
        key, _ = await store.keys.create("tests", per_minute=100_000)
    process = await asyncio.create_subprocess_exec(
        *(*inside, sys.executable, server_process.__file__, str(folder), str(path)),
        cwd=folder,
        stdout=PIPE,
        stderr=stderr,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        headers = {"Authorization": f"Bearer {key}"}
        yield Server(process, f"http://127.0.0.1:{port}/api/v1", folder, headers)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
