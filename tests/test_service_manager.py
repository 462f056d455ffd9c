"""What systemd hears: readiness, reloads, the end and signs of life, from a real socket; and silence where none is named."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doubles import server_process
from netpulse.service_manager import ServiceManager

FILE = "storage: sqlite:///test.db\nsite: {{name: {name}}}\nrouters:\n  - {{slug: here, name: Here, platform: linux}}\n"


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """The notification socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


async def heard(listener: socket.socket) -> list[str]:
    return (await asyncio.get_running_loop().sock_recv(listener, 4096)).decode().split("\n")


async def until(listener: socket.socket, line: str) -> list[str]:
    """The messages up to one with this line, one text each."""
    async with asyncio.timeout(30):
        messages: list[str] = []
        while not messages or line not in messages[-1].split("\n"):
            messages.append("\n".join(await heard(listener)))
    return messages


async def test_each_state_is_one_datagram(listener: socket.socket) -> None:
    manager = ServiceManager(listener.getsockname())
    manager.ready("serving on 127.0.0.1\nport 8080")
    assert await heard(listener) == ["READY=1", "STATUS=serving on 127.0.0.1 port 8080"]
    with manager.reloading():
        first, second = await heard(listener)
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")
    assert await heard(listener) == ["READY=1"]
    manager.says("x" * 5000)
    assert await heard(listener) == ["STATUS=" + "x" * 200]
    manager.stopping()
    assert (await heard(listener))[0] == "STOPPING=1"


async def test_a_reload_that_fails_is_over_too(listener: socket.socket) -> None:
    with pytest.raises(ValueError), ServiceManager(listener.getsockname()).reloading():
        raise ValueError
    assert (await heard(listener))[0] == "RELOADING=1"
    assert await heard(listener) == ["READY=1"]


async def test_an_address_of_the_abstract_name_space_is_understood() -> None:
    name = f"netpulse-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        sock.setblocking(False)
        ServiceManager(f"@{name}").says("hello")
        assert await heard(sock) == ["STATUS=hello"]


async def test_signs_of_life_come_as_often_as_they_are_asked_for(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": listener.getsockname(), "WATCHDOG_USEC": "30000000"})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr("netpulse.service_manager.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await manager.keep_alive()
    assert waits == [15.0, 15.0, 15.0]
    assert [listener.recv(100) for _ in waits] == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"WATCHDOG_USEC": "1000"},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
async def test_where_nobody_asks_for_signs_of_life_none_are_sent(environment: dict[str, str]) -> None:
    manager = ServiceManager.of(environment)
    assert manager.watchdog_s is None
    await manager.keep_alive()


def test_a_manager_that_does_not_listen_is_logged_once_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    manager = ServiceManager("/no/such/socket")
    with caplog.at_level(logging.WARNING, "netpulse.service_manager"):
        manager.ready("x")
        manager.stopping()
    assert len(caplog.records) == 1


@asynccontextmanager
async def served(folder: Path, listener: socket.socket, file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {**os.environ, "NOTIFY_SOCKET": listener.getsockname(), "WATCHDOG_USEC": "400000"}
    environment.pop("WATCHDOG_PID", None)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, server_process.__file__, str(folder), str(file)),
        env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_server_tells_its_whole_life(tmp_path: Path, listener: socket.socket) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text(FILE.format(name="First"))
    async with served(tmp_path, listener, file) as process:
        first = await until(listener, "READY=1")
        assert "STATUS=serving on 127.0.0.1 port" in first[-1]
        await until(listener, "WATCHDOG=1")
        file.write_text("site: [")
        process.send_signal(signal.SIGHUP)
        await until(listener, "RELOADING=1")
        during = await until(listener, "READY=1")
        assert any("not loaded" in message for message in during), "systemctl status shows why"
        process.send_signal(signal.SIGTERM)
        await until(listener, "STOPPING=1")
        assert await process.wait() == 0
