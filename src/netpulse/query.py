"""What was asked, and what will be run because of it.

`Parameter` declares a query's inputs once, for the form, the command line, OpenAPI and `parse`. A `Query` is valid by
construction; a `Job` is one admitted command on one device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from netpulse.errors import Refused
from netpulse.inventory import Connection, Device, Router, RouteSource, RouteTable
from netpulse.values import Address, Family, Prefix, Target, TargetKind, parse_target

ParameterKind = Literal["target", "router", "connection", "choice", "flag", "number"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input of a query: its public name, what it takes, and the words that explain it."""

    name: str
    kind: ParameterKind
    summary: str
    example: str = ""
    required: bool = False
    targets: frozenset[TargetKind] = frozenset()
    choices: tuple[str, ...] = ()
    default: str | int | bool | None = None
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """A question in typed values. `options` has every further parameter of its type, defaults filled in."""

    kind: str
    target: Target | None
    router: str | None = None
    connection: int | None = None
    options: Mapping[str, str | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """All that a cell may see of a question: literal values only. `asked_at_s` is the time of now, seconds since 1970 (UTC)."""

    target: Address | Prefix | None
    family: Family
    source: Address | None = None
    routing_instance: str | None = None
    next_hop: Address | None = None
    table: RouteTable = RouteTable()
    own_routes: bool = False
    asked_at_s: float | None = None
    options: Mapping[str, str | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one command may cost: seconds until it is ended, seconds without a byte, bytes and lines of output."""

    deadline_s: float
    silence_s: float
    most_bytes: int = 256 * 1024
    most_lines: int = 2000


@dataclass(frozen=True, slots=True)
class Job:
    """One admitted command: about `router` and `connection` (the subject), run on `device`.

    Whoever holds a Job knows that policy said yes. `read` makes a fresh reader (the type is `cells.Reader`).
    `ends_after_s` is when the executor ends a command that has nothing more to say; with `cut_is_answer` what there is
    at the deadline is an answer. A `spare` job is our own and runs only where nobody misses the session.
    `otherwise` is asked instead when the device cannot answer: the next route source.
    """

    query: Query
    router: Router
    connection: Connection | None
    device: Device
    ask: Ask
    command: str
    read: Callable[[], Any]
    budget: Budget
    worst_case_s: float
    ends_after_s: float | None = None
    cut_is_answer: bool = False
    refusals: tuple[str, ...] = ()
    route_source: RouteSource | None = None
    shareable: bool = False
    keyed: bool = False
    spare: bool = False
    otherwise: Job | None = None


def parse(kind: str, parameters: Sequence[Parameter], given: Iterable[tuple[str, str]]) -> Query:
    """The query that these name-value pairs ask; Refused with the first fault, in a fixed order.

    The order: unknown, repeated, missing or empty, then each value in the order of the declaration.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    values: dict[str, str] = {}
    repeated: set[str] = set()
    for name, value in given:
        if name not in declared:
            raise Refused("unknown_parameter", _taken(list(declared)))
        if name in values:
            repeated.add(name)
        values[name] = value
    if repeated:
        raise Refused("repeated_parameter", f"Send the parameter {min(repeated)} once.")
    for name, parameter in declared.items():
        if values.get(name) == "" or (parameter.required and name not in values):
            hint = f", for example {parameter.example}" if parameter.example else ""
            raise Refused("missing_parameter", f"The parameter {name} needs a value{hint}.", reason=name)
    target: Target | None = None
    router: str | None = None
    connection: int | None = None
    options: dict[str, str | int | bool | None] = {}
    for name, parameter in declared.items():
        text = values.get(name)
        if parameter.kind == "target":
            target = None if text is None else parse_target(text, parameter.targets)
        elif parameter.kind == "router":
            router = text
        elif parameter.kind == "connection":
            connection = None if text is None else _connection(text)
        else:
            options[name] = parameter.default if text is None else option(parameter, text)
    return Query(kind=kind, target=target, router=router, connection=connection, options=options)


def chosen(query: Query, parameters: Sequence[Parameter]) -> dict[str, str]:
    """The options of this question that are not as they would be by themselves, as their caller wrote them."""
    found: dict[str, str] = {}
    for parameter in parameters:
        value = query.options.get(parameter.name)
        if parameter.name in query.options and value is not None and value != parameter.default:
            found[parameter.name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def _taken(names: Sequence[str]) -> str:
    """What to do about a parameter that nobody takes."""
    if not names:
        return "This path takes no parameters; remove what follows the question mark."
    plural = "s" if len(names) > 1 else ""
    return f"This path takes only the parameter{plural} {', '.join(names)}; remove every other one."


def _connection(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 9 and (text == "0" or text[0] != "0"):
        return int(text)
    raise Refused("unknown_connection", "The value of connection must be one of the ids that /connections lists.")


def option(parameter: Parameter, text: str) -> str | int | bool:
    """The value that this text writes; Refused `bad_parameter` if the parameter cannot have it."""
    if parameter.kind == "flag" and text in ("true", "false"):
        return text == "true"
    if parameter.kind == "choice" and text in parameter.choices:
        return text
    if parameter.kind == "number" and text.isascii() and text.isdigit() and len(text) <= 9:
        number = int(text)
        if parameter.least <= number <= parameter.most:
            return number
    allowed = {
        "flag": "true or false",
        "choice": " or ".join(parameter.choices),
        "number": f"a whole number from {parameter.least} to {parameter.most}",
    }[parameter.kind]
    raise Refused("bad_parameter", f"The value of {parameter.name} must be {allowed}.")
