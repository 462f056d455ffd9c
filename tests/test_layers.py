"""The architecture, read from the source: imports go down, every library has one door."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "netpulse"

FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "errors",
        "special_purpose",
        "values",
        "inventory",
        "records",
        "query disclosure preference",
        "events",
        "cells",
        "settings",
        "queries",
        "platforms",
        "limits screen words captcha resolver observer log_sink",
        "transports enrich render store lookup metrics logs service_manager",
        "pool",
        "execution",
        "conversation",
        "policy executor",
        "runs neighbors",
        "telling",
        "pipeline",
        "config",
        "services",
        "readings",
        "web lab",
        "cli",
        "__main__",
    )
)
"""From the ground. A unit (a file or folder of the package) imports only from the floors before its own; inside a folder,
siblings. Units that share a floor do not know each other."""

DOORS: dict[str, tuple[str, ...]] = {
    "asyncssh": ("transports/ssh.py", "lab/"),
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "starlette": ("web/",),
    "uvicorn": ("web/",),
    "uvloop": ("web/",),
    "httptools": ("web/",),
    "pydantic": ("config/",),
    "pydantic_core": ("config/",),
    "ruamel": ("config/",),
    "dns": ("resolver.py", "lab/"),
    "typer": ("cli/",),
    "click": ("cli/",),
    "rich": ("cli/",),
    "httpx2": ("cli/",),
    "prometheus_client": ("metrics/",),
    "structlog": ("logs.py",),
    "jinja2": ("render/", "web/"),
    "markupsafe": ("render/", "web/"),
    "cryptography": ("lab/",),
    "msgspec": ("",),
}
"""Where each outside library may be imported; msgspec is the form of every record, so it may be everywhere."""

MOST_LINES = 400
MACHINE_PATHS = re.compile(r"/wor[k]/|/roo[t]/|/tm[p]/brie[f]")


def python_files(package: Path) -> Iterator[tuple[str, ast.Module]]:
    """Each file of the package by its path inside it, with its syntax tree."""
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything a file imports, also inside functions and TYPE_CHECKING blocks."""
    package = ["netpulse", *name.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            if whole == "netpulse":
                yield from ((node.lineno, f"netpulse.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, whole


def unit_of(name: str) -> str:
    """The file or folder of the package that a path belongs to."""
    return name.split("/")[0].removesuffix(".py")


def upward_imports(package: Path) -> list[str]:
    """Every import that does not go down, and every unit that stands on no floor."""
    floor_of = {unit: level for level, floor in enumerate(FLOORS) for unit in floor}
    units = {path.stem if path.is_file() else path.name for path in package.iterdir()}
    faults: list[str] = []
    for name, tree in python_files(package):
        unit = unit_of(name)
        for line, target in imports(name, tree):
            parts = target.split(".")
            if parts[0] != "netpulse" or len(parts) < 2 or parts[1] == unit or parts[1] not in {*units, *floor_of}:
                continue
            if unit == "__init__" or floor_of.get(parts[1], len(FLOORS)) >= floor_of.get(unit, 0):
                faults.append(f"{name}:{line} imports {target}, which is not below it")
            elif parts[1] == "lab" and unit not in ("cli", "__main__"):
                faults.append(f"{name}:{line} imports the lab, which only the command line may")
        if unit not in (*floor_of, "__init__"):
            faults.append(f"{name} stands on no floor; give {unit} a place in FLOORS")
    return faults


def doorless_imports(package: Path) -> list[str]:
    """Every import of an outside library away from its door, and every library that has none."""
    faults: list[str] = []
    for name, tree in python_files(package):
        for line, target in imports(name, tree):
            library = target.split(".")[0]
            if library == "netpulse" or library in sys.stdlib_module_names:
                continue
            doors = DOORS.get(library)
            if doors is None:
                faults.append(f"{name}:{line} imports {library}, which has no door; give it one in DOORS")
            elif not name.startswith(doors):
                faults.append(f"{name}:{line} imports {library}, whose door is {' and '.join(doors)}")
    return faults


def long_files(package: Path, most_lines: int) -> list[str]:
    """Every Python file with more lines than that."""
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sorted(package.rglob("*.py"))}
    return [f"{path.relative_to(package)} has {count} lines" for path, count in counts.items() if count > most_lines]


def machine_paths(folder: Path) -> list[str]:
    """Every text file that names a place on the machine it was written on."""
    faults: list[str] = []
    for place in ("src", "tests", "tools", "docs", ".ci"):
        for path in sorted((folder / place).rglob("*")):
            inside = path.relative_to(folder / place)
            made = any(part.startswith((".", "__pycache__")) for part in inside.parts)
            if made or path.suffix in {".png", ".woff2", ".br", ".gz"} or not path.is_file():
                continue
            if MACHINE_PATHS.search(path.read_text(encoding="utf-8", errors="replace")):
                faults.append(f"{path.relative_to(folder)} names a path of one machine")
    return faults


def obeyed(faults: list[str]) -> None:
    assert not faults, "\n" + "\n".join(faults)


def test_imports_only_go_down() -> None:
    obeyed(upward_imports(SOURCE))


def test_each_outside_library_has_one_door() -> None:
    obeyed(doorless_imports(SOURCE))


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    obeyed(long_files(SOURCE, MOST_LINES))


def test_nothing_names_a_path_of_one_machine() -> None:
    obeyed(machine_paths(ROOT))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package that obeys every law."""
    for name, text in {
        "__init__.py": "",
        "errors.py": "import re\n",
        "values.py": "from netpulse.errors import Refused\n",
        "transports/__init__.py": "",
        "transports/seam.py": "from netpulse import values\n",
        "transports/ssh.py": "import asyncssh\nfrom netpulse.transports.seam import Running\nfrom . import seam\n",
        "web/__init__.py": "import starlette.routing\n",
        "cli/__init__.py": "def main():\n    from netpulse.lab import lab\n",
        "lab/__init__.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_package_that_obeys_is_left_alone(package: Path) -> None:
    assert [*upward_imports(package), *doorless_imports(package)] == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("errors.py", "from netpulse.values import Address"),
        ("errors.py", "from netpulse import values"),
        ("errors.py", "from . import values"),
        ("errors.py", "def f():\n    import netpulse.cli"),
        ("transports/seam.py", "from netpulse.web import app"),
        ("transports/seam.py", "from ..enrich import tables"),
        ("web/__init__.py", "import netpulse.lab.lab"),
        ("__init__.py", "from netpulse.errors import Refused"),
        ("newcomer.py", "import re"),
    ],
)
def test_an_import_that_goes_up_or_sideways_is_found(package: Path, name: str, line: str) -> None:
    (package / name).write_text(line + "\n")
    assert len(upward_imports(package)) == 1


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("web/__init__.py", "import asyncssh"),
        ("transports/seam.py", "from asyncssh import connect"),
        ("values.py", "from sqlalchemy import Engine"),
        ("errors.py", "import numpy"),
    ],
)
def test_a_library_away_from_its_door_is_found(package: Path, name: str, line: str) -> None:
    (package / name).write_text(line + "\n")
    assert len(doorless_imports(package)) == 1


def test_a_long_file_is_found(package: Path) -> None:
    (package / "errors.py").write_text("\n" * 401)
    assert long_files(package, 400) == ["errors.py has 401 lines"]


def test_a_machine_path_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("see /wor" + "k/notes\n")
    assert machine_paths(tmp_path) == ["docs/a.md names a path of one machine"]
