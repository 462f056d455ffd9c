"""`netpulse matrix`: which platform answers which query, and in which file that is written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from netpulse.cells import Matrix


def matrix() -> None:
    """Show which platform answers which query, and in which file.

    An empty place means that routers of that platform do not offer that query, in the API, on the pages and here alike.

    \b
    Example:
      netpulse matrix
    """
    from netpulse.cells import discover

    head, *rows = table(discover())
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        drawn = Table(*head)
        for row in rows:
            drawn.add_row(*row)
        Console().print(drawn)
    else:
        from netpulse.render.as_text import aligned

        typer.echo(aligned([head, *rows]), nl=False)


def table(found: Matrix) -> list[list[str]]:
    """A head line, then a line per platform: its name, and per query the file with the cell, or nothing."""
    return [
        ["platform", *found.queries],
        *([name, *(found.where.get((name, query), "") for query in found.queries)] for name in sorted(found.platforms)),
    ]
