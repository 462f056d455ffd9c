"""Commands of this host: what they start ends with them, only real ends count, and the search path holds no surprise."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from netpulse.errors import Fault
from netpulse.transports.seam import Running
from netpulse.transports.this_host import ThisHostTransport


def program(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(("#!/bin/sh", *lines, "")))
    file.chmod(0o755)
    return file


async def whole(running: Running) -> bytes:
    text = b""
    async with asyncio.timeout(20):
        while data := await running.read():
            text += data
    return text


async def test_a_stop_reaches_the_children_of_a_command_that_is_gone_itself(tmp_path: Path) -> None:
    # The child says when the wrapper is gone and buried, and holds the output open.
    child = "(while kill -0 $$ 2>/dev/null; do sleep 0.01; done; echo alone; exec sleep 60) &"
    running = await ThisHostTransport().start(str(program(tmp_path / "wrapper", child)))
    assert await running.read() == b"alone\n"
    running.stop()
    assert await whole(running) == b""
    running.stop()  # safe at any time


async def test_a_command_that_was_killed_did_not_end_well_and_one_with_an_exit_status_did(tmp_path: Path) -> None:
    killed = await ThisHostTransport().start(str(program(tmp_path / "killed", "echo one", "kill -9 $$")))
    assert await whole(killed) == b"one\n"
    assert not killed.ended_well
    failed = await ThisHostTransport().start(str(program(tmp_path / "failed", "echo one", "exit 1")))
    assert await whole(failed) == b"one\n"
    assert failed.ended_well


@pytest.mark.parametrize("path", [None, "", ":/usr/bin", "/usr/bin:", ".:/usr/bin", "bin"])
async def test_the_current_folder_is_never_searched_for_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    (tmp_path / "bin").mkdir()
    for folder in (tmp_path, tmp_path / "bin"):
        program(folder / "netpulse-test-command", "echo from the current folder")
    monkeypatch.chdir(tmp_path)
    if path is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", path)
    with pytest.raises(Fault) as caught:
        await whole(await ThisHostTransport().start("netpulse-test-command"))
    assert caught.value.code == "router_refused"
    assert await whole(await ThisHostTransport().start("echo found")) == b"found\n"


async def test_a_folder_that_the_service_was_told_of_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "netpulse-test-command", "echo from there")
    monkeypatch.setenv("PATH", f"/nowhere:{tmp_path}")
    assert await whole(await ThisHostTransport().start("netpulse-test-command")) == b"from there\n"
