"""A reload applies whole or not at all: a bad table of names changes nothing and is told with its place."""

from __future__ import annotations

import asyncio
import csv
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from doubles.glass import SETTINGS, Glass, answers, looking_glass
from doubles.scripted import Hang, Say, Scripted
from netpulse.config import ConfigFaults, Watcher, read
from netpulse.inventory import Inventory
from netpulse.settings import DataFiles, Settings

ROUTE_PATH = "/aspath?target=8.8.8.8&router=core1"
PING_PATH = "/ping?target=8.8.8.8&router=core1&connection=1"
NOT_UTF8 = "15169,Google\n32787,Café\n".encode("latin-1")
NEVER_CLOSED = b'15169,"Google\n' + b"1,x\n" * 40_000


def load(path: Path) -> Settings:
    return read(path, platforms={"linux"}, environment={}).settings


async def test_a_reload_with_a_bad_table_of_names_changes_nothing(tmp_path: Path) -> None:
    table = tmp_path / "as.csv"
    table.write_bytes(NOT_UTF8)
    async with looking_glass(tmp_path) as glass:
        services = glass.services
        settings, frame, share_s = services.settings, services.pipeline.frame, services.executor.share_s
        await glass.get(PING_PATH)
        posts = services.pool.posts()
        fresh = replace(
            settings, data=DataFiles(as_names=table), inventory=Inventory(()), bgp_cache_s=77.0, public_url="http://x"
        )
        with pytest.raises(UnicodeDecodeError):
            services.reload(fresh)
        assert services.settings is settings
        assert services.pipeline.frame is frame
        assert services.executor.share_s == share_s
        assert services.pool.posts() == posts
        assert (await glass.get(PING_PATH)).status_code == 200
        table.write_text("15169,Google\n", "utf-8")
        services.reload(fresh)
        assert services.settings is fresh
        assert services.pipeline.frame.names.of_as(15169) == "Google"
        assert (await glass.get(PING_PATH)).json()["code"] == "unknown_router"


async def test_what_runs_when_its_router_leaves_the_file_ends_as_it_began(tmp_path: Path) -> None:
    device = Scripted(lambda command: [Say("one\n"), Hang()] if command.startswith("ping") else answers(command))
    async with looking_glass(tmp_path, {"router:core1": device}) as glass:
        async with glass.events(PING_PATH) as events:
            while (await anext(events)).name != "output":
                continue
            glass.services.reload(replace(glass.services.settings, inventory=Inventory(())))
            assert glass.services.pool.posts() == []
            assert (device.running, device.closed) == (1, False)
        assert (await glass.get(PING_PATH)).json()["code"] == "unknown_router"
    assert (device.running, device.closed) == (0, True)


