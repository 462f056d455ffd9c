"""What a first visit costs, counted in a browser with an empty cache: few requests, few bytes, none to anybody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser

from every_page import PAGES, every_page
from measure.pages import FORMS, MOST_BYTES, MOST_REQUESTS, MOST_SHIFT, Visit, large_network, visit
from netpulse import config
from netpulse.web.server import bound_socket, serving


def assert_light(name: str, made: Visit) -> None:
    assert 2 <= made.requests <= MOST_REQUESTS, name
    assert 5_000 < made.wire <= MOST_BYTES, name
    assert made.strangers == set(), name
    assert made.shift <= MOST_SHIFT, name


async def test_every_page_is_light(tmp_path: Path, browser: Browser) -> None:
    async with every_page(tmp_path) as stage:
        for shown in PAGES:
            if not shown.busy and not shown.typed:
                async with stage.at(shown) as address:
                    assert_light(shown.name, await visit(browser, address))


async def test_a_large_network_is_light(tmp_path: Path, browser: Browser) -> None:
    file = large_network(tmp_path / "large")
    sock = bound_socket("127.0.0.1", 0)
    address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    async with serving(replace(config.load(file), storage=f"sqlite:///{tmp_path}/large.db"), [sock]):
        for path in (*FORMS.values(), "/network?router=edge30#r-edge30"):
            assert_light(path, await visit(browser, address + path))
