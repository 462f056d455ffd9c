"""The matrix: which platform answers which query.

A `QueryType` is something that can be asked; a `Platform` is an operating system that answers; a `Cell` is where the two
meet: a pure command builder and a pure, incremental reader. The newcomer's file carries the cells: a new file in
`platforms/` brings a cell for each query it answers, a new file in `queries/` one for each platform that can answer it.
Nothing else changes: an absent cell means that a router of that platform does not offer that query, everywhere at once.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from ipaddress import IPv4Address
from types import ModuleType
from typing import Any, Protocol

import msgspec

from netpulse.events import Ending
from netpulse.query import Ask, Parameter
from netpulse.records import Record, paths_of, records_in

RESERVED = frozenset(
    "routers connections results limits openapi all-routers compare healthz readyz metrics static network api r serve demo init "
    "check keys parse account capture matrix db audit".split()
)
"""Words that a query type may not take as its name: they are paths and commands of the product."""


class MatrixFault(Exception):
    """The folders contradict each other; the program does not start. The text names both files."""


class Unread(Exception):
    """Nothing in the output was understood; the text says why, for the `unread` field."""


class SourceDown(Exception):
    """The route source answered, but it does not hold this router's routes now; ask the next one."""


class Reader(Protocol):
    """One command's output, line by line, into records; pure.

    `enough` becomes true when the rest is not worth waiting for (a silent tail): the executor then ends the command.
    `complete` is true once the device's own end was seen, so a session closed after it is no fault.
    """

    enough: bool
    complete: bool

    def feed(self, line: str) -> Iterable[Record]:
        """The records that this line completes. Never raises, whatever the line."""

    def follow_up(self) -> str | None:
        """A further command to send now that this one's output has ended, or None. Its lines are not shown."""

    def close(self, ending: Ending) -> Record:
        """The whole result; raises `Unread` or `SourceDown`. Called once."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How one platform answers one query.

    `worst_case_s` is how long the device may go on by itself after we let go; the session stays taken until then.
    `ends_after_s` is when the executor ends a command that has nothing more to say; what it printed is an answer.
    `first_seq` is the number that the platform gives the first of a row of probes: only with it is a lost one the right one.
    """

    command: Callable[[Ask], str]
    reader: Callable[[Ask], Reader]
    worst_case_s: Callable[[Ask], float]
    ends_after_s: Callable[[Ask], float] | None = None
    first_seq: int = 1
    structured: bool = False  # JSON or XML: read whole, under its own, larger budget


@dataclass(frozen=True, slots=True)
class QueryType:
    """Something that can be asked. All words about it live here.

    `record` is what arrives while it runs, keyed by `record_key`; `result` is the whole. `sourced` queries send packets
    from a connection's source address. `about_routes` queries are answered by the router's route source. `deadline` names
    the setting with its time budget. `fold`, if given, makes the summary of several jobs' results.
    """

    name: str
    title: str
    summary: str
    parameters: tuple[Parameter, ...]
    record: type[Record]
    record_key: str
    result: type[Record]
    sourced: bool
    about_routes: bool = False
    deadline: str = "ping"
    cut_is_answer: bool = False  # what there is when the deadline comes is an answer, marked as stopped
    say: Callable[[Any], str] | None = None  # a result in one line, for plain text and page titles
    fold: Callable[[Sequence[tuple[str, Any]]], Record] | None = None
    fold_result: type[Record] | None = None
    cells: Mapping[str, Cell] = field(default_factory=dict)

    @property
    def flags(self) -> tuple[str, ...]:
        """Its switches. An answer repeats them: only so a null in it says whether that was not known or not asked for."""
        return tuple(parameter.name for parameter in self.parameters if parameter.kind == "flag")


