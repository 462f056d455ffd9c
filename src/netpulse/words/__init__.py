"""Every word of the pages, one folder per language.

A file in `words/en/` or `words/de/` declares `WORDS`: keys to texts, with `{name}` where a value goes. A text whose form
depends on how many there are is a `Plural`, chosen by the value `n`. `ar-XB` is made from English: longer, accented and
written from right to left, so that texts outside the catalogue and layouts that only fit English are seen.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from netpulse.words.forms import Plural

Text = str | Plural
PSEUDO = "ar-XB"
WRITTEN = ("en", "de")
"""The languages that people wrote; the first is what the others are measured by."""

_SLOT = re.compile(r"\{([a-z_0-9]+)\}")
_ACCENTED = str.maketrans("aceinosuyAEIOUCN", "áçéíñöšüýÀÉÎÕÛÇÑ")


@dataclass(frozen=True)
class Words:
    """One language. `tag` is its BCP 47 tag, `direction` how it is written, `name` what it calls itself."""

    tag: str
    name: str
    direction: str
    texts: Mapping[str, Text]

    def t(self, key: str, **values: object) -> str:
        """The text of this key with these values in it; KeyError for a key or value that is not there."""
        return "".join(text for text, _ in self.parts(key, **values))

    def parts(self, key: str, **values: object) -> Iterator[tuple[str, bool]]:
        """The same text in pieces, each with whether it is one of the values, so that a page can emphasise those."""
        text = self.texts[key]
        if isinstance(text, Plural):
            text = text.one if values["n"] == 1 else text.other
        at = 0
        for slot in _SLOT.finditer(text):
            if slot.start() > at:
                yield text[at : slot.start()], False
            yield self.shown(values[slot[1]]), True
            at = slot.end()
        if at < len(text):
            yield text[at:], False

    def has(self, key: str) -> bool:
        return key in self.texts

    def shown(self, value: object) -> str:
        """A value as it stands in a text: thousands apart by a narrow blank that does not break."""
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
            return f"{value:,}".replace(",", "\u202f")
        return str(value)


@lru_cache(maxsize=16)
def words_for(tag: str) -> Words:
    """The words of this language; English for one that there is none of. Regions share their language: `de-AT` is `de`."""
    if tag == PSEUDO:
        return Words(PSEUDO, _pseudo("Pseudo"), "rtl", {key: _pseudo_text(text) for key, text in _read("en").items()})
    language = tag.split("-")[0].lower()
    if language not in WRITTEN:
        return words_for(WRITTEN[0])
    texts = _read(language)
    name = texts["language.name"]
    return Words(language, name if isinstance(name, str) else name.other, "ltr", texts)


def known(tag: str) -> bool:
    """Whether there are words of this language."""
    return tag == PSEUDO or tag.split("-")[0].lower() in WRITTEN


def choose(wished: str, offered: tuple[str, ...]) -> str:
    """The offered language that an Accept-Language header likes best, the first offered one if it likes none."""
    best, best_quality = offered[0], 0.0
    for part in wished.split(",")[:20]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        for tag in offered:
            if quality > best_quality and name and tag.lower().split("-")[0] == name.split("-")[0]:
                best, best_quality = tag, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _read(language: str) -> dict[str, Text]:
    package = importlib.import_module(f"netpulse.words.{language}")
    texts: dict[str, Text] = {}
    for found in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        texts.update(importlib.import_module(f"netpulse.words.{language}.{found}").WORDS)
    return texts


def _pseudo_text(text: Text) -> Text:
    if isinstance(text, Plural):
        return Plural(_pseudo(text.one), _pseudo(text.other))
    return _pseudo(text)


def _pseudo(text: str) -> str:
    """The text a third longer and accented; its slots stay as they are."""
    pieces = _SLOT.split(text)
    made = [f"{{{piece}}}" if index % 2 else piece.translate(_ACCENTED) for index, piece in enumerate(pieces)]
    return "".join(made) + "·" * (len(text) // 3)
