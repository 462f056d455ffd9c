"""Answers for a terminal: the router's own text, then what it amounts to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec

from netpulse.cells import QueryType
from netpulse.errors import NetPulseError
from netpulse.records import Record


def error_text(error: NetPulseError) -> str:
    """Two lines: what is wrong, and the stable word for it."""
    return f"error: {error.sentence}\ncode: {error.code}\n"


def answer_text(kind: QueryType | None, data: bytes, *, banner: str | None = None) -> str:
    """The answer whose `data` is this JSON, of one router or of several, ending with the page to send to a colleague."""
    fields: dict[str, Any] = msgspec.json.decode(data)
    parts = [f"{banner}\n"] if banner else []
    if "routers" in fields and "output" not in fields:
        parts += [_one(kind, row, f"== {row['name']}") for row in fields["routers"]]
        words = [(name, folded(value)) for name, value in (fields.get("summary") or {}).items()]
        parts.append("".join(f"{name}: {said}\n" for name, said in words if said))
    else:
        names = (fields.get("router"), fields.get("connection"), fields.get("source_ip"))
        parts.append(_one(kind, fields, " | ".join(name for name in names if name)))
    if fields.get("code"):
        parts.append(f"error: {fields['error']}\ncode: {fields['code']}\n")
    parts.append(f"{fields['url']}\n")
    return "\n".join(parts)


def folded(value: Any) -> str:
    """A field of a summary in words: values side by side, pairs as `174 (core1, core2)`; empty for anything larger."""
    if not isinstance(value, list):
        return "" if value is None or isinstance(value, Mapping) else str(value)
    words = []
    for one in value:
        if isinstance(one, Mapping):
            first, *rest = one.values()
            if len(rest) != 1 or isinstance(first, list | dict):
                return ""
            words.append(f"{first} ({folded(rest[0])})")
        else:
            words.append(str(one))
    return ", ".join(words)


def _one(kind: QueryType | None, fields: Mapping[str, Any], heading: str) -> str:
    if not fields.get("command"):
        return f"{heading}\nerror: {fields.get('error')}\ncode: {fields.get('code')}\n"
    lines = [heading, f"> {fields['command']}", (fields.get("output") or "").rstrip("\n"), ""]
    summary = _summary(kind, fields)
    if summary:
        lines.append(summary)
    if fields.get("unread"):
        lines.append(f"Not read as values: {fields['unread']}")
    if fields.get("truncated"):
        lines.append("The output was longer than the limit and is cut.")
    egress = fields.get("egress")
    if egress:
        lines.append(f"Way out: {egress['verdict']}. {egress['note']}")
    return "\n".join(lines) + "\n"


def _summary(kind: QueryType | None, fields: Mapping[str, Any]) -> str | None:
    """The result in one line, by the words of its query type; None where there is none or it is not whole."""
    result = fields.get("result")
    if kind is None or kind.say is None or result is None or fields.get("code"):
        return None  # of what came to no end nobody knows what the whole would have said
    beside = {name: fields[name] for name in ("prefix", "covering") if name in fields}
    try:
        return kind.say(_attributes({**beside, **result}))
    except AttributeError:  # stored under an earlier version, when the record had other fields
        return None


def _attributes(value: Any) -> Any:
    """The same JSON value with its objects' members as attributes, as the records of a fresh answer have them."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _attributes(inner) for name, inner in value.items()})
    if isinstance(value, list):
        return [_attributes(inner) for inner in value]
    return value


def table_text(rows: Sequence[Record], columns: Sequence[str]) -> str:
    """Records as aligned columns under their field names; `-` where there is nothing."""
    return aligned([list(columns), *([getattr(row, column) for column in columns] for row in rows)])


def aligned(lines: Sequence[Sequence[Any]]) -> str:
    """Lines of cells as aligned columns; `-` where there is nothing."""
    cells = [[_cell(value) for value in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in cells
    )


def fields_text(record: Record) -> str:
    """One field to a line."""
    return "".join(f"{name}: {_cell(getattr(record, name))}\n" for name in record.__struct_fields__)


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)
