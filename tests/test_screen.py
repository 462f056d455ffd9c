"""What a device prints becomes clean lines within a budget."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpulse.screen import LONGEST_LINE, Screen, clean


def lines_of(*chunks: bytes, most_bytes: int = 1 << 20, most_lines: int = 5000) -> list[str]:
    screen = Screen(most_bytes, most_lines)
    lines: list[str] = []
    for chunk in chunks:
        lines += screen.feed(chunk)
    return lines + screen.close()


def test_lines_come_as_soon_as_they_are_finished_and_the_rest_at_the_end() -> None:
    screen = Screen(1000, 10)
    assert screen.feed(b"one\ntw") == ["one"]
    assert screen.feed(b"o\n") == ["two"]
    assert screen.feed(b"three") == []
    assert screen.close() == ["three"]


def test_every_kind_of_line_end_ends_one_line_also_when_it_is_split_over_two_reads() -> None:
    assert lines_of(b"a\r", b"\nb\rc\nd\r\n") == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[2J\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://evil\x07click\x1b]8;;\x07", "click"),
        (b"\x1b[31mred\x1b[0m", "red"),
        ("\u009b31mx".encode(), "x"),
        ("a\u202eb\u2066c\u200bd\ufeffe".encode(), "abcde"),
        (b"n\x00u\x08l\x7fl", "null"),
        ("Zürich → Köln".encode(), "Zürich → Köln"),
        (b"tab\tstays", "tab\tstays"),
    ],
)
def test_what_is_not_text_is_removed_and_the_text_stays(raw: bytes, shown: str) -> None:
    assert lines_of(raw) == [shown]


def test_a_flood_without_line_ends_is_cut_at_the_byte_budget() -> None:
    screen = Screen(10_000, 100)
    lines = screen.feed(b"x" * 10_000_000)
    assert screen.full
    assert screen.truncated
    assert sum(map(len, lines + screen.close())) <= 10_000
    assert max(map(len, lines)) <= LONGEST_LINE


def test_a_flood_of_lines_is_cut_at_the_line_budget() -> None:
    screen = Screen(1 << 20, 3)
    assert screen.feed(b"1\n2\n3\n4\n5\n") == ["1", "2", "3"]
    assert screen.truncated
    assert screen.feed(b"6\n") == []


def test_output_exactly_at_its_budget_is_not_called_truncated() -> None:
    screen = Screen(4, 2)
    assert screen.feed(b"a\nb\n") == ["a", "b"]
    assert not screen.truncated


def test_junk_is_told_from_text() -> None:
    junk, text = Screen(1 << 20, 5000), Screen(1 << 20, 5000)
    junk.feed(bytes(range(128, 256)) * 4 + b"\n")
    text.feed("64 bytes from 8.8.8.8: icmp_seq=0 ttl=58 time=1.2 ms – gut\n".encode())
    assert junk.garbled
    assert not text.garbled


@given(st.text())
def test_cleaning_is_idempotent_and_leaves_no_control(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert not [c for c in once if unicodedata.category(c) == "Cc" and c not in "\t\n"]


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_how_the_bytes_are_cut_into_reads_does_not_matter(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    chunks = [data[start:end] for start, end in pairwise(places)]
    assert lines_of(*chunks) == lines_of(data)
