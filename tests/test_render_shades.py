"""The operator's colour is readable by day and by night, whatever it is."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from netpulse.render.shades import (
    DARK_FAINT,
    DARK_SURFACES,
    LIGHT_FAINT,
    LIGHT_SURFACES,
    ON_DARK,
    ON_LIGHT,
    READABLE,
    Shades,
    by_day,
    by_night,
    contrast,
)

TOKENS = Path(__file__).resolve().parent.parent / "frontend" / "css" / "tokens.css"
EVERY = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in product((0, 64, 128, 192, 255), repeat=3)]


def unreadable(shades: Shades, surfaces: tuple[str, ...], faint: str, on_it: str) -> list[tuple[str, str]]:
    pairs = [(ink, surface) for ink in (shades.colour, shades.hover) for surface in (*surfaces, shades.tint, on_it)]
    return [pair for pair in (*pairs, (faint, shades.tint)) if contrast(*pair) < READABLE]


@pytest.mark.parametrize("accent", [*EVERY, "#0b5a99", "#7a1fa2", "#e30613", "#ff6600"])
def test_every_colour_is_readable_on_every_surface(accent: str) -> None:
    assert unreadable(by_day(accent), LIGHT_SURFACES, LIGHT_FAINT, ON_LIGHT) == []
    assert unreadable(by_night(accent), DARK_SURFACES, DARK_FAINT, ON_DARK) == []


@pytest.mark.parametrize(("accent", "day"), [("#0b5a99", "#0b5a99"), ("#7a1fa2", "#7a1fa2"), ("#000000", "#000000")])
def test_a_colour_that_is_dark_enough_stays_as_it_is_by_day(accent: str, day: str) -> None:
    assert by_day(accent).colour == day


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#0b5a99", "#0b5a99") == 1


def test_the_surfaces_are_those_of_the_style_sheet() -> None:
    text = TOKENS.read_text(encoding="utf-8")
    tokens = dict(re.findall(r"--([a-z0-9-]+): light-dark\((.*?)\);", text))
    pairs = {name: value.replace("#fff,", "#ffffff,").split(", ") for name, value in tokens.items()}
    surfaces = [pairs[name] for name in ("bg", "sf", "sf2", "sf3")]
    assert (tuple(s[0] for s in surfaces), tuple(s[1] for s in surfaces)) == (LIGHT_SURFACES, DARK_SURFACES)
    assert pairs["ink3"] == [LIGHT_FAINT, DARK_FAINT]
    assert pairs["on-ac"] == [ON_LIGHT, ON_DARK]
