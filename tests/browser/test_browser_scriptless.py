"""A browser that runs no scripts asks, waits, stops and reads like any other."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, Page, expect

from browser.conftest import Glass, faulty
from doubles.browsing import answer, person
from netpulse.lab.lab import Lab


async def ask(page: Page, query: str, target: str, way: str = "", router: str = "") -> None:
    await page.locator(f"label:has(> input[name=query][value='{query}'])").click()
    if way:
        await page.locator("#way").select_option(way)
    if router:
        await page.locator(f"label:has(> input[name=router][value='{router}'])").click()
    await page.locator("#target").fill(target)
    await answer(page)
    await page.locator("#run").click()


async def test_a_form_leads_by_a_page_that_waits_to_the_result(browser: Browser, glass: Glass, lab: Lab) -> None:
    async with person(browser, glass.url, java_script_enabled=False) as somebody:
        somebody.expected = {400}
        page = await somebody.page()
        await expect(page.locator(".nojs")).to_be_visible()
        for useless in ("#another", "#my-ip", "#help", "[data-copy]"):
            await expect(page.locator(useless).first).to_be_hidden()
        await page.locator("#run").click()
        await expect(page.locator("#target-e")).to_be_visible()
        await ask(page, "ping", "8.8.8.8", "core2.4")
        await expect(page.locator("#chip")).to_have_text("Done")
        await expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
        assert lab.commands("core2")[-1] == "ping 8.8.8.8 source 203.0.113.129 count 5"
        await expect(page.locator("#growing svg:visible")).to_have_count(1)
        await expect(page.locator("#raw")).to_contain_text("5 packets received, 0% packet loss")


async def test_what_has_come_is_shown_again_and_again_and_a_stop_is_a_button(
    browser: Browser, glass: Glass, lab: Lab
) -> None:
    async with person(browser, glass.url, java_script_enabled=False) as somebody:
        page = await somebody.page()
        with faulty(lab, "core1", hang_after_lines=3):
            await ask(page, "traceroute", "8.8.8.8", "core1.1")
            await page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}$"))
            await expect(page.locator("#chip")).to_have_text("Running · hop 2")
            await expect(page.locator("[data-rows] > tr")).to_have_count(2)
            await expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "2")
            async with page.expect_event("load"):
                pass  # it comes again by itself
            await page.get_by_role("button", name="Stop").click()
            await expect(page.locator("#chip")).to_have_text("Stopped")
            await asyncio.to_thread(lab.until, "core1 runs nothing", lambda: lab.sessions("core1")["now"] == 0)
        await expect(page.locator("[data-rows] > tr")).to_have_count(2)
        await expect(page.locator("#raw")).to_be_visible()


@pytest.mark.parametrize("router", ["core1", "*"])
async def test_as_paths_are_drawn_by_the_server(browser: Browser, glass: Glass, router: str) -> None:
    async with person(browser, glass.url, java_script_enabled=False) as somebody:
        page = await somebody.page()
        await ask(page, "aspath", "8.8.8.8", router=router)
        await expect(page.locator("#chip")).to_have_class("bd ok")
        await expect(page.locator(".gbox.wide svg")).to_be_visible()
        await expect(page.locator(".gbox.wide")).to_contain_text("AS15169")
        await expect(page.locator("[data-rows]")).to_be_visible()
        await expect(page.locator("#raw")).to_be_visible()
        await page.get_by_role("link", name="Text", exact=True).click()
        await page.wait_for_url(re.compile(r"\.txt$"))
        await expect(page.locator("body")).to_contain_text("15169")


async def test_language_and_colours_have_buttons_that_work(browser: Browser, glass: Glass) -> None:
    async with person(browser, glass.url, java_script_enabled=False) as somebody:
        page = await somebody.page("/?target=8.8.8.8")
        await page.locator("#lang").select_option("de")
        await page.get_by_role("button", name="Set language").click()
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.locator("#target")).to_have_value("8.8.8.8")
        await page.locator("#theme").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.goto(glass.url + "/network")
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
