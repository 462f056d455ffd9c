"""The operator's one colour as the pages use it: dark enough to read by day, light enough by night.

Contrast is WCAG 2's. The surfaces are those of `frontend/css/tokens.css`; a test holds them to that file.
"""

from __future__ import annotations

from typing import NamedTuple

READABLE = 4.5
"""The least contrast of text (WCAG 2, 1.4.3)."""

LIGHT_SURFACES = ("#f4f6f7", "#ffffff", "#f1f4f6", "#e6ebee")
DARK_SURFACES = ("#0b1014", "#11181d", "#172027", "#1f2a32")
LIGHT_FAINT, DARK_FAINT = "#5b6873", "#8d9ba7"
ON_LIGHT, ON_DARK = "#ffffff", "#05131f"

_Colour = tuple[int, int, int]


class Shades(NamedTuple):
    """One colour scheme's: of links and buttons, of those under the pointer, behind what is chosen, and around it."""

    colour: str
    hover: str
    tint: str
    line: str


def by_day(accent: str) -> Shades:
    """The colour itself, darkened as far as white on it and it on every light surface needs."""
    own, white, black = _read(accent), (255, 255, 255), (0, 0, 0)
    colour, tint = _first_readable(own, black, white, 0.11, LIGHT_SURFACES, LIGHT_FAINT, ON_LIGHT)
    return Shades(*map(_written, (colour, _mixed(black, colour, 0.2), tint, _mixed(colour, white, 0.38))))


def by_night(accent: str) -> Shades:
    """The colour lightened, at least by a third, as far as dark text on it and it on every dark surface needs."""
    white, ground = (255, 255, 255), _read(DARK_SURFACES[0])
    own = _mixed(white, _read(accent), 0.35)
    colour, tint = _first_readable(own, white, ground, 0.28, DARK_SURFACES, DARK_FAINT, ON_DARK)
    return Shades(*map(_written, (colour, _mixed(white, colour, 0.25), tint, _mixed(colour, ground, 0.45))))


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(_read(one)), _luminance(_read(other))))
    return (lighter + 0.05) / (darker + 0.05)


def _first_readable(
    own: _Colour, toward: _Colour, ground: _Colour, most: float, surfaces: tuple[str, ...], faint: str, text_on_it: str
) -> tuple[_Colour, _Colour]:
    """The colour and its tint on this ground, in 50 steps toward the colour that contrasts most with it."""
    for step in range(50):
        colour = _mixed(toward, own, step / 50)
        tint = _tint(colour, ground, most, faint)
        if all(contrast(_written(colour), other) >= READABLE for other in (*surfaces, _written(tint), text_on_it)):
            return colour, tint
    return toward, _tint(toward, ground, most, faint)


def _tint(colour: _Colour, ground: _Colour, most: float, faint: str) -> _Colour:
    """As much of the colour on the ground as leaves faint text readable on it."""
    for step in range(20):
        tint = _mixed(colour, ground, most * (1 - step / 20))
        if contrast(faint, _written(tint)) >= READABLE:
            return tint
    return ground


def _mixed(one: _Colour, other: _Colour, share: float) -> _Colour:
    """This share of the one, the rest of the other."""
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: _Colour) -> float:
    parts = (part / 255 for part in colour)
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _read(text: str) -> _Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _written(colour: _Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
