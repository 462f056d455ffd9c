"""BIRDs that are gone, unwilling, cut short or being reconfigured: rows F13 to F17."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from doubles.bird_proxy import FakeBird, Reply
from doubles.faulty import HASTE, PATH_PATH, PATIENCE, answer, failure, faulty_glass, sessions_free
from doubles.glass import CLOCK, ROUTE
from doubles.steps import Close, Hang, Reset, Say, Step

Log = pytest.LogCaptureFixture
RS1 = "route_server:rs1"


def coded(code: int, text: str) -> str:
    """Text as BIRD writes it: the code before the first line, a blank before the others."""
    first, *others = text.splitlines()
    return f"{code}-{first}\n" + "".join(f" {line}\n" for line in others)


STATUS = coded(1011, CLOCK) + "0013 Daemon is up and running\n"
ROUTES = coded(1007, ROUTE)
PARTIAL = coded(1007, "".join(ROUTE.splitlines(keepends=True)[:4]))
GOOD: Reply = ROUTES + "0000 \n"


class Turns:
    """The replies to `show route`, one after another; then good ones."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def __call__(self, command: str) -> Any:
        if command.startswith("show route"):
            return self.replies.pop(0) if self.replies else GOOD
        return STATUS if command == "show status" else None


@pytest.mark.parametrize("why", ["missing", "refused", "permission"])
async def test_f13_bird_socket_cannot_be_had(
    tmp_path: Path, caplog: Log, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now_s = tmp_path / "bird.ctl", 1000.0
    with ExitStack() as stack:
        if why == "refused":
            door = stack.enter_context(socket.socket(socket.AF_UNIX))
            door.bind(str(path))
        if why == "permission":

            async def forbidden(_path: str) -> None:  # root may open everything
                raise PermissionError(13, "Permission denied")

            stack.enter_context(monkeypatch.context()).setattr(asyncio, "open_unix_connection", forbidden)
        async with faulty_glass(tmp_path, bird=path, clock=lambda: now_s) as glass:
            for _ in range(4):  # once more than the breaker lets through
                await failure(glass, caplog, "route_source_down", PATH_PATH, audited="router_unreachable")
            await sessions_free(glass, RS1)
            stack.close()
            path.unlink(missing_ok=True)
            async with FakeBird(path, Turns()):
                await failure(glass, caplog, "route_source_down", PATH_PATH, audited="router_unreachable", says="open")
                now_s += 1.0
                assert (await answer(glass, PATH_PATH))["result"]["routes"]


async def cut_short(folder: Path, log: Log, reply: Sequence[Step], code: str, kept: int) -> None:
    """The reply ends early: the code, what came is stored, the session serves nobody else, the next one is well."""
    patience = HASTE if code == "router_timeout" else PATIENCE
    async with (
        FakeBird(folder / "bird.ctl", Turns(reply)) as bird,
        faulty_glass(folder, bird=bird.path, deadlines=patience) as glass,
    ):
        stored = await failure(glass, log, code, PATH_PATH)
        assert stored["output"] == "".join(ROUTE.splitlines(keepends=True)[:kept])
        assert stored["code"] == code
        await sessions_free(glass, RS1)
        assert (await answer(glass, PATH_PATH))["result"]["routes"][0]["prefix"] == "8.8.8.0/24"
        assert len(bird.conversations) == 2


async def test_f14_bird_restarted_during_a_reply(tmp_path: Path, caplog: Log) -> None:
    await cut_short(tmp_path, caplog, [Say(PARTIAL), Close()], "router_closed", 4)


@pytest.mark.parametrize(
    ("reply", "code", "kept"),
    [
        ([Say(ROUTES), Close()], "router_closed", 12),
        ([Say(PARTIAL), Reset()], "router_closed", None),
        ([Say(PARTIAL), Hang()], "router_timeout", 4),
        ([Say(" " + "x" * 70_000), Hang()], "router_garbled", 0),
        ([Say("what is this\n"), Hang()], "router_garbled", 0),
    ],
    ids=["no final code", "reset", "silence", "a line without end", "not of the protocol"],
)
async def test_f15_reply_truncated(
    tmp_path: Path, caplog: Log, reply: Sequence[Step], code: str, kept: int | None
) -> None:
    if kept is None:  # whether a reset leaves anything to read is the kernel's choice
        async with FakeBird(tmp_path / "b.ctl", Turns(reply)) as bird, faulty_glass(tmp_path, bird=bird.path) as glass:
            await failure(glass, caplog, code, PATH_PATH)
            await answer(glass, PATH_PATH)
        return
    await cut_short(tmp_path, caplog, reply, code, kept)


@pytest.mark.parametrize(
    ("restrict", "code", "audited"),
    [
        (None, "router_timeout", "router_timeout"),
        ("0000 \n", "router_refused", "router_refused"),
        ("9001 syntax error\n", "router_refused", "router_refused"),
    ],
    ids=["swallowed", "ignored", "not known"],
)
async def test_f16_restrict_is_not_confirmed(
    tmp_path: Path, caplog: Log, restrict: str | None, code: str, audited: str
) -> None:
    turns = Turns()
    script = lambda command: restrict if command == "restrict" and restrict else turns(command)  # noqa: E731
    async with (
        FakeBird(tmp_path / "bird.ctl", script) as bird,
        faulty_glass(tmp_path, bird=bird.path, deadlines=HASTE) as glass,
    ):
        bird.swallow_restrict = restrict is None
        await failure(glass, caplog, code, PATH_PATH, audited=audited)
        assert set(bird.asked) == {"restrict"}  # and no question ever
        await bird.until(lambda b: b.open == 0)
        bird.script, bird.swallow_restrict = turns, False
        await answer(glass, PATH_PATH)


async def test_f17_bird_reconfiguring(tmp_path: Path, caplog: Log) -> None:
    stop = "8004 Stopped due to reconfiguration\n"
    turns = Turns(stop)
    async with FakeBird(tmp_path / "bird.ctl", turns) as bird, faulty_glass(tmp_path, bird=bird.path) as glass:
        assert (await answer(glass, PATH_PATH))["result"]["routes"]  # asked once more, in silence
        asked = [line for line in bird.asked if line.startswith("show route")]
        assert len(asked) == 2
        turns.replies = [stop, stop]
        await failure(glass, caplog, "router_closed", PATH_PATH, says="8004")
        assert len([line for line in bird.asked if line.startswith("show route")]) == 4
        assert (await answer(glass, PATH_PATH))["result"]["routes"]
