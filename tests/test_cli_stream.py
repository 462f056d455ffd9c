"""How the command line reads a stream of events, and how it puts them on a terminal; without a server."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from netpulse.cells import discover
from netpulse.cli.live import Live, begun, meanings, summary
from netpulse.cli.stream import Asking, Event, Unanswered, base_of, connect, parse
from netpulse.render.as_text import folded

MATRIX = discover()
KEY = "np_01234567_" + "a" * 43


def event(number: int, name: str, body: Any) -> bytes:
    return f"id: run.{number}\nevent: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


STARTED = event(1, "started", {"command": "ping 8.8.8.8"})


def asking(*streams: Sequence[Event | Exception], clock: Callable[[], float]) -> Asking:
    """A question whose connection gives these events, one stream after the other, without a server."""
    left = [list(stream) for stream in streams]

    class Scripts(Asking):
        def _listen(self) -> Any:
            for one in left.pop(0):
                if isinstance(one, Exception):
                    raise one
                yield one

    return Scripts(connect("http://127.0.0.1:9", KEY), "ping", [], clock=clock, pause=lambda _: None)


def test_a_server_that_stays_away_longer_than_its_lease_is_given_up() -> None:
    now_s = iter(range(0, 1000, 3))
    question = asking([Event("run.1", "started", {})], [], [], [], clock=lambda: float(next(now_s)))
    with pytest.raises(Unanswered, match="ask the question again") as problem:
        list(question.events())
    assert question.run_id == "run"
    assert not problem.value.refused


def test_events_are_read_whatever_the_pieces_they_come_in() -> None:
    whole = (
        b": hello\n\n" + STARTED.replace(b"\n", b"\r\n") + b"retry: 5\n\n" + event(2, "output", {"text": "ä\u2028b"})
    )
    expected = list(parse(iter([whole])))
    assert [found.name for found in expected] == ["started", "output"]
    assert expected[1] == Event("run.2", "output", {"text": "ä\u2028b"})
    for size in (1, 2, 7):
        assert list(parse(whole[i : i + size] for i in range(0, len(whole), size))) == expected


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://lg.example.com/api/v1", "https://lg.example.com"),
        ("https://example.com/lg/", "https://example.com/lg"),
    ],
)
def test_the_address_of_a_server_may_be_written_in_several_ways(url: str, base: str) -> None:
    assert base_of(url) == base


@pytest.mark.parametrize(
    "url", ["", "lg.example.com", "ftp://x", "http://", "http://x:0", "http://x:99999", "http://a@x", "http://x?y"]
)
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(Unanswered) as problem:
        base_of(url)
    assert problem.value.refused


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "ü"])
def test_what_cannot_be_a_key_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(Unanswered, match="What NETPULSE_KEY holds is no API key" if key else "No API key"):
        connect("http://127.0.0.1", key)


def test_no_escape_of_a_router_or_server_reaches_the_terminal() -> None:
    out = io.StringIO()
    live = Live(MATRIX.queries["ping"], "http://x", out, io.StringIO())
    live.show(Event("run.1", "started", {"router": "\x1b[31mred", "command": "x"}))
    live.show(Event("run.2", "output", {"text": "\x1b]0;title\x07line\x9b31m \u202e"}))
    assert "\x1b" not in out.getvalue()
    assert "line " in out.getvalue()
    assert "\u202e" not in out.getvalue()


def test_what_is_known_about_hops_is_told_when_there_is_something() -> None:
    hop = {
        "hop": 1,
        "probes": [
            {"address": "192.0.2.1", "name": "r1.example.net"},
            {"address": "192.0.2.1", "name": "r1.example.net"},
        ],
    }
    silent = {"hop": 2, "probes": [{"address": None, "note": "timeout"}]}
    assert meanings([hop, silent], "hop") == []
    known = {**hop, "asn": 174, "as_name": "Cogent", "ix": "DE-CIX"}
    assert meanings([known, silent], "hop") == ["", "  1  192.0.2.1 (r1.example.net)  AS174 Cogent at DE-CIX", "  2  *"]


def test_an_answer_of_another_version_has_no_summary_and_no_traceback() -> None:
    assert summary(MATRIX.queries["ping"], {"result": {"sent": 5}}) is None
    assert summary(MATRIX.queries["ping"], {"result": None}) is None
    assert begun({"source": {"name": "rs1", "router": None, "route_server": "rs1"}, "router": "R", "command": "c"}) == [
        "R, as rs1 knows it",
        "> c",
    ]
    assert folded(None) == folded({"a": 1}) == folded([{"a": 1, "b": 2, "c": 3}]) == ""
    assert folded(3) == "3"
