"""The lab routers' command line, asked over real SSH on loopback with real ping and traceroute."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from netpulse.lab.router_control import control_socket
from netpulse.lab.router_shell import Router, main
from netpulse.lab.router_spec import read_spec

PING = "ping 127.0.0.1 source 127.0.0.1 count 2"


@dataclass
class Running:
    """The way to a router's command line, and the keys to it."""

    port: int
    control_path: str
    client_key: asyncssh.SSHKey
    host_keys: list[asyncssh.SSHKey]

    async def control(self, request: dict[str, Any], listener: socket.socket | None = None) -> dict[str, Any]:
        line = json.dumps(request).encode() + b"\n"
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(self.control_path)
            socket.send_fds(door, [line], [listener.fileno()] if listener else [])
            door.setblocking(False)
            reply = b""
            while not reply.endswith(b"\n"):
                reply += await asyncio.get_running_loop().sock_recv(door, 65536)
        answer: dict[str, Any] = json.loads(reply)
        return answer

    async def faults(self, **faults: Any) -> None:
        assert (await self.control({"do": "faults", **faults}))["ok"]

    @asynccontextmanager
    async def connected(self, host_key: int = 0) -> AsyncIterator[asyncssh.SSHClientConnection]:
        known = asyncssh.import_known_hosts(
            f"[127.0.0.1]:{self.port} {self.host_keys[host_key].export_public_key().decode()}"
        )
        async with asyncssh.connect("127.0.0.1", self.port, username="netpulse", known_hosts=known, config=None,
                                    client_keys=[self.client_key], agent_path=None) as connection:
            yield connection

    async def run(self, command: str) -> asyncssh.SSHCompletedProcess:
        async with self.connected() as connection:
            return await connection.run(command)

    async def all_ended(self) -> list[dict[str, Any]]:
        """What was asked, once none of it runs any more. The control socket is asked until then."""
        async with asyncio.timeout(10):
            while (await self.control({"do": "sessions"}))["now"]:
                pass
        commands: list[dict[str, Any]] = (await self.control({"do": "commands"}))["commands"]
        return commands


