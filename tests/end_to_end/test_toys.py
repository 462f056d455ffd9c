"""A platform and a query type that this project has never seen: one file each, and they are everywhere at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from doubles.lab_glass import glass_for
from netpulse import platforms as platform_folder
from netpulse import queries as query_folder
from netpulse.inventory import Connection, Device, Inventory, Router, RouteSource, ThisHost
from netpulse.settings import Settings

TOY_PLATFORM = '''
"""Says the target back, twice."""
from netpulse.cells import Cell, Platform
from netpulse.platforms.echoes import PingReader

PLATFORM = Platform(
    name="parrot",
    title="Parrot",
    cells={
        "ping": Cell(
            lambda ask: f"echo 64 bytes from {ask.target}: icmp_seq 0",
            lambda ask: PingReader(5, first_seq=0),
            lambda ask: 5.0,
            first_seq=0,
        )
    },
)
'''
TOY_QUERY = '''
"""What kernel a router runs."""
from netpulse.cells import Cell, QueryType
from netpulse.query import Parameter
from netpulse.records import Record

class Kernel(Record, frozen=True, kw_only=True):
    name: str

class Reader:
    enough = False
    complete = True

    def __init__(self):
        self.lines = []

    def feed(self, line):
        self.lines.append(line)
        return [Kernel(name=line)]

    def follow_up(self):
        return None

    def close(self, ending):
        return Kernel(name=self.lines[0])

QUERY = QueryType(
    name="kernel", title="Kernel", summary="Tell the kernel of a router.",
    parameters=(
        Parameter(name="router", kind="router", summary="Router to ask", example="local", required=True),
        Parameter(name="detail", kind="flag", summary="Tell more", default=False),
    ),
    record=Kernel, record_key="name", result=Kernel, sourced=False, say=lambda result: f"kernel {result.name}",
    cells={
        "linux": Cell(
            lambda ask: "uname -s -r" if ask.options["detail"] else "uname -s", lambda ask: Reader(), lambda ask: 1.0
        )
    },
)
'''


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package, name, text in ((platform_folder, "parrot", TOY_PLATFORM), (query_folder, "kernel", TOY_QUERY)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])


def router(slug: str, platform: str) -> Router:
    device = Device(f"router:{slug}", platform, ThisHost(), own_routes=True)
    return Router(
        slug=slug,
        name=slug.title(),
        location="",
        model="",
        platform=platform,
        device=device,
        connections=(Connection(0, "Router's own choice", None),),
        routes=(RouteSource(device, None, {}),),
    )


async def test_both_are_in_the_api_the_openapi_and_the_list_of_routers(toys: None, tmp_path: Path) -> None:
    settings = Settings(
        inventory=Inventory((router("local", "linux"), router("bird", "parrot"))),
        storage=f"sqlite:///{tmp_path}/netpulse.db",
    )
    async with glass_for(settings) as glass:
        asked = await glass.ask("/kernel", router="local", detail="true")
        assert asked["command"] == "uname -s -r"
        assert asked["result"]["name"].startswith("Linux ")
        assert await glass.refused("/kernel", router="local", detail="1") == (400, "bad_parameter")
        assert await glass.refused("/kernel", router="bird") == (400, "not_offered")
        parroted = await glass.ask("/ping", target="8.8.8.8", router="bird", connection=0)
        assert parroted["output"] == "64 bytes from 8.8.8.8: icmp_seq 0\n"
        queries = {row["slug"]: row["queries"] for row in await glass.rows("/routers")}
        assert "kernel" in queries["local"]
        assert queries["bird"] == ["ping"]
        paths = (await glass.http.get("/openapi.json")).json()["paths"]
        names = [parameter["name"] for parameter in paths["/kernel"]["get"]["parameters"]]
        assert names[:2] == ["router", "detail"]


def test_both_are_in_the_matrix_and_on_the_command_line(toys: None) -> None:
    from netpulse.cli.app import Commands, app

    run = CliRunner().invoke
    matrix = run(app, ["matrix"]).output
    assert "parrot" in matrix
    assert "queries/kernel.py" in matrix
    assert "kernel" in list(Commands())
    assert "Tell the kernel of a router." in run(app, ["--help"]).output
    help_text = run(app, ["kernel", "--help"]).output
    assert "--detail" in help_text
    parsed = run(app, ["parse", "--platform", "linux", "--query", "kernel"], input="Linux\n")
    assert parsed.output.strip().replace(" ", "").replace("\n", "") == '{"name":"Linux"}'
