"""/openapi.json: the API as a document, rendered from the same declarations that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import netpulse
from netpulse.cells import QueryType
from netpulse.errors import CODES
from netpulse.pipeline import everywhere
from netpulse.query import Parameter
from netpulse.render.as_json import encode
from netpulse.services import Services
from netpulse.settings import Settings
from netpulse.values import LONGEST_TARGET
from netpulse.web.answers import answer_schemas
from netpulse.web.api import CONNECTIONS_OF
from netpulse.web.inventory_views import ConnectionView, LimitsView, RouterView, StoppedView
from netpulse.web.schemas import Schema, Schemas, any_of, closed, ref

_DESCRIPTION = """\
Ping, traceroute and BGP AS paths from the routers of this network, sourced from the connection you choose.

Success is `{"success": true, "data": ...}`; every error is `{"error": "one sentence", "code": "stable_word"}`. Version 1 only
ever gains fields. Ask with `Accept: text/event-stream` to watch an answer while it happens, with `text/plain` to read it in a
terminal. Each request with a valid key costs one; `all-routers` costs one per router; `/limits` is free.
"""
_EVENTS = """\
Server-sent events, ids `<result id>.<n>`: `started` (the fields known so far), `queued` (`position`), `output` (`text`, a line),
`found` (`record`, keyed by `{key}`; a later one with the same key replaces it), then one `finished` (the `data` object) or
`failed` (`error`, `code`, `data`).{several} Send the last id as `Last-Event-ID` to go on after a lost connection.
"""
_SEVERAL = " Every event carries `job` (`router`, `connection`), and each job ends with `answered` or `unanswered` before that."


class Document:
    """The document under the settings of now, as JSON."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._made_for: Settings | None = None
        self._json = b""

    def json(self) -> bytes:
        settings = self._services.settings
        if self._made_for is not settings:
            self._json = encode(document(list(self._services.matrix.queries.values()), settings))
            self._made_for = settings
        return self._json


def document(kinds: Sequence[QueryType], settings: Settings) -> dict[str, Any]:
    """OpenAPI 3.1 for these query types."""
    schemas = Schemas()
    paths: dict[str, Any] = {
        "/routers": {"get": _read("routers", "List the routers", (), _list(schemas.of(RouterView)))},
        "/connections": {
            "get": _read(
                "connections", "List the connections of a router", CONNECTIONS_OF, _list(schemas.of(ConnectionView))
            )
        },
        "/limits": {"get": _read("limits", "Where the limit of the key stands; free", (), schemas.of(LimitsView))},
    }
    answers: list[Schema] = []
    for kind in kinds:
        one, several = answer_schemas(kind, schemas)
        answers += [one, several] if several else [one]
        paths[f"/{kind.name}"] = {"get": _question(kind, kind.parameters, one, several=False)}
        if several is not None:
            paths[f"/{kind.name}/all-routers"] = {"get": _question(kind, everywhere(kind), several, several=True)}
    paths["/results/{id}"] = {
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The id of an answer",
                "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            }
        ],
        "get": _read("result", "Read a stored answer again", (), any_of(*answers), missing=True),
        "delete": _read("stop", "Stop a question of your own", (), schemas.of(StoppedView), missing=True, text=False),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": settings.site.name, "version": f"1 ({netpulse.__version__})", "description": _DESCRIPTION},
        "servers": [{"url": (settings.public_url or "").rstrip("/") + "/api/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key, np_…"}},
            "schemas": {**schemas.found, **_errors()},
            "headers": _HEADERS,
            "responses": _REFUSALS,
        },
    }


