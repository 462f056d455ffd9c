"""What is kept is what was made, until what it was made of differs."""

from __future__ import annotations

from functools import partial

from netpulse.web.kept import Kept


def test_it_is_made_again_only_when_what_it_was_made_of_differs() -> None:
    made: list[int] = []
    kept: Kept[object] = Kept()

    def make() -> object:
        made.append(len(made))
        return object()

    first = kept.get("a", [1, (2,)], make)
    assert kept.get("a", [1, (2,)], make) is first
    assert kept.get("b", [1, (2,)], make) is not first
    assert kept.get("a", [1, (3,)], make) is not first
    assert len(made) == 3


def test_what_failed_is_not_kept() -> None:
    kept: Kept[float] = Kept()
    try:
        kept.get("a", 0, lambda: 1 / 0)
    except ZeroDivisionError:
        assert kept.get("a", 0, lambda: 1.0) == 1.0


def test_it_never_holds_more_than_it_may() -> None:
    kept: Kept[int] = Kept(most=3)
    for n in range(10):
        assert kept.get(n, 0, partial(int, n)) == n
        assert len(kept._made) <= 3
