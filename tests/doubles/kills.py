"""A whole server that is killed under load and started again on the same file, as often as asked.

Its router lives in the process of the test and remembers every command that reached it, so what the database says can be
held against what really happened. Where a server is killed is drawn from a seed: at the n-th thing that the router or a
client notices, or somewhere in its start.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from doubles import server_process
from doubles.fake_router import FakeRouter
from doubles.steps import Exit, Hang, Say, Step
from measure.http import Connection
from netpulse.store import open_store

_CLIENTS = 6
_STREAMS = 3
"""Clients from this number on wait for whole answers, those before it read streams."""

_WHO_MEET_ENDLESS = 2
"""The last so many clients ask what has no end."""

_SHORT, _ENDLESS = 45, 46
"""First numbers of targets: what has an end, and what has none."""

_MOST_HAPPENINGS = 250
_START_WITHIN_S = 60.0
_REPLY = "64 bytes from 8.8.8.8: icmp_seq={n} ttl=61 time=1.50 ms\n"
_SUMMARY = (
    "\n--- 8.8.8.8 ping statistics ---\n5 packets transmitted, 5 received, 0% packet loss, time 4005ms\n"
    "rtt min/avg/max/mdev = 1.200/1.400/1.600/0.141 ms\n"
)


@dataclass
class Life:
    """What one database has been through. `answered` are results that a client was given whole."""

    kills: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    interrupted: int = 0
    answered: set[str] = field(default_factory=set)
    kept: int = 0
    """Of those, how many could be read again after the kill."""


class Killed:
    """`async with FakeRouter() as router: await Killed(folder, router, seed).times(30)`; raises AssertionError."""

    def __init__(self, folder: Path, router: FakeRouter, seed: int) -> None:
        self.life = Life()
        self._folder = folder
        self._router = router
        self._random = Random(seed)  # noqa: S311
        self._key = ""
        self._asked = 0
        self._happened = 0
        self._due = 0
        self._server: Process | None = None
        self._orphans: set[str] = set()
        router.script = self._script

    async def times(self, count: int) -> Life:
        """That many lives and deaths, and a last life that ends in order; what must hold is looked at after each."""
        config = self._config()
        async with open_store(f"sqlite:///{self._database}") as store:
            self._key, _ = await store.keys.create("kills", per_minute=1_000_000)
        for _ in range(count):
            await self._one_life(config)
        self._server = None
        process, port = await self._start(config)
        try:
            await self._look_back(port)
            known = len(self.life.answered)
            await self._ask(port, _STREAMS)
            assert len(self.life.answered) > known, "the last server does not answer"
            process.terminate()
            assert await process.wait() == 0
        finally:
            await _gone(process)
        self._inspect()
        assert not self._open_rows(), "a server that ended in order left rows open"
        return self.life

    async def _one_life(self, config: Path) -> None:
        death = self._random.choices(("under load", "while starting", "unable to write"), (8, 1, 1))[0]
        self.life.kills[death] += 1
        if death == "while starting":
            await self._die_starting(config)
            return
        process, port = await self._start(config)
        try:
            await self._look_back(port)
            with self._locked() if death == "unable to write" else nullcontext():
                self._happened = 0
                self._due = 1 if death == "unable to write" else self._random.randint(1, _MOST_HAPPENINGS)
                self._server = process
                async with asyncio.timeout(_START_WITHIN_S):
                    await asyncio.gather(*(self._client(port, n) for n in range(_CLIENTS)))
                    await process.wait()
        finally:
            await _gone(process)
        await self._router.until(lambda router: not router.connections)
        self._inspect()

    async def _die_starting(self, config: Path) -> None:
        """Killed somewhere between its birth and its first moments of service."""
        process = await self._spawn(config)
        try:
            assert process.stdout is not None
            with suppress(TimeoutError):
                async with asyncio.timeout(self._random.uniform(0.2, 1.2)):
                    await process.stdout.readline()
            process.kill()
            await process.wait()
        finally:
            await _gone(process)
        self._inspect()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Somebody else holds the database: nothing can be recorded, so no command may reach the router."""
        with closing(sqlite3.connect(self._database, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield

    async def _start(self, config: Path) -> tuple[Process, int]:
        process = await self._spawn(config)
        assert process.stdout is not None
        async with asyncio.timeout(_START_WITHIN_S):
            line = await process.stdout.readline()
        assert line, "the server did not start again"
        return process, int(line)

    async def _spawn(self, config: Path) -> Process:
        # Without the cache of compiled code each start would take three times as long.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, server_process.__file__, str(self._folder), str(config)),
            stdout=PIPE, stderr=DEVNULL, env=environment,
        )  # fmt: skip

    # What clients do until the server is gone.

    async def _client(self, port: int, n: int) -> None:
        with suppress(OSError, EOFError, asyncio.IncompleteReadError):
            while True:
                await self._ask(port, n)

    async def _ask(self, port: int, n: int) -> None:
        """A ping, or its stream; some streams are left early. Each has a target of its own, so each command is known."""
        self._asked += 1
        first = _ENDLESS if n >= _CLIENTS - _WHO_MEET_ENDLESS else _SHORT
        path = f"/api/v1/ping?target={_target(first, self._asked)}&router=core1&connection=1"
        async with Connection("127.0.0.1", port, self._key) as web:
            if n >= _STREAMS:
                answer = await web.get(path)
                self._happens()
                if answer.status == 200:
                    self.life.answered.add(answer.headers["x-result-id"])
                return
            answer = await web.open_stream(path)
            if answer.status != 200:
                self._happens()
                return
            left = self._asked % 5 == 0
            async for line in web.lines():
                self._happens()
                if line.startswith(b"event: finished"):
                    self.life.answered.add(answer.headers["x-result-id"])
                if left and line.startswith(b"event: output"):
                    return

    def _happens(self) -> None:
        self._happened += 1
        if self._happened == self._due and self._server is not None:
            self._server.kill()  # at this very moment, not when somebody's turn comes

    def _script(self, command: str) -> Sequence[Step]:
        self._happens()
        lines = [Say(_REPLY.format(n=n)) for n in range(1, 6)]
        if f" {_ENDLESS}." in command:  # under way for as long as the server lives
            return [Say("PING\n"), lines[0], Hang()]
        return [Say("PING\n"), *lines, Say(_SUMMARY), Exit(0)]

    # What must hold.

    @property
    def _database(self) -> Path:
        return self._folder / "test.db"

    def _inspect(self) -> None:
        """The file as the dead server left it."""
        with closing(sqlite3.connect(self._database)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows = database.execute("SELECT id, command FROM audit").fetchall()
            results = database.execute("SELECT id, body FROM results").fetchall()
        recorded = Counter(command for _, command in rows)
        seen = Counter(self._router.commands)
        assert max(seen.values(), default=1) == 1, "a command reached the router twice"
        assert not seen.keys() - recorded.keys(), "a command reached the router and nobody knows who asked"
        assert max(recorded.values(), default=1) == 1
        assert len({row_id for row_id, _ in rows}) == len(rows)
        assert len({result_id for result_id, _ in results}) == len(results)
        for result_id, body in results:
            assert json.loads(body)["id"] == result_id
        self.life.commands = len(seen)
        self._orphans = self._open_rows()

    def _open_rows(self) -> set[str]:
        with closing(sqlite3.connect(self._database)) as database:
            return {row_id for (row_id,) in database.execute("SELECT id FROM audit WHERE outcome IS NULL")}

    async def _look_back(self, port: int) -> None:
        """A server that has just started: what the dead one left open is told as such, what it kept can be read."""
        with closing(sqlite3.connect(self._database)) as database:
            outcomes = dict(database.execute("SELECT id, outcome FROM audit").fetchall())
        assert {outcomes[orphan] for orphan in self._orphans} <= {"interrupted"}
        assert None not in outcomes.values()
        self.life.interrupted += len(self._orphans)
        self._orphans = set()
        async with Connection("127.0.0.1", port, self._key) as web:
            for result_id in sorted(self.life.answered)[-20:]:
                answer = await web.get(f"/api/v1/results/{result_id}")
                if answer.status == 200:
                    assert answer.data()["id"] == result_id
                    self.life.kept += 1
                else:
                    assert json.loads(answer.body)["code"] == "not_found", answer.body

    def _config(self) -> Path:
        (self._folder / "client").write_bytes(self._router.client_key.export_private_key())
        (self._folder / "client").chmod(0o600)
        tree = {
            "storage": f"sqlite:///{self._database}",
            "routers": [
                {
                    "slug": "core1", "name": "Core Router 1", "platform": "linux", "max_sessions": 8,
                    "ssh": {
                        "host": "127.0.0.1", "port": self._router.port, "user": self._router.user,
                        "key_file": "client", "host_keys": [self._router.host_key_line],
                    },
                    "connections": [{"id": 1, "name": "Transit", "type": "TRANSIT", "source_ipv4": "203.0.113.1"}],
                }
            ],
        }  # fmt: skip
        file = self._folder / "netpulse.yaml"
        file.write_text(json.dumps(tree))  # JSON is YAML
        return file


def _target(first: int, number: int) -> str:
    return f"{first}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def _gone(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()
