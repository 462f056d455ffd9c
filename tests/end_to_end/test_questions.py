"""Every way to ask wrongly gets its documented status and code; nothing of it is echoed, nothing reaches a router."""

from __future__ import annotations

from typing import Any

import pytest

from doubles.lab_glass import Glass
from netpulse.lab.lab import Lab

GOOD: dict[str, Any] = {"target": "8.8.8.8", "router": "core1", "connection": "1"}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        ("/ping", without("target"), "missing_parameter"),
        ("/ping", without("router"), "missing_parameter"),
        ("/ping", without("connection"), "missing_parameter"),
        ("/ping", {**GOOD, "target": ""}, "missing_parameter"),
        ("/ping", {**GOOD, "family": ""}, "missing_parameter"),
        ("/ping", {**GOOD, "count": "100000"}, "unknown_parameter"),
        ("/ping", {**GOOD, "Target": "8.8.8.8"}, "unknown_parameter"),
        ("/ping", {**GOOD, "api_key": "np_x"}, "unknown_parameter"),
        ("/ping", {**GOOD, "target": ["8.8.8.8", "1.1.1.1"]}, "repeated_parameter"),
        ("/ping", {**GOOD, "family": "5"}, "bad_parameter"),
        ("/traceroute", {**GOOD, "as_lookup": "yes"}, "bad_parameter"),
        ("/ping", {**GOOD, "target": "9.9.9"}, "bad_target"),
        ("/ping", {**GOOD, "target": "8.8.8.0/24"}, "bad_target"),
        ("/ping", {**GOOD, "target": "8.8.8.8 count 100"}, "bad_target"),
        ("/ping", {**GOOD, "target": "::ffff:8.8.8.8"}, "bad_target"),
        ("/aspath", {"target": "8.8.8.1/24"}, "bad_target"),
        ("/aspath", {"target": "8.0.0.0/7"}, "bad_target"),
        ("/aspath", {"target": "dns.google"}, "bad_target"),
        ("/ping", {**GOOD, "target": "10.0.0.1"}, "target_refused"),
        ("/ping", {**GOOD, "target": "fe80::1"}, "target_refused"),
        ("/ping", {**GOOD, "target": "127.0.0.1"}, "target_refused"),
        ("/aspath", {"target": "10.0.0.0/8"}, "target_refused"),
        ("/ping", {**GOOD, "target": "does-not-exist.google"}, "name_not_found"),
        ("/ping", {**GOOD, "target": "8.8.8.8", "family": "6"}, "no_address_in_family"),
        ("/ping", {**GOOD, "router": "core9"}, "unknown_router"),
        ("/ping", {**GOOD, "router": "Core1"}, "unknown_router"),
        ("/ping", {**GOOD, "connection": "4"}, "unknown_connection"),
        ("/ping", {**GOOD, "connection": "01"}, "unknown_connection"),
        ("/ping", {**GOOD, "connection": "0"}, "unknown_connection"),
        ("/connections", {"router": "core9"}, "unknown_router"),
        ("/connections", {}, "missing_parameter"),
        ("/routers", {"x": "1"}, "unknown_parameter"),
        ("/aspath/all-routers", {"target": "8.8.8.8", "router": "core1"}, "unknown_parameter"),
    ],
)
async def test_a_wrong_parameter_is_refused_with_its_code(
    glass: Glass, lab: Lab, path: str, parameters: dict[str, Any], code: str
) -> None:
    before = len(lab.commands("core1"))
    answer = await glass.get(path, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    echoed = [
        value for value in parameters.values() if isinstance(value, str) and len(value) > 4 and value in answer.text
    ]
    assert [value for value in echoed if value not in ("core1", "8.8.8.8")] == []
    assert len(lab.commands("core1")) == before


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nothing", 404, "not_found"), ("/ping/all-routers", 404, "not_found"), ("/Ping", 404, "not_found")],
)
async def test_a_path_that_does_not_exist_is_said_to_whoever_has_a_key(
    glass: Glass, path: str, status: int, code: str
) -> None:
    assert await glass.refused(path) == (status, code)
    without_key = await glass.http.get(f"/api/v1{path}")
    assert without_key.status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_only_get_asks(glass: Glass, method: str) -> None:
    answer = await glass.http.request(method, "/api/v1/ping", params=GOOD, headers=glass.headers())
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Bearer", "Basic abc", "Bearer np_00000000_" + "a" * 43, "Bearer KEY", "Bearer KEYx", "Bearer KEY KEY",
    ],
)  # fmt: skip
async def test_whatever_is_wrong_with_a_key_the_answer_is_one_and_the_same(glass: Glass, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.replace("KEY", glass.key[:-1] + "-")}
    answer = await glass.http.get("/api/v1/routers", headers=headers)
    if answer.status_code == 429:  # the cases before this one were bad keys from this address too
        pytest.fail("the limit on bad keys was reached by these few tries")
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "A valid API key is required in the header Authorization: Bearer KEY.",
        "code": "unauthorized",
    }
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "x-ratelimit-limit" not in answer.headers
    assert answer.headers["x-request-id"]


async def test_the_scheme_is_taken_in_any_case(glass: Glass) -> None:
    answer = await glass.http.get("/api/v1/routers", headers={"Authorization": f"bEARER {glass.key}"})
    assert answer.status_code == 200
