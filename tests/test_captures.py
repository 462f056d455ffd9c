"""What devices printed, read again: every capture in `captures/` gives the whole result beside it.

`CASE.out` has the bytes, `CASE.thenN.out` those of the Nth further command, `CASE.toml` the question and the origin,
`CASE.json` what must come out: a result, or why there is none.
"""

from __future__ import annotations

import json
import re
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netpulse.cells import Reader, SourceDown, Unread, discover
from netpulse.inventory import RouteTable
from netpulse.query import Ask
from netpulse.records import Record

CAPTURES = Path(__file__).parent / "captures"
CASES = sorted(CAPTURES.glob("*/*/*.toml"))
MATRIX = discover()


def name_of(case: Path) -> str:
    return "/".join((*case.parent.parts[-2:], case.stem))


def ask_of(origin: dict[str, Any]) -> Ask:
    words = origin["ask"]
    target = ip_network(words["target"]) if "/" in words["target"] else ip_address(words["target"])
    return Ask(
        target=target,
        family=4 if target.version == 4 else 6,
        source=ip_address(words["source"]) if "source" in words else None,
        table=RouteTable(words.get("table"), words.get("protocol"), words.get("best_protocol")),
        own_routes=words.get("own_routes", False),
        asked_at_s=words.get("asked_at_s"),
    )


def as_json(record: Record) -> Any:
    return msgspec.json.decode(msgspec.json.encode(record))


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def read_all(reader: Reader, case: Path, origin: dict[str, Any]) -> list[Record]:
    """Feed the capture and what its further commands printed; every further command must be the one captured."""
    found = [record for line in lines_of(case.with_suffix(".out")) for record in reader.feed(line)]
    if origin.get("ending", "end") != "end":
        return found
    for number, command in enumerate(origin.get("then", []), 1):
        assert reader.follow_up() == command
        for line in lines_of(case.with_suffix(f".then{number}.out")):
            found += reader.feed(line)
    assert reader.follow_up() is None
    return found


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_capture_is_read_as_the_file_beside_it_says(case: Path) -> None:
    origin = tomllib.loads(case.with_suffix(".toml").read_text(encoding="utf-8"))
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    platform, query = case.parent.parts[-2:]
    cell = MATRIX.cells[platform, query]
    ask = ask_of(origin)
    assert cell.command(ask) == origin["command"]
    assert {"system", "captured", "altered"} <= origin.keys()
    if "refused" in expected:
        patterns = MATRIX.platforms[platform].refusals
        refused = [x for x in lines_of(case.with_suffix(".out")) if any(re.match(p, x) for p in patterns)]
        assert refused[0] == expected["refused"]
        return
    reader = cell.reader(ask)
    read_all(reader, case, origin)
    given: dict[str, Any]
    try:
        given = {"result": as_json(reader.close(origin.get("ending", "end")))}
    except Unread as reason:
        given = {"unread": str(reason)}
    except SourceDown as reason:
        given = {"source_down": str(reason)}
    assert given == expected


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_no_line_of_an_answer_looks_like_a_refusal(case: Path) -> None:
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    if "refused" in expected:
        return
    patterns = MATRIX.platforms[case.parent.parts[-2]].refusals
    lines = lines_of(case.with_suffix(".out"))
    assert [line for line in lines if any(re.match(pattern, line) for pattern in patterns)] == []


@pytest.mark.parametrize("case", [c for c in CASES if c.parent.name in ("ping", "traceroute")], ids=name_of)
def test_what_was_found_on_the_way_is_what_the_result_holds(case: Path) -> None:
    origin = tomllib.loads(case.with_suffix(".toml").read_text(encoding="utf-8"))
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    platform, query = case.parent.parts[-2:]
    kind = MATRIX.queries[query]
    found = read_all(MATRIX.cells[platform, query].reader(ask_of(origin)), case, origin)
    latest = {getattr(record, kind.record_key): as_json(record) for record in found}
    held = expected.get("result", {}).get("echoes" if query == "ping" else "hops", [])
    assert list(latest.values()) == held


def test_no_cell_is_without_a_capture() -> None:
    shown = {(case.parent.parts[-2], case.parent.parts[-1]) for case in CASES}
    ours = {place for place, home in MATRIX.where.items() if home.startswith(("platforms/", "queries/"))}
    assert ours - shown == set()


def test_every_captured_file_belongs_to_a_question() -> None:
    files = {path for path in CAPTURES.rglob("*") if path.is_file()}
    expected: set[Path] = set()
    for case in CASES:
        origin = tomllib.loads(case.read_text(encoding="utf-8"))
        expected |= {case, case.with_suffix(".out"), case.with_suffix(".json")}
        expected |= {case.with_suffix(f".then{n}.out") for n in range(1, len(origin.get("then", [])) + 1)}
    assert files == expected
