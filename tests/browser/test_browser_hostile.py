"""Whatever a router prints is text in a browser too: nothing runs, nothing is loaded, nothing breaks the stream."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from doubles.browsing import Person, person
from doubles.glass import ROUTE, answers
from doubles.result_pages import OPEN, glass_of, printing
from doubles.scripted import Hang, Hold, Say, Scripted

MARKUP = (
    "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'><svg onload='window.ran = 1'></svg>"
    "</pre></section><style>*{display:none}</style><iframe srcdoc='<script>parent.ran = 1</script>'></iframe>"
    "<a href='javascript:ran = 1'>press</a><base href='//elsewhere.example/'><meta http-equiv=refresh content=0>"
)
FRAMES = "x\n\nevent: whole\ndata: <p id=result>gone</p>\n\nid: 1.1\nretry: 1\n: comment\r\r"
UNSEEN = "\x1b[31mred\x1b[0m \x1b]0;another title\x07\u202egnp.exe\u202c zero\u200bwidth \x9b2J end\n"
ECHO = "64 bytes from 8.8.8.8: icmp_seq=1 ttl=61 time=1.5 ms\n"
PRINTED = f"{MARKUP}\n{FRAMES}\n{UNSEEN}{ECHO}"
RAN = "() => [window.ran ?? null, document.title, document.baseURI, document.querySelectorAll("
RAN += "'#result :is(script, iframe, style, base, meta, object, a[href^=javascript], img)').length]"


class Raw(str):
    """Text that goes out as these bytes."""

    wire = b""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.wire


async def assert_nothing_ran(page: Page) -> None:
    ran, title, base, elements = await page.evaluate(RAN)
    assert (ran, base, elements) == (None, page.url, 0)
    assert "another title" not in title


async def assert_is_text(page: Page) -> None:
    await assert_nothing_ran(page)
    raw = await page.locator("#raw").text_content() or ""
    assert MARKUP in raw
    assert "event: whole\ndata: <p id=result>gone</p>" in raw
    assert "red gnp.exe zerowidth  end" in raw
    assert "\u202e" not in raw
    await expect(page.locator("#raw")).to_be_visible()
    await expect(page.locator("#growing svg:visible circle")).to_have_count(1)


async def test_markup_frames_and_controls_are_text_while_they_come_and_when_they_are_kept(
    tmp_path: Path, browser: Browser
) -> None:
    held = printing([Say(PRINTED), Hold(), Say(PRINTED.replace("icmp_seq=1", "icmp_seq=2") + "last line\n"), Hang()])
    async with glass_of(tmp_path, OPEN, router_core1=held) as glass, person(browser, glass.url) as somebody:
        page = await somebody.ask("ping", "8.8.8.8")
        await expect(page.locator("#chip")).to_have_text("Running · 1 of 5")
        await assert_is_text(page)
        held.go()
        await expect(page.locator("#raw")).to_contain_text("last line")
        await expect(page.locator("#chip")).to_have_text("Running · 2 of 5")  # so these lines came as events
        await assert_nothing_ran(page)
        assert await page.locator("#raw").evaluate("raw => raw.childElementCount") == 0
        await page.keyboard.press(".")
        await expect(page.locator("[data-stop]")).to_have_count(0)
        await assert_nothing_ran(page)
        raw = await page.locator("#raw").text_content()
        assert (raw or "").count(MARKUP) == 2
        async with person(browser, glass.url) as colleague:
            theirs = await colleague.page(page.url.removeprefix(glass.url))
            assert await theirs.locator("#raw").text_content() == raw
            await assert_nothing_ran(theirs)
            for suffix in (".json", ".txt"):
                await theirs.goto(page.url + suffix)
                assert await theirs.evaluate("[window.ran ?? null, document.querySelectorAll('img, iframe').length]") == [
                    None,
                    0,
                ]


async def test_a_line_without_end_and_lines_without_number_are_cut_and_the_page_stays_usable(
    tmp_path: Path, browser: Browser
) -> None:
    for flood in ("<b>" * 2_000_000, "<i>line</i>\n" * 200_000):
        device = printing([Say(ECHO + flood)])
        folder = tmp_path / str(len(flood))
        folder.mkdir()
        async with glass_of(folder, OPEN, router_core1=device) as glass, person(browser, glass.url) as somebody:
            page = await somebody.ask("ping", "8.8.8.8")
            await expect(page.locator("#notices")).to_contain_text("The output was cut.")
            await expect(page.locator("[data-stop]")).to_have_count(0)
            await assert_nothing_ran(page)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert await page.evaluate("document.querySelectorAll('#raw *').length") == 0
            await page.keyboard.press("/")
            await expect(page.locator("#target")).to_be_focused()


async def test_bytes_that_are_no_text_become_marks(tmp_path: Path, browser: Browser) -> None:
    junk = Raw()
    junk.wire = b"\xff\xfe\x80 \xc3( ok\n\xed\xa0\x80\n" + ECHO.encode() * 3
    async with (
        glass_of(tmp_path, OPEN, router_core1=printing([Say(junk)])) as glass,
        person(browser, glass.url) as somebody,
    ):
        page = await somebody.ask("ping", "8.8.8.8")
        await expect(page.locator("[data-stop]")).to_have_count(0)
        await expect(page.locator("#raw")).to_contain_text("\ufffd")
        await assert_nothing_ran(page)


@pytest.mark.parametrize("router", ["core1", "*"])
async def test_routes_with_markup_in_every_place_are_text_in_table_and_graph(
    tmp_path: Path, browser: Browser, router: str
) -> None:
    evil = ROUTE.replace("core1_all", "core1_all<img src=x onerror=ran=1>").replace(
        "BGP.as_path: 174", "BGP.as_path: <svg/onload=ran=1> 174"
    )
    evil += "\tBGP.large_community: (<script>ran=1</script>, 1, 2)\n\t<b>Type</b>: BGP univ\n"
    rs1 = Scripted(lambda command: [Say(evil)] if command.startswith("show route") else answers(command))
    async with glass_of(tmp_path, OPEN, rs1=rs1) as glass, person(browser, glass.url) as somebody:
        page = await somebody.ask("aspath", "8.8.8.8", router)
        await expect(page.locator("[data-stop]")).to_have_count(0)
        await assert_nothing_ran(page)
        assert "onload=ran=1" in (await page.locator("#raw").text_content() or "")


async def test_what_a_visitor_types_is_text_on_every_page_that_repeats_it(visitor: Person) -> None:
    visitor.expected = {400}
    for typed in ("<img src=x onerror=ran=1>", "'\"><script>ran=1</script>", "{{7*7}}", "javascript:ran=1"):
        page = await visitor.ask("ping", typed)
        await expect(page.locator("#target-e")).to_be_visible()
        await expect(page.locator("#target")).to_have_value(typed)
        assert await page.evaluate("window.ran ?? null") is None
    await page.goto(page.url.partition("?")[0] + "?target=%22%3E%3Cscript%3Eran=1%3C/script%3E&router=%3Cb%3E&lang=%3Cb%3E")
    await expect(page.locator("#target")).to_have_value('"><script>ran=1</script>')
    assert await page.evaluate("window.ran ?? null") is None
