"""What a visitor sees when a router or a route server is gone: a shape and a word, whose fault it is, and how to go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from browser.conftest import Glass
from doubles.browsing import Person, answer, fill, person
from doubles.result_pages import OPEN, glass_of
from netpulse.lab.lab import Lab

TARGET = "8.8.8.8"
NOT_READ = "The routes of {} cannot be read now: none of their sources answers and knows them."


@contextmanager
def away(lab: Lab, router: str) -> Iterator[None]:
    lab.stop_router(router)
    try:
        yield
    finally:
        lab.start_router(router)


async def test_a_router_that_goes_away_while_the_form_is_filled_is_named_with_what_to_do(
    visitor: Person, lab: Lab, glass: Glass
) -> None:
    page = await visitor.page()
    await fill(page, "ping", TARGET, "core2", 4)
    await answer(page)
    with away(lab, "core2"):
        await page.locator("#run").click()
        await expect(page.locator("#chip")).to_have_text("Failed")
        notice = page.locator("#notices")
        await expect(notice).to_contain_text("core2 cannot be reached.")
        run_id = page.url.rpartition("/")[2]
        await expect(notice).to_contain_text(f"This is a fault on our side; it has been logged as {run_id[:8]}.")
        await expect(page.locator("#growing")).not_to_contain_text("0 %")

        again = page.get_by_role("link", name="Run again")
        await again.click()
        await expect(page.locator("#target")).to_have_value(TARGET)
        assert await page.locator("input[name=router]:checked").input_value() == "core2"
        for _ in range(2):
            await visitor.ask("ping", TARGET, "core2", 4, page=page)
            await expect(page.locator("#chip")).to_have_text("Failed")
            await page.goto(glass.url)

        option = page.locator("label:has(> input[name=router][value=core2])")
        await expect(option).to_contain_text("Unreachable")
        await expect(option.locator("svg")).to_be_visible()
        card = page.locator("#r-core2")
        await expect(card).to_contain_text("core2 is not answering.")
        for slug in ("core1", "core2"):
            up = await page.locator(f"#r-{slug} .st").first.inner_text()
            assert up == {"core1": "Up", "core2": "Unreachable"}[slug]
        assert await page.locator("input[name=router]:checked").input_value() == "core1"
    glass.clocks.ahead_s += 300
    await visitor.ask("ping", TARGET, "core2", 4, page=page)
    await expect(page.locator("#chip")).to_have_text("Done")


async def test_a_router_in_maintenance_cannot_be_chosen_and_says_why(tmp_path: Path, browser: Browser) -> None:
    async with glass_of(tmp_path, OPEN) as glass, person(browser, glass.url) as somebody:
        page = await somebody.page()
        await expect(page.locator("input[name=router][value=resting]")).to_be_disabled()
        await expect(page.locator("label:has(> input[value=resting])")).to_contain_text("Maintenance")
        await expect(page.locator("#r-resting")).to_contain_text("new line card")
        chosen = []
        for _ in range(3):
            await page.keyboard.press("]")
            chosen.append(await page.locator("input[name=router]:checked").input_value())
        assert "resting" not in chosen
        assert {"core1", "core2"} <= set(chosen)


async def test_of_all_routers_one_that_is_gone_is_a_remark_beside_the_answers_of_the_others(
    visitor: Person, lab: Lab
) -> None:
    if not lab.with_frr:
        pytest.skip("needs FRR")
    n = len(lab.routers)
    with away(lab, "frr1"):
        page = await visitor.ask("aspath", TARGET, "*")
        await expect(page.locator("#chip")).to_have_text(f"{n - 1} of {n} routers answered")
        await expect(page.locator("[data-stop]")).to_have_count(0)
        await expect(page.locator("#chip")).to_have_class(re.compile(r"\bwn\b"))
        notice = page.locator("#notices .al")
        await expect(notice).to_have_count(1)
        await expect(notice).to_contain_text(NOT_READ.format("frr1"))
        for router in lab.routers:
            rows = page.locator("[data-rows]", has_text=router)
            await expect(rows).to_have_count(0 if router == "frr1" else 1)
        await expect(page).to_have_title(re.compile(re.escape(f"{n - 1} of {n} routers answered.")))
    await notice.get_by_role("link", name="Retry frr1").click()
    await expect(page.locator("#target")).to_have_value(TARGET)
    assert await page.locator("input[name=router]:checked").input_value() == "frr1"
    await page.locator("#run").click()
    await expect(page.locator("#chip")).to_have_text("Done")


async def test_without_a_route_server_that_knows_a_router_its_paths_are_not_guessed(visitor: Person, lab: Lab) -> None:
    try:
        for server in ("rs1", "rs2"):
            lab.stop_bgp(server, "core1_*")
        page = await visitor.ask("aspath", TARGET, "core1")
        await expect(page.locator("#chip")).to_have_text("Failed")
        told = f"{NOT_READ.format('core1')} This is a fault on our side"
        await expect(page.locator("#notices")).to_contain_text(told)
        await expect(page.locator("[data-rows] > tr")).to_have_count(0)

        page = await visitor.ask("aspath", TARGET, "*")
        n = len(lab.routers)
        await expect(page.locator("#chip")).to_have_text(f"{n - 1} of {n} routers answered")
        await expect(page.locator("#notices")).to_contain_text(NOT_READ.format("core1"))
        page = await visitor.ask("ping", TARGET, "core1", 1)
        await expect(page.locator("#chip")).to_have_text("Done")
    finally:
        for server in ("rs1", "rs2"):
            lab.start_bgp(server, "core1_*")
        lab.wait("core")
