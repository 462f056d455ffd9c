"""Every regular expression in the source: none can take exponential or quadratic time, and validators are anchored."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import netpulse
from netpulse.cells import discover

SOURCE = Path(netpulse.__file__).parent
FUNCTIONS = frozenset("compile match search fullmatch sub subn split findall finditer".split())
VALIDATORS = (
    "values query special_purpose policy config.kinds transports.seam transports.bird_socket web.gate web.saved store.keys "
    "web.pages.snippets platforms.reading"
).split()
"""Modules whose patterns decide what is let in: each is `\\A…\\Z` as a whole, or used with fullmatch or to search."""

SEARCHED = frozenset({"config.kinds._CONTROL"})
"""Patterns of validators that are searched for: finding one refuses."""

UNBOUNDED = 64
"""Repeats that may go on for longer count as unbounded."""


def literal_patterns(path: Path) -> Iterator[tuple[int, str | bytes | None]]:
    """Line and text of each pattern handed to a function of `re`; None where it is not written there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr), args=[first, *_]) if (
                attr in FUNCTIONS
            ):
                text = first.value if isinstance(first, ast.Constant) else None
                yield node.lineno, text if isinstance(text, str | bytes) else None


def compiled_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Each pattern that a module keeps, with its dotted name inside the package, and those of the matrix."""
    for found in pkgutil.walk_packages(netpulse.__path__, "netpulse."):
        if "migrations" in found.name or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{found.name.removeprefix('netpulse.')}.{name}", value
    for platform in discover().platforms.values():
        for refusal in platform.refusals:
            yield f"platforms.{platform.name}.refusals", re.compile(refusal)
    from netpulse.transports import seam

    for alphabet in (seam.EXEC, seam.BIRD, seam.ARGV):
        yield "transports.seam.Alphabet", alphabet._whole


def every_pattern() -> list[tuple[str, re.Pattern[Any]]]:
    """All but the lab's, which reads only what it printed itself."""
    found = [(name, pattern) for name, pattern in compiled_patterns() if not name.startswith("lab.")]
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith("lab/"):
            continue
        found += [(f"{name}:{line}", re.compile(text)) for line, text in literal_patterns(path) if text is not None]
    return found


PATTERNS = every_pattern()


def parsed(pattern: re.Pattern[Any]) -> Any:
    return parser.parse(
        pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    )


def _bodies(op: Any, argument: Any) -> Iterable[Any]:
    """The sequences inside one item of a parsed pattern."""
    if op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return (argument[2],)
    if op is codes.SUBPATTERN:
        return (argument[3],)
    if op is codes.BRANCH:
        return tuple(argument[1])
    if op in (codes.ASSERT, codes.ASSERT_NOT):
        return (argument[1],)
    return ()


def _is_long(op: Any, argument: Any) -> bool:
    return op in (codes.MAX_REPEAT, codes.MIN_REPEAT) and (argument[1] is codes.MAXREPEAT or argument[1] > UNBOUNDED)


def _varies(op: Any, argument: Any) -> bool:
    return op in (codes.MAX_REPEAT, codes.MIN_REPEAT) and argument[0] != argument[1]


def characters(sequence: Any, pattern: re.Pattern[Any]) -> frozenset[int]:
    """The characters below 256 that some item of this sequence can match; what cannot be told is all of them."""
    everything = frozenset(range(256))
    found: set[int] = set()
    for op, argument in sequence:
        inner = _bodies(op, argument)
        if op is codes.LITERAL:
            found |= {argument, ord(chr(argument).swapcase())} if pattern.flags & re.IGNORECASE else {argument}
        elif op is codes.IN:
            found |= {code for code in everything if _in(code, argument)}
        elif op is codes.AT:
            continue
        elif inner:
            for body in inner:
                found |= characters(body, pattern)
        else:
            return everything
    return frozenset(code for code in found if code < 256)


def _in(code: int, members: Any) -> bool:
    negated = members[0][0] is codes.NEGATE
    hit = False
    for op, argument in members[negated:]:
        if op is codes.LITERAL:
            hit = hit or code == argument
        elif op is codes.RANGE:
            hit = hit or argument[0] <= code <= argument[1]
        else:
            shape = {codes.CATEGORY_DIGIT: r"\d", codes.CATEGORY_SPACE: r"\s", codes.CATEGORY_WORD: r"\w"}.get(argument)
            hit = hit or shape is None or re.match(shape, chr(code), re.ASCII) is not None
    return hit != negated


def _repeats(sequence: Any) -> Iterator[Any]:
    for op, argument in sequence:
        if _varies(op, argument):
            yield argument[2]
        for body in _bodies(op, argument):
            yield from _repeats(body)


