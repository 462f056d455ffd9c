"""The catalogue of the pages' words: whole, in every language, and nothing in a template beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netpulse.errors import CODES
from netpulse.words import PSEUDO, WRITTEN, Words, choose, known, words_for
from netpulse.words.forms import Plural

SOURCE = Path(__file__).resolve().parent.parent / "src" / "netpulse"
TEMPLATES = sorted((SOURCE / "templates").rglob("*.html"))
SLOT = re.compile(r"\{([a-z_0-9]+)\}")
CALL = re.compile(r"""\b(?:t|parts|words\.t|words\.parts|words\.has)\(\s*(['"])([a-z0-9_.]+)\1(\s*~)?""")


def forms(words: Words, key: str) -> tuple[str, ...]:
    text = words.texts[key]
    return tuple(text) if isinstance(text, Plural) else (text,)


@pytest.mark.parametrize("tag", [*WRITTEN, PSEUDO])
def test_every_language_has_every_key_with_the_same_values(tag: str) -> None:
    english, other = words_for("en"), words_for(tag)
    assert set(other.texts) == set(english.texts)
    for key in english.texts:
        wanted = {slot for form in forms(english, key) for slot in SLOT.findall(form)}
        found = {slot for form in forms(other, key) for slot in SLOT.findall(form)}
        assert found == wanted, key
        assert isinstance(other.texts[key], Plural) == isinstance(english.texts[key], Plural), key


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_key_that_a_template_names_exists(template: Path) -> None:
    known_keys = set(words_for("en").texts)
    for _, key, joined in CALL.findall(template.read_text("utf-8")):
        there = any(each.startswith(key) for each in known_keys) if joined else key in known_keys
        assert there, f"{template.name} names {key}, which is no word"


@pytest.mark.parametrize("tag", WRITTEN)
@pytest.mark.parametrize("code", CODES)
def test_every_error_has_words_and_one_that_passes_says_when(code: str, tag: str) -> None:
    text = words_for(tag).texts[f"error.code.{code}"]
    assert isinstance(text, str)
    assert ("{time}" in text) == (CODES[code][0] == 429)


def test_every_word_is_used() -> None:
    """By its whole key, or by the part before its last dots where code adds the rest."""
    sources = [*TEMPLATES, *(SOURCE / "web" / "pages").glob("*.py"), *(SOURCE / "render").glob("*.py")]
    everything = "\n".join(path.read_text("utf-8") for path in sources)
    for key in words_for("en").texts:
        parts = key.split(".")
        starts = [".".join(parts[:length]) + "." for length in range(1, len(parts))]
        made = any(f"{quote}{start}{end}" in everything for start in starts for quote in "'\"" for end in "'\"{")
        made = made or any(f"{{key}}.{part}" in everything for part in parts[-1:])
        assert made or f'"{key}"' in everything or key == "language.name", f"{key} is a word that nothing says"


def test_a_value_is_put_in_and_can_be_emphasised() -> None:
    words = words_for("en")
    assert words.t("home.runs_on", router="core1") == "Will run on core1"
    assert list(words.parts("home.runs_on", router="core1")) == [("Will run on ", False), ("core1", True)]


def test_braces_in_a_value_are_only_text() -> None:
    assert words_for("en").t("home.runs_on", router="{router} {0}") == "Will run on {router} {0}"


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 routers"), (1, "1 router"), (2, "2 routers"), (12_345, "12\u202f345 routers")]
)
def test_the_form_follows_the_number(n: int, text: str) -> None:
    assert words_for("en").t("network.routers", n=n) == text


def test_a_missing_key_or_value_is_an_error_and_never_an_empty_place() -> None:
    with pytest.raises(KeyError):
        words_for("en").t("no.such.key")
    with pytest.raises(KeyError):
        words_for("en").t("home.runs_on")


def test_the_pseudo_language_is_longer_accented_and_runs_from_right_to_left() -> None:
    pseudo = words_for(PSEUDO)
    assert pseudo.direction == "rtl"
    assert pseudo.t("home.runs_on", router="core1") == "Wíll rüñ öñ core1······"


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr, de;q=0.5, en;q=0.4", "de"),
        ("fr", "en"),
        ("en;q=0.1, de;q=0.2", "de"),
        ("de;q=0", "en"),
        ("de;q=x, en", "en"),
        ("*", "en"),
    ],
)
def test_the_language_a_browser_likes_best_is_chosen(header: str, tag: str) -> None:
    assert choose(header, ("en", "de")) == tag


def test_an_unknown_language_is_english() -> None:
    assert words_for("tlh").tag == "en"
    assert words_for("de-CH").tag == "de"
    assert [known(tag) for tag in ("en", "de-AT", "ar-XB", "tlh")] == [True, True, True, False]
