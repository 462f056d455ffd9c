"""What an audience is not shown of an answer: fields, communities, and pieces of the router's own text.

Pure: plain JSON values in, the same without what is hidden out. A hidden field is null, a hidden list is empty; in text
`[hidden]` or `[redacted]` stands where it was. Answers are stored whole: this is applied on the way out, each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from netpulse.records import WELL_KNOWN

HIDDEN = "[hidden]"
REDACTED = "[redacted]"
COMMUNITIES = ("communities", "large_communities", "ext_communities")
"""The fields of which single values can be hidden, as in `communities:64500:*`."""

_SPELLINGS = {"rt": "(?:rt|target)", "ro": "(?:ro|soo|origin)"}
"""How routers write the kinds of extended communities (RFC 4360) that answers name `rt` and `ro`."""
_IDENTITY = frozenset({"prefix", "covering"})


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one audience is not shown; empty and false if it sees everything.

    `fields` are paths from a record (`learned_from.address` is two steps), `values` patterns of whole community values by
    their field. `marks` find what is hidden in text: their groups, or the whole match. `output` withholds the text wholly.
    """

    fields: tuple[tuple[str, ...], ...] = ()
    values: tuple[tuple[str, re.Pattern[str]], ...] = ()
    marks: tuple[re.Pattern[str], ...] = ()
    redactions: tuple[re.Pattern[str], ...] = ()
    output: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields or self.values or self.redactions or self.output)

    def event(self, name: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """One event of a run as this audience gets it; None if there is nothing left to tell."""
        if not self:
            return dict(body)
        shown = _plain(body)
        if name == "output":
            return None if self.output else {**shown, "text": self.line(shown["text"])}
        if name == "found":
            return {**shown, "record": self._record(shown["record"])}
        return self._data(shown)

    def data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """`data` of an answer of one router or of several, as this audience gets it."""
        return self._data(_plain(data)) if self else dict(data)

    def _data(self, shown: dict[str, Any]) -> dict[str, Any]:
        if isinstance(shown.get("output"), str):
            shown["output"] = None if self.output else self.text(shown["output"])
        if isinstance(shown.get("unread"), str):
            shown["unread"] = None if self.output else self.text(shown["unread"])
        if isinstance(shown.get("result"), dict):
            shown["result"] = self._whole(shown["result"])
        if isinstance(shown.get("summary"), dict):
            shown["summary"] = self._summary(shown["summary"])
        if isinstance(shown.get("routers"), list):
            shown["routers"] = [self._data(row) for row in shown["routers"]]
        if isinstance(shown.get("data"), dict):
            shown["data"] = self._data(shown["data"])
        return shown

    def text(self, text: str) -> str:
        """Lines of a router's output. Nothing hidden ever spans two of them."""
        return "\n".join(map(self.line, text.split("\n")))

    def line(self, line: str) -> str:
        for mark in self.marks:
            line = mark.sub(_masked, line)
        for redaction in self.redactions:
            line = redaction.sub(REDACTED, line)
        return line

    def _whole(self, result: dict[str, Any]) -> dict[str, Any]:
        """A result and each record in its lists."""
        return {
            name: [self._record(one) if isinstance(one, dict) else one for one in value]
            if isinstance(value, list)
            else value
            for name, value in self._record(result).items()
        }

    def _summary(self, summary: dict[str, Any]) -> dict[str, Any]:
        """A summary names the connection of a best path beside it, not inside `learned_from`."""
        shown = self._whole(summary)
        if ("learned_from",) in self.fields or ("learned_from", "connection_id") in self.fields:
            for best in shown.get("best_paths", ()):
                best["connection_id"] = None
        return shown

    def _record(self, record: dict[str, Any]) -> dict[str, Any]:
        if ("learned_from",) in self.fields or ("learned_from", "address") in self.fields:
            _blank_neighbor(record)
        for path in self.fields:
            _blank(record, path)
        for name, value in self.values:
            if isinstance(record.get(name), list):
                record[name] = [one for one in record[name] if not value.match(one["value"])]
        if self.redactions:
            return {name: value if name in _IDENTITY else self._redacted(value) for name, value in record.items()}
        return record

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, str):
            for redaction in self.redactions:
                value = redaction.sub(REDACTED, value)
            return value
        if isinstance(value, list):
            return [self._redacted(one) for one in value]
        if isinstance(value, dict):
            return {name: inner if name in _IDENTITY else self._redacted(inner) for name, inner in value.items()}
        return value


