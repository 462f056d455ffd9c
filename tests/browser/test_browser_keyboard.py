"""Everything with the keyboard alone, and never in doubt where one is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from doubles.browsing import Person, result_of_sum
from netpulse.lab.lab import Lab

FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return { what: "nothing", shown: false, inside: false };
  const ring = (each) => {
    if (!each) return false;
    if (each.matches("rect")) return parseFloat(getComputedStyle(each).strokeWidth) >= 3;
    const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(each);
    const outlined = outlineStyle !== "none" && parseFloat(outlineWidth) > 0 && outlineColor !== "rgba(0, 0, 0, 0)";
    return boxShadow !== "none" || outlined;
  };
  const marked = [at, at.nextElementSibling, at.closest("label"), at.querySelector("rect")];
  const face = at.matches(".seg input") ? at.nextElementSibling : at;
  const box = face.getBoundingClientRect();
  const middle = (low, high, end) => (Math.max(low, 0) + Math.min(high, end)) / 2;
  const hit = document.elementFromPoint(middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
  const named = at.textContent.trim().slice(0, 30);
  return {
    what: [at.tagName, at.id && `#${at.id}`, at.name && `[${at.name}=${at.value}]`, named].filter(Boolean).join(" "),
    shown: marked.some(ring) || at.matches("main"),
    inside: box.bottom > 0 && box.top < innerHeight && (at.closest("label") ?? at).contains(hit),
    name: at.name ?? "", value: at.value ?? "", id: at.id,
  };
}"""


async def focus(page: Page) -> dict[str, Any]:
    """Where the focus is; it must be somewhere, marked, and in sight."""
    found: dict[str, Any] = await page.evaluate(FOCUS)
    assert found["shown"], f"nothing marks the focus on {found['what']}"
    assert found["inside"], f"the focus is out of sight on {found['what']}"
    return found


async def tab_to(page: Page, name: str = "", selector: str = "", key: str = "Tab") -> None:
    """Press Tab until the focus is on the control of this name or the element of this selector."""
    passed = []
    for _ in range(60):
        await page.keyboard.press(key)
        at = await focus(page)
        passed.append(at["what"])
        if (name and at["name"] == name) or (
            selector and await page.evaluate("(s) => document.activeElement.matches(s)", selector)
        ):
            return
    raise AssertionError(f"Tab never came to {name or selector}; it passed {passed}")


async def choose(page: Page, name: str, value: str) -> None:
    """Press the arrow until this option of the group that has the focus is chosen."""
    for _ in range(12):
        if (await focus(page))["value"] == value:
            break
        await page.keyboard.press("ArrowDown")
    assert await page.locator(f"input[name={name}]:checked").input_value() == value


async def answer_by_key(page: Page) -> None:
    await tab_to(page, name="answer")
    await page.keyboard.type(str(await result_of_sum(page)))


async def has_result(page: Page, chip: str = "Done") -> None:
    await page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}$"))
    await expect(page.locator("#chip")).to_have_text(chip)
    await expect(page.locator("[data-stop]")).to_have_count(0)


