"""The command line. Each command is one module here, and none of them is imported before it is asked for.

app        the names of all commands, and where they live
questions  what can be asked, read without importing it
ask        `netpulse ping|traceroute|aspath …`, made from the declarations in `queries/`
stream     one question over HTTP, event by event
live       events to a terminal
"""

from __future__ import annotations


def main() -> None:
    """The entry point `netpulse`. Ends the process."""
    from netpulse.cli.app import app

    app()
