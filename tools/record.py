"""Records what the lab's devices say to the demonstration's questions, for `netpulse demo --replay`.

    .venv/bin/python tools/record.py

It starts the lab at its normal speed, asks everything that docs/lab.md invites to ask, and writes every command with its
output and timing to src/netpulse/lab/recording.json. It takes three to four minutes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from netpulse.cells import QueryType
from netpulse.config import load
from netpulse.enrich.hops import addresses_in
from netpulse.events import Answer, Failed, Finished
from netpulse.inventory import Device, Router
from netpulse.lab import topology as net
from netpulse.lab.lab import Lab, refusal
from netpulse.lab.replay import RECORDING
from netpulse.policy import Caller
from netpulse.pool import make_transport
from netpulse.query import Job
from netpulse.services import Services, open_services
from netpulse.settings import Settings
from netpulse.transports.recording import Recorded, Steps
from netpulse.transports.seam import Running, Transport
from netpulse.values import Address

TARGETS = (
    "8.8.8.8 1.1.1.1 23.0.0.1 9.9.9.9 193.0.6.139 130.89.1.1 66.66.66.66 80.80.80.80 81.81.81.81 142.250.185.78 "
    "2001:4860:4860::8888 2606:4700:4700::1111 2001:4860:4860::200e 2620:fe::fe 2001:67c:2e8::139 2600:1400::1"
).split()
"""Every target of the manual, and what the lab's names of them lead to."""

PREFIXES = (
    "8.8.8.0/24 1.1.1.0/24 23.0.0.0/24 9.9.9.0/24 193.0.6.0/24 130.89.0.0/16 66.66.66.0/24 "
    "2001:4860::/32 2606:4700::/32 203.0.113.0/26 8.8.0.0/16 0.0.0.0/0 ::/0"
).split()
"""Those of the manual; one of our own; and some that are absent, which is an answer too."""

SESSIONS = 64
"""A command that the recording cut off may live on in the router for minutes; its session must not be missed."""

CALLER = Caller(owner="key:recording", audience="key", client="127.0.0.1")
END_GAP_S = 0.05
_AT_ONCE = 6


class Recorder:
    """Makes transports that write down every command and what came back."""

    def __init__(self) -> None:
        self.devices: Recorded = {}

    def make(self, device: Device, login_s: float) -> tuple[Transport, list[Transport]]:
        inner, behind = make_transport(device, login_s)
        return _Transport(inner, self.devices.setdefault(device.key, {})), behind


class _Transport:
    def __init__(self, inner: Transport, commands: dict[str, Steps]) -> None:
        self._inner = inner
        self._commands = commands

    async def start(self, command: str) -> Running:
        began_s = asyncio.get_running_loop().time()
        running = await self._inner.start(command)
        steps = self._commands[command] = []
        return _Running(running, steps, began_s)

    async def close(self) -> None:
        await self._inner.close()


class _Running:
    def __init__(self, inner: Running, steps: Steps, began_s: float) -> None:
        self._inner = inner
        self._steps = steps
        self._began_s = began_s
        self._over = False

    async def read(self) -> bytes:
        data = await self._inner.read()
        self._over = self._over or not data
        at_s = round(asyncio.get_running_loop().time() - self._began_s, 3)
        last_s, last = self._steps[-1] if self._steps else (0.0, "")
        if data and self._steps and last_s == at_s:
            self._steps[-1] = (at_s, (last or "") + data.decode())
        elif data or at_s - last_s > END_GAP_S:
            self._steps.append((at_s, data.decode()))
        return data

    @property
    def ended_well(self) -> bool:
        return self._inner.ended_well

    def stop(self) -> None:
        if not self._over:
            self._over = True
            self._steps.append((round(asyncio.get_running_loop().time() - self._began_s, 3), None))
        self._inner.stop()

    async def ended(self) -> None:
        await self._inner.ended()


