"""What can be asked, for the command line: names and words at once, the declarations themselves only when one is used.

Importing the declarations costs more than all the rest of `netpulse --help`. Their names and summaries are constants in
the source text, so they are read from there; a file that computes them is imported after all.
"""

from __future__ import annotations

import ast
import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import netpulse.queries

if TYPE_CHECKING:
    from netpulse.cells import QueryType


def announced() -> dict[str, str]:
    """Name and summary of every query type, those of other packages included."""
    found: dict[str, str] = {}
    for folder in netpulse.queries.__path__:
        for file in sorted(Path(folder).glob("*.py")):
            if words := _words(file):
                found[words[0]] = words[1]
    for point in entry_points(group="netpulse.queries"):
        kind: QueryType = point.load()
        found[kind.name] = kind.summary
    return found


def declared(name: str) -> QueryType | None:
    """The query type of this name, None if there is none."""
    from netpulse.cells import discover

    return discover().queries.get(name)


def _words(file: Path) -> tuple[str, str] | None:
    """Name and summary of the `QUERY` that a file declares; None if it declares none."""
    for node in ast.parse(file.read_bytes()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="QUERY")], value=value):
                break
            case ast.AnnAssign(target=ast.Name(id="QUERY"), value=value):
                break
    else:
        return None
    said = {
        keyword.arg: keyword.value.value
        for keyword in (value.keywords if isinstance(value, ast.Call) else ())
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    if "name" in said and "summary" in said:
        return said["name"], said["summary"]
    kind: QueryType = importlib.import_module(f"netpulse.queries.{file.stem}").QUERY
    return kind.name, kind.summary
