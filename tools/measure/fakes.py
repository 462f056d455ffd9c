"""SSH routers in a process of their own: real SSH, and commands that take as long as their target says.

The third number of the target is tenths of a second (`45.0.2.7`: 0.2 s), 255 stands for ever, 254 for a line of 10 MB and
253 for a million lines. Before anything else a command prints when it did so: `printed at N ns`, on the monotonic clock that
all processes of a machine share. The command `peak` tells how many commands ran at once at most since it was last asked.

Every command is also in a log, which nobody has to trust the asked server for: `Fakes.commands`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import asyncssh

from netpulse.inventory import Ssh

USER = "bench"
STAMP = "printed at "
FOREVER, LONG_LINE, MANY_LINES = 255, 254, 253
_PIECE = 65536
_REPLIES = "".join(f"64 bytes from {{target}}: icmp_seq={n} ttl=60 time=1.0{n} ms\n" for n in range(1, 6))
_TEXT = (
    "PING {target} ({target}) 56(84) bytes of data.\n" + _REPLIES + "\n--- {target} ping statistics ---\n"
    "5 packets transmitted, 5 received, 0% packet loss, time 4005ms\n"
    "rtt min/avg/max/mdev = 1.010/1.030/1.050/0.014 ms\n"
)


@dataclass(frozen=True)
class Command:
    """One command that a router was sent; times in seconds of the monotonic clock, `ended_s` None while it runs."""

    router: str
    text: str
    began_s: float
    ended_s: float | None


@dataclass(frozen=True)
class Fakes:
    """Where the routers are; one port serves as many of them as the configuration names."""

    ssh: Ssh
    log: Path

    def commands(self, since_s: float = 0.0) -> list[Command]:
        """Every command that began after this moment, in order."""
        found: dict[int, Command] = {}
        for line in self.log.read_text().splitlines():
            entry = json.loads(line)
            if "text" in entry:
                found[entry["n"]] = Command(entry["router"], entry["text"], entry["s"], None)
            else:
                found[entry["n"]] = replace(found[entry["n"]], ended_s=entry["s"])
        return [command for command in found.values() if command.began_s >= since_s]

    def config(
        self, folder: Path, *, routers: int = 1, sessions: int = 3, further: Mapping[str, object] | None = None, **limits: object
    ) -> Path:
        """A configuration of this many routers `r0`, `r1` …, all reached at this port, each with connection N+1.

        `further` are whole blocks of the file.
        """
        reach = {
            "host": self.ssh.host, "port": self.ssh.port,
            "key_file": str(self.ssh.key_file), "host_keys": list(self.ssh.host_keys),
        }  # fmt: skip
        blocks = [
            {
                "slug": f"r{n}", "name": f"Router {n}", "platform": "linux", "max_sessions": sessions,
                "ssh": {**reach, "user": f"r{n}"},  # the user's name tells the log which router was meant
                "connections": [{"id": n + 1, "name": f"Transit {n}", "type": "TRANSIT", "source_ipv4": f"203.0.113.{n + 1}"}],
            }
            for n in range(routers)
        ]  # fmt: skip
        tree = {
            "routers": blocks,
            "limits": {"target_per_minute": 1_000_000, **limits},
            "deadlines": {"silence_s": 55, "traceroute_s": 55},
            **(further or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "netpulse.yaml"
        file.write_text(json.dumps(tree, indent=1))  # JSON is YAML
        return file


def ping_path(router: int, target: str) -> str:
    """The API's path for a ping of this target from that router."""
    return f"/api/v1/ping?target={target}&router=r{router}&connection={router + 1}"


def held_path(router: int, n: int) -> str:
    """The API's path for a command that prints its stamp and then nothing: a trace, because a ping is cut off by itself."""
    target = f"45.0.{FOREVER}.{n % 250 + 1}"
    return f"/api/v1/traceroute?target={target}&router=r{router}&connection={router + 1}"


@asynccontextmanager
async def fake_routers(folder: Path) -> AsyncIterator[Fakes]:
    """The process, started and ended. `folder` is there; the routers' client key goes into it."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(folder / "client")
    (folder / "client").chmod(0o600)
    key.write_public_key(folder / "client.pub")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "measure.fakes", str(folder / "client.pub"), str(folder / "routers.log"),
        cwd=Path(__file__).parent.parent,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None:
            raise RuntimeError("the routers' standard output is not a pipe")
        port, host_key = (await process.stdout.readline()).decode().strip().split(" ", 1)
        yield Fakes(Ssh("127.0.0.1", USER, folder / "client", (host_key,), int(port)), folder / "routers.log")
    finally:
        process.kill()
        await process.wait()


class _Routers:
    def __init__(self, log: TextIO) -> None:
        self._log = log
        self._commands = 0
        self._running = 0
        self._peak = 0

    async def command(self, process: asyncssh.SSHServerProcess[str]) -> None:
        words = (process.command or "").split()
        if words == ["peak"]:
            process.stdout.write(f"{self._peak}\n")
            self._peak = self._running
            process.exit(0)
            return
        self._running += 1
        self._peak = max(self._peak, self._running)
        self._commands = number = self._commands + 1
        self._note(n=number, router=process.get_extra_info("username"), text=process.command)
        try:
            process.stdout.write(f"{STAMP}{time.monotonic_ns()} ns\n")
            await self._play(process, words[-1])
        except (asyncssh.BreakReceived, asyncssh.SignalReceived):
            process.exit(130)
        except OSError:  # whoever asked has gone away in the middle
            process.close()
        finally:
            self._running -= 1
            self._note(n=number)

    def _note(self, **what: object) -> None:
        self._log.write(json.dumps({**what, "s": time.monotonic()}) + "\n")
        self._log.flush()

    async def _play(self, process: asyncssh.SSHServerProcess[str], target: str) -> None:
        tenths = int(target.split(".")[2]) if target.count(".") == 3 else 0
        if tenths == FOREVER:
            await process.stdin.read()
            await process.wait_closed()
            return
        if tenths in (LONG_LINE, MANY_LINES):
            stopped = asyncio.ensure_future(process.stdin.read())  # a signal arrives as its exception
            try:
                await _flood(process, stopped, "x" * 9 if tenths == LONG_LINE else "64 bytes\n")
            finally:
                stopped.cancel()
        elif tenths:
            await asyncio.sleep(tenths / 10)
        process.stdout.write(_TEXT.format(target=target))
        process.exit(0)


async def _flood(process: asyncssh.SSHServerProcess[str], stopped: asyncio.Future[str], nine: str) -> None:
    """These nine characters again and again, ten million in all, unless a signal comes before."""
    piece = nine * (_PIECE // 9)
    for _ in range(10_000_000 // len(piece)):
        process.stdout.write(piece)
        sent = asyncio.ensure_future(process.stdout.drain())
        both: list[asyncio.Future[Any]] = [sent, stopped]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done() and stopped.exception() is not None:
            sent.cancel()
            stopped.result()
        await sent


async def _serve(authorized: str, log: TextIO) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], authorized_client_keys=authorized,
        process_factory=_Routers(log).command, line_editor=False, allow_pty=False, gss_host=None, backlog=1024,
    )  # fmt: skip
    kind, body = key.export_public_key().decode().split()[:2]
    print(acceptor.get_port(), kind, body, flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    with open(sys.argv[2], "a", encoding="utf-8") as commands:
        asyncio.run(_serve(sys.argv[1], commands))
