"""Silence and ways that differ from the choice are explained in plain words, and the words are what the lab really does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from browser.conftest import opened
from doubles.browsing import Person, person
from netpulse.lab.lab import Lab
from netpulse.settings import Settings

AT_DECIX = "80.81.192.50"
"""core1's own address in the LAN of DE-CIX."""


async def said(page: Page) -> list[str]:
    """The notices of a result that is over."""
    await expect(page.locator("#chip")).to_have_text("Done")
    await expect(page.locator("[data-stop]")).to_have_count(0)
    return [" ".join(text.split()) for text in await page.locator("#notices .al").all_inner_texts()]


@pytest_asyncio.fixture
async def at_exchange(glass_settings: Settings, tmp_path: Path, browser: Browser) -> AsyncIterator[Person]:
    """A visitor of a looking glass whose operator gave connection 3 a source inside the LAN of its exchange."""
    inventory = glass_settings.inventory
    routers = tuple(
        replace(
            router,
            connections=tuple(
                replace(one, source_ipv4=ip_address(AT_DECIX), egress="source") if one.id == 3 else one
                for one in router.connections
            ),
        )
        for router in inventory.routers
    )
    changed = replace(
        glass_settings, inventory=replace(inventory, routers=routers), storage=f"sqlite:///{tmp_path}/glass.db"
    )
    async with AsyncExitStack() as stack:
        glass = await opened(stack, changed)
        async with person(browser, glass.url) as somebody:
            yield somebody


@pytest_asyncio.fixture
async def visitor(glass_settings: Settings, tmp_path: Path, browser: Browser) -> AsyncIterator[Person]:
    """A visitor of a looking glass of their own: commands that others stopped may hold sessions for their worst case."""
    settings = replace(glass_settings, storage=f"sqlite:///{tmp_path}/fresh.db")
    async with AsyncExitStack() as stack:
        glass = await opened(stack, settings)
        async with person(browser, glass.url) as somebody:
            yield somebody


async def test_a_source_in_an_exchange_lan_is_why_nobody_beyond_it_answers(at_exchange: Person, lab: Lab) -> None:
    lan = (
        "The source is in the LAN of DE-CIX. Nobody beyond the LAN can answer it, so only members of the exchange can be "
        "reached from it."
    )
    page = await at_exchange.ask("ping", "80.80.80.80", "core1", 3)
    assert lan in await said(page)
    assert AT_DECIX in lab.commands("core1")[-1]
    await expect(page.locator("#growing")).to_contain_text("100 %")
    page = await at_exchange.ask("traceroute", "193.0.6.139", "core1", 3)
    assert lan in await said(page)
    page = await at_exchange.ask("ping", "1.1.1.1", "core1", 3)  # a member
    assert await said(page) == []
    await expect(page).to_have_title(re.compile("5 sent, 5 received"))


@pytest.mark.parametrize("query", ["ping", "traceroute"])
async def test_a_way_out_that_differs_is_told_before_anything_else_is_believed(
    visitor: Person, lab: Lab, query: str
) -> None:
    if not lab.with_frr:
        pytest.skip("needs FRR")
    before = lab.packets("frr1", 6), lab.packets("frr1", 7)
    page = await visitor.ask(query, "8.8.8.8", "frr1", 7)
    differs = (
        "Leaves via Arelion Transit, answers come back via GTT Transit. You chose GTT Transit as source; the best path of frr1 "
        "to this target is another one."
    )
    assert await said(page) == [differs]
    out, back = lab.packets("frr1", 6) - before[0], lab.packets("frr1", 7) - before[1]
    assert out >= 5 > back  # besides what BGP itself sends

    page = await visitor.ask(query, "66.66.66.66", "frr1", 7)
    assert (
        f"{differs} Arelion Transit may drop packets whose source address belongs to another network, so this silence may say "
        "nothing about the target."
    ) in await said(page)


async def test_silence_beyond_an_exchange_may_be_a_carrier_s_that_drops_the_source(visitor: Person) -> None:
    page = await visitor.ask("ping", "66.66.66.66", "core1", 3)
    assert await said(page) == [
        "No answer at all. The target may be off, may not answer pings, or the way to it or back is broken. A traceroute shows "
        "how far packets come. DE-CIX leads only to its members and the networks behind them; a carrier farther on may drop "
        "packets whose source address it did not hear of, or have no way back to it."
    ]
    page = await visitor.ask("ping", "66.66.66.66", "core1", 1)
    assert "DE-CIX" not in (await said(page))[0]


@pytest.mark.parametrize("query", ["ping", "traceroute"])
async def test_a_router_that_has_no_way_out_by_an_exchange_says_so(visitor: Person, query: str) -> None:
    page = await visitor.ask(query, "9.9.9.9", "core2", 5)
    assert await said(page) == [
        "Nothing could be sent. The router has no way out to this target from this source. AMS-IX is an exchange: it leads only "
        "to its members and the networks behind them."
    ]
    assert "No route to host" in (await page.locator("#raw").text_content() or "")