@dataclass(frozen=True, slots=True)
class AccountFor:
    """Whom a least-privilege login is for: a router's name, the login, the key that may use it and where from.

    `shapes` are the forms of all commands that it must be able to run (`platforms.logins.shapes_of`). `login` is false
    where the device is no login but something on the looking glass's own host. `socket` is the control socket it opens.
    """

    name: str
    user: str
    public_key: str
    from_address: str | None = None
    shapes: tuple[str, ...] = ()
    login: bool = True
    socket: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A command that a login of ours must not be able to run, tried to prove it.

    `harmless` says why nothing happens to a router that does not refuse it. It is given no input and ended after its
    first line. Its form must be right on every release: a router that only finds the form wrong proves nothing.
    """

    command: str
    harmless: str


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system. `refusals` are patterns of whole lines by which it says no to a command.

    `account` renders the least-privilege login for a device of this platform from its cells' commands, `trials` are the
    commands that such a login must refuse. `shows` tells by the path of a field (`learned_from.address`) with which
    patterns the platform's own text shows it on one line, the value being the pattern's groups; a field that is in no text
    has none. What it does not tell can be hidden only together with the whole output. `neighbors` is how it lists the
    state of its BGP neighbours, as `Neighbors`; visitors never ask it, the service does where the operator allows.
    """

    name: str
    title: str
    cells: Mapping[str, Cell] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    account: Callable[[AccountFor], str] | None = None
    trials: tuple[Trial, ...] = ()
    shows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    neighbors: Cell | None = None


_NEVER_HIDDEN = frozenset({"prefix", "covering", "as_path", "as_path_text", "origin_asn", "best", "best_by"})
"""Without these a route is no answer."""

_OURS = frozenset({"asn", "as_name", "ix", "name", "connection_id", "rpki"})
"""Fields that we add; no router's text has them."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Both folders joined. `where` says which file a cell came from.

    Those of `queries` that send packets come first: the order of forms, documents and lists everywhere.
    """

    queries: Mapping[str, QueryType]
    platforms: Mapping[str, Platform]
    cells: Mapping[tuple[str, str], Cell]
    where: Mapping[tuple[str, str], str]

    def cell(self, platform: str, query: str) -> Cell | None:
        return self.cells.get((platform, query))

    def heeds(self, platform: str, egress: str) -> bool:
        """Whether every packet-sending command of the platform changes when it is told this way out.

        A configuration that promises `routing_instance` or `next_hop` on a platform that ignores it would make the
        verdict on every packet untrue.
        """
        plain = Ask(target=IPv4Address("192.0.2.1"), family=4, source=IPv4Address("192.0.2.2"))
        told = {
            "routing_instance": replace(plain, routing_instance="instance"),
            "next_hop": replace(plain, next_hop=IPv4Address("192.0.2.3")),
        }.get(egress)
        sending = [
            cell for (name, query), cell in self.cells.items() if name == platform and self.queries[query].sourced
        ]
        return told is None or all(cell.command(told) != cell.command(plain) for cell in sending)

    def queries_of(self, platform: str) -> tuple[str, ...]:
        return tuple(name for name in self.queries if (platform, name) in self.cells)

    def hideable(self) -> dict[str, frozenset[str]]:
        """The fields of answers that an operator may hide, by path, each with the queries whose records have it."""
        found: dict[str, set[str]] = {}
        for kind in self.queries.values():
            records = [n.name for n in msgspec.structs.fields(kind.result) if kind.record in records_in(n.type)]
            never = {kind.record_key, *records, *_NEVER_HIDDEN}
            for path in (*paths_of(kind.record), *paths_of(kind.result)):
                if path.split(".")[0] not in never and not path.endswith(".value"):  # communities are hidden by value
                    found.setdefault(path, set()).add(kind.name)
        return {path: frozenset(kinds) for path, kinds in found.items()}

    def shows(self) -> dict[str, tuple[str, ...]]:
        """Where the text of any platform shows a field, by path."""
        found: dict[str, tuple[str, ...]] = {}
        for platform in self.platforms.values():
            for path, patterns in platform.shows.items():
                found[path] = (*found.get(path, ()), *patterns)
        return found

    def keeps_apart(self, platform: str, path: str) -> bool:
        """Whether this field can be hidden in this platform's text too."""
        hideable = self.hideable()
        told = self.platforms[platform].shows
        inside = [name for name in hideable if name.startswith(path + ".")] or [path]
        if not any((platform, kind) in self.cells for kind in hideable[path]):
            return True
        return path in told or all(name in told or not _OURS.isdisjoint(name.split(".")) for name in inside)


