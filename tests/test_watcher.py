"""A reload takes what is good, refuses what is bad, and says what only a restart can change."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from netpulse.config import Watcher, read
from netpulse.settings import Settings

ONE = "routers:\n- {slug: a, name: A, platform: linux}\n"
TWO = ONE + "- {slug: b, name: B, platform: linux}\n"


def load(path: Path) -> Settings:
    return read(path, platforms={"linux"}, environment={}).settings


class Desk:
    """A watched file, the settings that were accepted, the lines that were reported."""

    def __init__(self, folder: Path, *, poll_s: float = 3600) -> None:
        self.file = folder / "netpulse.yaml"
        self.file.write_text(ONE)
        self.accepted: list[Settings] = []
        self.lines: list[str] = []
        self.settled: list[bool] = []
        self.news = asyncio.Event()
        self.watcher = Watcher(
            self.file,
            load(self.file),
            self.accept,
            load=load,
            report=self.lines.append,
            poll_s=poll_s,
            settled=self.settled.append,
        )

    def accept(self, settings: Settings) -> None:
        self.accepted.append(settings)
        self.news.set()


async def test_a_changed_file_is_loaded_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert not await desk.watcher.look()
    desk.file.write_text(TWO)
    assert await desk.watcher.look()
    assert not await desk.watcher.look()
    assert [len(settings.inventory.routers) for settings in desk.accepted] == [2]
    assert desk.lines == [f"{desk.file}: loaded, 2 routers"]


async def test_a_bad_file_is_refused_with_its_faults_and_the_old_settings_stay(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    before = desk.watcher.settings
    desk.file.write_text("routers:\n- {slug: a, nmae: A, platform: linux}\n")
    assert not await desk.watcher.look()
    assert desk.watcher.settings is before
    assert desk.accepted == []
    assert desk.lines == [
        f"{desk.file}:2:3: routers[0].name: is missing; add it",
        f"{desk.file}:2:13: routers[0].nmae: is not a setting here; did you mean name?",
        f"{desk.file}: not loaded, 2 to mend; the settings before stay in force",
    ]
    desk.file.write_text(TWO)
    assert await desk.watcher.look()


async def test_a_file_that_vanishes_is_refused_and_taken_when_it_is_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.file.unlink()
    assert not await desk.watcher.look()
    desk.file.write_text(TWO)
    assert await desk.watcher.look()


async def test_what_needs_a_restart_is_told_and_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.file.write_text(
        TWO + "server: {listen: '127.0.0.1:1'}\nstorage: sqlite:///o.db\nmetrics: {listen: '127.0.0.1:2'}\n"
    )
    assert await desk.watcher.look()
    (fresh,) = desk.accepted
    assert fresh.listen == ("127.0.0.1", 8080)
    assert fresh.storage.endswith("/netpulse.db")
    assert fresh.metrics_listen is None
    assert [line.split(": ")[1] for line in desk.lines[:3]] == [
        f"{name} has changed; that needs a restart and is ignored until then"
        for name in ("server.listen", "storage", "metrics.listen")
    ]


async def test_what_has_to_be_mended_is_a_complaint_and_the_rest_is_news(tmp_path: Path) -> None:
    desk, complaints = Desk(tmp_path), list[str]()
    watcher = Watcher(desk.file, load(desk.file), desk.accept, load=load, report=desk.lines.append, complain=complaints.append)
    desk.file.write_text(TWO + "server: {listen: '127.0.0.1:1'}\n")
    assert await watcher.look()
    desk.file.write_text("site: {nme: x}\n")
    assert not await watcher.look()
    assert desk.lines == [f"{desk.file}: loaded, 2 routers"]
    assert "server.listen has changed" in complaints[0]
    assert any("nme" in line for line in complaints[1:])
    assert "not loaded" in complaints[-1]


async def test_a_reload_without_a_difference_changes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert not await desk.watcher.reload()
    assert desk.accepted == []
    assert desk.lines == [f"{desk.file}: read again, nothing to change"]


async def test_a_hangup_signal_reloads_and_the_handler_is_given_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    before = signal.getsignal(signal.SIGHUP)
    task = asyncio.create_task(desk.watcher.run())
    running = asyncio.Event()
    asyncio.get_running_loop().call_soon(running.set)  # after the first step of the task
    await running.wait()
    desk.file.write_text(TWO)
    os.kill(os.getpid(), signal.SIGHUP)
    await desk.news.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(desk.accepted) == 1
    assert signal.getsignal(signal.SIGHUP) == before


async def test_a_change_is_seen_without_a_signal(tmp_path: Path) -> None:
    desk = Desk(tmp_path, poll_s=0.001)
    task = asyncio.create_task(desk.watcher.run())
    desk.file.write_text(TWO)
    await desk.news.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(desk.accepted) == 1


async def test_settings_that_cannot_be_put_into_force_leave_the_old_ones_and_the_watch_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    before = desk.watcher.settings

    def broken(_settings: Settings) -> None:
        raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "a table of names")

    watcher = Watcher(desk.file, before, broken, load=load, report=desk.lines.append)
    desk.file.write_text(TWO)
    assert not await watcher.look()
    assert watcher.settings is before
    assert "not loaded, the old settings stay" in desk.lines[-1]


async def test_whoever_counts_hears_once_whether_the_file_as_it_is_was_taken(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for text in (TWO, "no: yaml: at all", TWO):
        desk.file.write_text(text)
        await desk.watcher.reload()
    desk.file.unlink()
    await desk.watcher.reload()
    assert desk.settled == [True, False, True, False]
