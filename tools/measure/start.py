"""From nothing to the first answer: `netpulse serve` without any file."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from measure.glass import last_words, memory_kib, stopped
from measure.http import Connection
from measure.rows import Row, median

_TIMES = 5
_WITHIN_S = 20.0
_SETTLED_AFTER_S = 2.0


async def start(folder: Path, port: int) -> list[Row]:
    """Process start to `/healthz` 200, and resident memory two seconds after it. `folder` is there and empty."""
    taken_s: list[float] = []
    memory_mb: list[float] = []
    log = folder / "server.log"
    for _ in range(_TIMES):
        began_s = time.perf_counter()
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "netpulse", "serve", "--listen", f"127.0.0.1:{port}",
                cwd=folder, env={**os.environ, "XDG_STATE_HOME": str(folder)},
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
        try:
            async with asyncio.timeout(_WITHIN_S):
                await _first_answer(port, process, log)
            taken_s.append(time.perf_counter() - began_s)
            await asyncio.sleep(_SETTLED_AFTER_S)
            memory_mb.append(memory_kib(process.pid) * 1024 / 1e6)
        finally:
            await stopped(process)
    return [
        Row("server start to first answer", "≤ 1.5 s", f"{median(taken_s):.2f} s", median(taken_s) <= 1.5),
        Row("resident memory idle", "≤ 120 MB", f"{median(memory_mb):.0f} MB", median(memory_mb) <= 120),
    ]


async def _first_answer(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    while process.returncode is None:
        try:
            async with Connection("127.0.0.1", port) as web:
                if (await web.get("/healthz")).status == 200:
                    return
        except OSError:
            await asyncio.sleep(0.005)
    raise RuntimeError(f"the server ended with {process.returncode} instead of answering: {last_words(log)}")
