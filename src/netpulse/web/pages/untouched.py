"""The first page of visitors who have typed nothing and asked nothing yet: rendered once, for all whose page is the same.

Those are visitors of one language and theme while the network looks as it does. Only what is a visitor's own is put into its
places each time: the sum, its token, and the address that the page was asked from. Whatever else a page shows of its
visitor must be part of `Look`, or one visitor would read it on another's page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from markupsafe import escape

from netpulse.captcha import Question
from netpulse.web.kept import Kept
from netpulse.web.pages.visitor import Theme

# Characters of private use stand for what is put in; no text of ours holds them, and nothing escapes them.
_ADDRESS, _A, _B, _TOKEN = "\ue000a\ue001", "\ue000b\ue001", "\ue000c\ue001", "\ue000d\ue001"
_PLACES = re.compile("(\ue000[a-d]\ue001)")


class Look(NamedTuple):
    """What such a page depends on, beside the settings and the network."""

    language: str
    theme: Theme | None
    asked: bool
    """Whether the sum is asked."""


class _Blank(NamedTuple):
    """A question with places for its parts."""

    a: str = _A
    b: str = _B
    token: str = _TOKEN


class Untouched:
    """Keeps one page for each look."""

    def __init__(self) -> None:
        self._pieces: Kept[list[bytes]] = Kept()

    def html(
        self,
        look: Look,
        of: object,
        make: Callable[[Mapping[str, Any]], str],
        *,
        address: str,
        question: Question | None,
    ) -> bytes:
        """The page for this visitor. `make` renders it of what is given, with the `my_address` and `question` to show."""

        def pieces() -> list[bytes]:
            text = make({"my_address": _ADDRESS, "question": _Blank() if question else None})
            return [piece.encode() for piece in _PLACES.split(text)]

        own = {_ADDRESS.encode(): str(escape(address)).encode()}
        if question is not None:
            own |= {
                _A.encode(): b"%d" % question.a,
                _B.encode(): b"%d" % question.b,
                _TOKEN.encode(): str(escape(question.token)).encode(),
            }
        # Every second piece is a place.
        return b"".join([own[piece] if n % 2 else piece for n, piece in enumerate(self._pieces.get(look, of, pieces))])
