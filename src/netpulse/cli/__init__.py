"""The command line. Each command is one module here, and none of them is imported before it is asked for.

app        the names of all commands, and where they live
questions  what can be asked, read without importing it
ask        `netpulse ping|traceroute|aspath …`, made from the declarations in `queries/`
stream     one question over HTTP, event by event
live       events to a terminal
"""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point `netpulse`. Ends the process."""
    from netpulse.cli.app import app

    try:
        app()
    except Exception as problem:
        from netpulse.cells import MatrixFault

        if not isinstance(problem, MatrixFault):
            raise
        sys.exit(f"{problem}.")  # to standard error, with status 1
