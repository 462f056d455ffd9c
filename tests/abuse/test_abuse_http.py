"""H: headers, request lines and framing, written by hand to the real server.

What is below HTTP is held in more variants by tests/test_web_protocol.py; H2 to H5 as a function by
tests/test_web_gate.py. H25's admin area does not exist; the forms that do are asked here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from starlette.routing import Route

from abuse.rig import Rig, ask, raw, watched
from netpulse.web.api import Api
from netpulse.web.exchange import GUARDS
from netpulse.web.pages import page_routes

REFUSED = "/api/v1/ping?target=10.0.0.1&router=router1&connection=1"
WRONG = "Authorization: Bearer np_00000000_" + "0" * 43
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
GET = b"GET /healthz HTTP/1.1\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A glass that trusts no proxy and knows its public address."""
    folder = tmp_path_factory.mktemp("bare")
    async with watched(folder, trusted_proxies=(), public_url="https://lg.example.com") as running:
        yield running


async def seen_as(rig: Rig, *lines: str) -> str:
    """Who the service takes the sender of these headers for: the client of the audit row of a refusal."""
    rows = len(await rig.audit())
    answer = await ask(rig, REFUSED, rig.bearer, *lines)
    assert answer.status == 400, answer
    (row,) = await rig.audit(rows)
    return row.client


async def test_h1_a_stranger_cannot_be_somebody_else_by_a_header(bare: Rig) -> None:
    statuses = [
        (await ask(bare, "/api/v1/routers", WRONG, f"X-Forwarded-For: 203.0.113.{n}")).status for n in range(31)
    ]
    assert statuses == [401] * 20 + [429] * 11
    assert await seen_as(bare, "X-Forwarded-For: 203.0.113.7") == "127.0.0.1"


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        pytest.param(["X-Forwarded-For: 1.1.1.1, 198.51.100.9"], "198.51.100.9", id="H2-rightmost"),
        pytest.param(["X-Forwarded-For: 198.51.100.9, 127.0.0.2"], "198.51.100.9", id="H3-through-two-proxies"),
        pytest.param(["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 198.51.100.9"], "198.51.100.9", id="H5-two-headers"),
        pytest.param(["X-Forwarded-For: 198.51.100.9", "X-Forwarded-For: 127.0.0.2"], "198.51.100.9", id="H5-other-order"),
        pytest.param(["X-Forwarded-For: "], "127.0.0.1", id="H4-empty"),
        pytest.param(["X-Forwarded-For: ,,,"], "127.0.0.1", id="H4-commas"),
        pytest.param(["X-Forwarded-For: unknown"], "127.0.0.1", id="H4-unknown"),
        pytest.param(["X-Forwarded-For: " + "a" * 8000], "127.0.0.1", id="H4-8000"),
        pytest.param(["X-Forwarded-For: <script>"], "127.0.0.1", id="H4-markup"),
        pytest.param(["X-Forwarded-For: 1.2.3.4:5678"], "127.0.0.1", id="H4-port"),
        pytest.param(["X-Forwarded-For: [2001:db8::1]:80"], "127.0.0.1", id="H4-brackets"),
        pytest.param(["X-Forwarded-For: ::ffff:1.2.3.4"], "1.2.3.4", id="H4-mapped"),
        pytest.param(["X-Forwarded-For: fe80::1%x"], "127.0.0.1", id="H4-zone"),
        pytest.param(["X-Forwarded-For: 1.2.3.4\x00"], "", id="H4-nul"),
        pytest.param(["X-Forwarded-For: 198.51.100.9, unknown, 127.0.0.2"], "127.0.0.2", id="H4-gap"),
        pytest.param(["X-Forwarded-For: " + "127.0.0.2," * 1500 + "127.0.0.3"], "127.0.0.2", id="H4-1500-proxies"),
        pytest.param(["Forwarded: for=1.2.3.4"], "127.0.0.1", id="H6-Forwarded"),
        pytest.param(["X-Real-IP: 1.2.3.4"], "127.0.0.1", id="H6-X-Real-IP"),
        pytest.param(["CF-Connecting-IP: 1.2.3.4"], "127.0.0.1", id="H6-CF-Connecting-IP"),
        pytest.param(["True-Client-IP: 1.2.3.4"], "127.0.0.1", id="H6-True-Client-IP"),
        pytest.param(["X-Client-IP: 1.2.3.4"], "127.0.0.1", id="H6-X-Client-IP"),
        pytest.param(["X-Forwarded-For : 1.2.3.4"], "", id="H6-blank-before-colon"),
        pytest.param(["X_Forwarded_For: 1.2.3.4"], "127.0.0.1", id="H6-underscores"),
    ],
)
async def test_who_a_client_is_says_only_a_trusted_proxy(rig: Rig, lines: list[str], client: str) -> None:
    if not client:
        assert (await ask(rig, REFUSED, rig.bearer, *lines)).status == 400
        return
    assert await seen_as(rig, *lines) == client


