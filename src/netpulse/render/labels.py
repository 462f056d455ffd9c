"""How wide the names in a picture are, and how they share the room that it has. Pure.

The server does not know the visitor's type, so it estimates by the widest that is usual: text may be narrower than this,
hardly ever wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from unicodedata import combining, east_asian_width

_EMS = {
    **dict.fromkeys("ijlIJ'|.,:; ", 0.32),
    **dict.fromkeys('frt()[]{}-/!"', 0.4),
    **dict.fromkeys("ABCEFKLPRSTVXYZ", 0.69),
    **dict.fromkeys("DGHNOQUw&", 0.79),
    **dict.fromkeys("mMW@%", 0.98),
    "…": 1.0,
}
_OTHER_EM = 0.63
_MOST_LETTERS = 80
"""More than any picture has room for; a set may have hundreds of members, and measuring every cut of it takes seconds."""


def text_px(text: str, size_px: float) -> float:
    """How wide this is in sans-serif type of that size."""
    return size_px * _ems(text)


@lru_cache(4096)
def _ems(text: str) -> float:
    return sum(map(_em, text))


def _em(letter: str) -> float:
    if letter in _EMS:
        return _EMS[letter]
    if combining(letter):
        return 0.0
    return 1.0 if east_asian_width(letter) in "WF" else _OTHER_EM


def least_px(text: str, size_px: float, lines: int) -> float:
    """The width in which this text has room in one or two lines, broken at a blank."""
    words = text[:_MOST_LETTERS].split()
    breaks = range(1, len(words)) if lines > 1 else ()
    halves = (max(text_px(" ".join(part), size_px) for part in (words[:at], words[at:])) for at in breaks)
    return min(halves, default=text_px(" ".join(words), size_px))


def fitted(text: str, size_px: float, room_px: float) -> tuple[str, ...]:
    """This text in one line or two; what has no room there is cut and ends in an ellipsis."""
    words = (text if len(text) <= _MOST_LETTERS else text[:_MOST_LETTERS] + "…").split()
    if not words:
        return ()
    whole = " ".join(words)
    first = max((at for at in range(1, len(words) + 1) if text_px(" ".join(words[:at]), size_px) <= room_px), default=0)
    if first in (0, len(words)):
        return (_cut(whole, size_px, room_px),)
    return " ".join(words[:first]), _cut(" ".join(words[first:]), size_px, room_px)


def _cut(text: str, size_px: float, room_px: float) -> str:
    if text_px(text, size_px) <= room_px:
        return text
    kept = next((at for at in range(len(text), 1, -1) if text_px(text[:at] + "…", size_px) <= room_px), 1)
    return text[:kept].rstrip(" -") + "…"


def shared(has: Sequence[float], wants: Sequence[float], room: float) -> list[float]:
    """What each has, grown towards what it wants as far as there is room for all; who lacks least is served first."""
    widths, left = list(has), max(0.0, room - sum(has))
    lacking = sorted((want - width, at) for at, (width, want) in enumerate(zip(has, wants, strict=True)))
    for place, (lack, at) in enumerate(lacking):
        more = min(max(0.0, lack), left / (len(lacking) - place))
        widths[at] += more
        left -= more
    return widths


def granted(has: Sequence[float], wants: Sequence[float], room: float) -> list[float]:
    """What each wants, if there is room for all of that, else what it has; who lacks least is served first."""
    widths, left = list(has), room - sum(has)
    for lack, at in sorted((want - width, at) for at, (width, want) in enumerate(zip(has, wants, strict=True))):
        if 0 < lack <= left:
            widths[at] = wants[at]
            left -= lack
    return widths
