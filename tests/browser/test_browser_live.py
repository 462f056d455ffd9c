"""A result grows while its router answers, ends when its reader says so, and outlives a reload and a hidden tab."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from browser.conftest import Glass, faulty
from doubles.browsing import Person, person
from doubles.glass import TRACE, answers
from doubles.result_pages import OPEN, glass_of, printing
from doubles.scripted import Hold, Say, Scripted
from measure.pages import MOST_SHIFT
from netpulse.lab.lab import Lab

PATIENT = replace(OPEN, deadlines=replace(OPEN.deadlines, silence_s=300.0, traceroute_s=300.0, bird_s=300.0))
MOVES = """
window.moved = 0;
new PerformanceObserver((list) => list.getEntries().forEach((each) => { moved += each.value; }))
  .observe({ type: "layout-shift", buffered: true });
"""
HIDE = """() => {
  Object.defineProperty(document, "visibilityState", { get: () => "hidden", configurable: true });
  Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  dispatchEvent(new Event("blur"));
}"""


async def ended_at(lab: Lab, router: str) -> None:
    """The router's command line runs nothing any more."""
    await asyncio.to_thread(lab.until, f"{router} runs nothing", lambda: lab.sessions(router)["now"] == 0)


async def by_button(page: Page) -> None:
    """As with the mouse, but by a keyboard: the focus must not be lost when the button is."""
    await page.locator("[data-stop]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".acts a").first).to_be_focused()


async def by_key(page: Page) -> None:
    await page.keyboard.press(".")


@pytest.mark.parametrize(("width", "query"), [(1280, "ping"), (1280, "traceroute"), (400, "ping")])
async def test_nothing_in_sight_moves_while_answers_come(browser: Browser, glass: Glass, width: int, query: str) -> None:
    async with person(browser, glass.url, viewport={"width": width, "height": 800}) as somebody:
        await somebody.context.add_init_script(MOVES)
        page = await somebody.ask(query, "8.8.8.8", "core2", 4)
        await expect(page.locator("#chip")).to_have_text("Done")
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        assert await page.evaluate("moved") <= MOST_SHIFT


@pytest.mark.parametrize(("router", "connection", "stop"), [("core1", 2, by_button), ("core2", 5, by_key)])
async def test_a_ping_under_way_shows_what_has_come_and_a_stop_ends_it_at_the_router(
    visitor: Person, lab: Lab, router: str, connection: int, stop: Callable[[Page], Awaitable[None]]
) -> None:
    with faulty(lab, router, hang_after_lines=3):
        page = await visitor.ask("ping", "8.8.8.8", router, connection)
        await expect(page.locator("#chip")).to_have_text("Running · 2 of 5")
        await expect(page.locator("#growing svg:visible circle")).to_have_count(2)
        assert (await page.locator("#raw").inner_text()).count("icmp_seq=") == 2
        assert lab.sessions(router)["now"] == 1

        await stop(page)
        await expect(page.locator("#chip")).to_have_text("Stopped")
        await ended_at(lab, router)
        await expect(page.locator("#notices")).to_contain_text("Stopped after 2 of 5 probes.")
        await expect(page.locator("#growing svg:visible circle")).to_have_count(2)
        assert (await page.locator("#raw").inner_text()).count("icmp_seq=") == 2
        await expect(page.locator("[data-stop]")).to_have_count(0)
        await expect(page.get_by_role("link", name="Run again")).to_be_visible()


async def test_hops_are_there_before_the_trace_is_over_and_stay_when_it_is_stopped(visitor: Person, lab: Lab) -> None:
    with faulty(lab, "core1", hang_after_lines=3):
        page = await visitor.ask("traceroute", "8.8.8.8", "core1", 1)
        rows = page.locator("[data-rows] > tr")
        await expect(rows).to_have_count(2)
        assert lab.sessions("core1")["now"] == 1
        await by_button(page)
        await expect(page.locator("#chip")).to_have_text("Stopped")
        await ended_at(lab, "core1")
        await expect(rows).to_have_count(2)


async def test_routers_that_answered_are_shown_while_another_is_silent_and_stay_after_a_stop(
    visitor: Person, lab: Lab
) -> None:
    if not lab.with_frr:
        pytest.skip("needs FRR")
    others = [router for router in lab.routers if router != "frr1"]
    with faulty(lab, "frr1", hang_before=True):
        page = await visitor.ask("aspath", "8.8.8.8", "*")
        await expect(page.locator("#chip")).to_have_text(f"{len(others)} of {len(lab.routers)} routers answered")
        await expect(page.locator("[data-stop]")).to_be_visible()
        rows = page.locator("[data-rows]")
        for router in others:
            await expect(rows).to_contain_text(router)
        await by_key(page)
        await expect(page.locator("[data-stop]")).to_have_count(0)
        await ended_at(lab, "frr1")
        for router in others:
            await expect(page.locator("[data-rows]")).to_contain_text(router)


async def test_a_row_of_the_table_keeps_the_focus_while_rows_are_added(tmp_path: Path, browser: Browser) -> None:
    first, second = TRACE.split("\n 2", 1)
    held = printing([Say(first + "\n"), Hold(), Say(" 2" + second)])
    async with glass_of(tmp_path, PATIENT, router_core1=held) as glass, person(browser, glass.url) as somebody:
        page = await somebody.ask("traceroute", "8.8.8.8")
        rows = page.locator("[data-rows] > tr")
        await expect(rows).to_have_count(1)
        await page.keyboard.press("j")
        await expect(rows.first).to_be_focused()
        held.go()
        await expect(page.locator("#chip")).to_have_text("Done")
        await expect(rows).to_have_count(2)
        await expect(rows.first).to_be_focused()


async def test_as_paths_of_the_first_router_are_drawn_before_the_second_has_answered(
    tmp_path: Path, browser: Browser
) -> None:
    rs1 = Scripted(lambda command: [Hold(), *answers(command)] if "core2" in command else answers(command))
    async with glass_of(tmp_path, PATIENT, rs1=rs1) as glass, person(browser, glass.url) as somebody:
        page = await somebody.ask("aspath", "8.8.8.8", "*")
        await expect(page.locator("#chip")).to_have_text("1 of 3 routers answered")
        drawn = page.locator(".gbox.wide")
        await expect(drawn).to_contain_text("core1")
        assert "core2" not in await drawn.inner_text()
        assert rs1.running == 1
        rs1.go()
        await expect(drawn).to_contain_text("core2")
        await expect(page.locator("[data-stop]")).to_have_count(0)


async def test_a_hidden_tab_and_a_reload_leave_the_run_alone(tmp_path: Path, browser: Browser) -> None:
    first, second = TRACE.split("\n 2", 1)
    held = printing([Say(first + "\n"), Hold(), Say(" 2" + second)])
    async with glass_of(tmp_path, PATIENT, router_core1=held) as glass, person(browser, glass.url) as somebody:
        page = await somebody.ask("traceroute", "8.8.8.8")
        await expect(page.locator("[data-rows] > tr")).to_have_count(1)
        address = page.url

        await page.reload()
        await expect(page.locator("#chip")).to_have_text("Running · hop 1")
        assert page.url == address
        await page.evaluate(HIDE)
        await (await somebody.page("/network")).bring_to_front()
        assert held.stopped == 0
        held.go()

        await expect(page.locator("#chip")).to_have_text("Done")
        await expect(page.locator("[data-rows] > tr")).to_have_count(2)
        raw = await page.locator("#raw").text_content()
        assert raw == TRACE
        assert (len(held.commands), held.stopped) == (1, 0)
