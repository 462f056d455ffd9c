"""The command line's names: help answers without importing what it does not need, and says the same as the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from netpulse import __version__
from netpulse.cells import discover
from netpulse.cli.app import FIXED, Commands, app
from netpulse.cli.questions import announced, declared

NETPULSE = [sys.executable, "-m", "netpulse"]
ROOT = Path(__file__).resolve().parent.parent


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*NETPULSE, *words], capture_output=True, text=True, timeout=60, check=False)


def walk(command: Any, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that lead to it."""
    children = getattr(command, "commands", None)
    if children is None:
        return [(words, command)]
    return [found for name, child in children.items() for found in walk(child, (*words, name))]


COMMANDS = walk(typer.main.get_command(app))


def first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def test_the_words_of_every_query_are_those_of_its_declaration() -> None:
    assert announced() == {name: kind.summary for name, kind in discover().queries.items()}


def test_every_query_type_is_a_command_and_no_other_word_is() -> None:
    assert list(Commands()) == [*FIXED, *announced()]
    assert declared("nosuch") is None
    with pytest.raises(KeyError):
        Commands()["nosuch"]


@pytest.mark.parametrize("name", FIXED)
def test_the_list_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    assert first_paragraph(Commands()[name].help) == FIXED[name][1]


@pytest.mark.parametrize(
    ("words", "command"), COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_option_of_every_command_is_explained(words: tuple[str, ...], command: Any) -> None:
    assert command.help
    silent = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
    assert silent == []


def test_help_imports_neither_the_declarations_nor_anything_behind_them() -> None:
    script = (
        "import sys\n"
        "from netpulse.cli import main\n"
        "sys.argv = ['netpulse', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('netpulse.cells', 'msgspec', 'rich', 'httpx2', 'sqlalchemy', 'pydantic') if m in sys.modules])\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_command_and_every_query() -> None:
    said = run("--help")
    assert said.returncode == 0
    listed = {line.split()[0] for line in said.stdout.splitlines() if line.startswith("  ") and line.split()}
    assert {*FIXED, *announced()} <= listed


def test_the_program_without_words_shows_its_help() -> None:
    assert "Commands:" in run().stdout + run().stderr


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"netpulse {__version__}\n"


def test_a_mistyped_command_is_refused_with_the_one_that_was_meant() -> None:
    said = run("pign", "8.8.8.8")
    assert said.returncode == 2
    assert "'ping'" in said.stderr


def test_a_query_of_another_package_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        value = "elsewhere:QUERY"

        def load(self) -> Any:
            return discover_first

    discover_first = next(iter(discover().queries.values()))
    monkeypatch.setattr("netpulse.cli.questions.entry_points", lambda group: [Point()])
    assert announced()[discover_first.name] == discover_first.summary


def test_a_declaration_that_computes_its_words_is_imported_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "computed.py").write_text(
        "from types import SimpleNamespace\nWORDS = 'Computed' + ' words.'\n"
        "QUERY = SimpleNamespace(name='computed', summary=WORDS)\n"
    )
    (tmp_path / "none.py").write_text("SHARED = 1\n")
    import netpulse.queries

    monkeypatch.setattr(netpulse.queries, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "netpulse.queries.computed", raising=False)
    assert announced() == {"computed": "Computed words."}
    monkeypatch.delitem(sys.modules, "netpulse.queries.computed")


def options_of(words: tuple[str, ...]) -> set[str]:
    command = next(command for found, command in COMMANDS if found == words)
    named = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {*named, "--help", "-h"}


def shown_lines() -> list[str]:
    """Every command line that the manual shows after a prompt."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ") and "netpulse " in line]


@pytest.mark.parametrize("line", shown_lines())
def test_every_line_of_the_manual_is_one_that_the_program_takes(line: str) -> None:
    words = line[line.index("netpulse ") :].split(" | ")[0].split(" > ")[0].split(" #")[0].split()[1:]
    found = next((path for path, _ in COMMANDS if tuple(words[: len(path)]) == path), None)
    assert found is not None, f"there is no command {words[0]}"
    given = {word.split("=")[0] for word in words[len(found) :] if word.startswith("-") and word != "-"}
    assert given <= options_of(found)


def test_the_manual_shows_every_command() -> None:
    shown = "\n".join(shown_lines())
    assert [" ".join(path) for path, _ in COMMANDS if f"netpulse {' '.join(path)}" not in shown] == []
