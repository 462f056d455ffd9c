"""Every diagnostic, driven through the form to its end, in front of the real lab."""

from __future__ import annotations

import html
import re

import pytest
from playwright.async_api import Page, expect

from doubles.browsing import Person, fill
from netpulse.lab.lab import Lab

SOURCES = {"core1": (1, "203.0.113.1", "2001:db8:1::1"), "core2": (4, "203.0.113.129", "2001:db8:4::1")}
both = pytest.mark.parametrize("router", SOURCES)


async def done(page: Page) -> None:
    """The page has become that of the result, and the result is whole."""
    await page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}$"))
    await expect(page.locator("#chip")).to_have_text("Done")
    await expect(page.locator("[data-stop]")).to_have_count(0)


async def figures(page: Page) -> dict[str, str]:
    """The strip of figures: each label with its value."""
    labels = await page.locator("dl dt").all_inner_texts()
    values = await page.locator("dl dd").all_inner_texts()
    return {label.upper(): " ".join(value.split()) for label, value in zip(labels, values, strict=True)}


@both
async def test_a_ping_shows_its_figures_its_chart_and_the_router_s_words(
    visitor: Person, lab: Lab, router: str
) -> None:
    connection, source, _ = SOURCES[router]
    page = await visitor.ask("ping", "8.8.8.8", router, connection)
    await done(page)
    assert (await figures(page))["LOSS"] == "0 % · 0 of 5"
    await expect(page.locator("#growing svg:visible")).to_have_count(1)
    await expect(page.locator("#growing svg:visible circle")).to_have_count(5)
    raw = await page.locator("#raw").inner_text()
    assert re.findall(r"^64 bytes from 8\.8\.8\.8: icmp_seq=(\d) ttl=\d+ time=", raw, re.M) == list("01234")
    command = f"ping 8.8.8.8 source {source} count 5"
    assert command in await page.locator("#prompt").inner_text()
    assert lab.commands(router)[-1] == command
    await expect(page).to_have_title(re.compile(f"^Ping 8.8.8.8 from {router}: 5 sent, 5 received, 0 % loss, average"))


@both
async def test_a_ping_by_ipv6_leaves_from_the_connection_s_ipv6_address(
    visitor: Person, lab: Lab, router: str
) -> None:
    connection, _, source = SOURCES[router]
    page = await visitor.page()
    await page.locator("#target").fill("2001:4860:4860::8888")
    await expect(page.locator("#fam")).to_have_text("IPv6")
    await visitor.ask("ping", "2001:4860:4860::8888", router, connection, page)
    await done(page)
    assert (await figures(page))["LOSS"] == "0 % · 0 of 5"
    assert lab.commands(router)[-1] == f"ping inet6 2001:4860:4860::8888 source {source} count 5"


@pytest.mark.parametrize(
    ("router", "version", "literal"),
    [("core1", "", "8.8.8.8"), ("core2", "4", "8.8.8.8"), ("core2", "6", "2001:4860:4860::8888")],
)
async def test_a_ping_by_name_goes_to_one_address_of_the_version_that_was_chosen(
    visitor: Person, lab: Lab, router: str, version: str, literal: str
) -> None:
    page = await visitor.page()
    await page.locator("select[name=family]").select_option(version)
    await visitor.ask("ping", "dns.google", router, SOURCES[router][0], page)
    await done(page)
    assert f" {literal} source " in lab.commands(router)[-1]
    await expect(page.locator("#raw")).to_contain_text(literal)
    await expect(page.locator("h1")).to_contain_text("Ping dns.google")


@both
async def test_a_traceroute_shows_every_hop_with_its_name_and_network(visitor: Person, lab: Lab, router: str) -> None:
    page = await visitor.page()
    await page.locator("label:has(> input[name=query][value=traceroute])").click()
    await page.locator("input[name=as_lookup]").check()
    await visitor.ask("traceroute", "8.8.8.8", router, SOURCES[router][0], page)
    await done(page)
    assert lab.commands(router)[-1].startswith("traceroute 8.8.8.8 source ")
    hops = page.locator("[data-rows] > tr")
    assert await hops.count() >= 3
    first = {"core1": ("cogentco.com", "AS174"), "core2": ("gin.ntt.net", "AS2914")}[router]
    for text in first:
        await expect(hops.first).to_contain_text(text)
    await expect(hops.last).to_contain_text("8.8.8.8")
    await expect(hops.last).to_contain_text("AS15169")
    await expect(page.locator("#badge")).to_have_text("Reached")
    await expect(page.locator("#raw")).to_be_hidden()


