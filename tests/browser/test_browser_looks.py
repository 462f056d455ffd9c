"""Languages, light and dark, and a screen of 320 pixels."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from browser.conftest import Glass
from doubles.browsing import Person, chromium, person

NARROW = {"width": 320, "height": 640}


async def colours(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(
        "() => ['backgroundColor', 'color'].map((name) => getComputedStyle(document.body)[name])"
    )
    return found


@pytest.mark.parametrize(
    ("accepted", "language", "run"),
    [("de-AT", "de", "Ausführen"), ("en-GB", "en", "Run"), ("fr-FR", "en", "Run")],
)
async def test_a_browser_s_language_is_spoken_where_it_is_known(
    browser: Browser, glass: Glass, accepted: str, language: str, run: str
) -> None:
    async with person(browser, glass.url, locale=accepted) as somebody:
        page = await somebody.page()
        await expect(page.locator("html")).to_have_attribute("lang", language)
        assert (await page.locator("#run").inner_text()).split()[0] == run


async def test_the_language_that_was_chosen_stays_on_every_page(visitor: Person) -> None:
    page = await visitor.page("/?router=core2&query=ping&target=8.8.8.8")
    await page.locator("#lang").select_option("de")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await expect(page.locator("#target")).to_have_value("8.8.8.8")
    await expect(page.locator("label[for=answer]")).to_contain_text("Was ist")
    await page.goto(page.url.partition("/?")[0] + "/network")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await visitor.ask("ping", "8.8.8.8", "core2", 4, page=await visitor.page())
    page = visitor.context.pages[-1]
    await expect(page.locator("#chip")).to_have_text("Fertig")
    await expect(page).to_have_title(re.compile("5 gesendet, 5 empfangen"))


async def test_from_right_to_left_everything_is_mirrored_but_addresses_and_output(visitor: Person) -> None:
    page = await visitor.page()
    left = await page.locator("fieldset:has(#router-list)").bounding_box()
    right = await page.locator("#target").bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] < right["x"]
    await page.locator("#lang").select_option("ar-XB")
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    left = await page.locator("#target").bounding_box()
    right = await page.locator("fieldset:has(#router-list)").bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] < right["x"]
    await visitor.ask("ping", "2001:4860:4860::8888", "core1", 1, page=page)
    await expect(page.locator("#chip")).to_have_class("bd ok")
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    for place in ("#raw", "#prompt", "#meta .mono"):
        assert await page.locator(place).first.evaluate("each => getComputedStyle(each).direction") == "ltr"


async def test_colours_follow_the_browser_until_the_switch_says_otherwise(visitor: Person) -> None:
    page = await visitor.page()
    await page.emulate_media(color_scheme="dark")
    dark = await colours(page)
    await page.emulate_media(color_scheme="light")
    light = await colours(page)
    assert dark != light

    await page.locator("#theme").click()
    assert await colours(page) == dark
    await page.reload()
    assert await colours(page) == dark
    await page.emulate_media(color_scheme="dark")
    assert await colours(page) == dark
    await page.keyboard.press("t")
    assert await colours(page) == light
    other = await visitor.page("/network")
    await other.emulate_media(color_scheme="dark")
    assert await colours(other) == light
    await expect(other.locator("#theme")).to_have_accessible_name("Switch to dark colours")

    await other.keyboard.press("t")  # what the browser prefers: followed again
    assert await colours(other) == dark
    await other.emulate_media(color_scheme="light")
    assert await colours(other) == light
    await other.reload()
    assert await colours(other) == light
    await expect(other.locator("#theme")).to_have_accessible_name("Switch to dark colours")
    assert not [cookie for cookie in await visitor.context.cookies() if cookie.get("name") == "np_theme"]


async def assert_fits(page: Page) -> None:
    """Nothing makes the page itself scroll sideways, and nothing is hidden to reach that."""
    found = await page.evaluate(
        """() => {
          const root = document.documentElement;
          scrollTo(100, 0);
          return {
            wide: root.scrollWidth, seen: root.clientWidth, moved: scrollX,
            cut: [root, document.body].map((each) => getComputedStyle(each).overflowX).filter((x) => /hidden|clip/.test(x)),
          };
        }"""
    )
    assert found["wide"] <= found["seen"] <= 320, page.url
    assert (found["moved"], found["cut"]) == (0, [])


@pytest.mark.parametrize("language", ["en", "de", "ar-XB"])
@pytest.mark.parametrize("path", ["/", "/network", "/api", "/r/" + "0" * 32])
async def test_every_page_fits_320_pixels(browser: Browser, glass: Glass, path: str, language: str) -> None:
    async with person(browser, glass.url, viewport=NARROW) as somebody:
        somebody.expected = {404}
        await assert_fits(await somebody.page(f"{path}?lang={language}"))


async def test_every_kind_of_result_fits_320_pixels(browser: Browser, glass: Glass) -> None:
    async with person(browser, glass.url, viewport=NARROW) as somebody:
        for query, target, router, connection in (
            ("ping", "2001:4860:4860::8888", "core1", 1),
            ("ping", "66.66.66.66", "core1", 3),
            ("traceroute", "one.one.one.one", "core2", 4),
            ("aspath", "9.9.9.0/24", "core1", None),
            ("aspath", "2001:4860::/32", "*", None),
        ):
            page = await somebody.ask(query, target, router, connection)
            await expect(page.locator("#chip")).to_have_class("bd ok")
            await expect(page.locator("[data-stop]")).to_have_count(0)
            await assert_fits(page)
            view = page.locator("label:has(> input[name=view][value=r])")
            if await view.count():
                await view.click()
                await expect(page.locator("#raw")).to_be_visible()
                await assert_fits(page)
            await page.locator(".qbar > summary").click()
            await expect(page.locator("#target")).to_be_visible()
            await assert_fits(page)


async def test_with_a_text_size_of_200_percent_nothing_overlaps(glass: Glass) -> None:
    async with chromium("--blink-settings=defaultFontSize=32") as large, person(large, glass.url) as somebody:
        page = await somebody.page()
        assert await page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
        overlaps = """(rows) => rows.filter((row) => {
          const [kind, name] = [".k", "b, a"].map((each) => row.querySelector(each)?.getBoundingClientRect());
          return kind && kind.right > name.left;
        }).map((row) => row.textContent)"""
        for rows in (".opt.cn", ".ct tbody tr"):
            assert await page.locator(rows).count() > 1
            assert await page.locator(rows).evaluate_all(overlaps) == []
        fields = [await page.locator(each).bounding_box() for each in ("#router-list", "#connection-list", "#target")]
        tops = [field["y"] for field in fields if field]
        assert len(tops) == 3
        assert tops == sorted(tops)  # one below the other
