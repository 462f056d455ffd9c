"""Every line of the collection in its field, by every door: refused in the documented way, and nothing is touched."""

from __future__ import annotations

import json
from ipaddress import ip_network
from itertools import groupby

import pytest

from abuse.corpus import ASPATH, FIELDS, Line, hostile, lines, path_of, query, refusals
from abuse.rig import ALPHABET, FENCE_COMMAND, Rig
from netpulse.errors import CODES

CODES_OF = {
    "target": {"bad_target", "target_refused", "missing_parameter", "bad_parameter"},
    "router": {"unknown_router", "missing_parameter", "bad_parameter"},
    "connection": {"unknown_connection", "missing_parameter", "bad_parameter"},
}
BAD = [line for line in lines() if line.field in CODES_OF and not line.accepted]
GROUPS = [
    pytest.param(list(group), id=name) for name, group in groupby(sorted(BAD, key=lambda x: x.group), lambda x: x.group)
]
OWN_WORDS = frozenset({"route", "router", "router1"})
"""Values that our own sentences contain, whoever sends them."""


def assert_says_nothing(line: Line, kind: str, code: str, sentence: str, size: int) -> None:
    assert code in CODES_OF[line.field], (line, kind, code)
    assert CODES[code][0] == 400
    assert sentence.endswith("."), line
    assert size <= 300, (line, size)
    if len(line.value) > 3 and line.value not in OWN_WORDS:
        ours = line.value.strip(" ") in ("8.8.8.8", "dns.google")  # what the sentences give as examples
        assert ours or line.value not in sentence, (line, kind, sentence)


def is_canonical(value: str) -> bool:
    """Whether it is the text of an address or prefix that was read and then refused: that may be written down."""
    try:
        return str(ip_network(value)) in (value, f"{value}/32", f"{value}/128")
    except ValueError:
        return False


@pytest.mark.parametrize("group", GROUPS)
async def test_the_api_refuses_it_records_it_and_touches_nobody(rig: Rig, group: list[Line]) -> None:
    rows, said = len(await rig.audit()), len(rig.log.text())
    asked: list[str] = []
    async with rig.untouched():
        for n, line in enumerate(group):
            # Ping and traceroute read their parameters with the same declarations; they take turns.
            for kind in ("aspath", ("ping", "traceroute")[n % 2]):
                if line.field not in FIELDS[kind] or line.good_for(kind):
                    continue
                answer = await rig.get(path_of(kind, line))
                if answer.status_code == 414:  # below HTTP: too long to be a question
                    assert len(path_of(kind, line)) > 8000
                    continue
                assert answer.status_code == 400, (line, kind, answer.status_code)
                assert answer.headers["content-type"] == "application/json; charset=utf-8"
                body = answer.json()
                assert list(body) == ["error", "code"]
                assert_says_nothing(line, kind, body["code"], body["error"], len(answer.content))
                asked.append(body["code"])
        told = rig.log.lines(said)
        kept = await rig.audit(rows)
    assert asked
    assert [(line["status"], line["code"]) for line in told] == [(400, code) for code in asked]
    assert [(row.outcome, row.code, row.command) for row in kept] == [("refused", code, None) for code in asked]
    in_log = json.dumps(told)
    for line in group:
        if len(line.value) > 3 and line.value not in OWN_WORDS and not is_canonical(line.value):
            assert json.dumps(line.value)[1:-1] not in in_log, line


@pytest.mark.parametrize("group", GROUPS)
async def test_the_form_refuses_it_records_it_and_touches_nobody(rig: Rig, group: list[Line]) -> None:
    rows, said = len(await rig.audit()), len(rig.log.text())
    sent: list[Line] = []
    recorded = 0
    async with rig.untouched():
        for n, line in enumerate(group):
            value = line.value.strip(" ")  # a form takes blanks at the ends for slips of the hand, and nothing else
            if line.field == "target" and any(value == good.value for good in lines() if good.accepted):
                continue
            fields = {"query": "ping", "target": "8.8.8.8", "router": "router1", "connection": "1", line.field: line.value}
            # Each from another client: one alone would be held off after a minute's worth of them.
            answer = await rig.post(query(fields), **{"X-Forwarded-For": f"192.0.2.{n % 250}"})
            assert answer.status_code == 400, (line, answer.status_code)
            sent.append(line)
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "<script>alert" not in answer.text
            assert "onerror=alert" not in answer.text.replace("&lt;img src=x onerror=alert", "")
            # Bytes that are no text are no form either; there is no question to record.
            recorded += not any("\ud800" <= sign <= "\udfff" for sign in line.value)
        told = rig.log.requests(said)
        kept = await rig.audit(rows)
    assert len(told) == len(sent)
    for line, request in zip(sent, told, strict=True):
        assert request["code"] in CODES_OF[line.field] | {"not_offered"}, (line, request)
    assert [row.outcome for row in kept] == ["refused"] * recorded


GOOD = [line for line in lines() if line.accepted and line.field == "target"]


@pytest.mark.parametrize("line", GOOD, ids=[line.id for line in GOOD])
async def test_a_good_target_is_exactly_one_command_in_the_closed_alphabet(rig: Rig, line: Line) -> None:
    before = rig.touched()
    answer = await rig.get(path_of("ping", line))
    assert answer.status_code == 200, answer.text
    commands = [one.command for one in rig.router.execs[len(before.execs) :]]
    assert commands == [(line.command or "").encode()]
    assert ALPHABET.match(commands[0])
    assert rig.touched().stdin == before.stdin


async def test_a_prefix_is_for_questions_about_routes_only(rig: Rig) -> None:
    before = rig.touched()
    answer = await rig.get(f"/aspath?{query({**ASPATH, 'target': '8.8.8.8/32'})}")
    assert answer.status_code == 200, answer.text
    after = rig.touched()
    assert after.execs == before.execs
    assert {line for line in after.bird[len(before.bird) :] if line.startswith("show route")} == {
        "show route for 8.8.8.8/32 table router1_v4 all"
    }


async def test_the_list_of_refusals_is_refused_without_looking_at_the_disk(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd of them costs parsing and a queued row: no read of the database, no lock of it, no name, no session."""

    async def never(*_args: object, **_named: object) -> None:
        raise AssertionError("a refusal waited for something")

    database = rig.glass.services.store.database
    monkeypatch.setattr(type(database), "read", never)
    monkeypatch.setattr(type(database.writer), "commit", never)
    monkeypatch.setattr(type(database.writer), "exclusively", never)
    monkeypatch.setattr(type(rig.glass.services.pipeline.frame.lookup), "addresses", never)
    every = list(refusals())
    for refusal in every[:: max(1, len(every) // 150)]:
        assert (await rig.get(refusal.path)).status_code == refusal.status, refusal
    assert len(every) > 1000


def test_the_collection_is_whole() -> None:
    """Each line has a name of its own, and each field is attacked."""
    names = [line.id for line in lines()]
    assert len(names) == len(set(names))
    assert {field: len(hostile(field)) > 50 for field in CODES_OF} == dict.fromkeys(CODES_OF, True)
    assert len(GOOD) > 20
    assert FENCE_COMMAND.encode() in {b"ping 9.9.9.9 source 203.0.113.1 count 5"}
