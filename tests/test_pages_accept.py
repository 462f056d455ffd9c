"""Who reads a page, who its text, who its JSON: one rule for `/`, for a link's question and for a result."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import pytest_asyncio

from doubles.glass import SETTINGS, Glass, looking_glass
from netpulse.settings import Captcha
from netpulse.web.exchange import preferred_page

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PINGED = "/?router=core1&connection=1&query=ping&target=8.8.8.8"
OPEN = replace(SETTINGS, captcha=Captcha(enabled=False), limits=replace(SETTINGS.limits, visitor_queries=100_000))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    async with looking_glass(tmp_path_factory.mktemp("accept"), settings=OPEN) as running:
        yield running


async def get(glass: Glass, path: str, accept: str = "*/*") -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=20) as client:
        return await client.get(glass.url + path, headers={"Accept": accept})


async def result_of(glass: Glass) -> str:
    made = await glass.get("/ping?target=8.8.8.8&router=core1&connection=1")
    return f"/r/{made.json()['data']['id']}"


def asks(line: str) -> tuple[str, dict[str, str]]:
    """The path and the parameters that the line's curl would ask."""
    found = re.search(r"^curl -s -H \"Authorization: Bearer \$NETPULSE_KEY\" '?([^'\n]+)'?\n\Z", line, re.M)
    assert found is not None, line
    url = urlsplit(found[1])
    return url.path, dict(parse_qsl(url.query, strict_parsing=True))


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (BROWSER, "html"),
        ("TEXT/HTML", "html"),
        ("text/plain, text/html", "html"),
        ("application/json, text/html;q=1.0", "html"),
        ("text/plain, text/html;q=0", "text"),
        ("text/html;q=0.2, Text/Plain;q=0.7", "text"),
        ("text/html; Q=0.2, application/json", "json"),
        ("application/json, text/plain, */*", "json"),
        ("text/html;q=0", None),
        ("text/html;q=nan", None),
        ("*/*", None),
        ("", None),
    ],
)
def test_what_an_accept_header_prefers_of_a_page(accept: str, form: str | None) -> None:
    assert preferred_page(accept.encode()) == form


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "text/plain"),
        ("", "text/plain"),
        ("text/plain, text/html;q=0", "text/plain"),
        (BROWSER, "text/html"),
        ("TEXT/HTML", "text/html"),
    ],
)
async def test_a_links_question_and_a_result_follow_one_rule(glass: Glass, accept: str, kind: str) -> None:
    for path in (PINGED, await result_of(glass)):
        answer = await get(glass, path, accept)
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert "Accept" in answer.headers["vary"].split(", ")


async def test_a_result_is_json_for_whoever_asks_for_that(glass: Glass) -> None:
    path = await result_of(glass)
    answer = await get(glass, path, "application/json")
    assert (answer.headers["content-type"], answer.headers["vary"]) == ("application/json; charset=utf-8", "Accept")
    assert answer.json() == (await get(glass, path + ".json")).json()


async def test_the_first_page_without_a_question_is_a_page_for_whoever_names_nothing(glass: Glass) -> None:
    for path in ("/", "/?lang=de"):
        answer = await get(glass, path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "Accept" in answer.headers["vary"].split(", ")
    assert "The API is at" in (await get(glass, "/", "text/plain")).text


@pytest.mark.parametrize(
    ("link", "path", "parameters"),
    [
        (PINGED, "ping", {"target": "8.8.8.8", "router": "core1", "connection": "1"}),
        (
            "/?router=core1&connection=1&target=8.8.8.8",
            "ping",
            {"target": "8.8.8.8", "router": "core1", "connection": "1"},
        ),
        ("/?query=ping&target=dns.google", "ping", {"target": "dns.google", "router": "core1", "connection": "1"}),
        (
            "/?router=*&query=ping&target=8.8.8.8",
            "ping",
            {"target": "8.8.8.8", "router": "core1", "connection": "1"},
        ),
        ("/?router=*&query=aspath&target=8.8.8.8", "aspath/all-routers", {"target": "8.8.8.8"}),
        ("/?router=core2&query=ping", "ping", {"target": "TARGET", "router": "core2", "connection": "4"}),
    ],
)
async def test_the_line_chooses_what_the_form_chooses(
    glass: Glass, link: str, path: str, parameters: dict[str, str]
) -> None:
    line = (await get(glass, link)).text
    assert asks(line) == (f"/api/v1/{path}", parameters)
    assert not line.startswith("#")


@pytest.mark.parametrize("link", ["/?router=gone&query=ping&target=1.1.1.1", "/?router=%0a%27;reboot&target=1.1.1.1"])
async def test_the_line_says_what_it_chose_instead_of_what_is_not_here(glass: Glass, link: str) -> None:
    remark, line = (await get(glass, link)).text.splitlines(keepends=True)
    assert remark.startswith("# ")
    assert asks(line)[1]["router"] == "core1"
