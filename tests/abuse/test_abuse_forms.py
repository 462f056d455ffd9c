"""B: what stands in bodies, query strings and forms.

Questions are asked by GET here, so a case about JSON becomes its like in the query string; the others are sent to the form.
B3, B14, B16, B21 (JSON that is no object, nested, with its numbers or comments) are a body that the form does not take: B22.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest

from abuse.corpus import PING, query
from abuse.rig import FORM, HTML, Rig, raw

GOOD = f"query=ping&{query(PING)}"
JSON_BODY = json.dumps(PING).encode()


async def refused(rig: Rig, path: str, code: str, says: str = "") -> None:
    async with rig.untouched():
        answer = await rig.get(path)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] == code
        assert says in answer.json()["error"]


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        pytest.param("", "missing_parameter", "target", id="B1-nothing"),
        pytest.param("{", "unknown_parameter", "", id="B2-half-an-object"),
        pytest.param("null", "unknown_parameter", "", id="B3-no-object"),
        pytest.param("router=router1&connection=1", "missing_parameter", "target", id="B4-no-target"),
        pytest.param("target=8.8.8.8&connection=1", "missing_parameter", "router", id="B4-no-router"),
        pytest.param("target=8.8.8.8&router=router1", "missing_parameter", "connection", id="B4-no-connection"),
        pytest.param(f"{query(PING)}&count=100000", "unknown_parameter", "", id="B5-one-more"),
        pytest.param(
            f"{query(PING)}&is_admin=true&role=admin&source=10.0.0.1&vrf=mgmt&command=show+version",
            "unknown_parameter",
            "",
            id="B6-many-more",
        ),
        pytest.param(f"{query(PING)}&target=10.0.0.1", "repeated_parameter", "", id="B7-bad-one-second"),
        pytest.param(f"target=10.0.0.1&{query(PING)}", "repeated_parameter", "", id="B8-bad-one-first"),
        pytest.param(f"{query(PING)}&target=8.8.8.8", "repeated_parameter", "", id="B8-the-same-twice"),
        pytest.param(f"{query(PING)}&%74arget=10.0.0.1", "repeated_parameter", "", id="B8-written-otherwise"),
        pytest.param("Target=8.8.8.8&router=router1&connection=1", "unknown_parameter", "", id="B9-capital"),
        pytest.param("target[]=8.8.8.8&router=router1&connection=1", "unknown_parameter", "", id="B9-list"),
        pytest.param("target%00=8.8.8.8&router=router1&connection=1", "unknown_parameter", "", id="B9-nul"),
        pytest.param("target%20=8.8.8.8&router=router1&connection=1", "unknown_parameter", "", id="B9-blank"),
        pytest.param("=8.8.8.8&router=router1&connection=1", "unknown_parameter", "", id="B9-no-name"),
        pytest.param(f"{query(PING)};target=10.0.0.1", "unknown_connection", "", id="B9-semicolon"),
        pytest.param(query(PING) + "&a=1" * 1500, "unknown_parameter", "", id="B15-1500-more"),
        pytest.param(f"target=1e400&{query({'router': 'router1', 'connection': '1'})}", "bad_target", "", id="B16-1e400"),
        pytest.param(query({**PING, "connection": "9" * 5000}), "unknown_connection", "", id="B17-5000-digits"),
        pytest.param(f"{query(PING)}&family=" + "4" * 5000, "bad_parameter", "family", id="B17-5000-digits-choice"),
        pytest.param("%ff%fet%00a%00", "bad_parameter", "UTF-8", id="B18-UTF-16"),
        pytest.param("target=8.8.8.8%ff&router=router1&connection=1", "bad_parameter", "UTF-8", id="B19-latin-1"),
        pytest.param("target=8%c0%ae8.8.8&router=router1&connection=1", "bad_parameter", "UTF-8", id="B20-overlong"),
        pytest.param("target=8.8.8.8%ed%a0%80&router=router1&connection=1", "bad_parameter", "UTF-8", id="B20-surrogate"),
        pytest.param("target=8.8.8.8%2&router=router1&connection=1", "bad_parameter", "UTF-8", id="B20-half-an-escape"),
        pytest.param("target=8.8.8.8%u0000&router=router1&connection=1", "bad_parameter", "UTF-8", id="B20-percent-u"),
        pytest.param(f"{query(PING)}//", "unknown_connection", "", id="B21-comment"),
        pytest.param("target=%2538.8.8.8&router=router1&connection=1", "bad_target", "", id="B28-decoded-once"),
    ],
)
async def test_a_query_string_that_is_no_question_is_refused(rig: Rig, given: str, code: str, says: str) -> None:
    await refused(rig, f"/ping?{given}", code, says)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"", {}, id="B1-empty"),
        pytest.param(GOOD.encode() + b"&x=" + b"y" * 8192, {}, id="B10-8193-bytes"),
        pytest.param(b"[" * 8000, {}, id="B14-nested"),
        pytest.param(GOOD.encode().decode().encode("utf-16"), {}, id="B18-UTF-16"),
        pytest.param(GOOD.replace("8.8.8.8", "8.8.8.8%ff").encode(), {}, id="B19-latin-1"),
        pytest.param(GOOD.replace("8.8.8.8", "8%c0%ae8.8.8").encode(), {}, id="B20-overlong"),
        pytest.param(GOOD.encode(), {"Content-Type": "text/plain"}, id="B22-text"),
        pytest.param(JSON_BODY, {"Content-Type": "application/json"}, id="B23-JSON"),
        pytest.param(JSON_BODY, {"Content-Type": "text/plain"}, id="B23-JSON-as-text"),
        pytest.param(
            b"".join(b"--x\r\nContent-Disposition: form-data; name=a%d\r\n\r\nb\r\n" % n for n in range(1000)) + b"--x--",
            {"Content-Type": "multipart/form-data; boundary=x"},
            id="B24-multipart",
        ),
        pytest.param(JSON_BODY, {"Content-Type": "application/json; charset=utf-7"}, id="B25-utf-7"),
        pytest.param(gzip.compress(b"a" * 10_000_000), {"Content-Encoding": "gzip"}, id="B26-gzip"),
        pytest.param(GOOD.replace("8.8.8.8", "8.8.8.8&target=10.0.0.1").encode(), {}, id="B29-target-twice"),
        pytest.param(GOOD.replace("8.8.8.8", "8.8.8.8%0d%0a").encode(), {}, id="B30-CR-LF-after"),
        pytest.param(GOOD.replace("8.8.8.8", "%0d%0a8.8.8.8").encode(), {}, id="B30-CR-LF-before"),
        pytest.param(GOOD.replace("8.8.8.8", "8.8.8.8%c2%a0").encode(), {}, id="B30-no-break-space"),
        pytest.param(GOOD.replace("8.8.8.8", "%098.8.8.8").encode(), {}, id="B30-tabulator"),
    ],
)
async def test_a_form_that_is_none_is_refused(rig: Rig, body: bytes, headers: dict[str, str]) -> None:
    async with rig.untouched():
        answer = await rig.post(body, **headers)
        assert answer.status_code == 400
        assert "Traceback" not in answer.text


async def test_b5_and_b6_what_a_form_adds_is_refused(rig: Rig) -> None:
    for more in (
        "count=100000",
        "source=10.0.0.1&vrf=mgmt&command=show+version&is_admin=true",
        "query=traceroute&as_lookup=x",
        "as_lookup=x",
        "query=aspath&family=9",
        "way=core1",
        "way=core1.x",
    ):
        async with rig.untouched():
            answer = await rig.post(f"{GOOD.replace('query=ping&', '') if 'query' in more else GOOD}&{more}")
            assert answer.status_code == 400


@pytest.mark.parametrize("path", [b"/", b"/api/v1/ping", b"/healthz"])
@pytest.mark.parametrize("chunked", [False, True], ids=["B11-100-MB", "B12-chunked"])
async def test_a_flood_in_a_body_is_refused_and_kept_nowhere(rig: Rig, path: bytes, chunked: bool) -> None:
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 100000000"
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n" if chunked else b"x" * 0x10000
    head = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\n%s\r\n\r\n" % (path, FORM["Content-Type"].encode(), length)
    async with rig.untouched():
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.glass.port)
        tracemalloc.start()
        try:
            writer.write(head)
            with suppress(ConnectionError):  # the server has heard enough
                for _ in range(160):
                    writer.write(piece)
                    async with asyncio.timeout(20):
                        await writer.drain()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            writer.close()
        assert peak < 2 * 1024 * 1024
        answer = await reader.read(64)
        assert re.match(rb"HTTP/1.1 (400|405|401) ", answer), answer
    assert (await rig.send("GET", "/healthz")).status_code == 200


async def test_b13_a_body_that_stops_in_the_middle_starts_nothing(rig: Rig) -> None:
    """Nobody waits for the rest: when the client gives up, it is as if it had not come, and no line of the log is an error."""
    rows, said = len(await rig.audit()), len(rig.log.text())
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\n"
    async with rig.untouched():
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.glass.port)
        writer.write(head + b"query=ping")
        await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(30):
            await reader.read()
        writer.close()
        assert await rig.audit(rows) == []
    assert [line for line in rig.log.lines(said) if line["level"] in ("error", "critical", "warning")] == []


async def test_b27_a_body_on_get_is_not_looked_at(rig: Rig) -> None:
    async with rig.untouched():
        answer = await rig.send("GET", "/api/v1/ping", JSON_BODY, **rig.glass.headers(), **{"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "missing_parameter")


async def test_b28_the_query_string_of_a_form_says_nothing(rig: Rig) -> None:
    before = rig.touched()
    answer = await rig.send("POST", "/?target=10.0.0.1&router=hidden1&connection=21", GOOD.encode(), **HTML, **FORM)
    assert answer.status_code == 303, answer.text
    await rig.router.until(lambda router: len(router.execs) > len(before.execs))
    assert rig.touched().execs[len(before.execs) :] == ["ping 8.8.8.8 source 203.0.113.1 count 5"]


async def test_b29_no_field_may_come_twice(rig: Rig) -> None:
    for field in ("query", "target", "router", "connection", "token", "answer"):
        async with rig.untouched():
            answer = await rig.post(f"{GOOD}&{field}=1&{field}=2")
            assert answer.status_code == 400, field


async def test_a_body_cannot_hide_a_second_request(rig: Rig) -> None:
    """What follows a request whose length is known is the next request, with its own key or none."""
    inner = b"GET /api/v1/routers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    head = b"GET /api/v1/limits HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n" % rig.glass.key.encode()
    answer = await raw(rig, head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(inner) + inner)
    assert answer.count(b"HTTP/1.1 ") == 1
    answer = await raw(rig, head + b"\r\n" + inner)
    statuses: list[Any] = [part.split(b" ")[0] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"401"]
