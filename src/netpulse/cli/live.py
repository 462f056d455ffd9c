"""Events of a run to a terminal, as they come: the router's own lines, then what they mean in a line or two.

On a terminal with a little colour and a sign of life while nothing has come yet; plain text everywhere else. Nothing here
knows a query type: words come from its declaration, facts from the field names of the API.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, TextIO
from urllib.parse import urljoin

from netpulse.cells import QueryType
from netpulse.cli.stream import Event
from netpulse.render.as_text import folded
from netpulse.screen import clean


class Live:
    """Prints one run. `out` gets the answer, `hints` what is only of interest while waiting."""

    def __init__(self, kind: QueryType, base: str, out: TextIO | None = None, hints: TextIO | None = None) -> None:
        self._kind = kind
        self._base = base
        self._out = out or sys.stdout
        self._hints = hints or sys.stderr
        self._console: Any = None
        self._status: Any = None
        self._lines = 0
        self._kept: dict[str, list[str]] = {}
        self._records: dict[Any, Mapping[str, Any]] = {}
        if self._out.isatty():
            from rich.console import Console

            self._console = Console(file=self._out, highlight=False, markup=False, emoji=False)

    def __enter__(self) -> Live:
        self._wait("asking")
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()

    def show(self, event: Event) -> None:
        """Print what this event tells; `finished` and `failed` are for `finish` and the caller."""
        job = event.body.get("job")
        if isinstance(job, Mapping):
            self._show_of_many(str(job.get("router")), event)
        elif event.name == "queued":
            self._wait(f"waiting for a session, place {event.body.get('position')} in the queue")
        elif event.name == "started":
            self.settle()
            for line in begun(event.body):
                self._say(line, "dim")
            self._wait("waiting for the router's first line")
        elif event.name == "output":
            self.settle()
            self._lines += 1
            self._say(str(event.body.get("text", "")))
        elif event.name == "found":
            record = event.body.get("record")
            if isinstance(record, Mapping):
                self._records[record.get(self._kind.record_key)] = record

    def finish(self, data: Mapping[str, Any]) -> None:
        """Print what the whole answer means."""
        self.settle()
        if isinstance(data.get("routers"), list):
            self._finish_many(data)
        else:
            if self._lines == 0 and data.get("output"):
                for line in [*begun(data), *str(data["output"]).rstrip("\n").split("\n")]:
                    self._say(line)
            for line in meanings(self._records.values(), self._kind.record_key):
                self._say(line)
            self._say("")
            for line, style in self._conclusion(data):
                self._say(line, style)
        if data.get("url"):
            self._say(urljoin(self._base + "/", str(data["url"])), "dim")

    def _conclusion(self, data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        said = summary(self._kind, data)
        if said:
            yield said, "bold"
        egress = data.get("egress")
        if isinstance(egress, Mapping):
            style = "yellow" if egress.get("verdict") == "differs" else ""
            yield f"Way out: {egress.get('verdict')}. {egress.get('note') or ''}".rstrip(), style
        if data.get("unread"):
            yield f"The output could not be read as values: {data['unread']}", "yellow"
        if data.get("truncated"):
            yield "The output was longer than the limit and is cut.", "yellow"
        if data.get("cached"):
            yield f"This is the answer that was given {data.get('age_s')} s ago.", "dim"

    def _show_of_many(self, router: str, event: Event) -> None:
        if event.name == "started":
            self._kept[router] = []
        elif event.name == "output":
            self._kept.setdefault(router, []).append(str(event.body.get("text", "")))
        elif event.name == "answered":
            self.settle()
            for line in begun(event.body):
                self._say(line, "dim")
            for line in self._kept.pop(router, []):
                self._say(line)
            self._say("")
        elif event.name == "unanswered":
            self.settle()
            self._say(f"{router}: {event.body.get('error')}", "yellow")
            self._say("")

    def _finish_many(self, data: Mapping[str, Any]) -> None:
        rows = [row for row in data["routers"] if isinstance(row, Mapping)]
        width = max((len(str(row.get("slug"))) for row in rows), default=0)
        for row in rows:
            said = summary(self._kind, row) or row.get("error") or row.get("unread") or "answered, see its output"
            self._say(f"{row.get('slug')!s:{width}}  {said}", "bold" if row.get("result") else "yellow")
        for name, value in (data.get("summary") or {}).items():
            if words := folded(value):
                self._say(f"{name}: {words}")

    def _wait(self, hint: str) -> None:
        """Show on a terminal what is being waited for, until `settle`; elsewhere only a place in the queue is news."""
        if self._console is not None and self._hints.isatty():
            if self._status is None:
                self._status = self._console.status(hint)
                self._status.start()
            self._status.update(f"{hint} …")
        elif hint.startswith("waiting for a session"):
            print(hint, file=self._hints, flush=True)

    def settle(self) -> None:
        """Take the sign of life away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _say(self, text: str, style: str = "") -> None:
        # A server is not trusted more than a router: no escape of either reaches the terminal.
        line = clean(text)
        if self._console is None:
            print(line, file=self._out, flush=True)
        else:
            self._console.print(line, style=style or None, soft_wrap=True)


def begun(data: Mapping[str, Any]) -> list[str]:
    """Who is asked and how: two lines."""
    source = data.get("source")
    who = [data.get("router"), data.get("connection")]
    if data.get("source_ip"):
        who.append(f"from {data['source_ip']}")
    if isinstance(source, Mapping) and source.get("route_server"):
        who.append(f"as {source['route_server']} knows it")
    return [", ".join(str(word) for word in who if word), f"> {data.get('command')}"]


def summary(kind: QueryType, data: Mapping[str, Any]) -> str | None:
    """The declaration's one line about this answer; None if there is no result or it has no such words."""
    result = data.get("result")
    if kind.say is None or not isinstance(result, Mapping):
        return None
    try:
        # The words were written for the record; these have the same names, read from JSON.
        return kind.say(_named({**data, **result}))
    except (AttributeError, TypeError, ValueError):
        # A server of another version may lack a field. Its answer has been printed all the same.
        return None


def _named(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SimpleNamespace(**{str(name): _named(inner) for name, inner in value.items()})
    if isinstance(value, list):
        return tuple(map(_named, value))
    return value


def meanings(records: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    """What is known about the numbers in records that carry an AS or an exchange; empty if none does."""
    lines = []
    known = False
    for record in records:
        facts = [
            f"AS{record['asn']}" if record.get("asn") is not None else "",
            str(record.get("as_name") or ""),
            f"at {record['ix']}" if record.get("ix") else "",
        ]
        known = known or any(facts)
        lines.append(f"{record.get(key)!s:>3}  {_where(record)}  {' '.join(filter(None, facts))}".rstrip())
    return ["", *lines] if known else []


def _where(record: Mapping[str, Any]) -> str:
    """The addresses of a record, each once, with their names."""
    places = [record, *(probe for probe in record.get("probes") or () if isinstance(probe, Mapping))]
    found = dict.fromkeys(
        f"{place['address']} ({place['name']})" if place.get("name") else str(place["address"])
        for place in places
        if place.get("address")
    )
    return ", ".join(found) or "*"
