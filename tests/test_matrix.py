"""A platform or a query type is one file; contradictions stop the program before it starts."""

from __future__ import annotations

import sys
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from netpulse import platforms as platform_folder
from netpulse import queries as query_folder
from netpulse.cells import RESERVED, MatrixFault, Platform, QueryType, discover, join
from netpulse.cli import main
from netpulse.platforms import junos, linux
from netpulse.queries import ping, traceroute
from netpulse.queries.aspath import AsPathResult, AsPathSummary, BestPath, UpstreamUse, fold
from netpulse.queries.aspath import say as say_aspath
from netpulse.query import Ask
from netpulse.records import LearnedFrom, Record, Route

TOY_PLATFORM = """
from netpulse.cells import Cell, Platform
from netpulse.platforms.echoes import PingReader

PLATFORM = Platform(
    name="toyos",
    title="Toy OS",
    cells={"ping": Cell(lambda ask: f"p {ask.target}", lambda ask: PingReader(5, 0), lambda ask: 5.0, first_seq=0)},
)
"""
TOY_QUERY = """
from netpulse.cells import Cell, QueryType
from netpulse.records import Record

class Day(Record, frozen=True, kw_only=True):
    word: str

class Reader:
    enough = False
    complete = False

    def feed(self, line):
        return [Day(word=line)]

    def follow_up(self):
        return None

    def close(self, ending):
        return Day(word="today")

QUERY = QueryType(
    name="day", title="Day", summary="Ask for the day.", parameters=(), record=Day, record_key="word", result=Day,
    sourced=False, cells={"junos": Cell(lambda ask: "show system uptime", lambda ask: Reader(), lambda ask: 1.0)},
)
"""


def put(folder: Path, name: str, text: str, package: object, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])  # type: ignore[attr-defined]


def test_a_platform_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "toyos", TOY_PLATFORM, platform_folder, monkeypatch)
    matrix = discover()
    assert matrix.queries_of("toyos") == ("ping",)
    assert matrix.where["toyos", "ping"] == "platforms/toyos.py"


def test_a_query_type_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "day", TOY_QUERY, query_folder, monkeypatch)
    matrix = discover()
    assert "day" in matrix.queries_of("junos")
    assert matrix.where["junos", "day"] == "queries/day.py"
    assert matrix.cell("linux", "day") is None


