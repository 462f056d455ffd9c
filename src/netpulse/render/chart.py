"""The chart of a ping's round-trip times: where each mark lies. Pure; a template draws it.

One column per probe that is due, in the order of their numbers; an answer is a point, a probe without one a cross, and
the line breaks there. The scale begins at 0 unless all times lie close together far from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, NARROW_WIDTH, HEIGHT = 1240, 360, 172
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 10, 20, 20
_LEFT_NARROW = 40
_ROOM_PX = 26.0
"""What a probe's number or the word of a lost one needs beside the next."""

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
class Chart:
    """A picture `width` px wide whose scale begins at `left`. `average_y` is a height.

    `lines` and `areas` are SVG paths, one for each stretch of answers without a gap. `peak` is the slowest answer, None
    where no other is clearly faster; `bands` are the left edge and the width of each probe without an answer; of every
    `every`-th probe there is room for its number. `narrow` is the same for a narrow screen.
    """

    width: int
    left: int
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    lines: tuple[str, ...]
    areas: tuple[str, ...]
    average_y: float | None
    average: str | None
    floor_y: float
    peak: Mark | None
    bands: tuple[tuple[float, float], ...]
    every: int
    narrow: Chart | None = None

    @property
    def right(self) -> int:
        return self.width - _RIGHT


def ping_chart(times_ms: Sequence[tuple[int, float | None]], expected: int) -> Chart:
    """The chart of these probes, each with its number and its time (None: no answer), of `expected` in all."""
    return _chart(times_ms, expected, WIDTH, _LEFT, _chart(times_ms, expected, NARROW_WIDTH, _LEFT_NARROW, None))


def _chart(
    times_ms: Sequence[tuple[int, float | None]], expected: int, width: int, left: int, narrow: Chart | None
) -> Chart:
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
            text=None if time is None else _written(time),
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
        Tick(height(low + step * index), _written(low + step * index))
        for index in range(round((high - low) / step) + 1)
    )
    average = sum(known) / len(known) if known else None
    answered = [mark for mark in marks if mark.text is not None]
    return Chart(
        width=width,
        left=left,
        marks=marks,
        ticks=ticks,
        lines=lines,
        areas=areas,
        average_y=None if average is None else height(average),
        average=None if average is None else _written(average),
        floor_y=floor_y,
        peak=min(answered, key=lambda mark: mark.y) if known and max(known) > 1.1 * min(known) else None,
        bands=tuple((round(m.x - column_px / 2, 1), round(column_px, 1)) for m in marks if m.text is None),
        every=max(1, ceil(_ROOM_PX / column_px)),
        narrow=narrow,
    )


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


def _written(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
