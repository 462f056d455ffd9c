"""The chart of a ping: points for answers, crosses for probes that got none, a scale of round numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpulse.records import ms_text
from netpulse.render.chart import HEIGHT, WIDTHS, Chart, ping_charts


def wide(times_ms: Sequence[tuple[int, float | None]], expected: int) -> Chart:
    return ping_charts(times_ms, expected)[0]


def test_answers_are_joined_and_a_lost_probe_breaks_the_line() -> None:
    chart = wide([(0, 10.0), (1, 12.0), (2, None), (3, 11.0)], expected=5)
    assert [mark.text for mark in chart.marks] == ["10.0", "12.0", None, "11.0"]
    assert len(chart.lines) == 2
    assert len(chart.areas) == 1
    assert chart.marks[1].y < chart.marks[0].y  # slower is higher


def test_the_chart_keeps_room_for_the_probes_still_to_come() -> None:
    assert wide([(0, 1.0)], expected=5).marks[0].x < WIDTHS["wide"] / 4


def test_without_any_answer_there_are_crosses_and_no_average() -> None:
    chart = wide([(0, None), (1, None)], expected=2)
    assert chart.lines == ()
    assert chart.average is None
    assert len(chart.ticks) >= 2


def test_the_slowest_answer_is_marked_only_where_it_is_clearly_slower() -> None:
    assert (
        wide([(0, 10.0), (1, 88.2), (2, 10.1)], expected=3).peak
        == wide([(0, 10.0), (1, 88.2), (2, 10.1)], expected=3).marks[1]
    )
    assert wide([(0, 10.0), (1, 10.1)], expected=2).peak is None


def test_a_lost_probe_has_its_whole_column() -> None:
    chart = wide([(0, 1.0), (1, None), (2, 1.0)], expected=3)
    ((x, width),) = chart.bands
    assert x < chart.marks[1].x < x + width
    assert chart.marks[0].x < x


def test_narrower_screens_get_the_same_probes_and_as_many_numbers_as_fit() -> None:
    charts = ping_charts([(seq, 10.0 + seq) for seq in range(20)], expected=20)
    assert [chart.name for chart in charts] == ["wide", "middle", "narrow"]
    assert len({tuple(mark.text for mark in chart.marks) for chart in charts}) == 1
    assert [chart.every for chart in charts] == [1, 1, 2]
    assert all(mark.x < chart.width for chart in charts for mark in chart.marks)


@pytest.mark.parametrize(
    ("times", "anchor", "above"),
    [
        ([10.0, 20.0, 10.0, 10.0, 10.0], "end", True),
        ([10.0, 10.0, 10.0, 10.0, 30.0], "start", True),
        ([30.0, 10.0, 10.0, 10.0, 30.0], "start", True),
        ([10.2, 10.2, 9.4, 10.2, 10.2], "end", False),
    ],
)
def test_the_average_is_written_where_no_line_runs(times: list[float], anchor: str, above: bool) -> None:
    average = ping_charts(list(enumerate(times)), expected=5)[2].average
    assert average is not None
    assert (average.anchor, average.label_y < average.y) == (anchor, above)


def test_an_average_without_a_place_is_only_a_line() -> None:
    average = ping_charts([(seq, 10.0 + 80.0 * (seq % 2)) for seq in range(20)], expected=20)[2].average
    assert average is not None
    assert average.label_x is None


@given(st.lists(st.one_of(st.none(), st.floats(0, 100, allow_nan=False)), max_size=20))
def test_the_label_of_the_average_meets_no_line_and_no_mark(times: list[float | None]) -> None:
    for chart in ping_charts(list(enumerate(times)), expected=5):
        average = chart.average
        if average is None or average.label_x is None:
            continue
        left = average.label_x - (80 if average.anchor == "end" else 0)
        assert chart.left <= left <= chart.right - 80
        for mark, after in zip(chart.marks, [*chart.marks[1:], chart.marks[-1]], strict=True):
            for part in range(51):
                if mark.text is not None and after.text is not None:
                    x = mark.x + (after.x - mark.x) * part / 50
                    y = mark.y + (after.y - mark.y) * part / 50
                    assert not (left < x < left + 80 and average.label_y - 8 < y < average.label_y)
            assert not (left - 4 < mark.x < left + 84 and average.label_y - 11 < mark.y < average.label_y + 4)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False)), max_size=30))
def test_every_mark_lies_inside_and_the_scale_is_short(times: list[float | None]) -> None:
    chart = wide(list(enumerate(times)), expected=5)
    assert all(0 <= mark.x <= chart.width and 0 <= mark.y <= HEIGHT for mark in chart.marks)
    assert 2 <= len(chart.ticks) <= 12


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0.0, "0"),
        (0.0004, "0"),
        (0.004, "0.004"),
        (0.0674, "0.067"),
        (0.0996, "0.10"),
        (0.1414, "0.14"),
        (0.996, "1.0"),
        (1.25, "1.2"),
        (41.26, "41.3"),
        (141.26, "141.3"),
    ],
)
def test_times_are_written_by_one_rule(time_ms: float, text: str) -> None:
    assert ms_text(time_ms) == text


def test_the_average_is_the_router_s_where_it_says_one() -> None:
    times = list(enumerate([0.055, 0.080, 0.077, 0.074, 0.068]))
    assert [chart.average.text for chart in ping_charts(times, 5, 0.07) if chart.average] == ["0.070"] * 3
    assert [chart.average.text for chart in ping_charts(times, 5) if chart.average] == ["0.071"] * 3
    assert ping_charts([(0, None)], 5, 0.07)[0].average is None
