"""What an audience is not shown: read again, the text that is left tells none of it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from netpulse.cells import SourceDown, Unread
from netpulse.disclosure import EVERYTHING, Disclosure, disclosure
from test_captures import CASES, MATRIX, as_json, ask_of, lines_of, name_of

ROUTED = [case for case in CASES if case.parent.name == "aspath"]
TOLD = sorted(path for path in MATRIX.hideable() if path in MATRIX.shows())
ROUTE = {
    "prefix": "8.8.8.0/24",
    "learned_from": {"address": "192.0.2.9", "asn": 174, "name": "Cogent", "connection_id": 1},
    "local_pref": 120,
    "communities": [{"value": "64500:1", "name": "core-7.internal"}, {"value": "174:21001", "name": None}],
}


def without(*hide: str, redact: tuple[str, ...] = ()) -> Disclosure:
    return disclosure(hide, redact, MATRIX.shows())


def values_at(record: Any, path: list[str]) -> list[Any]:
    """Every value at this path, of one record or of a list."""
    if isinstance(record, list):
        return [found for one in record for found in values_at(one, path)]
    return [record] if not path else values_at(record[path[0]], path[1:])


def routes_read(case: Path, lines: list[str]) -> list[dict[str, Any]]:
    """What this platform's own reader makes of these lines; nothing if it cannot read them."""
    origin = tomllib.loads(case.with_suffix(".toml").read_text(encoding="utf-8"))
    reader = MATRIX.cells[case.parent.parts[-2], "aspath"].reader(ask_of(origin))
    found = [record for line in lines for record in reader.feed(re.sub(r": ?\[hidden\]", ":null", line))]
    try:
        routes: list[dict[str, Any]] = as_json(reader.close("end"))["routes"]
    except (Unread, SourceDown):
        return [as_json(record) for record in found]
    return routes


@pytest.mark.parametrize("path", TOLD)
@pytest.mark.parametrize("case", ROUTED, ids=name_of)
def test_a_hidden_field_cannot_be_read_out_of_the_text(case: Path, path: str) -> None:
    lines = lines_of(case.with_suffix(".out"))
    before = routes_read(case, lines)
    after = routes_read(case, [without(path).line(line) for line in lines])
    # A neighbour's number is the first of its paths, which cannot be hidden.
    told = [*([r["as_path"] or [None]][0][0] for r in before), None, []]
    secrets = [value for value in values_at(before, path.split(".")) if value not in told]
    left = [value for value in values_at(after, path.split(".")) if value in secrets]
    assert left == []


def test_every_platform_with_routes_tells_where_each_field_stands() -> None:
    """Otherwise an operator could hide it only together with the whole text."""
    routes = [path for path, kinds in MATRIX.hideable().items() if "aspath" in kinds]
    open_fields = [(p, path) for p in MATRIX.platforms for path in routes if not MATRIX.keeps_apart(p, path)]
    assert open_fields == []


def test_a_record_keeps_its_fields_and_loses_their_values() -> None:
    shown = without("learned_from", "local_pref", "communities:64500:*").data({"result": {"routes": [ROUTE]}})
    assert shown["result"]["routes"] == [
        {
            "prefix": "8.8.8.0/24",
            "learned_from": {"address": None, "asn": None, "name": None, "connection_id": None},
            "local_pref": None,
            "communities": [{"value": "174:21001", "name": None}],
        }
    ]
    assert ROUTE["local_pref"] == 120, "what was given stays as it was"


def test_a_hidden_list_is_empty_and_a_name_inside_of_one_is_null() -> None:
    record = {"communities": [{"value": "64500:1", "name": "a"}], "probes": [{"name": "b"}, {"name": None}]}
    assert without("communities", "probes.name").data({"result": {"hops": [record]}})["result"]["hops"] == [
        {"communities": [], "probes": [{"name": None}, {"name": None}]}
    ]


