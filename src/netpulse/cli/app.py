"""All commands by name. Only the one that is used is imported, so `netpulse --help` answers at once.

`FIXED` lists the product's own commands; every query type is a command by itself, see `questions` and `ask`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from netpulse import __version__
from netpulse.cli.questions import announced, declared

FIXED: dict[str, tuple[str, str]] = {
    "serve": ("serve:serve", "Run the looking glass."),
    "demo": ("demo:demo", "Run a small Internet on this machine and a looking glass in front of it."),
    "init": ("init:init", "Ask for the first router and write a commented netpulse.yaml."),
    "check": (
        "check:check",
        "Tell every fault of the configuration at once, then whether each router answers as it says.",
    ),
    "keys": ("keys:keys_app", "API keys: make, list and revoke them."),
    "parse": ("parse:parse", "Read a device's output and print what it says as JSON, without a server."),
    "account": ("account:account", "Print the least-privilege login for a router, or prove that it is one."),
    "capture": ("capture:capture", "Record what a router prints as a fixture."),
    "matrix": ("matrix:matrix", "Show which platform answers which query, and in which file."),
    "db": ("database:db_app", "The database: keys, results and the audit trail."),
    "audit": ("database:audit_app", "Who asked what, when, and how it ended."),
}
"""Name: where it lives in this folder (a function or a group), and the first line of its help."""


class Commands(MutableMapping[str, Any]):
    """Every command by name, imported when it is taken."""

    def __init__(self) -> None:
        self._taken: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._taken:
            self._taken[name] = self._take(name)
        return self._taken[name]

    def _take(self, name: str) -> Any:
        if name in FIXED:
            module, _, member = FIXED[name][0].partition(":")
            found = getattr(import_module(f"netpulse.cli.{module}"), member)
            return _command(name, found)
        kind = declared(name)
        if kind is None:
            raise KeyError(name)
        from netpulse.cli.ask import command_for

        return _command(name, command_for(kind))

    def __setitem__(self, name: str, command: Any) -> None:
        self._taken[name] = command

    def __delitem__(self, name: str) -> None:
        del self._taken[name]

    def __iter__(self) -> Iterator[str]:
        yield from FIXED
        yield from (name for name in announced() if name not in FIXED)

    def __len__(self) -> int:
        return len(list(iter(self)))


def _command(name: str, found: Any) -> Any:
    """A function or a group as a command with that name. Help is plain text: importing rich would double its time."""
    holder = found
    if not isinstance(found, typer.Typer):
        holder = typer.Typer(add_completion=False)
        holder.command(name)(found)
    holder.rich_markup_mode = None
    command = typer.main.get_command(holder)
    command.name = name
    # Only the program as a whole offers completion.
    command.params = [parameter for parameter in command.params if not str(parameter.name).endswith("_completion")]
    return command


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and first lines without having them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in FIXED.items()])
        with formatter.section("Questions to a running server"):
            formatter.write_dl(sorted(announced().items()))


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="netpulse COMMAND --help says more about each of them. Try: netpulse demo",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"netpulse {__version__}")
        raise typer.Exit


@app.callback()
def netpulse(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """NetPulse Looking Glass: ping, traceroute and BGP AS paths from your own routers, through the connection you choose."""
