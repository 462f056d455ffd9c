"""The page of a result in a browser: it grows by itself, survives a lost connection, stops, and keeps the reader's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, expect

from doubles.browsing import HERE, person
from doubles.glass import Glass
from doubles.result_pages import LINES, PINGED, TRACED, asked, glass_of, printing
from doubles.scripted import Hang, Hold, Say


@asynccontextmanager
async def reading(browser: Browser, address: str, *, cut: bool = False) -> AsyncIterator[Page]:
    """A page that is open, by whoever asked; `cut` says that its connection may break."""
    async with person(browser, "http://" + urlsplit(address).netloc, HERE) as somebody:
        somebody.cut = cut
        yield await somebody.page(urlsplit(address).path)


class Line:
    """A connection between a browser and the service that can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self.whole = True

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.whole:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        ends = {writer, far_writer}
        self._open |= ends
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            self._open -= ends

    def cut(self) -> None:
        self.whole = False
        for writer in self._open:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


@asynccontextmanager
async def line_to(glass: Glass) -> AsyncIterator[tuple[Line, str]]:
    line = Line(glass.port)
    async with await asyncio.start_server(line.carry, "127.0.0.1", 0) as server:
        yield line, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        line.cut()


async def test_a_page_grows_and_says_what_came_of_it(tmp_path: Path, browser: Browser) -> None:
    held = printing([Say(LINES[0] + "\n"), Hold(), Say("\n".join(LINES[1:]) + "\n")])
    async with (
        glass_of(tmp_path, router_core1=held) as glass,
        reading(browser, glass.url + await asked(glass, PINGED)) as page,
    ):
        await expect(page.locator("#chip")).to_have_text("Running · 1 of 5")
        await expect(page.locator("#raw")).to_contain_text(LINES[0])
        held.go()
        await expect(page.locator("#chip")).to_have_text("Done")
        assert (await page.locator("#raw").inner_text()).count("icmp_seq") == 5
        verdict = "5 sent, 5 received, 0 % loss, average 1.5 ms"
        assert verdict in await page.title()
        await expect(page.locator("#say")).to_have_text(verdict)
        await expect(page.locator("[data-stop]")).to_have_count(0)


async def test_a_lost_connection_is_said_and_nothing_is_missed_or_repeated(tmp_path: Path, browser: Browser) -> None:
    held = printing([Say(LINES[0] + "\n"), Hold(), Say("\n".join(LINES[1:3]) + "\n"), Hang()])
    async with (
        glass_of(tmp_path, router_core1=held) as glass,
        line_to(glass) as (line, address),
        reading(browser, address + await asked(glass, PINGED), cut=True) as page,
    ):
        await expect(page.locator("#chip")).to_have_text("Running · 1 of 5")
        line.cut()
        await expect(page.locator("#lost")).to_have_text(
            "Connection lost at probe 1. The query goes on; reconnecting in 2 s."
        )
        await expect(page.locator("#raw")).to_contain_text(LINES[0])
        held.go()
        line.whole = True
        await expect(page.locator("#chip")).to_have_text("Running · 3 of 5", timeout=15_000)
        await expect(page.locator("#lost")).to_be_hidden()
        assert await page.locator("#raw").inner_text() == "".join(f"{text}\n" for text in LINES[:3])


async def test_the_stop_key_ends_the_run_and_the_page_stays(tmp_path: Path, browser: Browser) -> None:
    silent = printing([Say(LINES[0] + "\n"), Hang()])
    async with (
        glass_of(tmp_path, router_core1=silent) as glass,
        reading(browser, glass.url + await asked(glass, PINGED)) as page,
    ):
        await expect(page.locator("#chip")).to_have_text("Running · 1 of 5")
        await page.keyboard.press(".")
        await expect(page.locator("#chip")).to_have_text("Stopped")
        await expect(page.locator("#notices")).to_contain_text("Stopped after 1 of 5 probes.")
        assert silent.stopped == 1


async def test_keys_switch_to_the_raw_output_walk_the_rows_and_open_the_form(tmp_path: Path, browser: Browser) -> None:
    async with glass_of(tmp_path) as glass, reading(browser, glass.url + await asked(glass, TRACED)) as page:
        await expect(page.locator("#chip")).to_have_text("Done")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await expect(page.locator("[data-rows] > tr").nth(1)).to_be_focused()
        await page.keyboard.press("v")
        await expect(page.locator("#raw")).to_be_visible()
        await page.keyboard.press("v")
        await expect(page.locator("#raw")).to_be_hidden()
        await page.keyboard.press("e")
        await expect(page.locator("#target")).to_be_visible()
        assert await page.input_value("#target") == "8.8.8.8"


async def test_without_scripts_the_page_comes_again_until_it_is_whole(tmp_path: Path, browser: Browser) -> None:
    held = printing([Say(LINES[0] + "\n"), Hold(), Say("\n".join(LINES[1:]) + "\n")])
    async with glass_of(tmp_path, router_core1=held) as glass:
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(glass.url + await asked(glass, PINGED))
        await expect(page.locator("#chip")).to_have_text("Running · 1 of 5", timeout=15_000)
        held.go()
        await expect(page.locator("#chip")).to_have_text("Done", timeout=15_000)
        await expect(page.locator("#raw")).to_contain_text(LINES[4])
        await context.close()
