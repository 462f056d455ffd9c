"""Whatever bytes a device sends, what leaves the screen is text that hides and reorders nothing, cut in reads or not."""

from __future__ import annotations

import sys
import unicodedata
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from netpulse.screen import LONGEST_LINE, Screen, clean
from properties.effort import tried
from properties.hostile import CONTROLS, device_bytes

IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Characters without a picture: Default_Ignorable_Code_Point of Unicode 15.1."""


def unseen(character: str) -> bool:
    """Whether a person would not see this character, or see others in another order because of it."""
    code = ord(character)
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or any(low <= code <= high for low, high in IGNORABLE)


def lines_of(*chunks: bytes, most_bytes: int = 1 << 20, most_lines: int = 5000) -> tuple[list[str], bool]:
    screen = Screen(most_bytes, most_lines)
    lines = [line for chunk in chunks for line in screen.feed(chunk)]
    return lines + screen.close(), screen.truncated


hostile_text = st.lists(
    st.one_of(st.sampled_from([*CONTROLS, *(chr(low) for low, _ in IGNORABLE), "a", "ü"]), st.text(max_size=5)),
    max_size=20,
).map("".join)
raw = st.one_of(device_bytes, hostile_text.map(lambda text: text.encode("utf-8", "surrogatepass")))


@tried(1000)
@given(raw)
def test_what_is_shown_has_no_character_that_hides_or_reorders(data: bytes) -> None:
    lines, _ = lines_of(data)
    for line in lines:
        assert len(line) <= LONGEST_LINE
        assert not [hex(ord(c)) for c in line if c != "\t" and unseen(c)]


def test_no_single_character_of_unicode_slips_through() -> None:
    for code in range(sys.maxunicode + 1):
        if unseen(chr(code)) and chr(code) not in "\t\n":
            assert chr(code) not in clean(f"a{chr(code)}b"), hex(code)


@tried(600)
@given(raw)
def test_screening_what_was_screened_changes_nothing(data: bytes) -> None:
    lines, _ = lines_of(data)
    assert lines_of("".join(line + "\n" for line in lines).encode())[0] == lines


@tried(600)
@given(raw, st.lists(st.integers(0, 400), max_size=6), st.integers(0, 500), st.integers(0, 12))
def test_how_bytes_are_cut_into_reads_changes_neither_lines_nor_budget(
    data: bytes, cuts: list[int], most_bytes: int, most_lines: int
) -> None:
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    chunks = [data[start:end] for start, end in pairwise(places)]
    for limits in ((1 << 20, 5000), (most_bytes, most_lines)):
        whole = lines_of(data, most_bytes=limits[0], most_lines=limits[1])
        assert lines_of(*chunks, most_bytes=limits[0], most_lines=limits[1]) == whole
        assert len(whole[0]) <= limits[1]
        assert sum(len(line.encode()) for line in whole[0]) <= 3 * limits[0]


@tried(50)
@given(
    st.integers(LONGEST_LINE - 2, 2 * LONGEST_LINE + 2),
    st.sampled_from(["x", "\x1b[31m", "é", "\t"]),
    st.integers(1, 3000),
)
def test_a_long_line_is_broken_at_the_same_places_however_it_is_read(length: int, piece: str, cut: int) -> None:
    data = ((piece * length)[:length] + "\n").encode()
    chunks = [data[at : at + cut] for at in range(0, len(data), cut)]
    assert lines_of(*chunks) == lines_of(data)
