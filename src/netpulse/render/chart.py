"""The chart of a ping's round-trip times: where each mark lies. Pure; a template draws it.

One column per probe that is due, in the order of their numbers; an answer is a point, a probe without one a cross, and
the line breaks there. The scale begins at 0 unless all times lie close together far from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor, log10
from typing import Literal, NamedTuple

from netpulse.records import ms_text

WIDTHS = {"wide": 1240, "middle": 720, "narrow": 320}
HEIGHT = 172
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 10, 20, 20
_LEFT_NARROW = 40
_LABEL_WIDTH, _LABEL_HEIGHT = 84.0, 12.0
_ROOM_PX = 26.0
"""What a probe's number or the word of a lost one needs beside the next."""

_MARK_PX = 4.5
"""How far a point or a cross reaches, so that nothing touches it."""

_STEP_PX = 12
"""How far apart the places are that a label is tried at."""

_End = tuple[float, Literal["start", "end"]]
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale: its height, and its time in ms as text."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One probe: where it lies, its number, its time in ms as text, None if it got no answer."""

    x: float
    y: float
    seq: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Average:
    """The line of the average: its height, its time in ms as text, and where that is written, from there on or up to there.

    `label_x` is None where there is no place for it; the figures above the chart say it too.
    """

    y: float
    text: str
    label_x: float | None
    label_y: float
    anchor: Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture `width` px wide, for a screen that `name` says, whose scale begins at `left`.

    `lines` and `areas` are SVG paths, one for each stretch of answers without a gap. `peak` is the slowest answer, None
    where no other is clearly faster; `bands` are the left edge and the width of each probe without an answer; of every
    `every`-th probe there is room for its number.
    """

    name: str
    width: int
    left: int
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    lines: tuple[str, ...]
    areas: tuple[str, ...]
    average: Average | None
    floor_y: float
    peak: Mark | None
    bands: tuple[tuple[float, float], ...]
    every: int

    @property
    def right(self) -> int:
        return self.width - _RIGHT


class _Box(NamedTuple):
    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def ping_charts(
    times_ms: Sequence[tuple[int, float | None]], expected: int, average_ms: float | None = None
) -> tuple[Chart, ...]:
    """The chart of these probes, each with its number and its time (None: no answer), of `expected` in all; for wide,
    middle and narrow screens. `average_ms` is what the router says; without it the average is that of the times."""
    return tuple(_chart(times_ms, expected, average_ms, name, width) for name, width in WIDTHS.items())


def _chart(
    times_ms: Sequence[tuple[int, float | None]], expected: int, average_ms: float | None, name: str, width: int
) -> Chart:
    left = _LEFT_NARROW if name == "narrow" else _LEFT
    known = [time for _, time in times_ms if time is not None]
    low, high, step = _scale(known)
    columns = max(expected, len(times_ms), 1)
    column_px = (width - left - _RIGHT) / columns

    def height(value: float) -> float:
        return round(_TOP + (high - value) / (high - low) * (HEIGHT - _TOP - _BOTTOM), 1)

    marks = tuple(
        Mark(
            x=round(left + column_px * (index + 0.5), 1),
            y=height(time) if time is not None else HEIGHT - _BOTTOM - 8.0,
            seq=seq,
            text=None if time is None else ms_text(time),
        )
        for index, (seq, time) in enumerate(times_ms)
    )
    floor_y = height(low)
    stretches = _stretches(marks)
    lines = tuple("M" + "L".join(f"{mark.x},{mark.y}" for mark in stretch) for stretch in stretches)
    areas = tuple(
        f"M{stretch[0].x},{floor_y}L" + "L".join(f"{m.x},{m.y}" for m in stretch) + f"L{stretch[-1].x},{floor_y}Z"
        for stretch in stretches
        if len(stretch) > 1
    )
    ticks = tuple(
        Tick(height(low + step * index), _on_scale(low + step * index))
        for index in range(round((high - low) / step) + 1)
    )
    answered = [mark for mark in marks if mark.text is not None]
    chart = Chart(
        name=name,
        width=width,
        left=left,
        marks=marks,
        ticks=ticks,
        lines=lines,
        areas=areas,
        average=None,
        floor_y=floor_y,
        peak=min(answered, key=lambda mark: mark.y) if known and max(known) > 1.1 * min(known) else None,
        bands=tuple((round(m.x - column_px / 2, 1), round(column_px, 1)) for m in marks if m.text is None),
        every=max(1, ceil(_ROOM_PX / column_px)),
    )
    if not known:
        return chart
    average = sum(known) / len(known) if average_ms is None else average_ms
    return replace(chart, average=_average(height(average), ms_text(average), chart, stretches))


def _average(y: float, text: str, chart: Chart, stretches: Sequence[Sequence[Mark]]) -> Average:
    """The line at this height, its label at an end or else further in, above or below it, where it meets nothing."""
    ends: list[_End] = [(chart.right, "end"), (chart.left, "start")]
    further_in = range(chart.left + _STEP_PX, chart.right - int(_LABEL_WIDTH), _STEP_PX)
    inside: list[_End] = [(x, "start") for x in further_in]
    taken = [_Box(m.x - _MARK_PX, m.x + _MARK_PX, m.y - _MARK_PX, m.y + _MARK_PX) for m in chart.marks]
    taken += [_Box(m.x - 16, m.x + 16, 12, 28) for m in chart.marks if m.text is None and chart.every == 1]
    taken += [_Box(m.x - 22, m.x + 22, m.y - 18, m.y - 6) for m in (chart.peak,) if m]

    def is_free(place: tuple[_End, float]) -> bool:
        (x, anchor), base = place
        begin = x if anchor == "start" else x - _LABEL_WIDTH
        box = _Box(begin, begin + _LABEL_WIDTH, base - _LABEL_HEIGHT, base + 2)
        return (
            _LABEL_HEIGHT < base < HEIGHT - _BOTTOM
            and not any(map(box.meets, taken))
            and not any(_crosses(a, b, box) for stretch in stretches for a, b in pairwise(stretch))
        )

    places = ((end, y + below) for where in (ends, inside) for below in (-4.0, 11.0) for end in where)
    free = next(filter(is_free, places), None)
    if free is None:
        return Average(y, text, None, y, "end")
    (x, anchor), base = free
    return Average(y, text, x, round(base, 1), anchor)


def _crosses(a: Mark, b: Mark, box: _Box) -> bool:
    """Whether the line between two marks runs through this box."""
    begin, end = max(a.x, box.left), min(b.x, box.right)
    if begin > end:
        return False
    slope = (b.y - a.y) / (b.x - a.x) if b.x != a.x else 0.0
    heights = a.y + slope * (begin - a.x), a.y + slope * (end - a.x)
    return min(heights) <= box.bottom and max(heights) >= box.top


def _stretches(marks: Sequence[Mark]) -> list[list[Mark]]:
    found: list[list[Mark]] = [[]]
    for mark in marks:
        if mark.text is None:
            found.append([])
        else:
            found[-1].append(mark)
    return [stretch for stretch in found if stretch]


def _scale(known: Sequence[float]) -> tuple[float, float, float]:
    """Lowest and highest line of the scale, and the distance of its lines, all in ms: round numbers, two to five lines."""
    if not known:
        return 0.0, 1.0, 0.5
    low, high = min(known), max(known)
    if high - low > 0.25 * high or high < 1.0:
        low = 0.0
    raw = max(high - low, high * 0.1, 1e-3) / 3
    size = 10.0 ** floor(log10(raw))
    step = next(size * factor for factor in _STEPS if size * factor >= raw * 0.999)
    bottom, top = floor(low / step) * step, ceil(high / step) * step
    return bottom, top if top > bottom else bottom + step, step


def _on_scale(value: float) -> str:
    """A round number, without the decimals that it does not need."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
