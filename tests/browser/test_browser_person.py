"""The sum that shows a person asks, and the limit of how much a person may ask."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from browser.conftest import Glass
from doubles.browsing import Person, answer, fill, result_of_sum

TARGET = "8.8.8.8"


async def sum_asked(page: Page) -> str:
    return await page.locator("#sum").inner_text()


async def token(page: Page) -> str:
    return await page.locator("#token").input_value()


async def is_a_result(page: Page) -> None:
    await page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}$"))
    await expect(page.locator("#chip")).to_have_text("Done")


async def test_a_wrong_answer_brings_a_new_question_and_keeps_the_rest(visitor: Person) -> None:
    visitor.expected = {400}
    page = await visitor.page()
    await fill(page, "ping", TARGET, "core2", 5)
    old = await token(page)
    wrong = await result_of_sum(page) + 1
    await page.locator("#answer").fill(str(wrong))
    await page.locator("#run").click()
    told = f"{wrong} is not right. Here is a new question. Your target is kept."
    await expect(page.locator("#captcha-e")).to_have_text(told)
    assert await token(page) != old
    field = page.locator("#answer")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#target")).to_have_value(TARGET)
    assert await page.locator("input[name=router]:checked").input_value() == "core2"
    assert await page.locator("input[name=connection]:checked").input_value() == "5"

    await answer(page)
    await page.keyboard.press("Enter")
    await is_a_result(page)
    await expect(page).to_have_title(re.compile("^Ping 8.8.8.8 from core2: "))


async def test_an_empty_answer_is_told_and_the_question_stays(visitor: Person) -> None:
    visitor.expected = {400}
    page = await visitor.page()
    await fill(page, "ping", TARGET)
    asked = await sum_asked(page), await token(page)
    await page.locator("#run").click()
    told = "Answer the question so that we know a person is asking."
    await expect(page.locator("#captcha-e")).to_have_text(told)
    assert (await sum_asked(page), await token(page)) == asked
    await expect(page.locator("#answer")).to_be_focused()
    await expect(page.locator("#target")).to_have_value(TARGET)


async def test_another_question_can_be_had_without_leaving_the_form(visitor: Person) -> None:
    page = await visitor.page()
    await fill(page, "aspath", TARGET)
    old = await token(page)
    await page.locator("#another").click()
    await expect(page.locator("#token")).not_to_have_value(old)
    await expect(page.locator("#answer")).to_be_focused()
    await page.reload()  # a browser may put back what scripts had changed, the sum that is shown and its token must agree
    await fill(page, "aspath", TARGET)
    await answer(page)
    await page.keyboard.press("Enter")
    await is_a_result(page)


async def test_back_from_a_result_the_form_is_as_it_was_and_asks_again(visitor: Person) -> None:
    page = await visitor.ask("aspath", TARGET, "core2")
    await is_a_result(page)
    await page.go_back()
    await expect(page.locator("#target")).to_have_value(TARGET)
    assert await page.locator("input[name=router]:checked").input_value() == "core2"
    await expect(page.locator("#of")).to_have_text("of core2")
    assert await page.locator("input[name=connection]").first.input_value() in ("4", "5")
    await page.locator("#run").click()
    await is_a_result(page)
    await expect(page).to_have_title(re.compile("^AS path to 8.8.8.8 from core2: "))


async def test_a_right_answer_holds_for_ten_minutes(visitor: Person, glass: Glass) -> None:
    page = await visitor.ask("aspath", TARGET)
    await is_a_result(page)
    glass.clocks.ahead_s += 590
    await page.goto(glass.url)
    await expect(page.locator("#answer")).to_have_count(0)
    await visitor.ask("aspath", TARGET, page=page)
    await is_a_result(page)
    glass.clocks.ahead_s += 11
    await page.goto(glass.url)
    await expect(page.locator("#answer")).to_be_visible()


async def test_an_answered_form_sent_again_is_refused(visitor: Person) -> None:
    visitor.expected = {400}
    page = await visitor.page()
    await fill(page, "aspath", TARGET)
    sent, right = await token(page), await result_of_sum(page)
    await answer(page)
    await page.locator("#run").click()
    await is_a_result(page)

    await visitor.context.clear_cookies()
    page = await visitor.page()
    await fill(page, "aspath", TARGET)
    await page.locator("#token").evaluate("(field, old) => { field.value = old }", sent)
    await page.locator("#answer").fill(str(right))
    await page.locator("#run").click()
    await expect(page.locator("#captcha-e")).to_contain_text("That question is too old or was answered before.")
    assert await token(page) != sent


async def test_with_no_question_left_run_waits_and_becomes_active_by_itself(visitor: Person, glass: Glass) -> None:
    limits = glass.services.settings.limits
    who = f"visitor:{visitor.address}"
    for _ in range(limits.visitor_queries - 1):
        glass.services.windows.hit(who, limits.visitor_queries, limits.visitor_window_s)
    page = await visitor.page()
    await expect(page.locator(".quo")).to_contain_text("1 of 10 queries left")
    await is_a_result(await visitor.ask("aspath", TARGET, page=page))

    page = await visitor.context.new_page()
    await page.clock.install()
    await page.goto(glass.url)
    run, timer = page.locator("#run"), page.locator("[role=timer]")
    await expect(run).to_be_disabled()
    await expect(timer).to_have_text(re.compile(r"^[45]:\d\d$"))
    await expect(page.locator(".quo")).to_contain_text("Visitors get 10 queries in 5 minutes")
    await page.clock.fast_forward(180_000)
    await expect(timer).to_have_text(re.compile(r"^[12]:\d\d$"))
    await expect(run).to_be_disabled()

    await page.clock.fast_forward(121_000)
    await expect(run).to_be_enabled()
    await expect(page.locator(".quo")).to_be_hidden()
    glass.clocks.ahead_s += 301
    await fill(page, "aspath", TARGET)
    await run.click()
    await is_a_result(page)


async def test_a_form_sent_beyond_the_limit_is_told_when_and_comes_back_whole(visitor: Person, glass: Glass) -> None:
    visitor.expected = {429}
    page = await visitor.page()
    await fill(page, "traceroute", "one.one.one.one", "core2", 4)
    await answer(page)
    limits = glass.services.settings.limits
    for _ in range(limits.visitor_queries):
        glass.services.windows.hit(f"visitor:{visitor.address}", limits.visitor_queries, limits.visitor_window_s)
    await page.locator("#run").click()
    await expect(page.locator("#form-e")).to_have_text(re.compile(r"Limit reached\. The next query is free in [45]:\d\d\."))
    await expect(page.locator("#run")).to_be_disabled()
    await expect(page.locator("#target")).to_have_value("one.one.one.one")
    assert await page.locator("input[name=query]:checked").input_value() == "traceroute"
