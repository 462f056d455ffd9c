"""`netpulse ping|traceroute|aspath …`: each query type as a command that asks a running server.

The command is made from the declaration in `queries/`: its target is the argument, its further parameters are options. The
key comes from the environment only, because arguments can be read by everybody on the machine.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from netpulse.cells import QueryType
from netpulse.query import Parameter

ANSWERED, NO_ANSWER, REFUSED, STOPPED = 0, 1, 2, 130
_URL = "http://127.0.0.1:8080"


def command_for(kind: QueryType) -> Callable[..., None]:
    """The function that is the command `netpulse NAME` of this query type, with its signature and help."""
    declared = {parameter.name: parameter for parameter in kind.parameters}

    def command(**given: Any) -> None:
        url, as_json, everywhere = given.pop("url"), given.pop("json"), given.pop("all", False)
        sent = [(name, _text(value)) for name, value in given.items() if value is not None]
        raise typer.Exit(ask(kind, sent, url=url, as_json=as_json, everywhere=everywhere))

    parameters = [_argument_or_option(parameter) for parameter in declared.values()]
    if kind.fold is not None:
        everywhere = typer.Option("--all", help="Ask every router that answers this, and compare.")
        parameters.append(_keyword("all", Annotated[bool, everywhere], False))
    server = typer.Option("--url", envvar="NETPULSE_URL", help="The server to ask.")
    parameters.append(_keyword("url", Annotated[str, server], _URL))
    raw = typer.Option("--json", help="Print only the data object of the API.")
    parameters.append(_keyword("json", Annotated[bool, raw], False))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = _help(kind)
    command.__name__ = kind.name
    return command


def ask(kind: QueryType, sent: list[tuple[str, str]], *, url: str, as_json: bool, everywhere: bool) -> int:
    """Ask, print as it comes, and give the exit code. Ctrl-C stops the router's command too."""
    from netpulse.cli.stream import Asking, Unanswered, base_of, connect

    try:
        base = base_of(url)
        with connect(base, os.environ.get("NETPULSE_KEY", "")) as client:
            path = f"{kind.name}/all-routers" if everywhere else kind.name
            if everywhere and any(name in ("router", "connection") for name, _ in sent):
                raise Unanswered("--all asks every router; leave out --router and --connection.", refused=True)
            asking = Asking(client, path, sent)
            try:
                return _printed(kind, asking, base) if not as_json else _as_json(asking)
            except KeyboardInterrupt:
                told = asking.stop()
                how = "The router's command was stopped." if told else "The server stops it within 5 s."
                typer.echo(f"\nStopped. {how}", err=True)
                return STOPPED
    except Unanswered as problem:
        typer.echo(str(problem), err=True)
        return REFUSED if problem.refused else NO_ANSWER


def _printed(kind: QueryType, asking: Any, base: str) -> int:
    from netpulse.cli.live import Live

    with Live(kind, base) as live:
        for event in asking.events():
            if event.name == "finished":
                live.finish(event.body)
                return _code(event.body)
            if event.name == "failed":
                live.settle()
                return _failed(event.body)
            live.show(event)
    return NO_ANSWER


def _as_json(asking: Any) -> int:
    for event in asking.events():
        if event.name == "finished":
            typer.echo(json.dumps(event.body, indent=2, ensure_ascii=False))
            return _code(event.body)
        if event.name == "failed":
            if event.body.get("data") is not None:
                typer.echo(json.dumps(event.body["data"], indent=2, ensure_ascii=False))
            return _failed(event.body)
    return NO_ANSWER


def _failed(body: dict[str, Any]) -> int:
    from netpulse.cli.stream import is_refusal

    typer.echo(f"{body.get('error')} ({body.get('code')})", err=True)
    return REFUSED if is_refusal(str(body.get("code"))) else NO_ANSWER


def _code(data: dict[str, Any]) -> int:
    """Asking many routers has an answer if one of them answered."""
    rows = data.get("routers")
    return ANSWERED if not isinstance(rows, list) or any(row.get("ok") for row in rows) else NO_ANSWER


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _argument_or_option(parameter: Parameter) -> inspect.Parameter:
    """One declared parameter as typer wants it. What it may be is checked by the server, which says it best."""
    words = f"{parameter.summary}." if not parameter.summary.endswith(".") else parameter.summary
    if parameter.kind == "target":
        argument = typer.Argument(metavar=parameter.name.upper(), help=words, show_default=False)
        if parameter.required:
            return _keyword(parameter.name, Annotated[str, argument], inspect.Parameter.empty)
        return _keyword(parameter.name, Annotated[str | None, argument], None)
    flag = f"--{parameter.name.replace('_', '-')}"
    short = {"router": ["-r"], "connection": ["-c"]}.get(parameter.kind, [])
    if parameter.kind == "flag":
        option = typer.Option(f"{flag}/--no-{flag[2:]}", help=words, show_default=False)
        return _keyword(parameter.name, Annotated[bool | None, option], None)
    form: Any = str
    bounds: dict[str, Any] = {}
    if parameter.kind == "choice":
        form = Literal[parameter.choices]
    elif parameter.kind == "number":
        form, bounds = int, {"min": parameter.least, "max": parameter.most}
    metavar = {"router": "SLUG", "connection": "ID"}.get(parameter.kind)
    option = typer.Option(flag, *short, help=words, show_default=False, metavar=metavar, **bounds)
    if parameter.required:
        return _keyword(parameter.name, Annotated[form, option], inspect.Parameter.empty)
    return _keyword(parameter.name, Annotated[form | None, option], None)


def _help(kind: QueryType) -> str:
    return f"""{kind.summary}

    Asks a running looking glass and prints the router's lines as they come. The API key is read from the environment
    variable NETPULSE_KEY. Ctrl-C stops the router's command too. Exit code 0: an answer, also one of total loss; 1: the
    router or the server failed; 2: the question was refused.

    \b
    Example:
      {_example(kind)}
    """


def _example(kind: QueryType) -> str:
    words = ["netpulse", kind.name]
    for parameter in kind.parameters:
        if parameter.kind == "target":
            words.append(parameter.example)
        elif parameter.required:
            words += [f"--{parameter.name.replace('_', '-')}", parameter.example]
    return " ".join(words)
