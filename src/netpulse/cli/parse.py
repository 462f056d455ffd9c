"""`netpulse parse`: what a reader makes of a device's output, without a server. For writing readers, and for scripts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netpulse.cli.database import fail

if TYPE_CHECKING:
    from netpulse.cells import Cell, Matrix
    from netpulse.query import Ask

UNKNOWN = 2
_MOST_BYTES = 4 * 1024 * 1024


def parse(
    platform: Annotated[str, typer.Option("--platform", "-p", help="Whose output it is: linux, junos, bird …")],
    query: Annotated[str, typer.Option("--query", "-q", help="What was asked: ping, traceroute, aspath …")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="The output; - is standard input.")] = "-",
    target: Annotated[
        str | None, typer.Option("--target", help="What was asked about: an address or a prefix, where it matters.")
    ] = None,
) -> None:
    """Read a device's output and print what it says as JSON, without a server.

    Prints the `result` object of the API. Some readers have to know the target: whether a trace reached it, whether a
    route is the longest match. Exit code 1, with the reason, if nothing was understood; 2 if there is no such reader.

    \b
    Examples:
      ping -c 5 192.0.2.1 | netpulse parse --platform linux --query ping
      netpulse parse -p bird -q aspath --target 8.8.8.8 routes.txt
    """
    from netpulse.cells import discover

    matrix = discover()
    cell = _cell(matrix, platform, query)
    typer.echo(_result(cell, _ask(target), _read(file)))


def _cell(matrix: Matrix, platform: str, query: str) -> Cell:
    if platform not in matrix.platforms:
        raise fail(f"There is no platform {platform}; there are {', '.join(sorted(matrix.platforms))}.", UNKNOWN)
    if query not in matrix.queries:
        raise fail(f"There is no query {query}; there are {', '.join(sorted(matrix.queries))}.", UNKNOWN)
    cell = matrix.cell(platform, query)
    if cell is None:
        offered = ", ".join(matrix.queries_of(platform)) or "nothing"
        raise fail(f"{platform} does not answer {query}; it answers {offered}.", UNKNOWN)
    return cell


def _ask(target: str | None) -> Ask:
    from netpulse.errors import Refused
    from netpulse.query import Ask
    from netpulse.values import HostName, family_of, parse_target

    if target is None:
        return Ask(target=None, family=4)
    try:
        place = parse_target(target, frozenset({"address", "prefix"}))
    except Refused as refused:
        raise fail(refused.sentence, UNKNOWN) from None
    if isinstance(place, HostName):
        raise fail("--target must be an address or a prefix.", UNKNOWN)
    return Ask(target=place, family=family_of(place))


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as problem:
        raise fail(f"{file} cannot be read: {problem.strerror}; name a file with a device's output.", UNKNOWN) from None


def _result(cell: Cell, ask: Ask, output: bytes) -> str:
    """The `result` object as indented JSON; ends the program with 1 if the reader understood nothing."""
    import msgspec

    from netpulse.cells import SourceDown, Unread
    from netpulse.render.as_json import encode, result_object
    from netpulse.screen import Screen

    screen = Screen(_MOST_BYTES, _MOST_BYTES)
    try:
        reader = cell.reader(ask)
        for line in (*screen.feed(output), *screen.close()):
            for _ in reader.feed(line):
                continue
        result = reader.close("end")
    except ValueError:
        if ask.target is not None:
            raise
        raise fail("This reader has to know what was asked about: add --target ADDRESS.", UNKNOWN) from None
    except Unread as reason:
        raise fail(f"Nothing was understood: {reason}") from None
    except SourceDown as reason:
        raise fail(f"The output is no answer: {reason}") from None
    return msgspec.json.format(encode(result_object(result)), indent=2).decode()
