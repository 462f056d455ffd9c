"""BIRD's control socket, near and through SSH: a dead session is replaced once in silence, half a reply serves nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from doubles.bird_proxy import FakeBird, Reply
from doubles.fake_router import fixed_key
from doubles.steps import Close, Hang, Say, Step, WaitFor
from netpulse.errors import Fault, NetPulseError
from netpulse.events import Event, Failed, Found
from netpulse.executor import Executor
from netpulse.inventory import BirdSocket, Device, Ssh
from netpulse.pool import Pool
from netpulse.transports.bird_socket import BirdTransport, local_socket
from netpulse.transports.seam import Running
from test_executor import events_of, job

STATUS = "show status"
WHOLE = "1007-word one\n0000 \n"


class SshHost:
    """An SSH server that lets its guests reach Unix sockets of this host."""

    def __init__(self) -> None:
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.port = 0

    def drop_connections(self) -> None:
        """Break every connection, as a host that restarts."""
        while self.connections:
            self.connections.pop().abort()

    def door(self) -> asyncssh.SSHServer:
        host = self

        class Door(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                host.connections.append(conn)

            async def begin_auth(self, username: str) -> bool:
                return False

            def unix_connection_requested(self, dest_path: str) -> bool:
                return True

        return Door()


class Scene:
    """A route server behind SSH, and an executor in front of it."""

    def __init__(self, host: SshHost, bird: FakeBird, device: Device) -> None:
        self.host = host
        self.bird = bird
        self.device = device
        self.pool = Pool(queue_places=10, queue_wait_s=5.0, login_s=8.0, clock=asyncio.get_running_loop().time)
        self.executor = Executor(self.pool)

    async def ask(self) -> str | None:
        """The code of what went wrong, None if all went well."""
        last = (await events_of(self.executor.start(job(STATUS, device=self.device))))[-1]
        return last.error.code if isinstance(last, Failed) else None


@asynccontextmanager
async def through_ssh(folder: Path, reply: Reply) -> AsyncIterator[Scene]:
    host, path, host_key = SshHost(), folder / "bird.ctl", fixed_key("router")
    key_file = folder / "key"
    key_file.write_bytes(fixed_key("client").export_private_key("openssh"))
    line = " ".join(host_key.export_public_key().decode().split()[:2])
    async with FakeBird(path, {STATUS: reply}) as bird:
        server = await asyncssh.listen("127.0.0.1", 0, server_factory=host.door, server_host_keys=[host_key])
        ssh = Ssh("127.0.0.1", "netpulse", key_file, (line,), server.get_port())
        scene = Scene(host, bird, Device("route_server:rs1", "bird", BirdSocket(str(path), ssh), max_sessions=3))
        try:
            yield scene
        finally:
            await scene.executor.close()
            await scene.pool.close()
            server.close()
            await server.wait_closed()


async def output_of(running: Running) -> bytes:
    text = b""
    while data := await running.read():
        text += data
    return text


async def test_sessions_through_an_ssh_connection_that_died_are_replaced_in_silence(tmp_path: Path) -> None:
    async with through_ssh(tmp_path, WHOLE) as scene:
        assert await asyncio.gather(*(scene.ask() for _ in range(3))) == [None] * 3
        for _ in range(3):
            scene.host.drop_connections()
            await scene.bird.until(lambda bird: bird.open == 0)
            assert await asyncio.gather(*(scene.ask() for _ in range(3))) == [None] * 3
        assert scene.pool.state(scene.device) == "up"


async def test_a_route_server_behind_ssh_that_dies_before_it_answers_is_asked_once_more_and_then_has_closed(
    tmp_path: Path,
) -> None:
    async with through_ssh(tmp_path, WHOLE) as scene:
        assert await scene.ask() is None
        scene.bird.script = {STATUS: [Hang()]}
        asking = asyncio.create_task(scene.ask())
        await scene.bird.until(lambda bird: bird.asked.count(STATUS) == 2)
        scene.host.drop_connections()
        await scene.bird.until(lambda bird: bird.asked.count(STATUS) == 3)
        scene.host.drop_connections()
        assert await asking == "router_closed"
        assert scene.bird.asked.count(STATUS) == 3


async def test_a_route_server_behind_ssh_that_dies_within_its_answer_has_closed(tmp_path: Path) -> None:
    async with through_ssh(tmp_path, WHOLE) as scene:
        assert await scene.ask() is None
        scene.bird.script = {STATUS: [Say("1007-word one\n"), Hang()]}
        execution = scene.executor.start(job(STATUS, device=scene.device))
        execution.join()
        last: Event | None = None
        async for event in execution.follow():
            if isinstance(event, Found):
                scene.host.drop_connections()
            last = event
        assert isinstance(last, Failed)
        assert last.error.code == "router_closed"
        assert last.partial is not None
        assert last.partial.output == "word one\n"
        assert scene.bird.asked.count(STATUS) == 2  # what was told is not asked for again


async def test_a_kept_session_that_died_unnoticed_is_replaced_once(tmp_path: Path) -> None:
    async with FakeBird(tmp_path / "bird.ctl", {STATUS: WHOLE}) as bird:
        transport = BirdTransport(local_socket(str(bird.path)), login_s=8.0)
        assert await output_of(await transport.start(STATUS)) == b"word one\n"
        bird.script = {STATUS: [Close()]}
        with pytest.raises(Fault) as caught:
            await output_of(await transport.start(STATUS))
        assert caught.value.code == "router_closed"
        assert bird.asked.count(STATUS) == 3  # the first, the one on the kept session, the one that replaced it
        bird.script = {STATUS: WHOLE}
        assert await output_of(await transport.start(STATUS)) == b"word one\n"
        await transport.close()


@pytest.mark.parametrize("way", ["cancelled", "stopped", "garbled", "closed"])
async def test_a_session_with_half_a_reply_in_it_never_serves_another_command(tmp_path: Path, way: str) -> None:
    gate = asyncio.Event()
    late: list[Step] = [WaitFor(gate), Say("1007-word late\n0000 \n")]
    endings: dict[str, list[Step]] = {"garbled": [Say("no code here\n")], "closed": [Close()]}
    rest = endings.get(way, late)
    async with FakeBird(tmp_path / "bird.ctl", {STATUS: [Say("1007-word secret\n"), *rest]}) as bird:
        transport = BirdTransport(local_socket(str(bird.path)), login_s=8.0)
        running = await transport.start(STATUS)
        if way in ("cancelled", "stopped"):
            assert await running.read() == b"word secret\n"
        if way == "cancelled":
            reading = asyncio.create_task(running.read())
            asyncio.get_running_loop().call_soon(reading.cancel)  # once it waits for the rest
            with pytest.raises(asyncio.CancelledError):
                await reading
        elif way == "stopped":
            running.stop()
        else:
            with pytest.raises(NetPulseError) as caught:
                await output_of(running)
            assert caught.value.code == f"router_{way}"
        bird.script = {STATUS: WHOLE}
        assert await output_of(await transport.start(STATUS)) == b"word one\n"
        gate.set()
        await bird.until(lambda bird: bird.open == 1)
        assert [one.asked for one in bird.conversations] == [[b"restrict", STATUS.encode()]] * 2
        await transport.close()


async def test_a_command_stopped_while_its_dead_session_is_replaced_leaves_no_session_open(tmp_path: Path) -> None:
    async with FakeBird(tmp_path / "bird.ctl", {STATUS: WHOLE}) as bird:
        transport = BirdTransport(local_socket(str(bird.path)), login_s=8.0)
        await output_of(await transport.start(STATUS))
        gate = asyncio.Event()
        bird.script = {"restrict": [WaitFor(gate), Say("0016 Access restricted\n")], STATUS: [Close()]}
        running = await transport.start(STATUS)
        reading = asyncio.create_task(running.read())
        await bird.until(lambda bird: bird.asked.count("restrict") == 2)
        running.stop()
        gate.set()
        assert await reading == b""
        await bird.until(lambda bird: bird.open == 0)
        await transport.close()