async def test_h7_all_of_a_64_are_one_client(rig: Rig) -> None:
    statuses = [
        (await ask(rig, "/api/v1/routers", WRONG, f"X-Forwarded-For: 2001:db8:7:1::{n:x}")).status for n in range(1, 32)
    ]
    assert statuses == [401] * 20 + [429] * 11
    assert (await ask(rig, "/api/v1/routers", WRONG, "X-Forwarded-For: 2001:db8:7:2::1")).status == 401


@pytest.mark.parametrize("path", ["/", "/network", "/api", "/openapi.json", "/nowhere"])
async def test_h8_no_link_leads_to_the_host_that_a_request_names(bare: Rig, path: str) -> None:
    for accept in ("text/html", "text/plain"):
        answer = await ask(bare, path, "Host: evil.example", f"Accept: {accept}")
        assert b"evil.example" not in answer.body
        assert "evil.example" not in str(answer.headers)


async def test_h8_nor_does_a_result(bare: Rig) -> None:
    asked = await bare.get("/ping?target=8.8.8.8&router=router1&connection=1", Host="evil.example")
    assert asked.json()["data"]["url"].startswith("https://lg.example.com/r/")
    answer = await ask(bare, f"/r/{asked.headers['x-result-id']}", "Host: evil.example", "Accept: text/html")
    assert answer.status == 200
    assert b"evil.example" not in answer.body


@pytest.mark.parametrize("host", ["good.example/admin?x=", "good.example#", "a b", "a@b", "", "a\\b", "a,b", "a:99999999"])
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/routers"])
async def test_h9_a_host_with_more_than_a_host_in_it_is_refused(rig: Rig, path: str, host: str) -> None:
    assert (await ask(rig, path, f"Host: {host}")).status == 400


