"""The forms that a text can take."""

from __future__ import annotations

from typing import NamedTuple


class Plural(NamedTuple):
    """A text for one and a text for any other number, as English and German tell them apart."""

    one: str
    other: str
