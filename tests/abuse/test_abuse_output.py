"""O: what a hostile router, route server or name server prints, looked at behind every door it can leave by.

The screen alone is held by tests/test_screen.py and tests/properties, readers by tests/properties/test_readers_hold.py,
faults on the way by tests/faults. O5 and O6 at the budgets' edges are tests/test_screen.py.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from abuse.corpus import PING, query
from abuse.rig import HTML, Rig, ping_text, told, watched
from abuse.rig import printed as printed_by_the_rig
from doubles.bird_proxy import Reply
from doubles.glass import parsed_events
from doubles.result_pages import assert_nothing_runs
from doubles.steps import Close, Exit, Say, Step
from netpulse.disclosure import Disclosure
from netpulse.settings import DataFiles, Deadlines
from netpulse.store.export import csv_line, json_line

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
MARKUP = re.compile(r"<(?:script>alert|svg[ _]onload|img src=x|/pre></body)|<!--\s*x|\]\]>", re.I)
PATH = f"/ping?{query(PING)}"
SVG = '"><svg onload=alert(1)>'
PTR = r"\<script\>alert\(1\)\</script\>.evil.example."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hostile(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A glass whose AS names and hop names are hostile too, and which does not wait long."""
    folder: Path = tmp_path_factory.mktemp("output")
    (folder / "names.csv").write_text(f'asn,name\n15169,"{SVG.replace(chr(34), chr(34) * 2)}\u202e"\n174,Cogent\n', "utf-8")
    names = {
        ("9.2.0.192.in-addr.arpa", "PTR"): [PTR],
        ("8.8.8.8.in-addr.arpa", "PTR"): [r"a\000b\032c\027[2J\226\128\174." + "x" * 63 + ".example."],
    }
    deadlines = Deadlines(silence_s=2.0, ping_s=10.0, traceroute_s=10.0, bird_s=3.0)
    async with watched(folder, names, data=DataFiles(as_names=folder / "names.csv"), deadlines=deadlines) as running:
        yield running