@pytest.mark.parametrize(
    "line",
    [
        "X-Forwarded-Host: evil.example",
        "X-Original-URL: /healthz",
        "X-Rewrite-URL: /healthz",
        "X-HTTP-Method-Override: DELETE",
        "X-Forwarded-Prefix: //evil.example",
        "X-Forwarded-Proto: javascript",
        "X-Request-Id: chosen-by-me\x09x",
    ],
)
async def test_h11_headers_for_other_software_have_no_effect(rig: Rig, line: str) -> None:
    assert (await ask(rig, "/api/v1/routers", line)).status == 401
    answer = await ask(rig, "/api/v1/limits", rig.bearer, line)
    assert answer.status == 200
    page = await ask(rig, "/", line, "Accept: text/html")
    assert page.status == 200
    for value in ("evil.example", "javascript:", "chosen-by-me"):
        assert value.encode() not in page.body
        assert value not in str({**answer.headers, **page.headers})


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        pytest.param(GET + b"\r\n", [400], id="H10-no-host"),
        pytest.param(GET + b"Host: a\r\nHost: b\r\n\r\n", [400], id="H10-two-hosts"),
        pytest.param(POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400], id="H12-cl-and-te"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", [400], id="H12-te-and-cl"),
        *(
            pytest.param(POST + b"Content-Length: " + n + b"\r\n\r\nhello", [400], id=f"H13-{n.decode()}")
            for n in (b"+5", b"-1", b"0x5", b"5, 5", b"5\r\nContent-Length: 6", b"5 5", b"18446744073709551621")
        ),
        *(
            pytest.param(POST + b"Transfer-Encoding:" + coding + b"\r\n\r\n0\r\n\r\n", [400], id=f"H14-{n}")
            for n, coding in enumerate(
                (
                    b" xchunked", b" chunked, identity", b" identity", b" chunked, chunked", b"\x0bchunked", b" \"chunked\"",
                    b" chunked\r\nTransfer-Encoding: identity", b" identity\r\nTransfer-Encoding: chunked", b" chunked;q=1",
                )
            )
        ),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", [400], id="H15-junk-after-chunk"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\nx", [400], id="H16-chunk-size"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nx", [400], id="H16-negative"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", [400], id="H16-hexadecimal"),
        pytest.param(b"GET /healthz HTTP/1.1\nHost: a\n\n", [400], id="H17-bare-LF"),
        pytest.param(GET + b"Host: a\r\nX: a\x00b\r\n\r\n", [400], id="H17-NUL"),
        pytest.param(GET + b"Host: a\r\nX: a\r\n folded\r\n\r\n", [400], id="H17-obs-fold"),
        pytest.param(GET + b"Host: a\r\nX: a\rY: b\r\n\r\n", [400], id="H17-bare-CR"),
        pytest.param(GET + b"Host: a\r\nX: " + b"y" * 65536 + b"\r\n\r\n", [431], id="H18-64-KiB-header"),
        pytest.param(GET + b"Host: a\r\n" + b"X: y\r\n" * 1000 + b"\r\n", [431], id="H18-1000-headers"),
        pytest.param(GET + b"Host: a\r\nCookie: " + b"y" * 65536 + b"\r\n\r\n", [431], id="H18-64-KiB-cookie"),
        pytest.param(b"GET /" + b"x" * 66560 + b" HTTP/1.1\r\nHost: a\r\n\r\n", [414], id="H19-65-KiB-URL"),
        pytest.param(b"GET /\r\n\r\n", [400], id="H28-HTTP-0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400], id="H28-HTTP-2"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400], id="H28-TLS"),
        pytest.param(b"\x00" * 1_000_000, [400], id="H28-zeros"),
        pytest.param(b"\r\n" * 1000 + b"\x01", [400], id="H28-line-ends"),
    ],
)
async def test_what_is_no_request_gets_one_refusal_and_the_connection_closes(
    rig: Rig, data: bytes, statuses: list[int]
) -> None:
    said = len(rig.log.text())
    async with rig.untouched():
        answer = await raw(rig, data)
        found = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
        assert found == statuses, answer[:300]
    assert [line for line in rig.log.lines(said) if line["level"] in ("warning", "error", "critical")] == []


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/..%2f..%2fnetpulse.yaml", "/static/....//x", "/static/%00",
        "//evil", "/.git/config", "/.env", "/netpulse.yaml", "/glass.db", "/keys/id_ed25519", "/static/", "/static/manifest.json",
        "/static/%2e%2e/py.typed", "/brand/..%2fapp.css", "/r/..%2f..%2fglass.db", "/r/%2e%2e%2fnetwork",
        "/api/v1/../../etc/passwd",
        "/static/..\\..\\x", "/%c0%ae%c0%ae/x", "/static/app.css%00.js", "/key", "/healthz/../.env", "/openapi.json/", "/%ff",
    ],
)  # fmt: skip
async def test_h20_no_path_leads_out_of_what_is_served(rig: Rig, path: str) -> None:
    answer = await ask(rig, path, "Accept: text/html")
    assert answer.status in (404, 400, 401)
    for content in (b"root:", b"SQLite", b"PRIVATE KEY", b"[core]", b"manifest"):
        assert content not in answer.body


async def test_h20_no_page_of_a_strange_path_leads_to_another_host(rig: Rig) -> None:
    """The path is the visitor's own text: a link or form made of it would be `//evil.example` to a browser."""
    for path in ("//evil.example", "//evil.example/%2f..", "/%2fevil.example", "/%5cevil.example", "//evil.example?lang=de"):
        answer = await ask(rig, path, "Accept: text/html")
        assert answer.status == 404
        assert not re.search(rb"""(?:href|action|src|content)=["']?(?:https?:)?[\\/]{1,2}evil""", answer.body), path
        assert "location" not in answer.headers


