"""How long a command takes to start over SSH: on a pooled session, on a channel by hand, on a fresh login."""

from __future__ import annotations

import time

import asyncssh

from measure.fakes import Fakes
from measure.rows import Row, median
from netpulse.transports.ssh import SshTransport

_COMMAND = "ping -4 -n -c 5 -W 1 -I 203.0.113.1 45.0.0.1"
_WARM_UP = 20
_TIMES = 150
_FRESH_EVERY = 5


async def command_start(fakes: Fakes) -> list[Row]:
    """From asking to the first byte, the three ways in turn, so that the machine is the same for all."""
    pooled = SshTransport(fakes.ssh, login_s=8.0)
    by_hand = await _login(fakes)
    ways: dict[str, list[float]] = {"pool": [], "hand": [], "fresh": []}
    try:
        for n in range(-_WARM_UP, _TIMES):
            times = {"pool": await _pooled_ms(pooled), "hand": await _by_hand_ms(by_hand)}
            if n % _FRESH_EVERY == 0:
                times["fresh"] = await _fresh_ms(fakes)
            for way, ms in times.items():
                if n >= 0:
                    ways[way].append(ms)
    finally:
        await pooled.close()
        by_hand.close()
        await by_hand.wait_closed()
    pool_ms, hand_ms, fresh_ms = (median(values) for values in ways.values())
    return [
        Row(
            "a command on a pooled SSH session against a new channel by hand on the same connection",
            "≤ 1.2×",
            f"{pool_ms / hand_ms:.2f}× ({pool_ms:.2f} ms, {hand_ms:.2f} ms)",
            pool_ms / hand_ms <= 1.2,
        ),
        Row(
            "the same against a fresh login",
            "≥ 4× faster",
            f"{fresh_ms / pool_ms:.1f}× ({fresh_ms:.1f} ms)",
            fresh_ms / pool_ms >= 4,
        ),
    ]


async def _login(fakes: Fakes) -> asyncssh.SSHClientConnection:
    ssh = fakes.ssh
    pinned = [asyncssh.import_public_key(line) for line in ssh.host_keys]
    return await asyncssh.connect(
        ssh.host, ssh.port, username=ssh.user, client_keys=[str(ssh.key_file)], known_hosts=(pinned, [], []),
        config=None, agent_path=None,
    )  # fmt: skip


async def _pooled_ms(transport: SshTransport) -> float:
    began_s = time.perf_counter()
    running = await transport.start(_COMMAND)
    await running.read()
    taken_ms = _since_ms(began_s)
    while await running.read():
        continue
    return taken_ms


async def _by_hand_ms(connection: asyncssh.SSHClientConnection) -> float:
    """A channel as anybody would open one."""
    began_s = time.perf_counter()
    async with connection.create_process(_COMMAND, encoding=None, stdin=asyncssh.DEVNULL) as process:
        await process.stdout.read(1)
        taken_ms = _since_ms(began_s)
        await process.stdout.read()
    return taken_ms


async def _fresh_ms(fakes: Fakes) -> float:
    began_s = time.perf_counter()
    connection = await _login(fakes)
    taken_ms = _since_ms(began_s) + await _by_hand_ms(connection)
    connection.close()
    await connection.wait_closed()
    return taken_ms


def _since_ms(began_s: float) -> float:
    return (time.perf_counter() - began_s) * 1000
