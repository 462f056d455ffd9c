"""What `data` of an answer looks like, for the document of the API; `render.as_json` is what makes it."""

from __future__ import annotations

from netpulse.cells import QueryType
from netpulse.records import Egress
from netpulse.web.schemas import Schema, Schemas, any_of, closed, or_null, ref

BESIDE_RESULT = frozenset({"prefix", "covering"})
"""Fields of a result that stand beside it in `data`, not inside."""

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_MS: Schema = {"type": ["integer", "null"], "minimum": 0}
_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_SOURCE = closed(
    {"name": _TEXT, "router": _TEXT_OR_NULL, "route_server": _TEXT_OR_NULL}, "Who answered about the routes"
)


def answer_schemas(kind: QueryType, schemas: Schemas) -> tuple[Schema, Schema | None]:
    """References to `data` of one router's answer and, where the query has it, of all routers' answer."""
    schemas.of(kind.record)
    fields = _fields(kind, schemas)
    name = "".join(part.title() for part in kind.name.split("_"))
    schemas.found[f"{name}Answer"] = closed(fields, f"{kind.title}: the answer of one router")
    one = ref(f"{name}Answer")
    if kind.fold is None or kind.fold_result is None:
        return one, None
    identity: dict[str, Schema] = {"slug": _TEXT, "name": _TEXT}
    answered = closed({**identity, "ok": {"const": True}, **fields})
    unanswered = closed({**identity, "ok": {"const": False}, "error": _TEXT, "code": _TEXT})
    schemas.found[f"{name}OfAllRouters"] = closed(
        {
            "target": _TEXT,
            "routers": {"type": "array", "items": any_of(answered, unanswered)},
            "summary": schemas.of(kind.fold_result),
            "id": _TEXT,
            "url": _TEXT,
        },
        f"{kind.title}: the answers of all routers, in the order of the file",
    )
    return one, ref(f"{name}OfAllRouters")


def _fields(kind: QueryType, schemas: Schemas) -> dict[str, Schema]:
    command: dict[str, Schema] = {"command": _TEXT, "output": _TEXT_OR_NULL, "duration_ms": _MS}
    target = _TEXT if any(p.kind == "target" and p.required for p in kind.parameters) else _TEXT_OR_NULL
    result = _result(kind, schemas)
    ending: dict[str, Schema] = {
        "started_at": _MOMENT,
        "id": _TEXT,
        "url": _TEXT,
        "truncated": {"type": "boolean"},
        "unread": _TEXT_OR_NULL,
    }
    if kind.sourced:
        return {
            "target": target,
            "router": _TEXT,
            "connection": _TEXT,
            "source_ip": _TEXT_OR_NULL,
            **command,
            "address": target,
            "egress": or_null(schemas.of(Egress)),
            "result": result,
            "queued_ms": _MS,
            **ending,
            **{flag: {"type": "boolean"} for flag in kind.flags},
        }
    return {
        "target": target,
        "router": _TEXT,
        "prefix": _TEXT_OR_NULL,
        **command,
        "source": _SOURCE,
        "result": result,
        "cached": {"type": "boolean"},
        "age_s": {"type": "integer", "minimum": 0},
        **ending,
        "covering": _TEXT_OR_NULL,
    }


def _result(kind: QueryType, schemas: Schemas) -> Schema:
    """The `result` object or null: the record without what stands beside it."""
    name = kind.result.__name__
    schemas.of(kind.result)
    whole = schemas.found[name]
    inside = {field: schema for field, schema in whole["properties"].items() if field not in BESIDE_RESULT}
    schemas.found[name] = closed(inside, whole.get("description", ""))
    return or_null(ref(name))
