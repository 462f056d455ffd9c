"""Mutation testing of what lets questions in: each small change of the validator or the limiter must fail a test.

    python3 tools/mutate.py            all of it, about ten minutes on two cores
    python3 tools/mutate.py limits     the files whose name holds this word
    python3 tools/mutate.py --show     the survivors of the last run, as diffs

Prints killed and total for each file; exit 1 if fewer than 95 % of all are killed. mutmut changes the functions of a copy
in `.cache/mutation`, never this folder. What it cannot change (tables, patterns, decorated functions) has tests of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".cache" / "mutation"
MUTMUT = ROOT / ".venv" / "bin" / "mutmut"
FILES = {
    "values": ("*",),
    "special_purpose": ("*",),
    "query": ("*",),
    "policy": (
        "*_check__*",
        "*_target__*",
        "*_resolved__*",
        "*_has_other__*",
        "*_count_target__*",
        "*target_limited__*",
    ),
    "limits": ("*",),
}
"""Each file with the functions that are changed: of the policy those that decide about targets."""
TESTS = (
    "tests/test_targets.py",
    "tests/test_limits.py",
    "tests/test_question_parts.py",
    "tests/test_policy_targets.py",
    "tests/test_policy.py",
    "tests/properties/test_targets_hold.py",
    "tests/properties/test_windows_hold.py",
)
ENOUGH_PERCENT = 95.0
SURVIVED, UNCOVERED = 0, 33
"""mutmut's exit codes: the tests passed; no test ran the changed function. Everything else is a mutant found."""

CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = {files}
also_copy = ["README.md"]
pytest_add_cli_args = ["-q", "-x", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = {tests}
timeout_constant = 20.0
use_git_change_detection = false
"""


def prepare(names: list[str]) -> None:
    """A fresh copy of the source and the tests, with mutmut told what to change in it."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    for folder in ("src", "tests", "tools"):
        shutil.copytree(ROOT / folder, PLACE / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", PLACE)
    told = CONFIGURATION.format(
        files=json.dumps([f"src/netpulse/{name}.py" for name in names]), tests=json.dumps(TESTS)
    )
    (PLACE / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + told)


def results() -> Iterator[tuple[str, int, list[str]]]:
    """Of each file: its name, how many mutants it had, and those that lived."""
    for meta in sorted((PLACE / "mutants" / "src").rglob("*.py.meta")):
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        if codes:
            file = meta.name.removesuffix(".py.meta")
            chosen = [name for name in codes if any(fnmatch(name, pattern) for pattern in FILES[file])]
            yield file, len(chosen), [name for name in chosen if codes[name] in (None, SURVIVED, UNCOVERED)]


def mutmut(*words: str) -> int:
    environment = {**os.environ, "NETPULSE_FUZZ": "0.1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([MUTMUT, *words], cwd=PLACE, env=environment, check=False).returncode


def main(words: list[str]) -> int:
    if words == ["--show"]:
        for _, _, alive in results():
            for name in alive:
                mutmut("show", name)
        return 0
    names = [name for name in FILES if not words or any(word in name for word in words)]
    prepare(names)
    workers = str(os.cpu_count() or 1)
    chosen = [f"netpulse.{name}.{pattern}" for name in names for pattern in FILES[name]]
    code = mutmut("run", "--max-children", workers, *chosen)
    rows = list(results())
    if code or not rows:
        print(f"mutation: mutmut ended with {code}; the tests must pass before anything is changed", file=sys.stderr)
        return 1
    total = sum(count for _, count, _ in rows)
    killed = total - sum(len(alive) for _, _, alive in rows)
    for name, count, alive in rows:
        print(f"{name:24} {count - len(alive):4} of {count:4} killed")
        for one in alive:
            print(f"    alive: {one}")
    percent = 100.0 * killed / total
    print(f"mutation: {killed} of {total} killed, {percent:.1f} %; {ENOUGH_PERCENT:.0f} % are needed")
    return 0 if percent >= ENOUGH_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
