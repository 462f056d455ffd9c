"""The API's document: it is valid OpenAPI 3.1, says what the declarations say, and every real answer obeys it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio

from doubles.glass import Glass, looking_glass
from doubles.scripted import Break, Say, Scripted
from netpulse.cells import QueryType, discover
from netpulse.errors import CODES
from netpulse.pipeline import everywhere

PATHS = {
    "/routers": "/routers",
    "/connections": "/connections?router=core1",
    "/limits": "/limits",
    "/ping": "/ping?target=8.8.8.8&router=core1&connection=1",
    "/traceroute": "/traceroute?target=8.8.8.8&router=core1&connection=1&as_lookup=true",
    "/aspath": "/aspath?target=8.8.8.0/24&router=core1",
    "/aspath/all-routers": "/aspath/all-routers?target=8.8.8.8",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    broken = Scripted(lambda _command: [Say("half a line"), Break()])
    async with looking_glass(tmp_path_factory.mktemp("glass"), {"router:keyed": broken}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def document(glass: Glass) -> dict[str, Any]:
    answer = await glass.client.get(glass.url + "/openapi.json")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    found: dict[str, Any] = answer.json()
    return found


def holds(document: dict[str, Any], schema: dict[str, Any], body: Any) -> None:
    """This body obeys this schema of the document."""
    whole = {**schema, "components": document["components"]}
    jsonschema_rs.Draft202012Validator(whole).validate(body)


def answer_schema(document: dict[str, Any], path: str, method: str = "get") -> dict[str, Any]:
    schema: dict[str, Any] = document["paths"][path][method]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    return schema


def kinds() -> list[QueryType]:
    return list(discover().queries.values())


def test_every_query_has_its_paths_and_exactly_its_parameters(document: dict[str, Any]) -> None:
    for kind in kinds():
        operation = document["paths"][f"/{kind.name}"]["get"]
        asked = [(p["name"], p["required"]) for p in operation["parameters"] if p["in"] == "query"]
        assert asked == [(p.name, p.required) for p in kind.parameters]
        several = document["paths"].get(f"/{kind.name}/all-routers")
        assert (several is not None) == (kind.fold is not None)
        if several is not None:
            names = [p["name"] for p in several["get"]["parameters"] if p["in"] == "query"]
            assert names == [p.name for p in everywhere(kind)]
        assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/event-stream", "text/plain"}
    assert set(PATHS) | {"/results/{id}"} == set(document["paths"])


def test_every_code_is_in_the_body_of_its_status(document: dict[str, Any]) -> None:
    for status in {status for status, _ in CODES.values()}:
        codes = [code for code, (of, _) in CODES.items() if of == status]
        assert document["components"]["schemas"][f"Error{status}"]["properties"]["code"]["enum"] == codes


def test_every_reference_leads_somewhere_and_every_schema_is_one(document: dict[str, Any]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                place: Any = document
                for step in value["$ref"].removeprefix("#/").split("/"):
                    place = place[step]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(document)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


@pytest.mark.parametrize("path", PATHS)
async def test_a_real_answer_obeys_its_schema(glass: Glass, document: dict[str, Any], path: str) -> None:
    answer = await glass.get(PATHS[path])
    assert answer.status_code == 200, answer.text
    holds(document, answer_schema(document, path), answer.json())
    operation = document["paths"][path]["get"]
    for name in operation["responses"]["200"]["headers"]:
        assert name in answer.headers, name


async def test_stored_results_obey_their_schema_those_of_failed_runs_too(
    glass: Glass, document: dict[str, Any]
) -> None:
    schema = answer_schema(document, "/results/{id}")
    for path in ("/ping", "/traceroute", "/aspath", "/aspath/all-routers"):
        made = (await glass.get(PATHS[path])).headers["x-result-id"]
        holds(document, schema, (await glass.get(f"/results/{made}")).json())
    failed = await glass.get("/ping?target=8.8.8.8&router=keyed&connection=20")
    assert failed.status_code == 500
    stored = (await glass.get(f"/results/{failed.headers['x-result-id']}")).json()
    assert stored["data"]["code"] == "router_closed"
    holds(document, schema, stored)


async def test_errors_obey_the_schema_of_their_status(glass: Glass, document: dict[str, Any]) -> None:
    small = await glass.new_key(per_minute=1)
    await glass.get("/routers", key=small)
    answers = [
        await glass.get("/ping"),
        await glass.client.get(glass.url + "/api/v1/routers"),
        await glass.get("/nowhere"),
        await glass.get("/routers", key=small),
        await glass.get("/ping?target=dns.google&router=core1&connection=1"),
    ]
    assert [answer.status_code for answer in answers] == [400, 401, 404, 429, 500]
    for answer in answers:
        response = document["components"]["responses"][str(answer.status_code)]
        holds(document, response["content"]["application/json"]["schema"], answer.json())
        assert all(name in answer.headers for name in response["headers"])


async def test_the_data_of_stream_events_obeys_the_same_schema(glass: Glass, document: dict[str, Any]) -> None:
    for kind in kinds():
        events = await glass.all_events(PATHS[f"/{kind.name}"])
        whole = answer_schema(document, f"/{kind.name}")
        holds(document, whole, {"success": True, "data": events[-1].data})
        holds(document, whole, {"success": True, "data": next(e.data for e in events if e.name == "started")})
        record = document["components"]["schemas"][kind.record.__name__]
        found = [event.data["record"] for event in events if event.name == "found"]
        assert found
        for one in found:
            holds(document, record, one)


def test_a_wrong_answer_would_be_noticed(document: dict[str, Any]) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        holds(document, answer_schema(document, "/limits"), {"success": True, "data": {"limit": "many"}})