def join(queries: Sequence[tuple[QueryType, str]], platforms: Sequence[tuple[Platform, str]]) -> Matrix:
    """The matrix of these query types and platforms, each with the name of its file; MatrixFault on any contradiction."""
    found_queries: dict[str, QueryType] = {}
    found_platforms: dict[str, Platform] = {}
    homes: dict[str, str] = {}
    for kind, home in queries:
        _check_name(kind.name, home)
        if kind.name in RESERVED:
            raise MatrixFault(f"{home}: the query name {kind.name} is reserved; choose another")
        if kind.name in found_queries:
            raise MatrixFault(f"{home}: the query {kind.name} is already declared in {homes[kind.name]}")
        found_queries[kind.name] = kind
        homes[kind.name] = home
    for platform, home in platforms:
        _check_name(platform.name, home)
        if platform.name in found_platforms:
            raise MatrixFault(f"{home}: the platform {platform.name} is declared twice")
        _check_patterns(platform, home)
        found_platforms[platform.name] = platform
    cells: dict[tuple[str, str], Cell] = {}
    where: dict[tuple[str, str], str] = {}
    claims = [(p.name, query, cell, home) for p, home in platforms for query, cell in p.cells.items()]
    claims += [(platform, q.name, cell, home) for q, home in queries for platform, cell in q.cells.items()]
    for platform_name, query_name, cell, home in claims:
        place = (platform_name, query_name)
        if place in cells:
            raise MatrixFault(f"{home}: {platform_name} x {query_name} is already in {where[place]}")
        if platform_name not in found_platforms or query_name not in found_queries:
            raise MatrixFault(f"{home}: {platform_name} x {query_name} names something that does not exist")
        cells[place] = cell
        where[place] = home
    in_order = dict(sorted(found_queries.items(), key=lambda named: named[1].about_routes))
    return Matrix(in_order, found_platforms, cells, where)


def _check_name(name: str, home: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name):
        raise MatrixFault(f"{home}: {name!r} is not a name; use small letters, digits and _")


def _check_patterns(platform: Platform, home: str) -> None:
    for pattern in (*platform.refusals, *(pattern for patterns in platform.shows.values() for pattern in patterns)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise MatrixFault(f"{home}: {pattern!r} is not a pattern: {error}") from None


def discover() -> Matrix:
    """The matrix of every file in `queries/` and `platforms/`, and of what others install.

    Others declare a `QueryType` under the entry point group `netpulse.queries`, a `Platform` under `netpulse.platforms`.
    """
    found_queries = [*_declared("netpulse.queries", "QUERY"), *_plugged("netpulse.queries")]
    found_platforms = [*_declared("netpulse.platforms", "PLATFORM"), *_plugged("netpulse.platforms")]
    return join(found_queries, found_platforms)


def _declared(package: str, name: str) -> list[tuple[Any, str]]:
    folder: ModuleType = importlib.import_module(package)
    short = package.rpartition(".")[2]
    modules = [
        (_loaded(partial(importlib.import_module, f"{package}.{found.name}"), home), home)
        for found in pkgutil.iter_modules(folder.__path__)
        for home in [f"{short}/{found.name}.py"]
    ]
    return [(getattr(module, name), home) for module, home in modules if hasattr(module, name)]


def _plugged(group: str) -> list[tuple[Any, str]]:
    return [(_loaded(point.load, point.value), point.value) for point in entry_points(group=group)]


def _loaded(load: Callable[[], Any], home: str) -> Any:
    """What this gives; MatrixFault with the place of the mistake if the newcomer's file cannot even be imported."""
    try:
        return load()
    except Exception as problem:
        last = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{last.filename} line {last.lineno}"
        what = f"{type(problem).__name__}: {problem}"
        raise MatrixFault(f"{home} cannot be loaded: {what} ({where}); mend or remove it") from problem
