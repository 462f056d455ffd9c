"""The first page and the network are rendered once for many, and still each visitor reads their own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from starlette.requests import Request

from doubles.glass import SETTINGS, Glass, looking_glass
from netpulse.errors import Fault
from netpulse.settings import Branding
from netpulse.web.pages.frame import Frame

HTML = {"Accept": "text/html"}
OWN = re.compile(r'name="token" value="([^"]*)"|id="sum">([^<]*)<')
SETTINGS_HERE = replace(SETTINGS, trusted_proxies=(ip_network("127.0.0.0/8"),), languages=("en", "de", "ar-XB"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    async with looking_glass(tmp_path_factory.mktemp("untouched"), settings=SETTINGS_HERE) as running:
        yield running


async def page(glass: Glass, path: str = "/", client: str = "192.0.2.1", **headers: str) -> str:
    async with httpx2.AsyncClient(timeout=20) as browser:
        answer = await browser.get(glass.url + path, headers={**HTML, "X-Forwarded-For": client, **headers})
    assert answer.status_code == 200
    return answer.text


def own(html: str) -> list[str]:
    """The token and the sum."""
    return ["".join(found) for found in OWN.findall(html)]


def common(html: str) -> str:
    return OWN.sub("", html)


@pytest.mark.parametrize("cookie", ["np_lang=en", "np_lang=de", "np_lang=ar-XB", "np_theme=dark", "np_theme=light; np_lang=de"])
async def test_it_is_the_page_that_is_rendered_for_whoever_has_typed_something(glass: Glass, cookie: str) -> None:
    whole = await page(glass, "/?target=", Cookie=cookie)
    for _ in range(2):
        kept = await page(glass, Cookie=cookie)
        assert common(kept) == common(whole)
        assert own(kept) != own(whole)
    assert not re.search("[\ue000-\uf8ff]", kept)


@pytest.mark.parametrize(("path", "name"), [("/network", "network.html"), ("/api", "api.html")])
async def test_what_is_the_same_for_all_is_rendered_once_for_each_language_and_theme(
    glass: Glass, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    rendered: list[str] = []
    text = Frame.text

    def counted(self: Frame, request: Request, template: str, **context: Any) -> str:
        rendered.append(template)
        return text(self, request, template, **context)

    monkeypatch.setattr(Frame, "text", counted)
    for _ in range(3):
        pages = {await page(glass, path, Cookie=f"np_theme=light; np_lang={tag}") for tag in ("en", "de")}
        assert len(pages) == 2
    assert rendered == [name] * 2


async def test_the_documentation_is_for_the_address_that_its_reader_came_by(glass: Glass) -> None:
    for host in ("lg.example.net", "glass.example.org", "lg.example.net"):
        html = await page(glass, "/api", Host=host)
        assert f"http://{host}/api/v1" in html
        assert {"lg.example.net", "glass.example.org"} & set(re.findall(r"[a-z]+\.example\.(?:net|org)", html)) == {host}


async def test_nobody_reads_another_visitors_address_or_sum(glass: Glass) -> None:
    clients = ["192.0.2.1", "198.51.100.2", "2001:db8:1::3"]
    pages = {client: await page(glass, client=client) for client in clients}
    for client, html in pages.items():
        assert f'data-ip="{client}"' in html
        assert not [other for other in clients if other != client and other in html]
    assert len({mark for html in pages.values() for mark in own(html) if "+" not in mark}) == len(clients)


async def test_a_sum_of_a_kept_page_can_be_answered_by_its_visitor(glass: Glass) -> None:
    await page(glass, client="192.0.2.9")
    html = await page(glass, client="192.0.2.9")
    sums = dict.fromkeys(own(html))
    asked = next(mark for mark in sums if "+" in mark)
    token = next(mark for mark in sums if "+" not in mark)
    fields = {
        "router": "core1", "connection": "1", "query": "ping", "target": "8.8.8.8", "token": token,
        "answer": str(sum(map(int, asked.split("+")))),
    }  # fmt: skip
    async with httpx2.AsyncClient(timeout=20) as browser:
        answer = await browser.post(glass.url, data=fields, headers={**HTML, "X-Forwarded-For": "192.0.2.9"})
        assert answer.status_code == 303
        passed = answer.headers["set-cookie"].partition(";")[0]
    assert own(await page(glass, client="192.0.2.9", Cookie=passed)) == []
    assert own(await page(glass, client="192.0.2.10", Cookie=passed)) != []
    assert "9 of 10 queries" in re.sub("<[^>]+>", "", await page(glass, client="192.0.2.9"))


@pytest.mark.parametrize("path", ["/", "/network"])
async def test_a_router_that_went_down_is_down_on_the_next_page(glass: Glass, path: str) -> None:
    before = await page(glass, path)
    device = SETTINGS.inventory.devices()["router:core2"]
    breaker = glass.services.pool.post(device).breaker
    for _ in range(3):
        breaker.failed(Fault("router_unreachable", "The router does not accept a connection."))
    try:
        down = await page(glass, path)
        assert down.count('rc down"') == 1
        assert common(down) == common(await page(glass, f"{path}?lang=en"))
    finally:
        breaker.reached()
    assert common(await page(glass, path)) == common(before)


async def test_a_new_configuration_is_on_the_next_page(glass: Glass) -> None:
    await page(glass)
    glass.services.reload(replace(glass.services.settings, branding=Branding(footer="Works on Sunday")))
    assert "Works on Sunday" in await page(glass)
