"""`/api`: the customer's documentation, made of the same document as `/openapi.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from netpulse.errors import CODES
from netpulse.web.openapi import Document
from netpulse.web.pages.frame import Frame

_ROOT = "/api/v1"


@dataclass(frozen=True, slots=True)
class Operation:
    """One path and method: its words, its parameters as the document has them, and how to ask it."""

    anchor: str
    method: str
    path: str
    title: str
    text: str
    parameters: list[dict[str, Any]]
    curl: str
    python: str
    script: str


def operations(document: dict[str, Any], base: str) -> list[Operation]:
    """Every operation of the document in its order; snippets ask at `base`."""
    return [
        _operation(path, method, declared, [*methods.get("parameters", ()), *declared.get("parameters", ())], base)
        for path, methods in document["paths"].items()
        for method, declared in methods.items()
        if isinstance(declared, dict) and "responses" in declared
    ]


def _operation(
    path: str, method: str, declared: dict[str, Any], parameters: list[dict[str, Any]], base: str
) -> Operation:
    asked = {p["name"]: _example(p) for p in parameters if p.get("in") == "query" and p.get("required")}
    place = path
    for parameter in parameters:
        if parameter.get("in") == "path":
            place = place.replace(f"{{{parameter['name']}}}", str(_example(parameter)))
    url = f"{base}{_ROOT}{place}" + (f"?{urlencode(asked)}" if asked else "")
    verb = method.upper()
    return Operation(
        anchor=declared.get("operationId", f"{method}{path}").replace("/", "-"),
        method=verb,
        path=_ROOT + path,
        title=declared.get("summary", path),
        text=declared.get("description", ""),
        parameters=parameters,
        curl=f'curl {"" if verb == "GET" else f"-X {verb} "}-H "Authorization: Bearer $NETPULSE_KEY" "{url}"',
        python=_python(verb, url),
        script=_script(verb, url),
    )


def _example(parameter: dict[str, Any]) -> Any:
    """An example value: the parameter's own, its schema's, its first choice."""
    schema = parameter.get("schema", {})
    for found in (
        parameter.get("example"),
        schema.get("example"),
        *schema.get("examples", ()),
        *schema.get("enum", ()),
    ):
        if found is not None:
            return found
    return "VALUE"


def _python(verb: str, url: str) -> str:
    return (
        "import json, os, urllib.request\n\n"
        f"request = urllib.request.Request({json.dumps(url)}, method={json.dumps(verb)})\n"
        'request.add_header("Authorization", "Bearer " + os.environ["NETPULSE_KEY"])\n'
        'print(json.load(urllib.request.urlopen(request))["data"])'
    )


def _script(verb: str, url: str) -> str:
    return (
        f"const answer = await fetch({json.dumps(url)}, {{\n"
        f"  method: {json.dumps(verb)},\n"
        "  headers: { Authorization: `Bearer ${process.env.NETPULSE_KEY}` },\n"
        "});\n"
        "console.log((await answer.json()).data);"
    )


def routes(frame: Frame) -> list[BaseRoute]:
    """`/api`, rendered for the address that the reader came by, or the configured one."""
    document = Document(frame.services)

    async def api(request: Request) -> Response:
        settings = frame.services.settings
        base = settings.public_url or f"{request.url.scheme}://{request.headers['host']}"
        declared = msgspec.json.decode(document.json())
        return frame.render(
            request,
            "api.html",
            base=base + _ROOT,
            operations=operations(declared, base),
            codes=[(code, status, words) for code, (status, words) in CODES.items()],
            per_minute=settings.limits.key_per_minute,
        )

    return [Route("/api", frame.page(api), methods=["GET"])]