class Desk:
    """A looking glass whose configuration file is followed."""

    def __init__(self, glass: Glass, folder: Path) -> None:
        self.file = folder / "netpulse.yaml"
        self.table = folder / "as.csv"
        self.table.write_text("15169,Google\n", "utf-8")
        self.write("Before")
        self.lines: list[str] = []
        self.services = glass.services
        first = replace(load(self.file), storage=glass.services.settings.storage)
        glass.services.reload(first)
        self.watcher = Watcher(self.file, first, glass.services.reload, load=load, report=self.lines.append)

    def write(self, name: str) -> None:
        self.file.write_text(
            f"site: {{name: {name}}}\nrouters: [{{slug: a, name: A, platform: linux}}]\ndata:\n  as_names: as.csv\n"
        )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (NOT_UTF8, "is not UTF-8 in line 2; save it as UTF-8"),
        (NEVER_CLOSED, "is not a table (field larger than field limit (131072)); look for a quotation mark"),
        (None, "check the name"),
    ],
    ids=["not UTF-8", "a quotation mark never closed", "no file"],
)
async def test_a_bad_table_of_names_is_a_fault_of_the_file_and_the_next_good_one_is_taken(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    async with looking_glass(tmp_path) as glass:
        desk = Desk(glass, tmp_path)
        before = glass.services.settings
        desk.table.unlink()
        if content is not None:
            desk.table.write_bytes(content)
        desk.write("Another name")
        assert not await desk.watcher.look()
        assert desk.lines[0].startswith(f"{desk.file}:4:13: data.as_names: ")
        assert told in desk.lines[0]
        assert desk.lines[1:] == [f"{desk.file}: not loaded, 1 to mend; the settings before stay in force"]
        assert glass.services.settings is desk.watcher.settings is before
        desk.table.write_text("15169,Google LLC\n", "utf-8")
        assert await desk.watcher.reload()
        assert glass.services.settings.site.name == "Another name"
        assert glass.services.pipeline.frame.names.of_as(15169) == "Google LLC"


@pytest.mark.parametrize("name", ["as_names", "communities", "vrps", "ix_lans"])
def test_a_folder_where_a_file_belongs_is_a_fault(tmp_path: Path, name: str) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text(f"routers: [{{slug: a, name: A, platform: linux}}]\ndata: {{{name}: .}}\nbranding: {{terms: .}}\n")
    with pytest.raises(ConfigFaults) as caught:
        load(file)
    assert [fault.path for fault in caught.value.faults] == [f"data.{name}", "branding.terms"]
    assert all("is a folder; name a file" in fault.text for fault in caught.value.faults)


@pytest.mark.parametrize(
    "problem",
    [KeyError("a defect"), csv.Error("a table"), OSError("a file"), UnicodeDecodeError("utf-8", b"x", 0, 1, "y")],
)
@pytest.mark.parametrize("at", ["load", "accept"])
async def test_the_file_is_watched_on_whatever_a_reload_meets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, problem: Exception, at: str
) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text("routers: [{slug: a, name: A, platform: linux}]\n")
    first = load(file)
    problems = [problem]
    taken: list[Settings] = []
    lines: list[str] = []
    news = asyncio.Event()

    def trip() -> None:
        if problems:
            raise problems.pop()

    def loading(path: Path) -> Settings:
        if at == "load":
            trip()
        return load(path)

    def accept(settings: Settings) -> None:
        if at == "accept":
            trip()
        taken.append(settings)

    def report(line: str) -> None:
        lines.append(line)
        news.set()

    watcher = Watcher(file, first, accept, load=loading, report=report, poll_s=0.001)
    task = asyncio.create_task(watcher.run())
    with caplog.at_level(logging.ERROR):
        file.write_text("site: {name: Two}\nrouters: [{slug: a, name: A, platform: linux}]\n")
        async with asyncio.timeout(20):
            await news.wait()
    assert lines == [f"{file}: not loaded, the old settings stay: {type(problem).__name__}: {problem}"]
    assert watcher.settings is first
    assert taken == []
    # Only what is nobody's file is a defect, and then the log has all of it.
    assert ("failed unexpectedly" in caplog.text) is isinstance(problem, KeyError | csv.Error)
    news.clear()
    file.write_text("site: {name: Three}\nrouters: [{slug: a, name: A, platform: linux}]\n")
    async with asyncio.timeout(20):
        await news.wait()
    assert [settings.site.name for settings in taken] == ["Three"]
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_answer_from_memory_is_made_anew_under_new_settings(tmp_path: Path) -> None:
    table = tmp_path / "as.csv"
    table.write_text("15169,Google\n", "utf-8")
    async with looking_glass(tmp_path, settings=replace(SETTINGS, bgp_cache_s=3600.0)) as glass:
        first = (await glass.get(ROUTE_PATH)).json()["data"]
        named = DataFiles(communities=tmp_path / "communities.csv")
        (tmp_path / "communities.csv").write_text("64500:100,learned from a customer\n", "utf-8")
        glass.services.reload(replace(glass.services.settings, data=named))
        second = (await glass.get(ROUTE_PATH)).json()["data"]
        meanings = [data["result"]["routes"][0]["communities"][0]["name"] for data in (first, second)]
        assert meanings == [None, "learned from a customer"]
        assert second["cached"]