@pytest.mark.parametrize(
    ("glob", "line", "left"),
    [
        ("communities:64500:*", "Communities: 174:21001 64500:1001", "Communities: 174:21001 [hidden]"),
        ("communities:64500:*", "BGP.community: (174,21001) (64500,10)", "BGP.community: (174,21001) ([hidden])"),
        ("communities:64500:*", '"string":"64500:1 174:2",', '"string":"[hidden] 174:2",'),
        ("communities:64500:*", "large:64500:10:1 164500:2", "large:64500:10:1 164500:2"),
        ("communities:64500:*", "BGP.large_community: (64500, 1, 2)", "BGP.large_community: (64500, 1, 2)"),
        ("communities:64500:1*", "64500:1001 64500:2001", "[hidden] 64500:2001"),
        ("communities:*:666", "174:666 174:6666 64500:666", "[hidden] 174:6666 [hidden]"),
        ("communities:65535:*", "no-export NO_EXPORT noExport local-AS 174:1", "[hidden] [hidden] [hidden] [hidden] 174:1"),
        ("communities:65535:666", "no-export blackhole (65535,666)", "no-export [hidden] ([hidden])"),
        ("large_communities:64500:*:*", "64500:7 large:64500:10:1", "64500:7 [hidden]"),
        ("large_communities:64500:*:*", "(64500, 1, 2) (174, 1, 2)", "([hidden]) (174, 1, 2)"),
        ("ext_communities:rt:64500:*", "(rt, 64500, 1) RT:64500:2 target:64500:3", "([hidden]) [hidden] [hidden]"),
        ("ext_communities:ro:*:*", "SoO:174:7 origin:64500:1 rt:1:2", "[hidden] [hidden] rt:1:2"),
    ],
)
def test_a_community_is_found_however_routers_write_it(glob: str, line: str, left: str) -> None:
    assert without(glob).line(line) == left


def test_what_is_redacted_is_gone_from_text_and_from_every_text_of_a_result() -> None:
    told = without(redact=(r"core-\d+\.internal", "192.0.2.9"))
    shown = told.data({"output": "hop core-7.internal\nnext", "unread": "no core-8.internal", "result": {"routes": [ROUTE]}})
    assert (shown["output"], shown["unread"]) == ("hop [redacted]\nnext", "no [redacted]")
    assert shown["result"]["routes"][0]["communities"][0] == {"value": "64500:1", "name": "[redacted]"}
    assert shown["result"]["routes"][0]["learned_from"]["address"] == "[redacted]"
    assert shown["result"]["routes"][0]["prefix"] == "8.8.8.0/24"


def test_the_whole_text_can_be_withheld() -> None:
    told = without("output")
    assert told.event("output", {"text": "secret"}) is None
    assert told.data({"output": "secret\n", "unread": "secret?", "result": None}) == {
        "output": None,
        "unread": None,
        "result": None,
    }


def test_every_row_and_the_data_of_a_failure_lose_it_too() -> None:
    told = without("local_pref")
    row = {"slug": "core1", "output": "Localpref: 120", "result": {"routes": [ROUTE]}}
    for shown in (
        told.data({"routers": [row]})["routers"][0],
        told.event("failed", {"error": "x", "data": row}),
    ):
        whole = json.dumps(shown)
        assert "120" not in whole
        assert "8.8.8.0/24" in whole


def test_a_summary_does_not_name_the_connection_that_is_hidden() -> None:
    best = {"router": "core1", "next_hop": "192.0.2.9", "connection_id": 1}
    for entry in ("learned_from", "learned_from.connection_id"):
        assert without(entry).data({"summary": {"best_paths": [dict(best)]}})["summary"]["best_paths"] == [
            {**best, "connection_id": None}
        ]
    assert without("next_hop").data({"summary": {"best_paths": [dict(best)]}})["summary"]["best_paths"] == [
        {**best, "next_hop": None}
    ]


def test_who_may_see_everything_gets_the_same() -> None:
    data = {"output": "Localpref: 120", "result": {"routes": [ROUTE]}}
    assert EVERYTHING.data(data) == data
    assert not EVERYTHING
    assert without("output")
