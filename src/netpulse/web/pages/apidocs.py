"""`/api`: the customer's documentation, made of the same document as `/openapi.json`.

Paths, parameters, choices, headers and media types are the document's, codes are `netpulse.errors.CODES`, what is answered
was recorded or is made of the document's schemas. Only prose is added, by the keys of the catalogue of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from netpulse.cells import QueryType
from netpulse.errors import CODES
from netpulse.inventory import Connection
from netpulse.policy import Caller, connections_for, offered, routers_for
from netpulse.render.as_json import encode
from netpulse.services import Services
from netpulse.web.inventory_views import LimitsView, StoppedView, connection_views, router_views, routers_seen
from netpulse.web.kept import Kept
from netpulse.web.openapi import document
from netpulse.web.pages.composer import Model, Typed, asked_of
from netpulse.web.pages.form import the_model
from netpulse.web.pages.frame import Frame
from netpulse.web.pages.owned import Own, answer_of, answers_of, events_of, text_of
from netpulse.web.pages.samples import MOST_ITEMS, Token, made_of, recorded, shown, shown_events
from netpulse.web.pages.snippets import Snippet, address, is_authority, snippets

ROOT = "/api/v1"
_EVERYWHERE = "_all_routers"
_MOST_KEPT = 32
"""Pages that are kept: languages, themes, and the addresses that readers come by, which are theirs to choose."""


class Field(NamedTuple):
    """One parameter as the document has it. `value` is what the example request sends, None if it leaves it out."""

    name: str
    place: str
    type: str
    required: bool
    choices: tuple[str, ...]
    default: str | None
    example: str | None
    summary: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One path and method. `kind` is the question it asks, None for the paths that every service has."""

    name: str
    verb: str
    path: str
    summary: str
    kind: QueryType | None
    fields: tuple[Field, ...]
    forms: tuple[str, ...]
    url: str
    asks: tuple[Snippet, ...]
    answer: list[Token]

    @property
    def anchor(self) -> str:
        return self.name.replace("_", "-")

    @property
    def everywhere(self) -> bool:
        return self.kind is not None and self.name == self.kind.name + _EVERYWHERE


class Header(NamedTuple):
    """A header of an answer, by the key of its words, and what the document says of it."""

    name: str
    key: str
    summary: str


def operations(
    services: Services, declared: Mapping[str, Any], caller: Caller, base: str, model: Model
) -> list[Operation]:
    """Every operation of the document in its order, asking for what this caller can see, at `base`. `model` has the commands."""
    found = []
    for path, methods in declared["paths"].items():
        for method, operation in methods.items():
            if "responses" in operation:
                parameters = [*methods.get("parameters", ()), *operation["parameters"]]
                found.append(
                    _operation(services, declared, caller, base, model, (path, method.upper()), operation, parameters)
                )
    return found


def _operation(
    services: Services,
    declared: Mapping[str, Any],
    caller: Caller,
    base: str,
    model: Model,
    at: tuple[str, str],
    operation: Mapping[str, Any],
    parameters: list[dict[str, Any]],
) -> Operation:
    path, verb = at
    name = operation["operationId"]
    kind = services.matrix.queries.get(name.removesuffix(_EVERYWHERE)) or services.matrix.queries.get(name)
    values = _values(services, caller, kind, parameters)
    place = path
    for parameter in parameters:
        if parameter["in"] == "path":
            place = place.replace(f"{{{parameter['name']}}}", str(values[parameter["name"]]))
    asked = {p["name"]: values[p["name"]] for p in parameters if p["in"] == "query" and p["name"] in values}
    url = address(base + ROOT, place, asked)
    content = operation["responses"]["200"]["content"]
    data = content["application/json"]["schema"]["properties"]["data"]
    return Operation(
        name=name,
        verb=verb,
        path=ROOT + path,
        summary=operation["summary"],
        kind=kind,
        fields=tuple(_field(parameter, values) for parameter in parameters),
        forms=tuple(content),
        url=url,
        asks=snippets(verb, url),
        answer=shown({"success": True, "data": _answer(services, declared, caller, model, name, data)}),
    )


