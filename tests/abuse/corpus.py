"""The collection of hostile inputs: one JSON object a line in `corpus.jsonl`.

    id    names the line; what is before its number names its group
    f     the field it is sent in: target, router, connection; as_path waits for the search of routes
    v     its exact value; {"$repeat": [text, n]} is the text n times
    x     400, or "accept"
    exec  of an accepted target: the bytes that a Junos router gets for its ping
    aspath "accept" where a question about routes takes what a ping refuses
    why   what it tries
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

PING = {"target": "8.8.8.8", "router": "router1", "connection": "1"}
ASPATH = {"target": "8.8.8.8", "router": "router1"}
FIELDS = {"ping": PING, "traceroute": PING, "aspath": ASPATH}
"""Each question with every parameter that it needs, all of them good."""


@dataclass(frozen=True)
class Line:
    """One line. `command` is the exec string of an accepted target."""

    id: str
    field: str
    value: str
    accepted: bool
    why: str
    command: str | None
    good_for_routes: bool

    @property
    def group(self) -> str:
        return self.id.rstrip("0123456789").rstrip("-")

    def good_for(self, kind: str) -> bool:
        """Whether this question takes it."""
        return self.accepted or (kind == "aspath" and self.good_for_routes)


@dataclass(frozen=True)
class Refusal:
    """A request that must be refused at once: its path below /api/v1, percent-encoded, and the status it gets."""

    id: str
    path: str
    status: int


@lru_cache(maxsize=1)
def lines() -> tuple[Line, ...]:
    """Every line of the collection, in its order."""
    text = Path(__file__).with_name("corpus.jsonl").read_text("utf-8")
    return tuple(_line(json.loads(line)) for line in text.splitlines())


def _line(case: dict[str, Any]) -> Line:
    value = case["v"] if isinstance(case["v"], str) else case["v"]["$repeat"][0] * case["v"]["$repeat"][1]
    return Line(
        case["id"], case["f"], value, case["x"] == "accept", case["why"], case.get("exec"), case.get("aspath") == "accept"
    )


def hostile(field: str = "target") -> tuple[Line, ...]:
    """The lines that must be refused in this field."""
    return tuple(line for line in lines() if line.field == field and not line.accepted)


def encoded(text: str) -> str:
    """The text percent-encoded once, every byte of it; a lone surrogate becomes the bytes that UTF-8 forbids."""
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


def query(fields: dict[str, str]) -> str:
    """A query string, or the body of a form."""
    return "&".join(f"{name}={encoded(value)}" for name, value in fields.items())


def path_of(kind: str, line: Line) -> str:
    """The path below /api/v1 that asks this question with the line in its field, all else being good."""
    return f"/{kind}?{query({**FIELDS[kind], line.field: line.value})}"


def refused_targets(*, longest: int = 7000) -> Iterator[str]:
    """The targets that a ping refuses before anything is asked of anybody, but for those that no URL has room for."""
    return (line.value for line in hostile() if len(encoded(line.value)) <= longest)


def refusals(router: str = "router1", connection: str = "1", *, longest: int = 8000) -> Iterator[Refusal]:
    """Requests that are refused with 400 before anything is asked of a router, a route server or a name server.

    They need a valid key, and a router and a connection that exist. None of them may take a lock, a resolver or the disk's
    time, so a crowd of them must cost a server no more than their parsing. Paths longer than `longest` are left out.
    """
    good = {"target": "8.8.8.8", "router": router, "connection": connection}
    for kind, needed in FIELDS.items():
        for line in lines():
            if line.field not in needed or line.good_for(kind):
                continue
            fields = {name: good[name] for name in needed}
            path = f"/{kind}?{query({**fields, line.field: line.value})}"
            if len(path) <= longest:
                yield Refusal(f"{kind}:{line.id}", path, 400)
