"""JSON Schema of the records of the API, read from their types.

msgspec makes such schemas too, but refuses a union of several records, which an AS path is.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from netpulse.records import Record

Schema = dict[str, Any]
_PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean", types.NoneType: "null"}


class Schemas:
    """Collects every record that is referred to; `found` has them by name."""

    def __init__(self) -> None:
        self.found: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of values of this type; records become references."""
        if kind in _PLAIN:
            return {"type": _PLAIN[kind]}
        if isinstance(kind, type) and issubclass(kind, Record):
            return self._record(kind)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in (tuple, list):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin in (typing.Union, types.UnionType):
            return any_of(*(self.of(argument) for argument in arguments))
        raise TypeError(f"no schema is known for {kind!r}")

    def _record(self, kind: type[Record]) -> Schema:
        name = kind.__name__
        if name not in self.found:
            self.found[name] = {}
            properties = {field: self.of(type_) for field, type_ in typing.get_type_hints(kind).items()}
            described = (kind.__doc__ or "").strip().splitlines()
            self.found[name] = closed(properties, described[0] if described else "")
        return ref(name)


def any_of(*schemas: Schema) -> Schema:
    """One of these; plain types are merged into one list."""
    if all(set(schema) == {"type"} and isinstance(schema["type"], str) for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": list(schemas)}


def or_null(schema: Schema) -> Schema:
    return any_of(schema, {"type": "null"})


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: Mapping[str, Schema], description: str = "") -> Schema:
    """An object that always has all of these fields, and may gain others in a later minor version."""
    schema: Schema = {"type": "object", "required": list(properties), "properties": dict(properties)}
    return {**schema, "description": description} if description else schema