def written(folder: Path, listener: socket.socket, **more: Any) -> Running:
    """A specification and keys in ``folder``, and the way to the router that will be started with them."""
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    host_keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    for index, key in enumerate(host_keys):
        key.write_private_key(str(folder / f"host{index}"))
    (folder / "authorized").write_bytes(client_key.export_public_key())
    spec = {
        "name": "core1", "platform": "junos", "listen_fd": listener.fileno(), "control": str(folder / "control"),
        "host_keys": [str(folder / f"host{index}") for index in range(2)],
        "authorized_keys": str(folder / "authorized"), "fast": True, **more,
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    return Running(listener.getsockname()[1], str(folder / "control"), client_key, host_keys)


@asynccontextmanager
async def running(folder: Path, **more: Any) -> AsyncIterator[Running]:
    """The router in this process; what it still runs at the end is ended with it."""
    listener = socket.create_server(("127.0.0.1", 0))
    way = written(folder, listener, **more)
    router = Router(read_spec(folder / "spec.json"))
    await router.listen(listener)
    try:
        async with control_socket(way.control_path, router):
            yield way
    finally:
        await router.close()


@pytest.fixture
async def junos(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as router:
        yield router


async def test_a_ping_is_real_and_printed_in_the_form_of_junos(junos: Running) -> None:
    done = await junos.run(PING)
    assert done.exit_status == 0
    assert done.stderr == ""
    lines = str(done.stdout).splitlines()
    assert lines[0] == "PING 127.0.0.1 (127.0.0.1): 56 data bytes"
    assert lines[1].startswith("64 bytes from 127.0.0.1: icmp_seq=0 ttl=64 time=0.")
    assert lines[3:6] == [
        "", "--- 127.0.0.1 ping statistics ---", "2 packets transmitted, 2 packets received, 0% packet loss",
    ]
    assert lines[6].startswith("round-trip min/avg/max/stddev = ")


async def test_a_traceroute_is_real_and_printed_in_the_form_of_junos(junos: Running) -> None:
    done = await junos.run("traceroute 127.0.0.1 source 127.0.0.1 no-resolve wait 2 ttl 30")
    head, hop = str(done.stdout).splitlines()
    assert head == "traceroute to 127.0.0.1 (127.0.0.1) from 127.0.0.1, 30 hops max, 52 byte packets"
    assert hop.startswith(" 1  127.0.0.1  0.")
    assert hop.count(" ms") == 3


async def test_a_source_the_router_does_not_own_is_refused(junos: Running) -> None:
    done = await junos.run("ping 127.0.0.1 source 192.0.2.77 count 2")
    assert (done.stdout, done.stderr, done.exit_status) == ("", "ping: bind: Can't assign requested address\n", 1)


async def test_a_target_without_a_route_is_said_for_every_packet(junos: Running) -> None:
    done = await junos.run("ping 192.0.2.77 source 127.0.0.1 count 3")
    assert str(done.stderr).splitlines() == ["ping: sendto: No route to host"] * 3
    assert "3 packets transmitted, 0 packets received, 100% packet loss" in str(done.stdout)


async def test_a_routing_instance_owns_its_address_alone(tmp_path: Path) -> None:
    async with running(tmp_path, instances={"lumen": {"ipv4": "127.0.0.2", "ipv6": None}}) as router:
        assert (await router.run("ping 127.0.0.1 source 127.0.0.2 count 1 routing-instance lumen")).exit_status == 0
        assert (await router.run("ping 127.0.0.1 count 1 routing-instance lumen")).exit_status == 0
        done = await router.run("ping 127.0.0.1 source 127.0.0.1 count 1 routing-instance lumen")
        assert done.stderr == "ping: bind: Can't assign requested address\n"
        done = await router.run("ping 127.0.0.1 count 1 routing-instance cogent")
        assert (done.stderr, done.exit_status) == ("ping: routing instance cogent not found\n", 1)


async def test_an_unknown_option_is_refused_and_nothing_runs(junos: Running) -> None:
    done = await junos.run("ping 127.0.0.1 save /tmp/x")
    assert (done.stdout, done.exit_status) == ("\nerror: syntax error, expecting <command>: save\n", 1)


async def test_there_is_no_shell(junos: Running) -> None:
    async with junos.connected() as connection:
        done = await connection.run()
    assert done.exit_status == 1
    assert "single commands only" in str(done.stdout)


async def test_closing_the_channel_kills_the_command(junos: Running) -> None:
    async with junos.connected() as connection:
        process = await connection.create_process("ping 127.0.0.1")
        assert "PING" in await process.stdout.readline()
        process.close()
        await process.wait_closed()
        assert (await junos.all_ended())[-1]["status"] is None


async def test_a_command_told_to_ignore_closes_runs_on_until_healed(junos: Running) -> None:
    await junos.faults(ignore_close=True)
    async with junos.connected() as connection:
        process = await connection.create_process("ping 127.0.0.1")
        await process.stdout.readline()
        process.close()
        await process.wait_closed()
    assert (await junos.control({"do": "sessions"}))["now"] == 1
    await junos.control({"do": "heal"})
    assert (await junos.all_ended())[-1]["ended"]


async def test_a_signal_ends_the_command(junos: Running) -> None:
    async with junos.connected() as connection:
        process = await connection.create_process("ping 127.0.0.1")
        await process.stdout.readline()
        process.send_signal("TERM")
        await process.wait_closed()
    await junos.all_ended()


async def test_an_interrupt_lets_the_ping_sum_up(junos: Running) -> None:
    async with junos.connected() as connection:
        process = await connection.create_process("ping 127.0.0.1")
        await process.stdout.readline()
        await process.stdout.readline()
        process.send_signal("INT")
        assert "0% packet loss" in await process.stdout.read()


async def test_a_hang_stops_after_the_given_lines(junos: Running) -> None:
    await junos.faults(hang_after_lines=2)
    async with junos.connected() as connection:
        process = await connection.create_process(PING)
        await process.stdout.readline()
        await process.stdout.readline()
        assert (await junos.control({"do": "sessions"}))["now"] == 1
        process.close()
        await process.wait_closed()
    assert [entry["exec"] for entry in await junos.all_ended()] == [PING]


async def test_a_close_in_the_middle_gives_no_exit_status(junos: Running) -> None:
    await junos.faults(close_after_lines=2)
    done = await junos.run(PING)
    assert len(str(done.stdout).splitlines()) == 2
    assert done.exit_status is None


async def test_refused_commands_logins_and_drops(junos: Running) -> None:
    await junos.faults(refuse_commands=True)
    with pytest.raises(asyncssh.ChannelOpenError):
        await junos.run(PING)
    await junos.faults(refuse_commands=False, refuse_login=True)
    with pytest.raises(asyncssh.PermissionDenied):
        await junos.run(PING)
    await junos.control({"do": "heal"})
    async with junos.connected() as connection:
        await junos.control({"do": "drop"})
        await connection.wait_closed()
    assert (await junos.run(PING)).exit_status == 0


async def test_garbage_and_floods_reach_the_client(junos: Running) -> None:
    await junos.faults(garbage=True)
    async with junos.connected() as connection:
        done = await connection.run(PING, encoding=None)
    assert isinstance(done.stdout, bytes)
    assert b"\xff\xfe\x00" in done.stdout
    await junos.faults(garbage=False, flood=True)
    async with junos.connected() as connection:
        process = await connection.create_process(PING)
        for _ in range(1000):
            assert await process.stdout.readline()
        process.close()
        await process.wait_closed()
    await junos.all_ended()


async def test_a_changed_host_key_is_shown_to_new_connections(junos: Running) -> None:
    await junos.faults(host_key=1)
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        await junos.run(PING)
    async with junos.connected(host_key=1) as connection:
        assert (await connection.run("show version")).exit_status == 0
    assert not (await junos.control({"do": "faults", "host_key": 7}))["ok"]
    assert not (await junos.control({"do": "faults", "nonsense": 7}))["ok"]


async def test_listening_stops_and_begins_again_on_a_socket_handed_over(junos: Running) -> None:
    await junos.control({"do": "unlisten"})
    with pytest.raises(OSError):
        await junos.run(PING)
    with socket.create_server(("127.0.0.1", junos.port)) as listener:
        assert (await junos.control({"do": "listen"}, listener))["ok"]
    assert (await junos.run(PING)).exit_status == 0
    sessions = await junos.control({"do": "sessions"})
    assert (sessions["now"], sessions["peak"]) == (0, 1)


async def test_a_linux_router_hands_the_command_to_its_wrapper(tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('#!/bin/sh\necho "asked: $SSH_ORIGINAL_COMMAND"\nexit 3\n')
    wrapper.chmod(0o755)
    async with running(tmp_path, platform="linux", wrapper=str(wrapper)) as router:
        done = await router.run("show version; id")
    assert (done.stdout, done.exit_status) == ("asked: show version; id\n", 3)


async def test_a_linux_router_without_a_wrapper_runs_only_its_three_programs(tmp_path: Path) -> None:
    async with running(tmp_path, platform="linux") as router:
        assert (await router.run("ping -c 1 127.0.0.1")).exit_status == 0
        assert (await router.run("id")).exit_status == 1


async def test_only_the_named_unix_sockets_are_reached_through_ssh(tmp_path: Path) -> None:
    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    path = str(tmp_path / "service")
    async with await asyncio.start_unix_server(hello, path), running(tmp_path, forward_unix=[path]) as router, \
            router.connected() as connection:
        reader, writer = await connection.open_unix_connection(path)
        assert await reader.readline() == b"hello\n"
        writer.close()
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_unix_connection(str(tmp_path / "control"))


async def test_a_silent_command_of_a_linux_router_outlives_its_channel(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f"#!/bin/sh\necho begun\nread line < {gate}\necho heard\n")
    wrapper.chmod(0o755)
    async with running(tmp_path, platform="linux", wrapper=str(wrapper)) as router, router.connected() as connection:
        process = await connection.create_process("ping 192.0.2.1")
        assert await process.stdout.readline() == "begun\n"
        process.send_signal("TERM")
        process.close()
        await process.wait_closed()
        assert (await router.control({"do": "sessions"}))["now"] == 1
        with gate.open("w") as held:
            held.write("\n")
        assert (await router.all_ended())[-1]["ended"]


async def test_the_end_of_its_input_reaches_a_wrapper_and_so_does_the_close(tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text("#!/bin/sh\necho begun\nread -r line || exit 4\n")
    wrapper.chmod(0o755)
    async with running(tmp_path, platform="linux", wrapper=str(wrapper)) as router, router.connected() as connection:
        process = await connection.create_process("ping 192.0.2.1")
        assert await process.stdout.readline() == "begun\n"
        process.stdin.write_eof()
        assert (await process.wait()).exit_status == 4
        process = await connection.create_process("ping 192.0.2.1")
        assert await process.stdout.readline() == "begun\n"
        process.close()
        assert (await router.all_ended())[-1]["ended"]


async def test_the_program_answers_until_it_is_terminated_and_takes_its_commands_along(tmp_path: Path) -> None:
    # The backlog of the inherited listener holds the first connection until the program answers.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        router = written(tmp_path, listener)
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "netpulse.lab.router_shell", str(tmp_path / "spec.json"),
            pass_fds=[listener.fileno()],
        )
    async with router.connected() as connection:
        assert (await connection.run(PING)).exit_status == 0
        process = await connection.create_process("ping 127.0.0.1")
        await process.stdout.readline()
        program.terminate()
        assert await program.wait() == 0
        assert (await process.wait()).exit_status is None
    assert not os.path.exists(router.control_path)  # noqa: ASYNC240


@pytest.mark.parametrize(("text", "complaint"), [
    ("{", "is not a readable JSON file"),
    ('{"nonsense": 1}', "has the unknown key nonsense"),
    ('{"name": "core1"}', "is incomplete"),
    ('{"name": "a", "platform": "ios", "control": "c", "host_keys": ["k"], "authorized_keys": "f"}', "use junos or linux"),
    ('{"name": "a", "platform": "junos", "control": "c", "host_keys": [], "authorized_keys": "f"}', "names no host key"),
])
def test_a_wrong_specification_is_refused_in_one_sentence(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.json").write_text(text)
    assert main([str(tmp_path / "spec.json")]) == 78
    assert complaint in capsys.readouterr().err


async def test_a_connection_has_ten_channels(junos: Running) -> None:
    await junos.faults(hang_before=True)
    async with junos.connected() as connection:
        for _ in range(10):
            await connection.create_process(PING)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(PING)
        assert (await junos.control({"do": "sessions"}))["peak"] == 10
