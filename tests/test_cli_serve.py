"""`netpulse serve` and `netpulse demo` as a person starts and ends them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from netpulse.cli.demo import typed_name
from netpulse.lab.lab import refusal
from netpulse.lab.replay import RECORDING

NO_LAB = refusal()


@asynccontextmanager
async def netpulse(folder: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command line in this folder, which also is its home and its place for temporary files. Killed if still there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "netpulse", *words, cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(folder), "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    """The next line of standard output; what went wrong if there is none."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = await process.stdout.readline()
    assert line, (await process.stderr.read()).decode()
    return line.decode().rstrip("\n")


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of loopback that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


async def test_serve_without_any_file_offers_this_host_and_says_where(tmp_path: Path) -> None:
    async with netpulse(tmp_path, "serve", "--listen", "127.0.0.1:0") as process:
        line = await line_of(process)
        assert line.startswith("Listening on http://127.0.0.1:")
        async with httpx2.AsyncClient(base_url=line.rpartition(" ")[2], trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/api/v1/routers")).status_code == 401
        process.send_signal(signal.SIGTERM)
        code, out, _ = await ended(process)
    assert (code, out) == (0, "")


async def test_an_address_from_the_command_line_is_no_change_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text("routers: [{slug: one, name: One, platform: linux}]\n")
    async with netpulse(tmp_path, "serve", "--listen", "127.0.0.1:0") as process:
        await line_of(process)
        file.write_text("routers: [{slug: two, name: Two, platform: linux}]\n")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        said = ""
        while "loaded, 1 router" not in said:
            line = (await process.stderr.readline()).decode()
            assert line, said
            said += line
        process.send_signal(signal.SIGTERM)
        await ended(process)
    assert "server.listen" not in said


async def test_serve_tells_every_fault_of_its_file_and_ends_with_78(tmp_path: Path) -> None:
    (tmp_path / "netpulse.yaml").write_text("site: {nme: x}\nlimits: {key_per_minute: 0}\n")
    async with netpulse(tmp_path, "serve") as process:
        code, out, err = await ended(process)
    assert (code, out) == (78, "")
    assert "netpulse.yaml:1:" in err
    assert "netpulse.yaml:2:" in err


@pytest.mark.parametrize("words", [("serve", "--listen", "127.0.0.1:{port}"), ("demo", "--port", "{port}")])
async def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path, taken_port: int, words: tuple[str, ...]) -> None:
    async with netpulse(tmp_path, *(word.format(port=taken_port) for word in words)) as process:
        code, out, err = await ended(process)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert str(taken_port) in err
    assert words[1] in err


async def test_a_taken_port_of_the_metrics_is_one_sentence_and_nothing_is_served(tmp_path: Path, taken_port: int) -> None:
    (tmp_path / "netpulse.yaml").write_text(
        "site: {name: Test, organization: Example}\n"
        "routers:\n  - {slug: here, name: Here, platform: linux}\n"
        f"metrics: {{listen: '127.0.0.1:{taken_port}'}}\n"
    )
    async with netpulse(tmp_path, "serve", "--listen", "127.0.0.1:0") as process:
        code, out, err = await ended(process)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert f"127.0.0.1 port {taken_port}" in err
    assert "metrics.listen" in err


async def test_a_database_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "netpulse.db").write_text("this is no database, whatever its name says\n" * 40)
    (tmp_path / "netpulse.yaml").write_text(
        "site: {name: Test, organization: Example}\n"
        "routers:\n  - {slug: here, name: Here, platform: linux}\n"
        "storage: sqlite:///netpulse.db\n"
    )
    async with netpulse(tmp_path, "serve", "--listen", "127.0.0.1:0") as process:
        code, out, err = await ended(process)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "netpulse.db" in err


