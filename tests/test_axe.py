"""Accessibility of every page in every state: axe-core finds nothing, light and dark, on a desk and in a hand.

Rules of WCAG 2.0 to 2.2, A and AA, and best practice. What axe cannot decide it leaves to people and is not counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from every_page import PAGES, Shown, Stage, every_page
from netpulse.words import PSEUDO
from shots import Look, open_page

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def test_axe_is_the_one_that_is_named() -> None:
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == SHA256


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with every_page(tmp_path_factory.mktemp("pages")) as running:
        yield running


async def found(page: Page, *, colours: bool = False) -> list[str]:
    """What axe objects to on the page as it is now: rule, place and reason. `colours` asks for contrast only."""
    options = {"runOnly": ["color-contrast"] if colours else RULES, "resultTypes": ["violations"]}
    result: dict[str, Any] = await page.evaluate("options => axe.run(document, options)", options)
    assert result["passes"], "axe looked at nothing"
    return [
        f"{violation['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
async def test_axe_finds_nothing(shown: Shown, browser: Browser, stage: Stage) -> None:
    """Light and dark differ in colours only."""
    async with open_page(browser, stage, shown, Look(1280, "light")) as page:
        await page.evaluate(AXE.read_text("utf-8"))
        assert await found(page) == []
        await page.emulate_media(color_scheme="dark")
        assert await found(page, colours=True) == []
        await page.set_viewport_size({"width": 400, "height": 800})
        assert await found(page) == []
        await page.emulate_media(color_scheme="light")
        assert await found(page, colours=True) == []


@pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
async def test_axe_finds_nothing_from_right_to_left(shown: Shown, browser: Browser, stage: Stage) -> None:
    async with open_page(browser, stage, shown, Look(1280, "light", PSEUDO)) as page:
        assert await page.get_attribute("html", "dir") == "rtl"
        await page.evaluate(AXE.read_text("utf-8"))
        assert await found(page) == []


async def test_what_is_wrong_is_found(browser: Browser, stage: Stage) -> None:
    async with open_page(browser, stage, PAGES[0], Look(1280, "light")) as page:
        await page.evaluate(AXE.read_text("utf-8"))
        await page.evaluate("const box = document.querySelector('[name=router]'); box.closest('label').replaceWith(box)")
        assert any(each.startswith("label: ") for each in await found(page))
        await page.evaluate("document.styleSheets[0].insertRule('h1 {color: #456; background: #345}', 0)")
        assert any(each.startswith("color-contrast: ") for each in await found(page, colours=True))