async def test_h21_ranges_are_not_taken(rig: Rig) -> None:
    page = await ask(rig, "/", "Accept: text/html")
    found = re.search(rb"/static/[a-z]+\.[0-9a-f]{12}\.css", page.body)
    assert found
    whole = await ask(rig, found[0])
    part = await ask(rig, found[0], "Range: bytes=" + ",".join(["0-0"] * 3000))
    assert (part.status, part.body) == (200, whole.body)


@pytest.mark.parametrize(
    "accept", ["application/problem+json", "*/*", None, "text/html", "application/json;q=nan", ",;q=,", "\xff"]
)
async def test_h22_an_error_of_the_api_is_plain_whatever_is_accepted(rig: Rig, accept: str | None) -> None:
    answer = await ask(rig, "/api/v1/ping", rig.bearer, *([f"Accept: {accept}"] if accept else []))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.body.startswith(b'{"error":"')
    assert b'"code":"missing_parameter"}' in answer.body


@pytest.mark.parametrize("agent", ["\x1b]0;x\x07", "a" * 4000, '" level=error msg="x', "\xe2\x80\xae"])
async def test_h23_what_a_client_calls_itself_is_not_logged(rig: Rig, agent: str) -> None:
    said = len(rig.log.text())
    answer = await ask(rig, "/healthz", f"User-Agent: {agent}", f"Referer: http://evil.example/{agent}")
    assert answer.status in (200, 400)
    text = rig.log.text()[said:]
    assert text.count("\n") == len(rig.log.requests(said)) <= 1
    assert "evil" not in text
    assert "level=error" not in text
    assert "aaaa" not in text


async def test_h24_other_origins_get_nothing(rig: Rig) -> None:
    for path in ("/api/v1/routers", "/", "/openapi.json", REFUSED):
        for origin in ("https://evil.example", "null", "http://127.0.0.1"):
            answer = await ask(rig, path, rig.bearer, f"Origin: {origin}")
            assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = await ask(
        rig, "/api/v1/routers", "Origin: https://evil.example", "Access-Control-Request-Method: GET", method="OPTIONS"
    )
    assert preflight.status == 401