def texts_of(value: Any) -> list[str]:
    """Every text in this JSON."""
    if isinstance(value, dict):
        return [text for inner in (*value.keys(), *value.values()) for text in texts_of(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts_of(inner)]
    return [value] if isinstance(value, str) else []


async def doors(rig: Rig, path: str = PATH, form: str | None = None, status: int = 200) -> dict[str, Any]:
    """The same question behind every door; none of them may show anything that is not text. Gives `data` of the API."""
    said, rows = len(rig.log.text()), len(await rig.audit())
    answer = await rig.get(path)
    assert answer.status_code == status, answer.text
    result_id = answer.headers["x-result-id"]
    stored = await rig.get(f"/results/{result_id}")
    assert stored.status_code == 200
    data: dict[str, Any] = stored.json()["data"]
    saved = await rig.send("GET", f"/r/{result_id}.json")
    streamed = await rig.get(path, Accept="text/event-stream")
    if streamed.headers["content-type"].startswith("text/event-stream"):
        events = [event async for event in parsed_events(streamed.aiter_lines())]
        assert [event.name for event in events if event.name in ("finished", "failed")] == [events[-1].name]
        assert {event.name for event in events} <= {"started", "queued", "output", "found", "finished", "failed"}
        assert [event.id for event in events] == [f"{events[0].id.partition('.')[0]}.{n + 1}" for n in range(len(events))]
        for event in events:
            assert not any(UNSEEN.search(text) for text in texts_of(event.data))
    for body in (answer.json(), stored.json(), saved.json()):
        assert not [text for text in texts_of(body) if UNSEEN.search(text)]
    for plain in (await rig.get(path, Accept="text/plain"), await rig.send("GET", f"/r/{result_id}.txt")):
        assert plain.headers["content-type"] == "text/plain; charset=utf-8"
        assert not UNSEEN.search(plain.text)
    pages = [await rig.send("GET", f"/r/{result_id}", None, **HTML)]
    asked = await rig.post(form or f"query=ping&{query(PING)}")
    assert asked.status_code == 303, asked.text
    growth = await rig.send("GET", f"{asked.headers['location']}/events")
    pages.append(await rig.send("GET", asked.headers["location"], None, **HTML))
    assert growth.text.count("event: whole\n") == 1
    for markup in (*(page.text for page in pages), growth.text):
        assert not MARKUP.search(re.sub(r"<script [^>]*>", "", markup))
        assert not UNSEEN.search(markup)
        assert_nothing_runs(markup)
    for row in await rig.audit(rows):
        line = csv_line(row) + json_line(row)
        assert not UNSEEN.search(line.replace("\r\n", "\n"))
        assert not MARKUP.search(line)
    log = rig.log.text()[said:]
    assert all(json.loads(line) for line in log.splitlines())
    assert not UNSEEN.search(log)
    assert "Traceback" not in log
    shown = html.unescape(pages[0].text)
    first = next((line for line in (data["output"] or "").splitlines() if line.strip()), "")
    assert first[:60] in shown
    return data


def printing(rig: Rig, output: str | bytes, *more: Step) -> None:
    rig.router.script = lambda _command: [Say(output), *(more or (Exit(0),))]


@pytest.mark.parametrize(
    ("printed", "kept", "gone"),
    [
        pytest.param("\x1b[2J\x1b]0;x\x07\x1b]8;;http://evil\x07click\x1b]8;;\x07", "click", "evil", id="O3-escapes"),
        pytest.param("\x1bP1;2|q\x1b\\a\x1b_x\x1b\\b\x1b^y\x1b\\c", "abc", "1;2", id="O3-strings"),
        pytest.param("\x1b[31;1mred\x1b(B\x1b[m", "red", "31", id="O3-colours"),
        pytest.param(b"a\xc2\x9b31mb \xc2\x90x\xc2\x9cc", "c", "\x9b", id="O4-C1"),
        pytest.param("a\u202eb\u2066c\u200bd\ufeffe\u061cf", "abcdef", "\u202e", id="O4-bidi"),
        pytest.param(b"a\xff\xfe\xc0\xafb\xed\xa0\x80c", "a", "\udcff", id="O7-no-UTF-8"),
        pytest.param("over\rwritten a\x08\x08b " + "\x00" * 4096 + "end", "end", "\x00", id="O8-overwritten"),
        pytest.param("data: x\n\nevent: finished\ndata: {}\n\nid: 1.1\r\rretry: 1\n", "event: finished", "\r", id="O9-frames"),
        pytest.param("</pre></body><!-- x ]]></script><script>alert(1)</script>", "<script>alert(1)", "\x00", id="O10-ends"),
        pytest.param("<img src=x onerror=alert(1)>{{7*7}}${7*7}", "{{7*7}}${7*7}", "49", id="O10-templates"),
        pytest.param("--More--\nuser@router> show configuration\nPassword:\n{master}\n", "--More--", "\x00", id="O11-prompt"),
    ],
)
async def test_what_a_router_prints_is_only_ever_text(hostile: Rig, printed: str | bytes, kept: str, gone: str) -> None:
    answer = ping_text()
    raw = printed if isinstance(printed, bytes) else printed.encode()
    printing(hostile, raw + b"\n" + answer.encode())
    data = await doors(hostile)
    assert kept in data["output"]
    assert gone not in data["output"]
    assert data["output"].rstrip().endswith("1.000/1.200/1.400/0.141 ms")  # nothing ended it early
    assert data["result"]["received"] == 5


async def test_o1_the_name_of_a_hop_is_only_text(hostile: Rig) -> None:
    hostile.router.script = printed_by_the_rig
    path = f"/traceroute?{query(PING)}&as_lookup=true"
    data = await doors(hostile, path, f"query=traceroute&as_lookup=true&{query(PING)}")
    names = [probe["name"] for hop in data["result"]["hops"] for probe in hop["probes"] if probe["name"]]
    assert any("<script>" in name for name in names)
    assert all(len(name) <= 253 for name in names)


async def test_o2_the_name_of_an_as_and_of_a_protocol_are_only_text(hostile: Rig) -> None:
    def svg(command: str) -> Reply:
        said = told(command)
        return said.replace("core1_all", SVG.replace(" ", "_")) if isinstance(said, str) else said

    hostile.bird.script = svg
    try:
        data = await doors(hostile, f"/aspath?{query({'target': '8.8.8.8', 'router': 'router1'})}", f"query=aspath&{query(PING)}")
        assert "<svg" in data["output"]
        assert data["result"]["routes"]
    finally:
        hostile.bird.script = told


async def test_o5_a_flood_without_a_line_end_is_cut_and_the_channel_closed(hostile: Rig) -> None:
    printing(hostile, b"x" * 10_000_000)
    answer = await hostile.get(PATH)
    data = (await hostile.get(f"/results/{answer.headers['x-result-id']}")).json()["data"]
    assert data["truncated"]
    assert len(data["output"].encode()) <= 256 * 1024 + 1024
    await hostile.router.until(lambda router: router.running == 0 and router.channels_open == 0)


async def test_o6_a_flood_of_lines_is_cut_and_the_channel_closed(hostile: Rig) -> None:
    printing(hostile, b"x\n" * 1_000_000)
    answer = await hostile.get(PATH)
    data = (await hostile.get(f"/results/{answer.headers['x-result-id']}")).json()["data"]
    assert data["truncated"]
    assert data["output"].count("\n") <= 2000
    await hostile.router.until(lambda router: router.running == 0 and router.channels_open == 0)


async def test_o12_what_the_operator_redacts_is_gone_behind_every_door(tmp_path: Path) -> None:
    banner = "Chassis JN1234AFB serial 0xBEEF at 10.99.0.1"
    pattern = re.compile("Chassis [^\n]*")
    secret = Disclosure(redactions=(pattern,))
    changes: dict[str, Any] = {"disclosures": {"public": secret, "key": secret}}
    async with watched(tmp_path, **changes) as rig:
        printing(rig, f"{banner}\n{ping_text()}")
        data = await doors(rig)
        assert "JN1234AFB" not in json.dumps(data)
        assert data["result"]["received"] == 5
        assert "JN1234AFB" not in rig.log.text()


@pytest.mark.parametrize(
    ("kind", "printed"),
    [
        pytest.param("traceroute", "".join(f" {n}  192.0.2.9  1.0 ms\n" for n in range(1, 1500)), id="O13-1499-hops"),
        pytest.param("traceroute", " 1  192.0.2.9  -1.5 ms  NaN ms  1e308 ms\n 2  8.8.8.8  inf ms\n", id="O13-times"),
        pytest.param("traceroute", " 99999999999999999999  192.0.2.9  1.0 ms\n -1  8.8.8.8  1 ms\n", id="O13-hop-numbers"),
        pytest.param("ping", "64 bytes from 8.8.8.8: icmp_seq=1 ttl=61 time=1e308 ms\n" * 5, id="O13-1e308"),
        pytest.param("ping", "64 bytes from 8.8.8.8: icmp_seq=-1 ttl=NaN time=-5 ms\n", id="O13-NaN"),
        pytest.param("ping", f"5 packets transmitted, {'9' * 20} packets received, -500% packet loss\n", id="O13-counts"),
    ],
)
async def test_o13_figures_that_cannot_be_are_not_told_and_the_text_stays(hostile: Rig, kind: str, printed: str) -> None:
    printing(hostile, printed)
    answer = await hostile.get(f"/{kind}?{query(PING)}")
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["output"].startswith(printed[:40])
    told_ = json.dumps(data["result"])
    assert not re.search(r"NaN|Infinity|e\+?308|:\s*-\d", told_), told_[:300]
    page = await hostile.send("GET", f"/r/{answer.headers['x-result-id']}", None, **HTML)
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        pytest.param([Say("1007-Table router1_v4:\n1007-"), Close()], 500, id="O14-ends-in-a-code"),
        pytest.param("".join(f"1007-word {n}\n" for n in range(1000)) + "9001 syntax error\n", 500, id="O14-error-after-1000"),
        pytest.param("1999-what is this\n0000 \n", 0, id="O14-unknown-code"),
        pytest.param("1007-Table router1_v4:\n 8.8.8.8/32 1007-x 0000 \n0000 \n", 0, id="O14-code-in-a-line"),
        pytest.param("no code at all\n0000 \n", 500, id="O14-no-code"),
        pytest.param("8001 Network not found\n", 0, id="O14-not-found"),
        pytest.param("0016 Access restricted\n" * 50, 0, id="O14-answers-to-nothing"),
    ],
)
async def test_o14_a_reply_of_bird_that_is_none_ends_and_the_next_question_is_answered(
    hostile: Rig, reply: Reply, status: int
) -> None:
    hostile.bird.script = lambda command: reply if command.startswith("show route") else told(command)
    try:
        answer = await hostile.get("/aspath?target=8.8.8.8&router=router1")
        assert answer.status_code in ((status,) if status else (200, 500))
        if answer.status_code == 500:
            assert answer.json()["code"] in ("route_source_down", "router_garbled", "router_refused", "router_closed")
    finally:
        hostile.bird.script = told
    after = await hostile.get("/aspath?target=9.9.9.9&router=router1")
    assert after.status_code == 200, after.text
    assert "9.9.9.9/32" in after.json()["data"]["output"]
    assert "word" not in after.json()["data"]["output"]


async def test_o15_a_name_with_anything_in_it_is_only_text(hostile: Rig) -> None:
    hostile.router.script = printed_by_the_rig
    data = await doors(hostile, f"/traceroute?{query(PING)}", f"query=traceroute&{query(PING)}")
    names = {probe["address"]: probe["name"] for hop in data["result"]["hops"] for probe in hop["probes"]}
    assert names["8.8.8.8"]
    assert not re.search(r"[\x00-\x1f\s]", names["8.8.8.8"])