class Asking:
    """Asks everything of one router, a few commands at a time, as a visitor's questions would."""

    def __init__(self, services: Services, router: Router) -> None:
        self._services = services
        self._router = router
        self._seats = asyncio.Semaphore(_AT_ONCE)
        self._hops: set[Address] = set()
        self.failed: list[str] = []

    async def everything(self) -> None:
        """All packets first, which show the hops; then all routes, those to the hops among them."""
        kinds = self._services.matrix.queries.values()
        packets = [question for kind in kinds if kind.sourced for question in self._packets(kind)]
        await asyncio.gather(*(self._ask(kind, given) for kind, given in packets))
        routes = [kind for kind in kinds if kind.about_routes]
        await asyncio.gather(
            *(self._ask(kind, self._target(text)) for kind in routes for text in (*TARGETS, *PREFIXES))
        )
        for address in sorted({*self._hops, *map(ip_address, TARGETS)}, key=lambda a: (a.version, int(a))):
            await self._run(self._services.pipeline.frame.policy.inner(self._router, address, keyed=True))

    def _packets(self, kind: QueryType) -> Iterator[tuple[QueryType, list[tuple[str, str]]]]:
        for connection in self._router.connections:
            for target in TARGETS:
                if ip_address(target).version in connection.families:
                    yield kind, [*self._target(target), ("connection", str(connection.id))]

    def _target(self, text: str) -> list[tuple[str, str]]:
        return [("target", text), ("router", self._router.slug)]

    async def _ask(self, kind: QueryType, given: Iterable[tuple[str, str]]) -> None:
        async with self._seats:
            plan = await self._services.pipeline.plan(CALLER, kind, given)
            for job in plan.jobs:
                await self._run(job)

    async def _run(self, job: Job | None) -> None:
        """The job on its device, and on every other that would be asked in its place."""
        while job is not None:
            execution = self._services.executor.start(replace(job, shareable=False))
            execution.join()
            async for event in execution.follow():
                if isinstance(event, Finished):
                    self._note(event.answer)
                elif isinstance(event, Failed):
                    self.failed.append(f"{job.device.key}: {job.command}: {event.error}")
            execution.leave()
            job = job.otherwise

    def _note(self, answer: Answer) -> None:
        if answer.result is not None:
            self._hops.update(addresses_in(answer.result))


def patient(settings: Settings) -> Settings:
    """These settings without the limits that are there for many visitors."""

    def roomy(device: Device) -> Device:
        return replace(device, max_sessions=SESSIONS)

    routers = tuple(
        replace(
            router,
            device=roomy(router.device),
            routes=tuple(replace(source, device=roomy(source.device)) for source in router.routes),
        )
        for router in settings.inventory.routers
    )
    return replace(
        settings,
        inventory=replace(settings.inventory, routers=routers),
        limits=replace(settings.limits, target_per_minute=10_000),
    )


async def record(lab: Lab) -> tuple[Recorded, list[str]]:
    """Everything that the lab's devices said, and the questions without an answer."""
    settings = patient(load(lab.config_file))
    recorder = Recorder()
    async with open_services(settings, make=recorder.make) as services:
        asking = [Asking(services, router) for router in settings.inventory.routers]
        await asyncio.gather(*(one.everything() for one in asking))
    recorded = {key: dict(sorted(commands.items())) for key, commands in sorted(recorder.devices.items())}
    return recorded, [failed for one in asking for failed in one.failed]


def text_of(recorded: Recorded) -> str:
    """The recording as JSON, one command a line."""
    devices = []
    for key, commands in recorded.items():
        lines = [f" {json.dumps(command)}: {json.dumps(steps)}" for command, steps in commands.items()]
        devices.append(f"{json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(devices) + "\n}\n"


def main() -> int:
    if why_not := refusal():
        print(why_not, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="netpulse-") as folder, Lab(Path(folder)) as lab:
        lab.start("all")
        missing = [slug for slug in net.ROUTERS if slug not in lab.routers]
        if missing:
            print(f"This lab has no {', '.join(missing)}, so it is not recorded: install frr.", file=sys.stderr)
            return 1
        recorded, failed = asyncio.run(record(lab))
    RECORDING.write_text(text_of(recorded), encoding="utf-8")
    for key, commands in recorded.items():
        print(f"{key}: {len(commands)} commands")
    for line in failed:
        print(f"no answer: {line}")
    print(f"{RECORDING.stat().st_size // 1024} KiB in {RECORDING.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