@pytest.mark.parametrize(
    "line",
    [
        "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null",
        "Origin: http://lg.example.com.evil.example", "Origin: http://lg.example.com:81", "Origin: http://evil.example/lg.example.com",
        "Origin: http://lg.example.com@evil.example", "Origin: file://", "Sec-Fetch-Site: ", "Sec-Fetch-Site: SAME-ORIGIN",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/r/" + "0" * 32 + "/stop"])
async def test_h25_a_form_of_another_site_is_refused(rig: Rig, path: str, line: str) -> None:
    body = b"query=ping&target=8.8.8.8&router=router1&connection=1"
    async with rig.untouched():
        answer = await ask(
            rig, path, "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}", line,
            method="POST", body=body,
        )  # fmt: skip
        assert answer.status == 400


@pytest.mark.parametrize(
    "value", ["../../x", "-1", str(2**64), "0" * 32 + ".-1", "0" * 32 + ".1", "x" * 4000, ".", "1.1.1", "\xb2", "0" * 32 + ".٣"]
)
async def test_h26_an_event_that_never_was_continues_nothing(rig: Rig, value: str) -> None:
    async with rig.untouched():
        line = b"Last-Event-ID: " + value.encode()
        answer = await ask(rig, REFUSED, rig.bearer, "Accept: text/event-stream", line)
        assert (answer.status, b"unknown_event" in answer.body) == (400, True)
        assert (await ask(rig, f"/r/{'0' * 32}/events", line, "X-Forwarded-For: 198.51.100.26")).status == 404


def every_route(rig: Rig) -> list[tuple[str, set[str]]]:
    """Each path of the service as a request would write it, and the methods that it takes."""
    services, found = rig.glass.services, []
    for route in page_routes(services):
        assert isinstance(route, Route)
        if "{path" not in route.path:
            found.append((route.path.replace("{name}", "0" * 32), set(route.methods or ())))
    api = Api(services)
    for each in (*api._paths.values(), api._results):
        found.append(("/api/v1" + each.template.removeprefix("/api/v1").replace("{id}", "0" * 32), set(each.methods)))
    return found


async def test_h27_a_method_that_a_path_does_not_take_does_nothing(rig: Rig) -> None:
    taken: dict[str, set[str]] = {}
    for path, methods in every_route(rig):
        taken.setdefault(path, set()).update(methods)
    assert len(taken) > 15
    async with rig.untouched():
        for n, (path, methods) in enumerate(taken.items()):
            for method in ("TRACE", "TRACK", "PUT", "DELETE", "PATCH", "FOO", "OPTIONS", "HEAD", "POST", "PROPFIND"):
                if method in methods:
                    continue
                answer = await ask(
                    rig, path, rig.bearer, "X-Echo: canary", f"X-Forwarded-For: 198.51.100.{n}", method=method
                )
                assert answer.status == 405, (method, path, answer)
                assert answer.headers["allow"]
                assert b"canary" not in answer.body
                without = await ask(rig, path, f"X-Forwarded-For: 198.51.100.{n}", method=method)
                assert without.status == (401 if path.startswith("/api/v1") and method not in ("TRACK", "FOO") else 405)
        assert (await ask(rig, "a:80", rig.bearer, method="CONNECT")).status == 400


async def test_h27_a_head_is_a_get_without_a_body(rig: Rig) -> None:
    for path, methods in every_route(rig):
        if "HEAD" in methods:
            answer = await ask(rig, path, "Accept: text/html", "X-Forwarded-For: 198.51.100.27", method="HEAD")
            assert answer.body == b""
    assert ("HEAD" in {m for path, methods in every_route(rig) if path.endswith("/events") for m in methods}) is False


async def test_h29_requests_that_come_together_are_counted_one_by_one(rig: Rig) -> None:
    key = await rig.glass.new_key(per_minute=600)
    one = b"GET /api/v1/routers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n" % key.encode()
    answer = await raw(rig, (one + b"\r\n") * 999 + one + b"Connection: close\r\n\r\n")
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert (statuses.count(b"200"), statuses.count(b"429"), len(statuses)) == (600, 400, 1000)


def assert_guarded(path: str, status: int, headers: Any) -> None:
    told = f"{path} {status} {dict(headers)}"
    assert "server" not in headers, told
    assert headers["x-content-type-options"] == "nosniff", told
    assert headers["referrer-policy"] in ("no-referrer", "same-origin"), told
    assert "frame-ancestors 'none'" in headers["content-security-policy"], told
    assert "default-src 'none'" in headers["content-security-policy"], told
    assert headers["cross-origin-opener-policy"] == "same-origin", told
    assert headers["x-request-id"], told
    kind = headers.get("content-type", "")
    assert not kind or "charset=utf-8" in kind or kind.startswith("image/"), told
    if path.startswith(("/api/v1", "/openapi", "/captcha", "/healthz", "/readyz")) or status >= 400:
        assert headers["cache-control"] == "no-store", told
    else:
        assert "public" not in headers["cache-control"] or path.startswith(("/static", "/brand")), told


async def test_h30_every_answer_of_every_route_is_guarded(rig: Rig) -> None:
    names = {name.decode() for name, _ in GUARDS}
    for path, methods in [*every_route(rig), ("/nowhere", {"GET"}), ("/api/v1/nowhere", {"GET"})]:
        for lines in (["Accept: text/html"], ["Accept: text/plain"], [rig.bearer], [rig.bearer, "Accept: text/event-stream"]):
            for method in (*sorted(methods - {"HEAD"}), "PUT"):
                answer = await ask(rig, path, *lines, "X-Forwarded-For: 198.51.100.30", method=method)
                assert names <= set(answer.headers), (path, answer)
                assert_guarded(path, answer.status, answer.headers)
    page = await ask(rig, "/", "Accept: text/html")
    for file in {name.decode() for name in re.findall(rb"/static/[a-z]+\.[0-9a-f]{12}\.[a-z]+", page.body)}:
        answer = await ask(rig, file)
        assert answer.status == 200
        assert_guarded(file, 200, answer.headers)
    assert (await ask(rig, "/", "Host: a b")).headers["content-security-policy"]
