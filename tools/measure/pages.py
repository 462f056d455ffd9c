"""What a first visit costs: requests, bytes and time of each page, in Chromium with an empty cache, on loopback.

The pages stand on the lab's recording, so no router takes part; the large network is 40 routers of 15 connections each.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass, field
from gzip import compress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, CDPSession, async_playwright

from measure.glass import Glass, served
from measure.rows import Row, median
from netpulse.lab import config_file
from netpulse.lab import topology as net
from netpulse.lab.replay import RECORDING
from netpulse.web.pages.assets import built

MOST_REQUESTS, MOST_BYTES, MOST_CSS, MOST_JS = 4, 40 * 1024, 10 * 1024, 15 * 1024
MOST_LCP_MS, MOST_SHIFT = 300.0, 0.02
_TIMES = 6
_LARGE = 40, 15
# The largest paint that was, and everything that moved by itself.
_WATCH = """\
window.seen = {lcp: 0, shift: 0};
window.painted = new Promise(told => {
  new PerformanceObserver(list => { for (const each of list.getEntries()) seen.lcp = each.startTime; told(); })
    .observe({type: 'largest-contentful-paint', buffered: true});
});
new PerformanceObserver(list => { for (const each of list.getEntries()) if (!each.hadRecentInput) seen.shift += each.value; })
  .observe({type: 'layout-shift', buffered: true});
"""
# A paint is told a frame or two after it was made.
_SEEN = "painted.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(seen)))))"


@dataclass
class Visit:
    """One load of a page with nothing in the cache: requests, bytes on the wire, hosts beside ours, time and shift."""

    requests: int = 0
    wire: int = 0
    strangers: set[str] = field(default_factory=set)
    lcp_ms: float = 0.0
    shift: float = 0.0


async def pages(folder: Path) -> list[Row]:
    """The budgets of the pages. `folder` is there and empty."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return [Row("first page load", "", "there is no chromium here", None)]
    small, large = folder / "small", folder / "large"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        async with await asyncio.start_server(_one_word, "127.0.0.1", 0) as bare:
            host, port = bare.sockets[0].getsockname()
            least_ms = median(each.lcp_ms for each in await _visits(browser, f"http://{host}:{port}/"))
        async with served(small_network(small)) as glass:
            found = {name: await _visits(browser, glass.url(path)) for name, path in (await _paths(glass)).items()}
        async with served(large_network(large)) as glass:
            many = {name: await _visits(browser, glass.url(path)) for name, path in FORMS.items()}
        await browser.close()
    routers, connections = _LARGE
    return [
        *_rows("first page load", found, least_ms),
        *_weights(),
        *_rows(f"the same with {routers} × {connections}", many, least_ms),
    ]


