"""A normal client in a process of its own: asks the same thing again and again, and says how long each answer took."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from measure.glass import Glass
from measure.http import Connection
from measure.nginx import Nginx
from measure.rows import percentile


class Waits:
    """Milliseconds of each answer, filled when the scope of `probing` ends; an answer that is none counts as failed."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self.failed = 0

    def p(self, percent: int) -> float:
        return percentile(self.ms, percent) if self.ms else float("inf")

    def __str__(self) -> str:
        return f"p50 {self.p(50):.1f} ms, p99 {self.p(99):.1f} ms of {len(self.ms)}, {self.failed} failed"


@asynccontextmanager
async def probing(
    glass: Glass, path: str, key: int = 0, every_s: float = 0.02, nginx: Nginx | None = None
) -> AsyncIterator[Waits]:
    """A client that asks for this path at this pace, on a new connection each time, inside the scope; through nginx if given."""
    waits = Waits()
    place = (nginx.host, str(nginx.port)) if nginx else (glass.host, str(glass.port))
    trusted = [str(nginx.trusted)] if nginx else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "endurance.probe", *place, glass.keys[key], path, str(every_s), *trusted,
        cwd=Path(__file__).parent.parent, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None:
            raise RuntimeError("the probe's standard output is not a pipe")
        await process.stdout.readline()  # it has had its first answer
        yield waits
        said, _ = await process.communicate(b"")
        waits.ms, waits.failed = json.loads(said)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ask(host: str, port: int, key: str, path: str, tls: ssl.SSLContext | None) -> float | None:
    began_s = time.perf_counter()
    try:
        async with asyncio.timeout(10), Connection(host, port, key, tls=tls) as web:
            status = (await web.get(path)).status
    except (OSError, EOFError, TimeoutError):
        return None
    return (time.perf_counter() - began_s) * 1000 if status == 200 else None


async def _main(host: str, port: int, key: str, path: str, every_s: float, trusted: str | None = None) -> None:
    tls = ssl.create_default_context(cafile=trusted) if trusted else None
    for _ in range(10):
        await _ask(host, port, key, path, tls)
    print("ready", flush=True)
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    found: list[float | None] = []
    while not told.done():
        found.append(await _ask(host, port, key, path, tls))
        await asyncio.sleep(every_s)
    whole = [ms for ms in found if ms is not None]
    print(json.dumps([whole, len(found) - len(whole)]), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], float(sys.argv[5]), *sys.argv[6:]))