def _separated(body: Any, pattern: re.Pattern[Any]) -> bool:
    """Whether each round of a repeat begins or ends with a character that no repeat inside it can match."""
    items = list(body)
    while len(items) == 1 and items[0][0] is codes.SUBPATTERN:
        items = list(items[0][1][3])
    inner: frozenset[int] = frozenset().union(*(characters(one, pattern) for one in _repeats(items)))
    edges = [item for item in (items[0], items[-1]) if item[0] in (codes.LITERAL, codes.IN)]
    return any(not characters([edge], pattern) & inner for edge in edges)


def slow(sequence: Any, pattern: re.Pattern[Any]) -> Iterator[str]:
    """What can take more than linear time: a repeat inside a repeat, and neighbours that match the same characters."""
    before: frozenset[int] = frozenset()
    for op, argument in sequence:
        if _is_long(op, argument):
            rounds = any(True for _ in _repeats(argument[2]))
            if rounds and not _separated(argument[2], pattern):
                yield "a repeat inside a repeat"
            here = frozenset() if rounds else characters(argument[2], pattern)
            if before & here:
                yield "two repeats beside each other that match the same characters"
            before = before | here if argument[0] == 0 else here
        elif op is not codes.AT and not (op in (codes.MAX_REPEAT, codes.MIN_REPEAT) and argument[0] == 0):
            before = frozenset()
        for body in _bodies(op, argument):
            yield from slow(body, pattern)


def _at(sequence: Any, place: Any, *, last: bool) -> bool:
    """Whether every way through this sequence begins (or ends) at this place of the text."""
    items = list(sequence)
    if not items:
        return False
    op, argument = items[-1] if last else items[0]
    if op is codes.AT:
        return bool(argument is place)
    bodies = list(_bodies(op, argument)) if op in (codes.SUBPATTERN, codes.BRANCH) else []
    return bool(bodies) and all(_at(body, place, last=last) for body in bodies)


def anchored(pattern: re.Pattern[Any]) -> bool:
    tree = parsed(pattern)
    return _at(tree, codes.AT_BEGINNING_STRING, last=False) and _at(tree, codes.AT_END_STRING, last=True)


def dollars(sequence: Any) -> bool:
    """Whether `$` stands anywhere in it: it also matches in front of a final line break."""
    return any(
        (op is codes.AT and argument is codes.AT_END) or any(dollars(body) for body in _bodies(op, argument))
        for op, argument in sequence
    )


@pytest.mark.parametrize(("name", "pattern"), PATTERNS, ids=[name for name, _ in PATTERNS])
def test_no_pattern_takes_more_than_linear_time_or_ends_in_front_of_a_line_break(
    name: str, pattern: re.Pattern[Any]
) -> None:
    tree = parsed(pattern)
    assert list(slow(tree, pattern)) == []
    assert not dollars(tree)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [(n, p) for n, p in PATTERNS if n.rpartition(".")[0] in VALIDATORS],
    ids=lambda one: str(one)[:40],
)
def test_what_decides_who_is_let_in_looks_at_the_whole_text(name: str, pattern: re.Pattern[Any]) -> None:
    assert anchored(pattern) or name in SEARCHED


def test_every_pattern_that_lets_in_was_found() -> None:
    """Patterns that are put together where they are used would be missed."""
    hidden = {
        name
        for name in VALIDATORS
        for _, text in literal_patterns(SOURCE / f"{name.replace('.', '/')}.py")
        if text is None
    }
    kept = {name.rpartition(".")[0] for name, _ in PATTERNS}
    assert hidden - kept == set()
    assert len(PATTERNS) > 50


@pytest.mark.parametrize(
    "text",
    [
        r"(a+)+",
        r"(a*)*b",
        r"(?:a|b+)*",
        r"(\w+\s?)+",
        r"\s+\s*x",
        r"[a-z]+[a-m]*\Z",
        r"(?:x[0-9]*[0-9x]*)+",
        r"([a-z]+)*!",
    ],
)
def test_a_slow_pattern_is_found(text: str) -> None:
    pattern = re.compile(text)
    assert list(slow(parsed(pattern), pattern))


@pytest.mark.parametrize(
    "text", [r"(?:[a-z]+\.)+[a-z]+", r"[0-9]+(?:,[0-9]+)*", r"\A[a-z]{1,9}\Z", r"a+b+", r"\s+x\s+"]
)
def test_a_quick_pattern_is_left_alone(text: str) -> None:
    pattern = re.compile(text)
    assert list(slow(parsed(pattern), pattern)) == []


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        *((r"\Aa\Z", True), (r"\Aa\Z|\Ab\Z", True), (r"(?:\Aa\Z)", True)),
        *((r"\Aa", False), (r"a\Z", False), (r"\Aa\Z|b", False), (r"^a$", False)),
    ],
)
def test_anchors_are_told_apart(text: str, whole: bool) -> None:
    assert anchored(re.compile(text)) is whole


def test_a_dollar_is_found() -> None:
    assert dollars(parsed(re.compile(r"(?:a|b$)")))
    assert not dollars(parsed(re.compile(r"\Aa\Z")))
