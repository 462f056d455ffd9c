"""A result is an address: the same for a colleague, as JSON and as text, and a plain word when it is gone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from browser.conftest import Glass, faulty
from doubles.browsing import Person, person
from netpulse.lab.lab import Lab


async def picture(page: Page) -> list[str]:
    """What the page says of the result: its title, its chip and everything below, without who may do what with it."""
    await expect(page.locator("[data-stop]")).to_have_count(0)
    parts = [await page.title(), await page.locator("h1").inner_text(), await page.locator("#meta").inner_text()]
    return parts + await page.locator("#result section").all_inner_texts()


@pytest.mark.parametrize(
    ("query", "router", "connection"), [("ping", "core2", 4), ("traceroute", "core1", 2), ("aspath", "*", None)]
)
async def test_a_colleague_sees_the_same_result_by_its_link(
    visitor: Person, browser: Browser, glass: Glass, query: str, router: str, connection: int | None
) -> None:
    page = await visitor.ask(query, "1.1.1.1", router, connection)
    await expect(page.locator("#chip")).to_have_class(re.compile(r"\bok\b"))
    seen = await picture(page)
    await page.reload()
    assert await picture(page) == seen
    async with person(browser, glass.url) as colleague:
        theirs = await colleague.page(page.url.removeprefix(glass.url))
        assert await picture(theirs) == seen
        await theirs.get_by_role("link", name="Run again").click()
        await expect(theirs.locator("#target")).to_have_value("1.1.1.1")
        assert await theirs.locator("input[name=query]:checked").input_value() == query
        assert await theirs.locator("input[name=router]:checked").input_value() == router


async def test_the_link_is_copied_and_the_result_is_there_as_json_and_as_text(visitor: Person, glass: Glass) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await visitor.ask("ping", "dns.google", "core1", 1)
    await expect(page.locator("#chip")).to_have_text("Done")
    await expect(page.locator("[data-stop]")).to_have_count(0)
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.locator(".toast")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == page.url
    await page.keyboard.press("c")
    raw = await page.locator("#raw").text_content()
    await page.wait_for_function("async (raw) => await navigator.clipboard.readText() === raw", arg=raw)

    run_id = page.url.rpartition("/")[2]
    async with page.expect_navigation():
        await page.get_by_role("link", name="JSON").click()
    answer = await (await visitor.context.request.get(page.url)).json()
    assert page.url == f"{glass.url}/r/{run_id}.json"
    assert (answer["success"], answer["data"]["id"], answer["data"]["output"]) == (True, run_id, raw)
    text = await visitor.context.request.get(f"{glass.url}/r/{run_id}.txt")
    assert text.headers["content-type"].startswith("text/plain")
    assert (raw or "") in await text.text()


async def test_whoever_has_the_link_too_early_waits_and_can_stop_nothing(
    visitor: Person, browser: Browser, glass: Glass, lab: Lab
) -> None:
    with faulty(lab, "core1", hang_after_lines=2):
        page = await visitor.ask("traceroute", "8.8.8.8", "core1", 1)
        await expect(page.locator("#chip")).to_have_text("Running · hop 1")
        async with person(browser, glass.url) as colleague:
            theirs = await colleague.page(page.url.removeprefix(glass.url))
            await expect(theirs.locator("#result")).to_contain_text("Its result appears here as soon as it is there.")
            await expect(theirs.locator("[data-stop]")).to_have_count(0)
            await expect(theirs.get_by_role("link", name="JSON")).to_have_count(0)
            await page.keyboard.press(".")
            await expect(page.locator("#chip")).to_have_text("Stopped")
            await expect(theirs.locator("#chip")).to_have_text("Stopped")
            await expect(theirs.locator("[data-rows] > tr")).to_have_count(1)


async def test_a_link_fills_the_form_and_runs_nothing(visitor: Person, lab: Lab) -> None:
    before = len(lab.commands("core2"))
    page = await visitor.page("/?router=core2&connection=5&query=traceroute&target=one.one.one.one&as_lookup=true")
    await expect(page.locator("#target")).to_have_value("one.one.one.one")
    assert await page.locator("input[name=connection]:checked").input_value() == "5"
    await expect(page.locator("#q input[name=as_lookup]")).to_be_checked()
    await expect(page.locator("#cmd")).to_contain_text("traceroute <one.one.one.one> source 203.0.113.193")
    assert len(lab.commands("core2")) == before


@pytest.mark.parametrize("path", ["/r/" + "0" * 32, "/r/nonsense"])
async def test_a_link_to_nothing_says_so_and_leads_to_the_form(visitor: Person, path: str) -> None:
    visitor.expected = {404}
    page = await visitor.page(path)
    await expect(page.locator("h1")).to_have_text("This result is no longer stored")
    await expect(page.locator("main")).to_contain_text("Results are kept for 7 days.")
    await page.get_by_role("link", name="Open the form").click()
    await expect(page.locator("#target")).to_be_visible()


async def test_a_result_is_gone_after_seven_days(visitor: Person, glass: Glass) -> None:
    visitor.expected = {404}
    page = await visitor.ask("aspath", "8.8.8.8", "core1")
    await expect(page.locator("#chip")).to_have_text("Done")
    glass.clocks.ahead_s += 7 * 86400 - 60
    await page.reload()
    await expect(page.locator("#chip")).to_have_text("Done")
    glass.clocks.ahead_s += 120
    await page.reload()
    await expect(page.locator("h1")).to_have_text("This result is no longer stored")
    assert (await visitor.context.request.get(page.url + ".json")).status == 404
