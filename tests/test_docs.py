"""The manual says what the program does: codes, queries, fields, commands, links and targets are compared with the source."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netpulse.cells import QueryType, discover
from netpulse.errors import CODES

ROOT = Path(__file__).resolve().parent.parent
MANUAL = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
API = ROOT / "docs" / "api.md"
COMMANDS = ROOT / "docs" / "cli.md"
EVENTS = ("started", "queued", "output", "found", "finished", "failed", "answered", "unanswered")


def error_rows(text: str) -> set[tuple[int, str]]:
    """Status and code of each row of the manual's table of errors."""
    return {(int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \| \S", text, re.MULTILINE)}


def named(text: str) -> set[str]:
    """Every word that stands in code marks."""
    return {word for marked in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"[\w-]+", marked)}


def query_types() -> list[QueryType]:
    return list(discover().queries.values())


def command_line(kind: type) -> Any:
    """The whole command line: the object called `app` in `netpulse.cli` or a module of it."""
    package = importlib.import_module("netpulse.cli")
    for name in ("netpulse.cli", *(f"netpulse.cli.{module.name}" for module in pkgutil.iter_modules(package.__path__))):
        if isinstance(app := getattr(importlib.import_module(name), "app", None), kind):
            return app
    pytest.fail("no module of netpulse.cli has the command line under the name app; nothing to compare the manual with")


def commands() -> Iterator[str]:
    """Every command of the command line, groups spelled out (`keys create`)."""
    typer: Any = importlib.import_module("typer")
    click_command: Any = typer.main.get_command(command_line(typer.Typer))

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        children = getattr(command, "commands", None)
        if children is None:
            yield " ".join(words)
            return
        for name, child in children.items():
            if not getattr(child, "hidden", False):
                yield from walk(child, (*words, name))

    return walk(click_command, ())


def test_every_error_code_is_in_the_manual_with_its_status_and_no_other() -> None:
    assert error_rows(API.read_text()) == {(status, code) for code, (status, _) in CODES.items()}


def test_every_query_type_has_its_path_in_the_manual() -> None:
    text = API.read_text()
    missing = [kind.name for kind in query_types() if f"`/{kind.name}`" not in text]
    assert missing == []


def test_every_parameter_of_every_query_is_in_the_manual() -> None:
    words = named(API.read_text())
    missing = [f"{kind.name}: {p.name}" for kind in query_types() for p in kind.parameters if p.name not in words]
    assert missing == []


def test_every_field_of_every_result_is_in_the_manual() -> None:
    words = named(API.read_text())
    missing = [
        f"{record.__name__}.{field}"
        for kind in query_types()
        for record in (kind.record, kind.result, kind.fold_result)
        if record is not None
        for field in record.__struct_fields__
        if field not in words
    ]
    assert missing == []


def test_every_stream_event_is_in_the_manual() -> None:
    assert [event for event in EVENTS if event not in named(API.read_text())] == []


def test_every_command_is_in_the_manual() -> None:
    text = COMMANDS.read_text()
    named_there = [
        command for command in commands() if f"`netpulse {command}`" in text or f"$ netpulse {command}" in text
    ]
    assert [command for command in commands() if command not in named_there] == []


@pytest.mark.parametrize("page", MANUAL, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_manual_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", MANUAL, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_the_manual_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands_shown = re.findall(r"(?:`|^\$ |&& )make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(commands_shown) <= targets


def test_every_dependency_has_its_reason_in_the_manual() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=;~! ]", wanted)[0] for wanted in project["dependencies"]}
    rows = re.findall(
        r"^\| ([\w.-]+) \| [^|]+ \| [^|]+ \| [^|]+ \|$", (ROOT / "docs" / "decisions.md").read_text(), re.MULTILINE
    )
    assert set(rows) - {"library"} == declared


def test_a_code_that_the_manual_lacks_is_noticed() -> None:
    assert error_rows("| 400 | `bad_target` | why |\n| 500 | `internal` |  |\nx | 400 | `no` | y |") == {
        (400, "bad_target")
    }
