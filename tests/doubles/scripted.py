"""A device in memory: each command is answered by a script, and everything that happened is on record.

    device = Scripted({"ping 8.8.8.8 count 5": [Say("64 bytes …\\n"), Hold(), Say("…\\n")]})

`Hold` waits until the test says `device.go()`; `Hang` never ends by itself. With `obeys_stop=False` a stopped command lives
on, as a silent one on a real router may: for `lives_on_s` seconds, telling nobody of its end, or until `device.die()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netpulse.errors import Fault, NetPulseError
from netpulse.inventory import Device
from netpulse.transports.seam import Transport


@dataclass(frozen=True)
class Say:
    """Print this text, now or after a while of the loop's own time."""

    text: str
    after_s: float = 0.0


@dataclass(frozen=True)
class Hold:
    """Wait until the test calls `go`."""


@dataclass(frozen=True)
class Hang:
    """Print nothing more and do not end."""


@dataclass(frozen=True)
class Break:
    """Close the session without an end."""


Step = Say | Hold | Hang | Break | NetPulseError
Script = Sequence[Step]


class ScriptedRunning:
    """One command of a script."""

    def __init__(self, device: Scripted, script: Script) -> None:
        self._device = device
        self._script = list(script)
        self._over = False
        self._ended = asyncio.Event()
        self._stopped = asyncio.Event()

    async def read(self) -> bytes:
        while self._script:
            step = self._script.pop(0)
            if isinstance(step, NetPulseError):
                self._end()
                raise step
            if isinstance(step, Say):
                if step.after_s:
                    await self._unless_stopped(asyncio.sleep(step.after_s))
                return b"" if self._stopped.is_set() else step.text.encode()
            if isinstance(step, Hold):
                await self._unless_stopped(self._device.gate.wait())
            if isinstance(step, Hang):
                await self._stopped.wait()
                return b""
            if isinstance(step, Break):
                self._end()
                return b""
            if self._stopped.is_set():
                return b""
        self._over = True
        self._end()
        return b""

    async def _unless_stopped(self, what: object) -> None:
        stopped = asyncio.ensure_future(self._stopped.wait())
        waiting = asyncio.ensure_future(what)  # type: ignore[call-overload]
        try:
            await asyncio.wait((stopped, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            waiting.cancel()

    def _end(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._device.running -= 1

    @property
    def ended_well(self) -> bool:
        return self._over

    def stop(self) -> None:
        if not self._stopped.is_set():
            self._stopped.set()
            self._device.stopped += 1
            if self._device.obeys_stop:
                self._end()
            elif self._device.lives_on_s is not None:
                asyncio.get_running_loop().call_later(self._device.lives_on_s, self._end)
            else:
                self._device.undead.append(self)

    def die(self) -> None:
        self._end()

    async def ended(self) -> None:
        await (self._ended.wait() if self._device.lives_on_s is None else asyncio.Event().wait())


@dataclass
class Scripted:
    """The transport of one device. `scripts` maps a command to its script, or makes one; a missing command is refused."""

    scripts: Mapping[str, Script] | Callable[[str], Script]
    obeys_stop: bool = True
    lives_on_s: float | None = None
    fault: Fault | None = None
    commands: list[str] = field(default_factory=list)
    undead: list[ScriptedRunning] = field(default_factory=list)
    running: int = 0
    peak: int = 0
    stopped: int = 0
    closed: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, command: str) -> ScriptedRunning:
        if self.fault is not None:
            raise Fault(self.fault.code, self.fault.sentence)  # each attempt fails with a fault of its own
        self.commands.append(command)
        script = self.scripts(command) if callable(self.scripts) else self.scripts[command]
        self.running += 1
        self.peak = max(self.peak, self.running)
        return ScriptedRunning(self, script)

    def go(self) -> None:
        """Let every command that holds go on."""
        self.gate.set()

    def die(self) -> None:
        """Let the commands that ignored their stop come to their end."""
        while self.undead:
            self.undead.pop().die()

    async def close(self) -> None:
        self.closed = True


def making(devices: Mapping[str, Scripted]) -> Callable[[Device, float], tuple[Transport, list[Transport]]]:
    """A maker of transports for a pool: each device by its key."""

    def make(device: Device, _login_s: float) -> tuple[Transport, list[Transport]]:
        return devices[device.key], []

    return make
