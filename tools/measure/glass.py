"""The server under test: `netpulse serve` in a process of its own, asked over loopback."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from measure.http import Connection
from netpulse.config import load
from netpulse.store import open_store

_STOPS_WITHIN_S = 15.0
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Glass:
    """A server that answers. `keys` are API keys in the order of the limits asked for."""

    host: str
    port: int
    pid: int
    keys: tuple[str, ...]

    def connect(self, key: int = 0) -> Connection:
        return Connection(self.host, self.port, self.keys[key] if self.keys else "")

    def url(self, path: str) -> str:
        return f"http://{self.host}:{self.port}{path}"

    def cpu_s(self) -> float:
        """Processor seconds that the server has used so far, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    def memory_kib(self) -> int:
        """Resident memory of the server now."""
        return memory_kib(self.pid)


@asynccontextmanager
async def served(
    config: Path, per_minute: tuple[int, ...] = (10_000_000,), core: int | None = None
) -> AsyncIterator[Glass]:
    """A server of this configuration on a free port, with one key per limit; pinned to a core if asked and possible."""
    async with open_store(load(config).storage) as store:
        keys = [await store.keys.create(f"bench {limit}", per_minute=limit) for limit in per_minute]
    argv = ["serve", "--config", str(config), "--listen", "127.0.0.1:0"]
    async with running(argv, config.parent, core) as (process, where):
        host, _, port = where.rpartition("/")[2].rpartition(":")
        yield Glass(host, int(port), process.pid, tuple(text for text, _ in keys))


@asynccontextmanager
async def running(
    argv: list[str], folder: Path, core: int | None = None, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`netpulse ARGV` in this folder, and the address it says it listens on; ended in order."""
    log = folder / "server.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *pinned(core), sys.executable, "-m", "netpulse", *argv,
            cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            if process.stdout is None:
                raise RuntimeError("the server's standard output is not a pipe")
            line = (await process.stdout.readline()).decode().strip()
            if not line.startswith("Listening on "):
                raise RuntimeError(f"the server did not start: {last_words(log) or line}")
            yield process, line.removeprefix("Listening on ")
        finally:
            await stopped(process)


async def stopped(process: asyncio.subprocess.Process) -> None:
    """End the process in order, by force if it takes too long."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOPS_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def memory_kib(pid: int) -> int:
    """Resident memory of a process; 0 if it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def last_words(log: Path) -> str:
    """The end of what a process said on standard error."""
    return log.read_text(errors="replace").strip()[-300:]


def pinned(core: int | None) -> list[str]:
    """The words that keep a program on one core, none where that cannot be."""
    able = core is not None and core in os.sched_getaffinity(0) and shutil.which("taskset")
    return ["taskset", "-c", str(core)] if able else []