@both
async def test_an_as_path_of_one_router_is_a_graph_and_a_table_of_the_same_paths(visitor: Person, router: str) -> None:
    page = await visitor.page()
    await fill(page, "aspath", "1.1.1.0/24", router)
    await expect(page.locator("#ways")).to_have_attribute("disabled", "")
    await expect(page.locator("#cmd-on")).to_have_text(f"Will ask rs1 about {router}")
    await visitor.ask("aspath", "1.1.1.0/24", router, page=page)
    await done(page)
    rows = page.locator("[data-rows] > tr")
    assert await rows.count() >= 2
    await expect(rows.locator("td .bd.in-b")).to_have_count(1)
    await expect(page.locator(".gbox.wide svg")).to_be_visible()
    graph = await page.locator(".gbox.wide").inner_text()
    assert "AS13335" in graph
    assert router in graph
    drawn = "nodes => nodes.map(node => getComputedStyle(node).contentVisibility)"
    assert set(await page.locator(".gbox g.n").evaluate_all(drawn)) == {"visible"}  # on paper and far below the fold too


async def test_pointing_at_a_row_shows_its_path_in_the_graph(visitor: Person) -> None:
    page = await visitor.ask("aspath", "8.8.8.8", "core1")
    await done(page)
    row = page.locator("[data-rows] > tr").nth(1)
    await row.hover()
    await expect(page.locator(".gbox.wide .asg")).to_have_class(re.compile(r"\bpick\b"))
    number = await row.get_attribute("data-p")
    lit = await page.locator(".gbox.wide path.e.on").evaluate_all("paths => paths.map(p => p.dataset.p.split(' '))")
    assert lit
    assert all(number in of for of in lit)


async def test_an_as_path_of_all_routers_has_every_router_s_paths_in_one_graph(visitor: Person, lab: Lab) -> None:
    page = await visitor.page()
    await fill(page, "aspath", "8.8.8.8", "*")
    link = f"{visitor.url}/?router=*&query=aspath&target=8.8.8.8"
    served = await (await page.request.get(link, headers={"Accept": "text/html"})).text()
    told = re.search(r'<output[^>]*id="cmd"[^>]*>(.*?)</output>', served, re.S)
    assert told is not None
    assert await page.locator("#cmd").inner_text() == html.unescape(told[1])
    assert "rs1> show route for 8.8.8.8 table core2_v4 all" in told[1].replace("&gt;", ">")
    await visitor.ask("aspath", "8.8.8.8", "*", page=page)
    await page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}$"))
    n = len(lab.routers)
    await expect(page.locator("#chip")).to_have_text(f"{n} of {n} routers answered")
    await expect(page.locator("[data-stop]")).to_have_count(0)
    for router in lab.routers:
        await expect(page.locator(".gbox.wide g.n:not(.or)", has_text=router)).to_be_visible()
        await expect(page.locator("[data-rows] > tr", has_text=router).first).to_be_visible()
    await expect(page).to_have_title(re.compile(re.escape(f"{n} of {n} routers answered. Origin AS15169.")))

    # The routers' choices alone, in the table and in the graph, on small screens too.
    rows = page.locator("[data-rows] > tr")
    assert await rows.count() > n
    await expect(page.locator("#paths-panel h2 + span")).to_have_text(str(await rows.count()))
    await page.locator("#best-only").check()
    await expect(page.locator("[data-rows] > tr:visible")).to_have_count(n)
    await expect(page.locator(".gbox.wide path.e:not(.best):visible")).to_have_count(0)
    await page.set_viewport_size({"width": 400, "height": 800})
    await expect(page.locator("[data-rows] > tr:visible")).to_have_count(n)


async def test_a_second_origin_is_told_and_dashed(visitor: Person) -> None:
    page = await visitor.ask("aspath", "9.9.9.9", "core1")
    await done(page)
    await expect(page.locator("#notices")).to_contain_text("AS19281 and AS64666 each say that 9.9.9.0/24 is theirs.")
    await expect(page.locator(".gbox.wide g.n.hid")).to_have_count(1)
    dashes = await page.locator(".gbox.wide path.e.hid").first.evaluate("path => getComputedStyle(path).strokeDasharray")
    assert dashes != "none"