def _question(kind: QueryType, parameters: Sequence[Parameter], data: Schema, *, several: bool) -> dict[str, Any]:
    summary = f"{kind.summary.rstrip('.')}, for all routers" if several else kind.summary
    operation = _read(f"{kind.name}_all_routers" if several else kind.name, summary, parameters, data)
    answer = operation["responses"]["200"]
    answer["content"]["text/event-stream"] = {
        "schema": {
            "type": "string",
            "description": _EVENTS.format(key=kind.record_key, several=_SEVERAL if several else ""),
        }
    }
    answer["headers"]["X-Result-Id"] = {"$ref": "#/components/headers/X-Result-Id"}
    answer["links"] = {"stored": {"operationId": "result", "parameters": {"id": "$response.body#/data/id"}}}
    operation["parameters"].append(
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "`<result id>.<n>`, only with text/event-stream: continue a run of your own after this event.",
            "schema": {"type": "string"},
        }
    )
    return operation


def _read(
    name: str, summary: str, parameters: Sequence[Parameter], data: Schema, *, missing: bool = False, text: bool = True
) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": closed({"success": {"const": True}, "data": data})}}
    if text:
        content["text/plain"] = {"schema": {"type": "string"}}
    refusals = ["400", "401", *(["404"] if missing else []), "429", "500"]
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [_parameter(parameter) for parameter in parameters],
        "responses": {
            "200": {"description": "The answer", "headers": _headers("X-Request-Id", *_LIMITS), "content": content},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in refusals},
        },
    }


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = _value(parameter)
    if parameter.default is not None:
        schema["default"] = parameter.default
    shown: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.summary,
        "schema": schema,
    }
    if parameter.example:
        number = parameter.kind in ("connection", "number")
        example: Any = int(parameter.example) if number else parameter.example
        shown["example"] = example == "true" if parameter.kind == "flag" else example
    return shown


def _value(parameter: Parameter) -> Schema:
    match parameter.kind:
        case "target":
            return {"type": "string", "minLength": 1, "maxLength": LONGEST_TARGET}
        case "router":
            return {"type": "string", "minLength": 1}
        case "connection":
            return {"type": "integer", "minimum": 0, "maximum": 999_999_999}
        case "choice":
            return {"type": "string", "enum": list(parameter.choices)}
        case "flag":
            return {"type": "boolean"}
        case "number":
            return {"type": "integer", "minimum": parameter.least, "maximum": parameter.most}


_LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def _header(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "schema": schema}


_COUNT: Schema = {"type": "integer", "minimum": 0}
_HEADERS = {
    "X-Request-Id": _header("Names this request; tell it when you report a fault.", {"type": "string"}),
    "X-Result-Id": _header("The id under which the answer is kept, that of a failed one too.", {"type": "string"}),
    "X-RateLimit-Limit": _header("Requests a minute that the key has.", _COUNT),
    "X-RateLimit-Remaining": _header("Requests left now.", _COUNT),
    "X-RateLimit-Reset": _header(
        "Seconds until one more is admitted if none is left, else until the limit is whole.", _COUNT
    ),
    "Retry-After": _header("Whole seconds to wait.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": _header("How to present a key.", {"type": "string"}),
}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _errors() -> dict[str, Schema]:
    """The body of an error of each status: which codes it can carry."""
    found = {}
    for status in sorted({status for status, _ in CODES.values()}):
        codes = {code: meaning for code, (of, meaning) in CODES.items() if of == status}
        listed = "\n".join(f"- `{code}`: {meaning}" for code, meaning in codes.items())
        found[f"Error{status}"] = closed({"error": {"type": "string"}, "code": {"enum": list(codes)}}, listed)
    return found


def _refusal(status: int, description: str, *headers: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": _headers("X-Request-Id", *headers),
        "content": {
            "application/json": {"schema": ref(f"Error{status}")},
            "text/plain": {"schema": {"type": "string"}},
        },
    }


_REFUSALS = {
    "400": _refusal(400, "The question cannot be asked like this.", *_LIMITS),
    "401": _refusal(401, "A valid key is missing.", "WWW-Authenticate"),
    "404": _refusal(404, "There is nothing here, or not for this key.", *_LIMITS),
    "429": _refusal(429, "A limit is reached, or the router is busy.", "Retry-After", *_LIMITS),
    "500": _refusal(500, "Something on our side or the router's.", *_LIMITS),
}
