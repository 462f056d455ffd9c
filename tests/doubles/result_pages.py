"""Reading the pages of results as a browser does, over routers that are scripts."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import httpx2

from doubles.glass import SETTINGS, Glass, answers, looking_glass
from doubles.scripted import Hold, Say, Script, Scripted
from netpulse.runs import Run
from netpulse.settings import Captcha, Settings
from netpulse.web.pages.frame import CSP

HTML = {"Accept": "text/html,*/*;q=0.8"}
OPEN = replace(
    SETTINGS,
    captcha=Captcha(enabled=False),
    limits=replace(SETTINGS.limits, visitor_queries=100_000),
    languages=("en", "de"),
    trusted_proxies=(ip_network("127.0.0.1/32"),),
)
LINES = [f"64 bytes from 8.8.8.8: icmp_seq={number} ttl=61 time=1.5 ms" for number in range(1, 6)]
HELD: Script = [Say(LINES[0] + "\n"), Hold(), Say("\n".join(LINES[1:]) + "\n")]
PINGED = {"router": "core1", "connection": "1", "query": "ping", "target": "8.8.8.8"}
TRACED = {**PINGED, "query": "traceroute"}
ROUTED = {"router": "core1", "query": "aspath", "target": "8.8.8.8"}
EVERYWHERE = {**ROUTED, "router": "*"}


@dataclass(frozen=True)
class Part:
    """One event of a page's growth."""

    id: str
    name: str
    html: str


def printing(script: Script) -> Scripted:
    """A router that answers packets like this and everything else as usual."""
    return Scripted(lambda command: answers(command) if command.startswith("show") else list(script))


@asynccontextmanager
async def glass_of(folder: Path, settings: Settings = OPEN, **devices: Scripted) -> AsyncIterator[Glass]:
    """A looking glass; devices by their kind and name with an underscore between."""
    named = {
        key.replace("_", ":", 1) if key.startswith("router_") else f"route_server:{key}": d
        for key, d in devices.items()
    }
    async with looking_glass(folder, named, settings) as running:
        yield running


async def asked(glass: Glass, fields: dict[str, str], **headers: str) -> str:
    """The path of the result that the form leads to."""
    async with httpx2.AsyncClient(timeout=20) as browser:
        answer = await browser.post(glass.url + "/", data=fields, headers={**HTML, **headers})
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"]


async def page(glass: Glass, path: str, status: int = 200, headers: Mapping[str, str] | None = None) -> str:
    async with httpx2.AsyncClient(timeout=20) as browser:
        answer = await browser.get(glass.url + path, headers={**HTML, **(headers or {})})
    assert answer.status_code == status, text_of(answer.text)
    if status == 200:
        assert answer.headers["content-security-policy"] == CSP
        assert_nothing_runs(answer.text)
    return answer.text


@asynccontextmanager
async def growth(glass: Glass, path: str, **headers: str) -> AsyncIterator[AsyncIterator[Part]]:
    async with (
        httpx2.AsyncClient(timeout=20) as browser,
        browser.stream("GET", f"{glass.url}{path}", headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield parts_of(answer)


async def parts_of(answer: httpx2.Response) -> AsyncIterator[Part]:
    fields: dict[str, list[str]] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields.setdefault(name, []).append(value)
            continue
        if "event" in fields:
            yield Part("".join(fields.get("id", ())), fields["event"][0], "\n".join(fields.get("data", ())))
        fields = {}


async def grown(glass: Glass, path: str, **headers: str) -> list[Part]:
    async with growth(glass, path + "/events", **headers) as parts:
        return [part async for part in parts]


async def ended(glass: Glass, fields: dict[str, str], **headers: str) -> str:
    """The page of this question when it is over."""
    path = await asked(glass, fields)
    await grown(glass, path)
    return await page(glass, path, headers=headers)


def text_of(markup: str) -> str:
    bare = re.sub(r"<(script|template|noscript|form)\b.*?</\1>", " ", markup, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def result_of(markup: str) -> str:
    """The part of a page that grows."""
    return markup[markup.index('<div id="result"') : markup.index("</main>")].rsplit("</div>", 1)[0].strip()


def assert_nothing_runs(markup: str) -> None:
    """No script but our own files, no inline style, no handler."""
    for tag in re.findall(r"<script\b[^>]*>", markup):
        assert 'type="application/json"' in tag or re.search(r'src="/static/[a-z]+\.[0-9a-f]{12}\.js"', tag), tag
    for tag in re.findall(r"<[a-z][^>]*>", markup):
        assert not re.search(r"""\s(?:on[a-z]+|style)\s*=""", re.sub(r'"[^"]*"', '""', tag)), tag


def run_of(glass: Glass, path: str) -> Run:
    run = glass.services.pipeline.runs.find(path.rpartition("/")[2], "visitor:127.0.0.1")
    assert run is not None
    return run