@pytest.mark.parametrize("listen", ["8080", "127.0.0.1", "[::1]", "127.0.0.1:99999", "a b:1"])
async def test_what_is_no_address_to_listen_on_is_refused(tmp_path: Path, listen: str) -> None:
    async with netpulse(tmp_path, "serve", "--listen", listen) as process:
        code, _, err = await ended(process)
    assert code == 2
    assert "ADDRESS:PORT" in err


@pytest.mark.parametrize(
    ("argv0", "path", "typed"),
    [
        (".venv/bin/netpulse", "/nowhere", ".venv/bin/netpulse"),
        ("/a folder/netpulse", "/nowhere", "'/a folder/netpulse'"),
        ("/x/netpulse/__main__.py", "/nowhere", "netpulse"),
        (".venv/bin/netpulse", str(Path(sys.executable).parent), "netpulse"),
    ],
)
def test_the_demo_proposes_what_can_be_typed_here(
    argv0: str, path: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [argv0])
    monkeypatch.setenv("PATH", path)
    assert typed_name() == typed


@pytest.mark.skipif(NO_LAB is not None, reason=str(NO_LAB))
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGHUP])
async def test_the_demo_prints_its_address_and_key_answers_and_leaves_nothing(
    tmp_path: Path, sign: signal.Signals
) -> None:
    async with netpulse(tmp_path, "demo", "--port", "0") as process:
        url, key = await line_of(process), await line_of(process)
        assert url.startswith("URL: http://127.0.0.1:")
        assert key.startswith("API key: np_")
        headers = {"Authorization": f"Bearer {key.partition(': ')[2]}"}
        async with httpx2.AsyncClient(base_url=url.partition(": ")[2], headers=headers, trust_env=False) as client:
            limits = await client.get("/api/v1/limits")
            answer = await client.get("/api/v1/aspath", params={"target": "8.8.8.0/24", "router": "core1"})
        process.send_signal(sign)
        code, out, err = await ended(process)
    assert limits.json()["data"]["limit"] == 600
    assert answer.json()["data"]["prefix"] == "8.8.8.0/24"
    assert (code, out) == (0, "")
    assert "converged" in err
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(NO_LAB is not None, reason=str(NO_LAB))
async def test_a_demo_that_is_ended_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    async with netpulse(tmp_path, "demo", "--port", "0") as process:
        assert process.stderr is not None
        await process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        code, out, _ = await ended(process)
    assert (code, out) == (130, "")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not RECORDING.exists(), reason="there is no recording of the lab")
async def test_the_demo_replays_recorded_answers_and_says_so(tmp_path: Path) -> None:
    async with netpulse(tmp_path, "demo", "--port", "0", "--replay") as process:
        url, key = await line_of(process), await line_of(process)
        headers = {"Authorization": f"Bearer {key.partition(': ')[2]}", "Accept": "text/plain"}
        async with httpx2.AsyncClient(base_url=url.partition(": ")[2], headers=headers, trust_env=False) as client:
            answer = await client.get("/api/v1/aspath", params={"target": "8.8.8.0/24", "router": "core1"})
        process.send_signal(signal.SIGINT)
        code, _, err = await ended(process)
    assert "recorded" in answer.text.splitlines()[0]
    assert "8.8.8.0/24" in answer.text
    assert code == 0
    assert "recordings" in err


async def test_a_machine_without_namespaces_gets_the_recordings_and_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unshare = tmp_path / "root" / "usr" / "bin" / "unshare"
    unshare.parent.mkdir(parents=True)
    unshare.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    unshare.chmod(0o755)
    monkeypatch.setenv("NETPULSE_LAB_ROOT", str(tmp_path / "root"))
    async with netpulse(tmp_path, "demo", "--port", "0") as process:
        if RECORDING.exists():
            await line_of(process)
            process.send_signal(signal.SIGTERM)
        code, _, err = await ended(process)
    assert "(unshare failed: Operation not permitted)" in err
    assert "recordings" in err
    assert code == (0 if RECORDING.exists() else 1)
