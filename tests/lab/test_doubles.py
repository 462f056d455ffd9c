"""The doubles do what their scripts say: real SSH, real Unix sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh
import pytest

from doubles.bird_proxy import GREETING, RESTRICTED, BirdProxy, FakeBird
from doubles.fake_router import FakeRouter, TcpGreeter
from doubles.steps import Close, Exit, Hang, Reset, Say, Step, WaitFor


async def opened(router: FakeRouter) -> asyncssh.SSHClientConnection:
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{router.port} {router.host_key_line}")
    return await asyncssh.connect("127.0.0.1", router.port, username=router.user, known_hosts=known, config=None,
                                  client_keys=[router.client_key], agent_path=None)


async def test_a_fake_router_answers_by_its_script_and_remembers_what_came() -> None:
    go = asyncio.Event()
    script = {"show version": [Say("Hostname: x\n"), WaitFor(go), Say("late\n"), Say("sad\n", on_stderr=True), Exit(3)]}
    async with FakeRouter(script) as router, await opened(router) as connection:
        process = await connection.create_process("show version")
        assert await process.stdout.readline() == "Hostname: x\n"
        process.stdin.write("hello")
        await router.until(lambda seen: bytes(seen.execs[0].stdin) == b"hello")
        go.set()
        done = await process.wait()
        assert (done.stdout, done.stderr, done.exit_status) == ("late\n", "sad\n", 3)
        assert (await connection.run("reload")).exit_status == 1
        assert router.commands == ["show version", "reload"]
        assert (router.connected, router.connections, router.peak) == (1, 1, 1)
        assert [(one.offered, one.accepted) for one in router.attempts][-1] == ("publickey", True)


async def test_a_hanging_command_ends_with_its_channel() -> None:
    async with FakeRouter({"ping": [Say("PING\n"), Hang()]}) as router, await opened(router) as connection:
        process = await connection.create_process("ping")
        await process.stdout.readline()
        assert router.running == 1
        process.close()
        await router.until(lambda seen: seen.running == 0)
        assert router.execs[0].closed


async def test_a_command_that_ignores_closes_runs_until_released() -> None:
    async with FakeRouter({"ping": [Say("PING\n"), Hang()]}) as router, await opened(router) as connection:
        router.ignore_closes = True
        process = await connection.create_process("ping")
        await process.stdout.readline()
        process.close()
        await router.until(lambda seen: seen.execs[0].closed)
        assert router.running == 1
        router.release()
        await router.until(lambda seen: seen.running == 0)


async def test_channels_close_and_connections_break_where_the_script_says() -> None:
    script = {"half": [Say("one\n"), Close()], "broken": [Say("one\n"), Reset()]}
    async with FakeRouter(script) as router, await opened(router) as connection:
        assert (await connection.run("half")).exit_status is None
        done = await connection.run("broken")
        assert done.exit_status is None
        await connection.wait_closed()
        assert router.connections == 0


async def test_a_fake_router_refuses_logins_commands_and_channels_when_told() -> None:
    async with FakeRouter({}, max_channels=1) as router:
        router.refuse_auth = True
        with pytest.raises(asyncssh.PermissionDenied):
            await opened(router)
        assert not router.attempts[-1].accepted
        router.refuse_auth = False
        async with await opened(router) as connection:
            router.refuse_exec = True
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.run("show version")
            router.refuse_exec, router.refuse_channels = False, True
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.run("show version")


async def test_a_swapped_host_key_and_a_stopped_listener_are_noticed() -> None:
    async with FakeRouter() as router:
        known = asyncssh.import_known_hosts(f"[127.0.0.1]:{router.port} {router.host_key_line}")
        router.swap_host_key()
        with pytest.raises(asyncssh.HostKeyNotVerifiable):
            await asyncssh.connect("127.0.0.1", router.port, username="netpulse", known_hosts=known, config=None,
                                   client_keys=[router.client_key], agent_path=None)
        await router.stop_listening()
        with pytest.raises(OSError):
            await opened(router)
        await router.listen()
        async with await opened(router) as connection:
            router.drop_connections()
            await connection.wait_closed()


async def test_a_greeter_that_is_no_router_says_its_line_and_closes() -> None:
    async with TcpGreeter(b"220 mail ready\r\n") as greeter:
        reader, writer = await asyncio.open_connection("127.0.0.1", greeter.port)
        assert await reader.read() == b"220 mail ready\r\n"
        writer.close()


async def test_a_fake_bird_speaks_the_protocol(tmp_path: Path) -> None:
    path = tmp_path / "bird.ctl"
    async with FakeBird(path, {"show status": "1000-BIRD 2.0.12\n0013 Daemon is up and running\n"}) as bird:
        reader, writer = await asyncio.open_unix_connection(path)
        assert (await reader.readline()).decode() == GREETING
        writer.write(b"restrict\nshow status\nnonsense\n")
        assert (await reader.readline()).decode() == RESTRICTED
        assert await reader.readline() == b"1000-BIRD 2.0.12\n"
        assert await reader.readline() == b"0013 Daemon is up and running\n"
        assert (await reader.readline()).startswith(b"9001 ")
        writer.close()
        await bird.until(lambda seen: seen.open == 0)
        assert bird.asked == ["restrict", "show status", "nonsense"]


async def test_a_fake_bird_truncates_resets_and_swallows(tmp_path: Path) -> None:
    path = tmp_path / "bird.ctl"
    go = asyncio.Event()
    script: dict[str, list[Step]] = {
        "half": [Say("1007-Table"), Close()], "reset": [Reset()], "late": [WaitFor(go), Say("0000 \n")],
    }
    async with FakeBird(path, script) as bird:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"half\n")
        assert await reader.read() == GREETING.encode() + b"1007-Table"
        writer.close()

        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"reset\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

        bird.swallow_restrict = True
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"restrict\nlate\n")
        assert (await reader.readline()).decode() == GREETING
        await bird.until(lambda seen: seen.asked[-1] == "late")
        go.set()
        assert await reader.readline() == b"0000 \n"
        writer.close()


async def test_a_bird_proxy_writes_down_both_sides(tmp_path: Path) -> None:
    async with FakeBird(tmp_path / "real", {"show status": "0013 up\n"}), \
            BirdProxy(tmp_path / "proxy", tmp_path / "real") as proxy:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "proxy")
        writer.write(b"restrict\n")
        await reader.readline()
        await reader.readline()
        writer.write(b"show status\n")
        assert await reader.readline() == b"0013 up\n"
        writer.close()
        await proxy.until(lambda seen: seen.open == 0)
        assert proxy.asked == ["restrict", "show status"]
        assert bytes(proxy.conversations[0].answered).decode() == GREETING + RESTRICTED + "0013 up\n"