@pytest.mark.parametrize(
    ("text", "mistake"), [("import nowhere\n", "ModuleNotFoundError"), ("\n\nQUERY = 1 / 0\n", "toys.py line 3")]
)
def test_a_file_that_cannot_be_loaded_is_named_with_its_mistake_in_one_line(
    text: str, mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "toys", text, query_folder, monkeypatch)
    monkeypatch.setattr(sys, "argv", ["netpulse", "matrix"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code).startswith("queries/toys.py cannot be loaded: ")
    assert mistake in str(ended.value.code)
    assert "\n" not in str(ended.value.code)


def test_the_matrix_holds_what_the_folders_hold() -> None:
    matrix = discover()
    assert set(matrix.cells) == {
        ("junos", "ping"),
        ("junos", "traceroute"),
        ("junos", "aspath"),
        ("linux", "ping"),
        ("linux", "traceroute"),
        ("frr", "ping"),
        ("frr", "traceroute"),
        ("frr", "aspath"),
        ("bird", "aspath"),
    }


def test_every_platform_prints_an_account() -> None:
    assert [name for name, platform in discover().platforms.items() if platform.account is None] == []


def test_two_claims_on_one_cell_name_both_files() -> None:
    claim = replace(ping.QUERY, cells={"linux": linux.PING})
    with pytest.raises(MatrixFault, match=r"queries/ping\.py: linux x ping is already in platforms/linux\.py"):
        join(
            [(claim, "queries/ping.py")], [(replace(linux.PLATFORM, cells={"ping": linux.PING}), "platforms/linux.py")]
        )


@pytest.mark.parametrize("name", sorted(word for word in RESERVED if word.isalpha() and len(word) > 1))
def test_a_reserved_word_is_refused_as_a_query(name: str) -> None:
    with pytest.raises(MatrixFault, match="reserved"):
        join([(replace(ping.QUERY, name=name), "queries/x.py")], [])


@pytest.mark.parametrize("name", ["", "r", "Ping", "all-routers", "1st", "p/x", "p\n"])
def test_a_name_that_is_no_word_is_refused(name: str) -> None:
    with pytest.raises(MatrixFault):
        join([(replace(ping.QUERY, name=name), "queries/x.py")], [])


def test_a_query_and_a_platform_are_declared_once() -> None:
    with pytest.raises(MatrixFault, match=r"already declared in queries/a\.py"):
        join([(ping.QUERY, "queries/a.py"), (ping.QUERY, "queries/b.py")], [])
    bare = Platform(name="junos", title="Junos")
    with pytest.raises(MatrixFault, match="declared twice"):
        join([], [(bare, "platforms/a.py"), (bare, "platforms/b.py")])


def test_a_cell_for_nothing_that_exists_is_refused() -> None:
    lost = Platform(name="toyos", title="Toy", cells={"flight": linux.PING})
    with pytest.raises(MatrixFault, match="does not exist"):
        join([(ping.QUERY, "queries/ping.py")], [(lost, "platforms/toyos.py")])


@pytest.mark.parametrize("kind", [ping.QUERY, traceroute.QUERY])
def test_packets_are_asked_with_target_router_connection_and_family(kind: QueryType) -> None:
    required = [parameter.name for parameter in kind.parameters if parameter.required]
    assert required == ["target", "router", "connection"]
    assert kind.sourced
    assert not kind.about_routes


def test_a_ping_is_ended_two_seconds_after_its_last_probe_and_a_junos_trace_may_run_three_minutes_alone() -> None:
    ask = Ask(target=ip_address("192.0.2.1"), family=4)
    assert junos.CELLS["traceroute"].worst_case_s(ask) == 180.0
    for ping_cell in (junos.CELLS["ping"], linux.PING):
        assert ping_cell.ends_after_s is not None
        assert ping_cell.ends_after_s(ask) == 6.0


def route(path: tuple[int, ...], *, best: bool, connection_id: int | None = None) -> Route:
    return Route(
        prefix="192.0.2.0/24",
        as_path=path,
        as_path_text=" ".join(map(str, path)),
        origin_asn=path[-1],
        next_hop="10.0.0.1",
        learned_from=LearnedFrom(connection_id=connection_id),
        best=best,
        best_by="router",
    )


def result(*routes: Route) -> AsPathResult:
    return AsPathResult(prefix="192.0.2.0/24" if routes else None, covering=None, routes=routes)


def test_the_answers_of_all_routers_fold_into_what_each_chose() -> None:
    one = result(route((174, 64501), best=True, connection_id=1), route((3356, 64666), best=False))
    two = result(route((174, 64501), best=True))
    summary: Record = fold([("core1", one), ("core2", two), ("core3", result())])
    chosen = BestPath(
        router="core1",
        prefix="192.0.2.0/24",
        as_path=(174, 64501),
        as_path_text="174 64501",
        next_hop="10.0.0.1",
        connection_id=1,
    )
    other = BestPath(
        router="core2",
        prefix="192.0.2.0/24",
        as_path=(174, 64501),
        as_path_text="174 64501",
        next_hop="10.0.0.1",
        connection_id=None,
    )
    assert summary == AsPathSummary(
        origins=(64501, 64666),
        prefixes=("192.0.2.0/24",),
        best_paths=(chosen, other),
        upstreams=(UpstreamUse(asn=174, routers=("core1", "core2")),),
    )


def test_an_as_path_says_itself_in_one_line() -> None:
    assert say_aspath(result(route((174, 64501), best=True))) == "192.0.2.0/24, 1 route, best 174 64501"
    assert say_aspath(result()) == "No route"
    covered = AsPathResult(prefix=None, covering="192.0.0.0/16", routes=())
    assert say_aspath(covered) == "No route for exactly this prefix; covered by 192.0.0.0/16"
