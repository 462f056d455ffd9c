"""Readers and parsers of replies against bytes of any kind: nothing raises, and work grows no faster than the input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address, ip_network
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpulse.cells import SourceDown, Unread, discover
from netpulse.errors import Refused
from netpulse.events import Ending
from netpulse.inventory import RouteTable
from netpulse.query import Ask
from netpulse.screen import Screen
from netpulse.transports.seam import EXEC
from properties.effort import tried
from properties.hostile import CAPTURES, device_bytes

MATRIX = discover()
CELLS = sorted(MATRIX.cells)
TELLING = sorted(name for name, platform in MATRIX.platforms.items() if platform.neighbors is not None)
"""Platforms that list their BGP neighbours."""
ENDINGS: tuple[Ending, ...] = ("end", "silent_tail", "deadline", "caller", "fault")
TABLES = (RouteTable(), RouteTable(table="core1_v4", best_protocol="core1_best"), RouteTable(protocol="core1_all"))
TARGETS = ("8.8.8.8", "8.8.8.0/24", "2001:4860:4860::8888", "0.0.0.0/0")


def ask_about(target: str, table: RouteTable, own_routes: bool) -> Ask:
    value = ip_network(target) if "/" in target else ip_address(target)
    return Ask(target=value, family=4 if value.version == 4 else 6, table=table, own_routes=own_routes)


def read(place: tuple[str, str], ask: Ask, lines: list[str], further: list[str], ending: Ending = "end") -> int:
    """Read one conversation; the size of all records given, in bytes of JSON."""
    kind = MATRIX.queries[place[1]]
    reader = MATRIX.cells[place].reader(ask)
    size = 0
    for line in lines:
        for record in reader.feed(line):
            assert isinstance(record, kind.record)
            size += len(msgspec.json.encode(record))
    for _ in range(4):
        if reader.follow_up() is None:
            break
        for line in further:
            size += sum(len(msgspec.json.encode(record)) for record in reader.feed(line))
    with suppress(Unread, SourceDown):
        result = reader.close(ending)
        assert isinstance(result, kind.result)
        size += len(msgspec.json.encode(result))
    return size


def outcome_of(work: Callable[[], object]) -> object:
    """What came of it, or the refusal."""
    try:
        return work()
    except Refused as refusal:
        return refusal


@tried(1500)
@given(
    place=st.sampled_from(CELLS),
    data=device_bytes,
    further=device_bytes,
    target=st.sampled_from(TARGETS),
    table=st.sampled_from(TABLES),
    own_routes=st.booleans(),
    ending=st.sampled_from(ENDINGS),
)
def test_no_bytes_make_a_reader_raise(
    place: tuple[str, str],
    data: bytes,
    further: bytes,
    target: str,
    table: RouteTable,
    own_routes: bool,
    ending: Ending,
) -> None:
    ask = ask_about("8.8.8.8" if place[1] != "aspath" else target, table, own_routes)
    read(place, ask, screened(data), screened(further), ending)


@tried(400)
@given(name=st.sampled_from(TELLING), data=device_bytes, further=device_bytes, ending=st.sampled_from(ENDINGS))
def test_no_bytes_make_a_list_of_neighbours_raise(name: str, data: bytes, further: bytes, ending: Ending) -> None:
    cell = MATRIX.platforms[name].neighbors
    assert cell is not None
    reader = cell.reader(Ask(target=None, family=4, own_routes=True))
    for chunk in (data, further):
        for line in screened(chunk):
            list(reader.feed(line))
        follow_up = reader.follow_up()
        if follow_up is None:
            break
        assert EXEC.check(follow_up) == follow_up
    with suppress(Unread, SourceDown):
        reader.close(ending)


@pytest.mark.parametrize("name", TELLING)
def test_deep_and_long_lines_do_not_make_a_list_of_neighbours_raise(name: str) -> None:
    cell = MATRIX.platforms[name].neighbors
    assert cell is not None
    for line in (*NESTED, *LONG):
        reader = cell.reader(Ask(target=None, family=4, own_routes=True))
        for _ in range(3):
            list(reader.feed(line))
        with suppress(Unread, SourceDown):
            reader.close("end")


def screened(data: bytes) -> list[str]:
    screen = Screen(1 << 22, 1 << 22)
    return screen.feed(data) + screen.close()


NESTED = [
    "[" * 2040 + "]" * 2040,
    '{"a":' * 800 + "1" + "}" * 800,
    '{"paths":' + "[" * 2000 + "]" * 2000 + "}",
    '{"a":' * 900,
]
LONG = [
    "1" * 4096,
    "*" * 4096,
    " * " * 1365,
    "{" * 4096,
    "8.8.8.0/24 " * 370,
    ":" * 4096,
    "(" * 4096,
    "1 " * 2048,
    '"\\' * 2048,
]


@pytest.mark.parametrize("place", CELLS, ids="-".join)
@pytest.mark.parametrize(
    "lines", [*([one] for one in (*NESTED, *LONG)), LONG * 3], ids=lambda lines: lines[0][:12].strip()
)
def test_the_longest_lines_and_the_deepest_brackets_are_read_or_not_but_never_raise(
    place: tuple[str, str], lines: list[str]
) -> None:
    for own_routes in (False, True):
        read(place, ask_about("8.8.8.8", RouteTable(), own_routes), lines, lines)


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """How many lines of Python have run inside the block so far."""
    lines = 0

    def trace(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lambda: lines
    finally:
        sys.settrace(before)


def work(place: tuple[str, str], ask: Ask, lines: list[str]) -> int:
    """Lines of Python run and bytes given for this input."""
    with counted() as steps:
        size = read(place, ask, lines, [])
        return steps() + size


HOSTILE_TAILS = (
    *("", "1 *", " 1  * * *", "   *", " 2  8.8.8.8  1 ms", "\t\t(3,4)", "}", "{}"),
    *("  MPLS Label=1 CoS=0", "*BGP    Preference: 170/-101", "8.8.8.0/24 unicast [a 1] *"),
)


HEADS = {
    place: [path.read_text("utf-8").splitlines() for path in sorted((CAPTURES / place[0] / place[1]).glob("*.out"))[:3]]
    for place in CELLS
}
MOST_TOLD = 60
"""Bytes of records for each byte read, and for each line's end; a whole route costs some 600 bytes and is told twice."""


@pytest.mark.parametrize("place", CELLS, ids="-".join)
def test_twice_the_lines_are_not_more_than_twice_the_work(place: tuple[str, str]) -> None:
    ask = ask_about("8.8.8.8", RouteTable(), True)
    for head in [[], *HEADS[place]]:
        for tail in sorted({*HOSTILE_TAILS, *head[:: max(1, len(head) // 6)]}):
            lines = [*head, *([tail] * 240)]
            work(place, ask, lines)  # what is remembered between conversations is remembered now
            once, twice, four = (work(place, ask, lines[: len(head) + n]) for n in (60, 120, 240))
            assert four - twice <= 2.5 * max(twice - once, 120), (tail, once, twice, four)


@pytest.mark.parametrize("place", CELLS, ids="-".join)
def test_what_is_told_is_in_proportion_to_what_was_read(place: tuple[str, str]) -> None:
    ask = ask_about("8.8.8.8", RouteTable(), True)
    for head in HEADS[place]:
        for tail in sorted({*HOSTILE_TAILS, *head}):
            lines = [*head, *([tail] * 500)]
            told = read(place, ask, lines, [])
            assert told <= MOST_TOLD * (sum(map(len, lines)) + len(lines)), tail
