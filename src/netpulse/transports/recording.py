"""Plays recorded commands back with their own timing: a demonstration where no router can be had, and tests.

The file is JSON: `{"DEVICE KEY": {"COMMAND": [[seconds since the command, "text"], …]}}`. The command ends with its last
text; a last text of `""` only tells when the end came, and a last `null` that none had come when the recording was cut
off: such a command stays silent until it is stopped, as the device did. A command that was not recorded is refused;
nothing is invented.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from netpulse.errors import Fault

NOT_RECORDED = "This recording does not hold an answer to that question."
"""What is said of such a command; by it a stored result still tells that no router refused anything."""

Steps = list[tuple[float, str | None]]
Recorded = dict[str, dict[str, Steps]]
"""Device key to command to what came."""


class _Running:
    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._next = 0
        self._began = asyncio.get_running_loop().time()
        self._stopped = asyncio.Event()

    async def read(self) -> bytes:
        if self._next >= len(self._steps):
            return b""
        at_s, text = self._steps[self._next]
        try:
            async with asyncio.timeout_at(None if text is None else self._began + at_s):
                await self._stopped.wait()
            return b""
        except TimeoutError:
            self._next += 1
            return (text or "").encode()

    @property
    def ended_well(self) -> bool:
        return self._next >= len(self._steps)

    def stop(self) -> None:
        self._stopped.set()

    async def ended(self) -> None:
        return


class RecordingTransport:
    """The commands recorded for one device."""

    def __init__(self, path: Path, device_key: str) -> None:
        self._path = path
        self._device_key = device_key
        self._commands: dict[str, Steps] | None = None

    async def start(self, command: str) -> _Running:
        if self._commands is None:
            recorded = msgspec.json.decode(self._path.read_bytes(), type=Recorded)
            self._commands = recorded.get(self._device_key, {})
        steps = self._commands.get(command)
        if steps is None:
            raise Fault("router_refused", NOT_RECORDED, detail="not recorded")
        return _Running(steps)

    async def close(self) -> None:
        return
