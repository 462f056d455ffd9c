"""The pages on paper, in the colours that a reader forces, without motion, and from right to left: seen in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from every_page import PAGES, Shown, Stage, every_page
from netpulse.words import PSEUDO
from shots import Look, open_page

PAGE = {page.name: page for page in PAGES}
SHEET_PX = 718
"""The width of an A4 sheet between usual margins."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with every_page(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.mark.parametrize("name", ["ping-loss", "traceroute", "aspath-everywhere"])
async def test_a_printed_result_is_light_whole_and_says_where_it_came_from(
    browser: Browser, stage: Stage, name: str
) -> None:
    async with open_page(browser, stage, PAGE[name], Look(1280, "dark", paper=True)) as page:
        await page.set_viewport_size({"width": SHEET_PX, "height": 1000})
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        await expect(page.locator(".printurl")).to_have_text(page.url)
        await expect(page.locator(".printurl")).to_be_visible()
        for gone in (".top .wrap > :not(.brand)", ".acts", ".foot", ".cmp", ".seg", ".gtext", "#result .btn"):
            assert await page.locator(gone).locator("visible=true").count() == 0, gone
        assert await page.evaluate("document.documentElement.scrollWidth") <= SHEET_PX
        pictures = page.locator("#result .panel svg:not(.i):visible")
        widths = await pictures.evaluate_all("all => all.map(each => each.getBoundingClientRect().right)")
        assert widths
        assert max(widths) <= SHEET_PX
        small = "all => all.map(text => text.getBoundingClientRect().height).filter(height => height < 9)"
        assert await pictures.locator(".a, .b").evaluate_all(small) == []
        if name == "traceroute":
            await expect(page.locator(".share > svg text:visible")).not_to_have_count(0)
        cut = "all => all.filter(box => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1).length"
        assert await page.locator(".raw:visible, .scroll:visible, .gbox:visible").evaluate_all(cut) == 0


@pytest.mark.parametrize(
    ("width", "drawing", "least"),
    [(1280, "wide", 0.88), (1024, "middle", 0.99), (768, "middle", 0.99), (560, "middle", 0.99), (400, "narrow", 0.99)],
)
async def test_the_graph_is_drawn_for_the_room_it_has_and_never_shrunk_until_it_cannot_be_read(
    browser: Browser, stage: Stage, width: int, drawing: str, least: float
) -> None:
    async with open_page(browser, stage, PAGE["aspath-everywhere"], Look(1280, "light")) as page:
        await page.set_viewport_size({"width": width, "height": 900})
        shown = page.locator(".gbox:visible")
        await expect(shown).to_have_count(1)
        await expect(shown).to_have_class(f"gbox {drawing}")
        await expect(shown).to_have_attribute("aria-label", "AS-path graph, scrollable")
        shrunk = "svg => svg.getBoundingClientRect().width / svg.getAttribute('width')"
        assert await shown.locator("svg").evaluate(shrunk) >= least
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        stops = "all => all.filter(node => { node.focus(); return document.activeElement === node; }).length"
        assert await page.locator(".gbox g.n").evaluate_all(stops) == await shown.locator("g.n").count()


@pytest.mark.parametrize(("width", "lit"), [(1280, ["TD"]), (400, ["TR"])])
async def test_the_row_of_a_path_that_is_followed_has_one_bar(
    browser: Browser, stage: Stage, width: int, lit: list[str]
) -> None:
    async with open_page(browser, stage, PAGE["aspath-everywhere"], Look(width, "light")) as page:
        row = page.locator("#path-1")
        await row.hover()
        await expect(row).to_have_class("on")
        barred = "row => [row, ...row.cells].filter(each => getComputedStyle(each).boxShadow !== 'none').map(e => e.tagName)"
        assert await row.evaluate(barred) == lit


async def test_what_is_chosen_shows_in_forced_colours(browser: Browser, stage: Stage) -> None:
    async with open_page(browser, stage, PAGE["home"], Look(1280, "light")) as page:
        await page.emulate_media(forced_colors="active")
        colours = "all => all.map(each => getComputedStyle(each).{}).filter((one, n, every) => every.indexOf(one) === n).length"
        for places, what in ((".nav a", "borderBottomColor"), (".seg span", "backgroundColor"), (".fc", "backgroundColor")):
            assert await page.locator(places).evaluate_all(colours.replace("{}", what)) == 2, places
        await page.locator(".seg input").first.focus()
        await page.keyboard.press("ArrowRight")
        assert await page.evaluate("getComputedStyle(document.activeElement.nextElementSibling).outlineStyle") == "solid"


async def test_nothing_moves_for_who_wants_it_still(browser: Browser, stage: Stage) -> None:
    moving = "document.getAnimations().length"
    async with open_page(browser, stage, PAGE["running-ping"], Look(1280, "light")) as page:
        await expect(page.locator(".caret")).to_be_visible()
        assert await page.evaluate(moving) == 0
        await page.emulate_media(reduced_motion="no-preference")
        assert await page.evaluate(moving) > 0


@pytest.mark.parametrize("name", ["aspath-everywhere", "traceroute", "ping-loss"])
@pytest.mark.parametrize("width", [1280, 400])
async def test_texts_of_pictures_stay_in_their_places_from_right_to_left(
    browser: Browser, stage: Stage, name: str, width: int
) -> None:
    async with open_page(browser, stage, PAGE[name], Look(width, "light", PSEUDO)) as page:
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        outside = """all => all.flatMap(picture => {
            const frame = picture.getBoundingClientRect();
            return [...picture.querySelectorAll('text')].filter(text => {
                const place = text.getBoundingClientRect();
                const node = text.closest('.n')?.querySelector('rect');
                const box = node ? node.getBoundingClientRect() : frame;
                return place.width && (place.left < box.left - 1 || (box !== frame && place.right > box.right + 1));
            }).map(text => text.textContent);
        })"""
        assert await page.locator("#result svg:not(.i):visible").evaluate_all(outside) == []


@pytest.mark.parametrize("shown", [page for page in PAGES if not page.busy and not page.typed], ids=lambda shown: shown.name)
async def test_no_page_is_wider_than_its_window(browser: Browser, stage: Stage, shown: Shown) -> None:
    """At 320 px, which is 400 % of zoom on a usual screen (WCAG 1.4.10)."""
    async with open_page(browser, stage, shown, Look(400, "light")) as page:
        await page.set_viewport_size({"width": 320, "height": 700})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