EVERYTHING = Disclosure()


def disclosure(hide: Iterable[str], redact: Iterable[str], shows: Mapping[str, Iterable[str]]) -> Disclosure:
    """What these entries of a configuration leave out.

    `hide` has paths of fields, `communities:GLOB` and `output`; `redact` regular expressions. `shows` tells by path with
    which patterns the platforms' own text shows a field.
    """
    fields: list[tuple[str, ...]] = []
    values: list[tuple[str, re.Pattern[str]]] = []
    marks: list[re.Pattern[str]] = []
    entries = list(hide)
    for entry in entries:
        name, colon, glob = entry.partition(":")
        if colon:
            values.append((name, _value(glob)))
            marks.append(_in_text(glob))
            marks += [_by_name(names) for value, names in WELL_KNOWN.items() if _value(glob).match(value)]
        elif name != "output":
            fields.append(tuple(name.split(".")))
            for path, patterns in shows.items():
                if path == name or path.startswith(name + "."):
                    marks += [re.compile(pattern) for pattern in patterns]
    return Disclosure(
        tuple(fields), tuple(values), tuple(marks), tuple(map(re.compile, redact)), output="output" in entries
    )


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same as objects and lists of its own, with no record in it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return plain


def _blank(value: Any, path: tuple[str, ...]) -> None:
    """Make the field at this path null, in an object or in every object of a list."""
    if isinstance(value, list):
        for one in value:
            _blank(one, path)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) > 1:
            _blank(value[path[0]], path[1:])
        else:
            value[path[0]] = _nothing(value[path[0]])


def _blank_neighbor(record: dict[str, Any]) -> None:
    """A neighbour at the other end of a session is its routes' next hop as well."""
    learned = record.get("learned_from")
    if isinstance(learned, dict) and learned.get("address") is not None and learned["address"] == record.get("next_hop"):
        record["next_hop"] = None


def _nothing(value: Any) -> Any:
    """What stands for a hidden value: of an object each field is there still."""
    if isinstance(value, list):
        return []
    return {name: _nothing(inner) for name, inner in value.items()} if isinstance(value, dict) else None


def _masked(found: re.Match[str]) -> str:
    """The match with each of its groups hidden, or hidden as a whole if it has none."""
    if not found.re.groups:
        return HIDDEN
    text, start = found.group(), found.start()
    spans = [found.span(number) for number in range(1, found.re.groups + 1) if found.group(number)]
    for first, last in sorted(spans, reverse=True):
        text = text[: first - start] + HIDDEN + text[last - start :]
    return text


def _value(glob: str) -> re.Pattern[str]:
    """A whole community as answers write it."""
    return re.compile(r"\A" + ":".join(_part(part, "[^:]+") for part in glob.split(":")) + r"\Z", re.IGNORECASE)


def _in_text(glob: str) -> re.Pattern[str]:
    """The same community as routers write it: `64500:1`, `(64500,1)`, `(rt, 64500, 1)`, `large:64500:1:1`."""
    parts = [_SPELLINGS.get(part.lower()) or _part(part, r'[^\s,:()"]+') for part in glob.split(":")]
    return re.compile(r"(?<![\w.:])(?:large:)?" + r"(?::|,\s?)".join(parts) + r"(?![\w:]|,\s?\w)", re.IGNORECASE)


def _by_name(names: Iterable[str]) -> re.Pattern[str]:
    """A well-known community by its name: `no-export`, `NO_EXPORT`, `noExport`."""
    spelled = "|".join(name.replace("-", "[-_]?") for name in names)
    return re.compile(rf"(?<![\w-])(?:{spelled})(?![\w-])", re.IGNORECASE)


def _part(part: str, anything: str) -> str:
    return anything if part == "*" else re.escape(part).replace(r"\*", anything[:-1] + "*")