async def test_a_ping_with_tab_arrows_and_enter_alone(visitor: Person, lab: Lab) -> None:
    page = await visitor.page()
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await expect(page.locator(".skip")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()

    await tab_to(page, name="router")
    await choose(page, "router", "core2")
    await tab_to(page, name="connection")
    await choose(page, "connection", "5")
    await tab_to(page, name="query")
    await choose(page, "query", "ping")
    await tab_to(page, name="target")
    await page.keyboard.type("1.1.1.1")
    await answer_by_key(page)
    await tab_to(page, selector="#run")
    await page.keyboard.press("Enter")
    await has_result(page)
    assert lab.commands("core2")[-1] == "ping 1.1.1.1 source 203.0.113.193 count 5"

    # From the page's start every control of the result is reached, and seen.
    await tab_to(page, selector=".qbar > summary")
    await tab_to(page, selector=".acts a")
    await tab_to(page, selector="#raw")
    await tab_to(page, selector="footer a")
    await tab_to(page, selector=".acts a", key="Shift+Tab")


async def test_an_as_path_with_the_shortcuts_and_back_to_another_question(visitor: Person) -> None:
    page = await visitor.page()
    await page.keyboard.press("3")
    assert await page.locator("input[name=query]:checked").input_value() == "aspath"
    await page.keyboard.press("]")
    assert await page.locator("input[name=router]:checked").input_value() == "core2"
    await page.keyboard.press("[")
    await page.keyboard.press("/")
    await expect(page.locator("#target")).to_be_focused()
    await page.keyboard.type("8.8.8.0/24")
    await answer_by_key(page)
    await page.keyboard.press("Control+Enter")
    await has_result(page)

    rows = page.locator("[data-rows] > tr")
    await page.keyboard.press("j")
    await expect(rows.nth(0)).to_be_focused()
    await focus(page)
    await page.keyboard.press("j")
    await expect(rows.nth(1)).to_be_focused()
    await expect(page.locator(".gbox.wide .asg")).to_have_class(re.compile(r"\bpick\b"))
    await page.keyboard.press("k")
    await expect(rows.nth(0)).to_be_focused()
    await page.keyboard.press("v")
    await expect(page.locator("#raw")).to_be_visible()
    await expect(rows.nth(0)).to_be_hidden()
    await page.keyboard.press("v")
    await expect(rows.nth(0)).to_be_visible()

    await page.keyboard.press("/")
    await expect(page.locator("#target")).to_be_focused()
    await page.keyboard.type("1.1.1.1")
    await page.keyboard.press("Control+Enter")
    await has_result(page)
    await expect(page.locator("h1")).to_contain_text("AS path to 1.1.1.0/24")


async def test_nodes_of_the_graph_are_reached_and_light_their_paths(visitor: Person) -> None:
    page = await visitor.ask("aspath", "8.8.8.8", "core1")
    await has_result(page)
    await tab_to(page, selector=".gbox g.n")
    await expect(page.locator(".gbox.wide .asg")).to_have_class(re.compile(r"\bpick\b"))
    assert await page.locator("[data-rows] > tr.on").count() >= 1
    name = await page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert re.search(r"\w", name)
    await tab_to(page, selector="[data-view] input[name=view], [data-v] [role=region]")


async def test_the_list_of_keys_opens_closes_and_switches_them_off(visitor: Person) -> None:
    page = await visitor.page()
    await page.keyboard.press("/")
    await page.keyboard.type("?")
    await expect(page.locator("#target")).to_have_value("?")
    await expect(page.locator("#keys")).to_be_hidden()
    await tab_to(page, selector="#help", key="Shift+Tab")
    await page.keyboard.press("?")
    dialog = page.locator("#keys")
    await expect(dialog).to_be_visible()
    assert await page.evaluate("document.querySelector('#keys').contains(document.activeElement)")
    await page.keyboard.press("t")
    assert await page.locator("html").get_attribute("data-theme") is None
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#help")).to_be_focused()

    await page.keyboard.press("Enter")
    for _ in range(4):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id === 'keys-on'"):
            break
    await page.keyboard.press("Space")
    await page.keyboard.press("Escape")
    await page.reload()
    await page.keyboard.press("/")
    await expect(page.locator("#target")).not_to_be_focused()
    await page.locator("#target").fill("8.8.8.8")
    await answer_by_key(page)
    await page.keyboard.press("Control+Enter")  # no single key: it stays
    await has_result(page)


async def test_a_language_that_the_arrows_pass_is_not_spoken_and_nothing_typed_is_lost(visitor: Person) -> None:
    page = await visitor.page()
    await page.keyboard.press("]")
    await page.keyboard.press("2")
    await page.locator("#target").fill("dns.google")
    before = await page.evaluate("performance.timeOrigin")
    await tab_to(page, selector="#lang", key="Shift+Tab")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#lang")).to_have_value("ar-XB")
    assert await page.evaluate("performance.timeOrigin") == before
    await page.keyboard.press("Enter")
    await expect(page.locator("html")).to_have_attribute("lang", "ar-XB")
    assert await page.locator("input[name=router]:checked").input_value() == "core2"
    assert await page.locator("input[name=query]:checked").input_value() == "traceroute"
    await expect(page.locator("#target")).to_have_value("dns.google")


async def test_a_language_that_is_chosen_in_the_opened_list_is_spoken(visitor: Person) -> None:
    page = await visitor.page()
    await tab_to(page, selector="#lang")
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("html")).to_have_attribute("lang", "de")


async def test_keys_are_off_until_the_page_is_left_where_a_browser_keeps_nothing(visitor: Person) -> None:
    await visitor.context.add_init_script(
        "for (const each of ['getItem', 'setItem']) Storage.prototype[each] = () => { throw new Error('kept out') };"
    )
    page = await visitor.page()
    await page.keyboard.press("?")
    await page.locator("#keys-on").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("t")
    assert await page.locator("html").get_attribute("data-theme") is None
    await page.locator("#help").click()
    await expect(page.locator("#keys-on")).not_to_be_checked()


async def test_keys_on_a_result_copy_what_the_router_said_and_never_choose_unseen(visitor: Person) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await visitor.ask("ping", "8.8.8.8", "core2", 4)
    await has_result(page)
    await page.keyboard.press("c")
    await expect(page.locator(".toast.on")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == await page.locator("#raw").text_content()
    assert "packets transmitted" in copied

    await expect(page.locator("#target")).to_be_hidden()
    await page.keyboard.press("2")
    await expect(page.locator("#target")).to_be_visible()
    assert await page.locator("input[name=query]:checked").input_value() == "traceroute"
    await page.keyboard.press("e")
    await expect(page.locator("#target")).to_be_hidden()
    await expect(page.locator(".qbar > summary")).to_be_focused()


@pytest.mark.parametrize("held", ["Control+Alt+]", "Alt+]"])
async def test_brackets_work_where_the_keyboard_has_them_on_another_level(visitor: Person, held: str) -> None:
    page = await visitor.page()
    await page.keyboard.press(held)
    assert await page.locator("input[name=router]:checked").input_value() == "core2"