def _values(
    services: Services, caller: Caller, kind: QueryType | None, parameters: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the example request sends: what is required, which router, and what adds to the answer."""
    router, connection = _place(services, caller, kind)
    values: dict[str, Any] = {}
    for parameter in parameters:
        name, schema = parameter["name"], parameter["schema"]
        example = parameter.get("example", next(iter(schema.get("enum", ())), None))
        if parameter["in"] == "path":
            values[name] = recorded()["ping"]["id"]
        elif name == "router":
            values[name] = router or example
        elif name == "connection":
            values[name] = example if connection is None else connection
        elif example is not None and (parameter["required"] or schema.get("type") == "boolean"):
            values[name] = example
    return values


def _place(services: Services, caller: Caller, kind: QueryType | None) -> tuple[str | None, int | None]:
    """The first router that answers this question, one in service before others, and its first connection with IPv4."""
    routers = [
        router
        for router in routers_for(caller, services.settings.inventory)
        if kind is None or kind.name in offered(services.matrix, router)
    ]
    routers.sort(key=lambda router: router.maintenance is not None)
    for router in routers:
        connections = sorted(connections_for(caller, router), key=lambda connection: 4 not in connection.families)
        if connections or kind is None or not kind.sourced:
            return router.slug, connections[0].id if connections else None
    return None, None


def _field(parameter: Mapping[str, Any], values: Mapping[str, Any]) -> Field:
    schema = parameter["schema"]
    choices = tuple(schema.get("enum", ())) or (("true", "false") if schema.get("type") == "boolean" else ())
    return Field(
        name=parameter["name"],
        place=parameter["in"],
        type=schema.get("type", "string"),
        required=parameter["required"],
        choices=tuple(map(str, choices)),
        default=_written(schema.get("default")),
        example=_written(parameter.get("example")),
        summary=parameter["description"],
        value=_written(values.get(parameter["name"])),
    )


def _written(value: object) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _answer(
    services: Services, declared: Mapping[str, Any], caller: Caller, model: Model, name: str, schema: Mapping[str, Any]
) -> Any:
    """`data` of an answer: what a visitor may see of this network, what was recorded, else a value of the schema."""
    if name == "limits":
        limit = services.settings.limits.key_per_minute
        return _plain(LimitsView(limit=limit, remaining=limit - 1, reset_s=60))
    if name == "stop":
        return _plain(StoppedView(id=recorded()["ping"]["id"], stopped=True))
    if name in ("routers", "connections"):
        slug, _ = _place(services, caller, None)
        views = router_views(caller, services) if name == "routers" else []
        rows = connection_views(caller, slug, services) if name == "connections" and slug else views
        if rows:
            return [_plain(row) for row in rows[: MOST_ITEMS + 1]]
    name = "ping" if name == "result" else name
    known = recorded().get(name)
    if known is None:
        return made_of(schema, declared["components"]["schemas"])
    kind = services.matrix.queries[name.removesuffix(_EVERYWHERE)]
    if name == kind.name:
        own = _own(services, caller, model, kind, known["target"])
        return answer_of(known, own) if own else known
    owns = [
        Own(router, None, _command(model, router.slug, None, kind, known["target"]), asked_of(router, kind))
        for router in routers_for(caller, services.settings.inventory)
        if kind.name in offered(services.matrix, router)
    ]
    return answers_of(known, owns) if owns else known


def _own(services: Services, caller: Caller, model: Model, kind: QueryType, target: str) -> Own | None:
    """The operator's own router that the example asks, as this caller may see it; None where there is none."""
    slug, number = _place(services, caller, kind)
    router = services.settings.inventory.router(slug) if slug is not None else None
    if router is None:
        return None
    connection = next((c for c in connections_for(caller, router) if c.id == number), None) if kind.sourced else None
    command = _command(model, router.slug, connection, kind, target)
    return Own(router, connection, command, asked_of(router, kind))


def _command(model: Model, slug: str, connection: Connection | None, kind: QueryType, target: str) -> str | None:
    number = "" if connection is None else str(connection.id)
    return model.command(Typed(router=slug, connection=number, target=target), kind)


def _plain(view: Any) -> Any:
    return msgspec.json.decode(encode(view))


def headers(declared: Mapping[str, Any]) -> Iterator[Header]:
    """The headers that an answer can carry, as the document has them."""
    for name, header in declared["components"]["headers"].items():
        yield Header(name, name.lower().replace("-", "_"), header["description"])


def base_of(request: Request, services: Services) -> str:
    """Where the API is reached: the configured address, else the one that the reader came by, else ours."""
    settings = services.settings
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = request.headers.get("host", "")
    if not is_authority(host):
        name, port = settings.listen
        host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return f"{request.url.scheme}://{host}"


def routes(frame: Frame) -> list[BaseRoute]:
    """`/api`, rendered for the address that the reader came by, or the configured one, and again when the network changed."""
    services = frame.services
    kept: Kept[bytes] = Kept(_MOST_KEPT)

    async def api(request: Request) -> Response:
        base = base_of(request, services)
        # The states of connections are examples here: when they alone change the page stays as it is.
        return frame.common(request, kept, routers_seen(services), lambda: rendered(request), base)

    def rendered(request: Request) -> str:
        declared = frame.once("api", lambda: document(list(services.matrix.queries.values()), services.settings))
        caller = frame.visitor(request).caller
        base = base_of(request, services)
        model = the_model(frame, frame.visitor(request))
        found = operations(services, declared, caller, base, model)
        ping = recorded()["ping"]
        own = _own(services, caller, model, services.matrix.queries["ping"], ping["target"])
        asking = next((each for each in found if each.kind is not None and each.kind.sourced), found[0])
        return frame.text(
            request,
            "api.html",
            base=base + ROOT,
            operations=found,
            told=list(headers(declared)),
            codes=[(code, status, meaning) for code, (status, meaning) in CODES.items()],
            routers=[router.slug for router in routers_for(caller, services.settings.inventory)],
            asking=asking,
            live=snippets("GET", asking.url, "text/event-stream"),
            plain=snippets("GET", asking.url, "text/plain"),
            events=shown_events(events_of(recorded()["events"], ping, own) if own else recorded()["events"]),
            event_id=recorded()["events"][3]["id"],
            text=text_of(recorded()["text"], ping, own) if own else recorded()["text"],
        )

    return [frame.route("/api", api)]