async def _one_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The smallest page there is: what the browser itself takes on this machine, busy as it is."""
    await reader.readuntil(b"\r\n\r\n")
    page = b"<!doctype html><title>One</title><p>Word"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + page)
    await writer.drain()
    writer.close()


FORMS = {"home": "/", "network": "/network"}


async def _paths(glass: Glass) -> dict[str, str]:
    """Where the pages are that are looked at; results are asked for first."""
    async with glass.connect() as web:
        everywhere = (await web.get("/api/v1/aspath/all-routers?target=9.9.9.9")).data()["id"]
        trace = (await web.get("/api/v1/traceroute?target=8.8.8.8&router=core1&connection=1&as_lookup=true")).data()["id"]
    return {**FORMS, "API": "/api", "AS paths": f"/r/{everywhere}", "traceroute": f"/r/{trace}"}


async def _visits(browser: Browser, address: str) -> list[Visit]:
    """Several first visits, after one that warms the server."""
    return [await visit(browser, address) for _ in range(_TIMES + 1)][1:]


async def visit(browser: Browser, address: str) -> Visit:
    """One load in a context of its own."""
    made, host = Visit(), urlsplit(address).netloc
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.add_init_script(_WATCH)
    wire: CDPSession = await context.new_cdp_session(page)

    def sent(event: dict[str, Any]) -> None:
        if not event["request"]["url"].startswith("data:"):
            made.requests += 1
            if urlsplit(event["request"]["url"]).netloc != host:
                made.strangers.add(event["request"]["url"])

    wire.on("Network.requestWillBeSent", sent)
    wire.on("Network.loadingFinished", lambda event: setattr(made, "wire", made.wire + int(event["encodedDataLength"])))
    await wire.send("Network.enable")
    await wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await page.goto(address, wait_until="load")
    seen = await page.evaluate(_SEEN)
    made.lcp_ms, made.shift = seen["lcp"], seen["shift"]
    await context.close()
    return made


def _rows(what: str, found: dict[str, list[Visit]], least_ms: float) -> list[Row]:
    """A row for each budget, with every page in it. `least_ms` is the largest paint of a page of one word."""

    def row(title: str, bar: str, values: dict[str, float], most: float, form: str, more: str = "") -> Row:
        told = ", ".join(f"{name} {form.format(value)}" for name, value in values.items()) + more
        return Row(f"{what}: {title}", bar, told, max(values.values()) <= most)

    def each(name: str) -> dict[str, float]:
        return {page: median(getattr(visit, name) for visit in visits) for page, visits in found.items()}

    kib = {page: wire / 1024 for page, wire in each("wire").items()}
    strangers = sorted({url for visits in found.values() for visit in visits for url in visit.strangers})
    return [
        row("requests", f"≤ {MOST_REQUESTS}", each("requests"), MOST_REQUESTS, "{:.0f}"),
        row("on the wire", f"≤ {MOST_BYTES // 1024} KB", kib, MOST_BYTES / 1024, "{:.1f} KB"),
        row(
            f"largest paint, median of {_TIMES}", f"≤ {MOST_LCP_MS:.0f} ms", each("lcp_ms"), MOST_LCP_MS, "{:.0f} ms",
            f"; a page of one word {least_ms:.0f} ms",
        ),
        row("layout shift", f"≤ {MOST_SHIFT}", each("shift"), MOST_SHIFT, "{:.3f}"),
        Row(f"{what}: requests to others", "none", ", ".join(strangers) or "none", not strangers),
    ]


def _weights() -> list[Row]:
    """What the built files weigh, packed with gzip."""
    packed = {name: len(asset.codings.get("gzip", compress(asset.codings[""]))) for name, asset in built().items()}
    css = sum(size for name, size in packed.items() if name.endswith(".css"))
    scripts = sum(size for name, size in packed.items() if name.endswith(".js"))
    return [
        Row("style sheet, gzip", f"≤ {MOST_CSS // 1024} KB", f"{css / 1024:.1f} KB", css <= MOST_CSS),
        Row("all scripts of ours, gzip", f"≤ {MOST_JS // 1024} KB", f"{scripts / 1024:.1f} KB", scripts <= MOST_JS),
    ]


def small_network(folder: Path) -> Path:
    """The configuration file of the lab as it was recorded."""
    folder.mkdir()
    file = folder / "netpulse.yaml"
    file.write_text(config_file.render(config_file.Recorded(RECORDING), list(net.ROUTERS)))
    return file


def large_network(folder: Path) -> Path:
    """The configuration file of 40 routers with 15 connections each; none of them can be asked."""
    folder.mkdir()
    routers, connections = _LARGE
    kinds = ("TRANSIT", "IX", "PEER", "CUSTOMER")
    tree = {
        "site": {"name": "NetPulse Looking Glass", "organization": "Large Network", "asn": net.OWN_ASN},
        "routers": [
            {
                "slug": f"edge{number}",
                "name": f"Edge Router {number}",
                "location": f"City {number // 4} - Data Centre {number % 4}",
                "model": "MX304",
                "platform": "junos",
                "recording": str(RECORDING),
                "connections": [
                    {
                        "id": number * connections + place + 1,
                        "name": f"{kinds[place % 4].title()} {place} of {number}",
                        "type": kinds[place % 4],
                        **({} if kinds[place % 4] == "IX" else {"asn": 64512 + place}),
                        "source_ipv4": f"203.0.{number}.{place + 1}",
                        "source_ipv6": f"2001:db8:{number:x}:{place:x}::1",
                    }
                    for place in range(connections)
                ],
            }
            for number in range(routers)
        ],
    }
    file = folder / "netpulse.yaml"
    file.write_text(json.dumps(tree, indent=1))  # JSON is YAML
    return file
