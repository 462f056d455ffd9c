"""What the API answers, to be looked at: recorded in the lab, or made of the document's schema where nothing was.

`recorded.json` has the `data` of each question by its operationId, the events of a ping, and a ping as plain text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

MOST_ITEMS = 2
"""Objects of a list that are shown; the rest is counted."""

MOST_TEXT = 96
"""Characters of a text that are shown."""

_WIDTH = 66
_NOTHING: Mapping[str, Any] = {"string": "…", "integer": 0, "number": 0.0, "boolean": False, "null": None}

Token = tuple[str, str]
"""A piece of shown JSON: its class (`y` a name, `s` a text, `m` another value, `c` a remark, `""` the rest), its text."""


@lru_cache(maxsize=1)
def recorded() -> Mapping[str, Any]:
    """What was recorded."""
    found: dict[str, Any] = json.loads(files("netpulse").joinpath("web/pages/recorded.json").read_text("utf-8"))
    return found


def made_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value of this schema whose texts and numbers mean nothing; of several forms the first that is not null."""
    if "$ref" in schema:
        return made_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return made_of(next((form for form in schema["anyOf"] if form.get("type") != "null"), {}), schemas)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = schema.get("type", "null")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: made_of(inner, schemas) for name, inner in schema.get("properties", {}).items()}
    return [made_of(schema.get("items", {}), schemas)] if kind == "array" else _NOTHING[kind]


def shown(value: Any) -> list[Token]:
    """The value as JSON over several lines, long texts and lists cut short, neighbours of one class together."""
    joined: list[Token] = []
    for name, text in _tokens(value, 0):
        if joined and joined[-1][0] == name:
            joined[-1] = (name, joined[-1][1] + text)
        else:
            joined.append((name, text))
    return joined


def shown_events(events: list[dict[str, Any]], first: int = 4) -> list[Token]:
    """The first events and the last one as they come over the wire, their data cut short."""
    found: list[Token] = []
    for place, event in enumerate(events):
        if first <= place < len(events) - 1:
            if place == first:
                found.append(("c", f": … {len(events) - first - 1}\n\n"))
            continue
        found += [("c", "id: "), ("", f"{event['id']}\n"), ("c", "event: "), ("y", f"{event['event']}\n")]
        data = json.dumps(event["data"], ensure_ascii=False, separators=(",", ":"))
        cut = data if len(data) <= 2 * MOST_TEXT else data[: 2 * MOST_TEXT] + "…"
        found += [("c", "data: "), ("", f"{cut}\n\n")]
    return found


def _tokens(value: Any, depth: int) -> Iterator[Token]:
    pad, end = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict) and value:
        flat = not any(isinstance(inner, dict | list) and inner for inner in value.values())
        one = flat and depth > 0 and len(json.dumps(value, ensure_ascii=False)) + 2 * depth <= _WIDTH
        yield "", "{" if one else "{\n"
        for place, (name, inner) in enumerate(value.items()):
            comma = place < len(value) - 1
            yield "", "" if one else pad
            yield "y", json.dumps(name)
            yield "", ": "
            yield from _tokens(inner, depth + 1)
            yield "", (", " if comma else "") if one else (",\n" if comma else "\n")
        yield "", "}" if one else end + "}"
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        yield "", "[\n"
        kept = value[:MOST_ITEMS]
        for place, inner in enumerate(kept):
            yield "", pad
            yield from _tokens(inner, depth + 1)
            yield "", ",\n" if place < len(kept) - 1 else "\n"
        if len(value) > len(kept):
            yield "c", f"{pad}… {len(value) - len(kept)}\n"
        yield "", end + "]"
    elif isinstance(value, str):
        yield "s", json.dumps(value if len(value) <= MOST_TEXT else value[:MOST_TEXT] + "…", ensure_ascii=False)
    else:
        yield "m" if value != [] else "", json.dumps(value, ensure_ascii=False)
