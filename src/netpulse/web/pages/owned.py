"""The recorded answers as this operator's own network would give them: its routers, connections, sources and commands.

Only what the reader may see takes their place; what came back from the Internet stays as it was recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from netpulse.inventory import Connection, Router

_CONNECTIONS = frozenset({"connection_id", "expected_connection"})


class Own(NamedTuple):
    """A router of the operator's that answers the question, by which connection, told what, and who answers for its routes."""

    router: Router
    connection: Connection | None
    command: str | None
    route_server: str | None


def answer_of(recorded: Mapping[str, Any], own: Own) -> Any:
    """The `data` of one router's answer as this one would give it."""
    return _replaced(recorded, _Names(recorded, own))


def answers_of(recorded: Mapping[str, Any], owns: Iterable[Own]) -> Any:
    """The `data` of an answer of several routers as these would give it, as many as were recorded."""
    rows, paths, slugs = [], [], {}
    for row, own in zip(recorded["routers"], owns, strict=False):
        names = _Names(row, own)
        rows.append(_replaced(row, names))
        slugs[row["slug"]] = own.router.slug
        paths += [_replaced(best, names) for best in recorded["summary"]["best_paths"] if best["router"] == row["slug"]]
    summary = recorded["summary"]
    used = [
        {**each, "routers": [slugs[slug] for slug in each["routers"] if slug in slugs]} for each in summary["upstreams"]
    ]
    summary = {**summary, "best_paths": paths, "upstreams": [each for each in used if each["routers"]]}
    return {**recorded, "routers": rows, "summary": summary}


def events_of(events: Iterable[Mapping[str, Any]], recorded: Mapping[str, Any], own: Own) -> list[Any]:
    """The events of this recorded answer as this router would send them."""
    names = _Names(recorded, own)
    return [{**event, "data": _replaced(event["data"], names)} for event in events]


def text_of(text: str, recorded: Mapping[str, Any], own: Own) -> str:
    """The plain text of this recorded answer as this router would give it."""
    return str(_replaced(text, _Names(recorded, own)))


class _Names:
    """What stands in the recording, and what takes its place."""

    def __init__(self, recorded: Mapping[str, Any], own: Own) -> None:
        router, connection = own.router, own.connection
        source = connection.source(6 if ":" in (recorded.get("source_ip") or "") else 4) if connection else None
        pairs = [
            (recorded.get("command"), own.command),
            (recorded.get("router"), router.name),
            (recorded.get("connection"), connection.name if connection else None),
            (recorded.get("source_ip"), str(source) if source else None),
            (recorded.get("slug"), router.slug),
        ]
        self.texts = {old: new for old, new in pairs if old and new}
        every = "|".join(map(re.escape, self.texts))
        self.pattern = re.compile(rf"(?<![\w.:])(?:{every})(?![\w.:]*\w)") if every else None
        self.connection = connection.id if connection else None
        self.source = (
            {"name": own.route_server, "router": None, "route_server": own.route_server}
            if own.route_server
            else {"name": router.name, "router": router.slug, "route_server": None}
        )


def _replaced(value: Any, names: _Names) -> Any:
    if isinstance(value, Mapping):
        return {name: _field(name, inner, names) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, names) for inner in value]
    if isinstance(value, str) and names.pattern is not None:
        return names.pattern.sub(lambda found: names.texts[found[0]], value)
    return value


def _field(name: str, value: Any, names: _Names) -> Any:
    if name in _CONNECTIONS:
        return names.connection if value is not None else None
    if name == "source" and isinstance(value, Mapping):
        return names.source
    return _replaced(value, names)
