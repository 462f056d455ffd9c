"""People with a browser: each has an address, cookies and a language of their own, and nothing may go wrong on their pages.

What goes wrong is a script that fails, anything the page's policy blocks, an error in the console, a dialog, a request to
anybody but the looking glass, or an answer of a status that the test did not say it expects.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, async_playwright

CHROMIUM = shutil.which("chromium")
WITHOUT = "needs Debian's chromium, which is not installed"
"""Why the tests of the browser are skipped."""

HERE = "127.0.0.1"
"""The address of whoever comes through no proxy."""

_BLOCKED = "document.addEventListener('securitypolicyviolation', (event) => console.error('the policy blocked ' + "
_BLOCKED += "event.violatedDirective + ' ' + event.blockedURI))"
_STATUS = re.compile(r"^Failed to load resource: the server responded with a status of (\d+)")
_CUT = "Failed to load resource: net::ERR_"
_addresses = count(1)


@asynccontextmanager
async def chromium(*switches: str) -> AsyncIterator[Browser]:
    """A browser, closed at the end."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *switches])
        yield running
        await running.close()


@dataclass
class Person:
    """Somebody with a browser, and what has gone wrong on their pages.

    `expected` are the statuses of errors that may come; `cut` says that connections may break.
    """

    context: BrowserContext
    url: str
    address: str
    wrong: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    cut: bool = False

    async def page(self, path: str = "/") -> Page:
        """A new tab at this path."""
        page = await self.context.new_page()
        await page.goto(self.url + path)
        return page

    async def ask(
        self, query: str, target: str, router: str = "core1", connection: int | None = None, page: Page | None = None
    ) -> Page:
        """Fill the form with the mouse as people do, answer the sum if there is one, and press Run."""
        page = page or await self.page()
        await fill(page, query, target, router, connection)
        await answer(page)
        await page.locator("#run").click()
        return page

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.wrong.append(f"a script failed: {error}"))

    def told(self, message: ConsoleMessage) -> None:
        status = _STATUS.match(message.text)
        foreseen = int(status[1]) in self.expected if status else self.cut and _CUT in message.text
        if message.type == "error" and not foreseen:
            self.wrong.append(f"the console has: {message.text} ({message.location['url']})")

    def requested(self, request: Request) -> None:
        if not request.url.startswith((self.url + "/", "data:")):
            self.wrong.append(f"somebody else was asked: {request.url}")

    async def asked(self, dialog: Dialog) -> None:
        self.wrong.append(f"a dialog opened: {dialog.message}")
        await dialog.dismiss()


@asynccontextmanager
async def person(browser: Browser, url: str, address: str = "", **options: Any) -> AsyncIterator[Person]:
    """Somebody new at the looking glass of this URL; from here if the address says so, else from an address of their own.

    `options` are those of a browser context of Playwright.
    """
    number = next(_addresses)
    address = address or f"100.64.{number >> 8}.{number & 255}"
    headers = {} if address == HERE else {"X-Forwarded-For": address}
    context = await browser.new_context(extra_http_headers=headers, **options)
    await context.add_init_script(_BLOCKED)
    somebody = Person(context, url, address)
    context.on("page", somebody.watch)
    context.on("console", somebody.told)
    context.on("request", somebody.requested)
    context.on("dialog", somebody.asked)
    try:
        yield somebody
    finally:
        await context.close()
    assert somebody.wrong == []


async def fill(page: Page, query: str, target: str, router: str = "core1", connection: int | None = None) -> None:
    """Choose and type in the form; the sum stays."""
    await page.locator(f"label:has(> input[name=query][value='{query}'])").click()
    await page.locator(f"label:has(> input[name=router][value='{router}'])").click()
    if connection is not None:
        await page.locator(f"label:has(> input[name=connection][value='{connection}'])").click()
    await page.locator("#target").fill(target)


async def answer(page: Page) -> None:
    """Answer the sum, if there is one."""
    if await page.locator("#sum").count():
        await page.locator("#answer").fill(str(await result_of_sum(page)))


async def result_of_sum(page: Page) -> int:
    return sum(int(number) for number in (await page.locator("#sum").inner_text()).split(" + "))
