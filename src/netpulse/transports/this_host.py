"""Commands of this host, by argument vector; never through a shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process

from netpulse.errors import Fault
from netpulse.transports.seam import ARGV

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


class _Running:
    def __init__(self, process: Process) -> None:
        if process.stdout is None:
            raise ValueError("the process was started without a pipe for its output")
        self._process = process
        self._output = process.stdout
        self._over = False

    async def read(self) -> bytes:
        data = await self._output.read(65536)
        if not data and not self._over:
            await self._process.wait()
            self._over = True
        return data

    @property
    def ended_well(self) -> bool:
        return self._over and self._process.returncode is not None and self._process.returncode >= 0

    def stop(self) -> None:
        # Also when the command itself is gone: a child of it may live on in its process group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        await self._process.wait()


def _search_path(ours: str) -> str:
    """Where commands are looked for: an empty or relative part of PATH would mean the folder we happen to be in."""
    return ":".join((*(part for part in ours.split(":") if part.startswith("/")), _PATH))


class ThisHostTransport:
    """Runs the command's words as an argument vector, in a process group of its own."""

    async def start(self, command: str) -> _Running:
        words = ARGV.check(command).split(" ")
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                start_new_session=True,
                env={"PATH": _search_path(os.environ.get("PATH", "")), "LC_ALL": "C"},
            )
        except OSError as error:
            raise Fault("router_refused", "This host does not have that command.", detail=str(error)) from error
        return _Running(process)

    async def close(self) -> None:
        return
