"""The chart of a ping's round-trip times: where each mark lies. Pure; a template draws it.

One column per probe that is due, in the order of their numbers; an answer is a point, a probe without one a cross, and
the line breaks there. The scale begins at 0 unless all times lie close together far from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT = 1240, 172
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 10, 16, 20
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
    """`lines` and `areas` are SVG paths, one for each stretch of answers without a gap. `average_y` is a height."""

    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    lines: tuple[str, ...]
    areas: tuple[str, ...]
    average_y: float | None
    floor_y: float


def ping_chart(times_ms: Sequence[tuple[int, float | None]], expected: int) -> Chart:
    """The chart of these probes, each with its number and its time (None: no answer), of `expected` in all."""
    known = [time for _, time in times_ms if time is not None]
    low, high, step = _scale(known)
    columns = max(expected, len(times_ms), 1)
    inner = WIDTH - _LEFT - _RIGHT

    def height(value: float) -> float:
        return round(_TOP + (high - value) / (high - low) * (HEIGHT - _TOP - _BOTTOM), 1)

    marks = tuple(
        Mark(
            x=round(_LEFT + inner * (index + 0.5) / columns, 1),
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
    return Chart(marks, ticks, lines, areas, height(sum(known) / len(known)) if known else None, floor_y)


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
