"""A network of forty routers with fifteen connections each stays easy to read and to ask from, with scripts and without."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from measure.pages import large_network
from netpulse import config
from netpulse.web.server import bound_socket, serving


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    folder = tmp_path_factory.mktemp("large")
    sock = bound_socket("127.0.0.1", 0)
    where = f"http://127.0.0.1:{sock.getsockname()[1]}"
    settings = config.load(large_network(folder / "network"))
    async with serving(replace(settings, storage=f"sqlite:///{folder}/large.db"), [sock]):
        yield where


@asynccontextmanager
async def visited(browser: Browser, address: str, *, scripts: bool = True, width: int = 1280) -> AsyncIterator[Page]:
    context = await browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 800})
    try:
        page = await context.new_page()
        await page.goto(address)
        yield page
    finally:
        await context.close()


async def test_connections_are_folded_up_and_a_filter_unfolds_what_it_finds(browser: Browser, address: str) -> None:
    async with visited(browser, address + "/network") as page:
        await expect(page.locator(".rc:visible")).to_have_count(40)
        await expect(page.locator(".fold[open]")).to_have_count(0)
        await page.locator("#r-edge2 summary").press("Enter")
        await expect(page.locator("#r-edge2 tbody tr:visible")).to_have_count(15)
        await page.locator("[data-f=IX]").click()
        await expect(page.locator("#r-edge7 tbody tr:visible")).to_have_count(4)
        await page.locator("[data-f='']").click()
        await expect(page.locator(".fold[open]")).to_have_count(0)
        await page.locator("#cards-find").fill("edge11")
        await expect(page.locator(".rc:visible")).to_have_count(1)
        await expect(page.locator(".fold[open]")).to_have_count(0)
        await page.locator("#cards-find").fill("edge11 transit")
        await expect(page.locator(".rc:visible tbody tr:visible")).to_have_count(4)


@pytest.mark.parametrize("width", [1280, 400, 320])
async def test_the_first_page_leads_to_the_unfolded_connections_of_a_router(
    browser: Browser, address: str, width: int
) -> None:
    async with visited(browser, address, width=width) as page:
        await page.locator("#r-edge30 .all").click()
        await page.wait_for_url("**/network?router=edge30#r-edge30")
        await expect(page.locator("#r-edge30 tbody tr").first).to_be_in_viewport()
        await expect(page.locator(".fold[open]")).to_have_count(1)
        bar, card = [await page.locator(each).bounding_box() for each in (".top", "#r-edge30")]
        assert bar
        assert card
        assert bar["y"] + bar["height"] <= card["y"]


async def test_the_first_page_says_of_every_router_where_it_is_and_finds_it_by_typing(browser: Browser, address: str) -> None:
    async with visited(browser, address) as page:
        await expect(page.locator(".dir li:visible")).to_have_count(40)
        await expect(page.locator("#r-edge39")).to_contain_text("City 9 - Data Centre 3 · MX304 · 15 connections")
        await page.locator("#cards-find").fill("EDGE3 mx304")
        await expect(page.locator(".dir li:visible")).to_have_count(11)
        await page.locator("#cards-find").fill("nowhere")
        await expect(page.locator("[data-nothing]")).to_be_visible()
        await page.locator("#cards-find").fill("edge13")
        await page.locator(".dir li:visible .go").click()
        await expect(page.locator("input[name=router]:checked")).to_have_value("edge13")
        await expect(page.locator("#of")).to_contain_text("edge13")


@pytest.mark.parametrize("width", [1280, 400])
async def test_no_as_number_is_cut_off(browser: Browser, address: str, width: int) -> None:
    async with visited(browser, address + "/network", width=width) as page:
        await page.locator("#r-edge1 summary").press("Enter")
        number = page.locator("#r-edge1 td:nth-child(3)").last
        for text in ("AS64512", "AS4294967294"):
            await number.evaluate("(cell, text) => { cell.textContent = text }", text)
            assert await number.evaluate("cell => cell.scrollWidth <= cell.clientWidth")


async def test_without_scripts_a_button_shows_the_connections_of_the_chosen_router(browser: Browser, address: str) -> None:
    async with visited(browser, address, scripts=False) as page:
        await expect(page.locator("#way")).to_have_count(0)
        await page.locator("label:has(> input[value=edge9])").click()
        await page.locator("#target").fill("9.9.9.9")
        await page.locator("button[formmethod=get]").click()
        await expect(page.locator("input[name=router]:checked")).to_have_value("edge9")
        await expect(page.locator("#connection-list .opt").first).to_contain_text("of 9")
        await expect(page.locator("#target")).to_have_value("9.9.9.9")
        await page.locator("#target").press("Enter")
        await expect(page.locator("#captcha-e")).to_be_visible()
        assert re.fullmatch(re.escape(address) + "/?", page.url)  # it was run, not shown again
