"""Screenshots of every page: three widths, light and dark; results also from right to left and as they are printed.

    .venv/bin/python tools/shots.py [--only NAME …] [--to FOLDER]

They go to `.cache/shots`, which git ignores: to be looked at after a change of what pages look like.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.async_api import Browser, Page, async_playwright

from every_page import PAGES, RIGHT, Shown, Stage, every_page
from netpulse.words import PSEUDO

WIDTHS = (1280, 768, 400)
# What is below the fold is drawn as if it were scrolled to.
_DRAWN = "document.querySelectorAll('*').forEach(each => each.style.contentVisibility = 'visible')"
_HEIGHTS = {1280: 900, 768: 1024, 400: 800}
_FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "shots"


class Look(NamedTuple):
    """How a page is looked at."""

    width: int
    theme: Literal["light", "dark"]
    language: str = "en"
    paper: bool = False

    @property
    def name(self) -> str:
        more = "-print" if self.paper else "-rtl" if self.language == PSEUDO else ""
        return f"{self.width}-{self.theme}{more}"


def looks(page: Shown) -> Iterator[Look]:
    """Every way this page is looked at."""
    for width in WIDTHS:
        yield Look(width, "light")
        yield Look(width, "dark")
    yield Look(1280, "light", PSEUDO)
    yield Look(400, "dark", PSEUDO)
    if page.result is not None:
        yield Look(1280, "dark", paper=True)


@asynccontextmanager
async def open_page(browser: Browser, stage: Stage, shown: Shown, look: Look) -> AsyncIterator[Page]:
    """The page in a context of its own, as this look has it."""
    context = await browser.new_context(
        viewport={"width": look.width, "height": _HEIGHTS[look.width]},
        color_scheme=look.theme,
        reduced_motion="reduce",
        extra_http_headers={"X-Forwarded-For": shown.client},
    )
    await context.add_cookies([{"name": "np_lang", "value": look.language, "url": stage.url}])
    page = await context.new_page()
    async with stage.at(shown) as address:
        await page.goto(address)
        if shown.typed:
            await _ask(page, shown)
        await page.evaluate(_DRAWN)
        if look.paper:
            await page.emulate_media(media="print")
        yield page
        await context.close()


async def _ask(page: Page, shown: Shown) -> None:
    for field, value in shown.typed.items():
        if value == RIGHT:
            value = str(sum(map(int, re.findall(r"\d+", await page.inner_text("#sum")))))
        await page.fill(field, value)
    async with page.expect_navigation():
        await page.click("#run")


async def shoot(folder: Path, only: list[str]) -> int:
    """How many were made."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("There is no chromium here; install Debian's package of that name.", file=sys.stderr)
        return 0
    made = 0
    with tempfile.TemporaryDirectory(prefix="netpulse-shots-") as data:
        async with every_page(Path(data)) as stage, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for shown in PAGES:
                if only and shown.name not in only:
                    continue
                for look in looks(shown):
                    async with open_page(browser, stage, shown, look) as page:
                        await page.screenshot(path=folder / f"{shown.name}-{look.name}.png", full_page=True)
                    made += 1
            await browser.close()
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description="Make screenshots of every page.")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only pages of these names")
    parser.add_argument("--to", type=Path, default=_FOLDER, metavar="FOLDER", help="emptied and filled; .cache/shots")
    given = parser.parse_args()
    shutil.rmtree(given.to, ignore_errors=True)
    given.to.mkdir(parents=True)
    logging.disable()  # one of the pages is that of a defect
    made = asyncio.run(shoot(given.to, given.only))
    print(f"{made} screenshots in {given.to}")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main())
