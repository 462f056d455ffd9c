"""The customer's documentation says what the API's own document says, and what it shows can be run."""

from __future__ import annotations

import asyncio
import gzip
import html
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from doubles.glass import SETTINGS, Glass, looking_glass, router, transit
from doubles.scripted import Hang, Say, Scripted
from netpulse.cells import discover
from netpulse.errors import CODES
from netpulse.inventory import Inventory, Site
from netpulse.query import Parameter
from netpulse.web.pages.assets import built, manifest
from netpulse.web.pages.frame import CSP
from netpulse.web.pages.samples import made_of, recorded, shown, shown_events
from netpulse.web.pages.snippets import is_authority, snippets
from netpulse.words import words_for

HTML = {"Accept": "text/html"}


class Blocks(HTMLParser):
    """The text of every element with an id, and every id and local link."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self._open: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if name := given.get("id"):
            self.ids.append(name)
            if tag == "pre":
                self._open = name
                self.texts[name] = ""
        if tag == "a" and (given.get("href") or "").startswith("#"):
            self.links.append(str(given["href"])[1:])

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.texts[self._open] += data


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    site = replace(SETTINGS.site, contact="noc@example.com")
    settings = replace(SETTINGS, site=site, languages=("en", "de", "ar-XB"))
    async with looking_glass(tmp_path_factory.mktemp("api"), settings=settings) as running:
        yield running


async def page_of(glass: Glass, query: str = "", **headers: str) -> str:
    answer = await glass.client.get(f"{glass.url}/api{query}", headers={**HTML, **headers})
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == CSP
    return answer.text


@pytest.mark.parametrize(
    ("contact", "url"),
    [
        ("noc@example.com", "mailto:noc@example.com"),
        ("noc+lg%1@example.com", "mailto:noc+lg%251@example.com"),
        ("https://example.com/@noc", "https://example.com/@noc"),
        ("HTTP://example.com/?a=1&b=2", "HTTP://example.com/?a=1&b=2"),
        ("mailto:noc@example.com", "mailto:noc@example.com"),
        ("the NOC, +49 30 123", None),
        ("@noc on IRC", None),
        ("javascript:alert(1)@x", None),
        ("https://", None),
    ],
)
async def test_a_contact_is_the_link_that_it_is(tmp_path: Path, contact: str, url: str | None) -> None:
    async with looking_glass(tmp_path, settings=replace(SETTINGS, site=replace(SETTINGS.site, contact=contact))) as running:
        page = await page_of(running)
    links = {html.unescape(found) for found in re.findall(r'<a href="([a-zA-Z]+:[^"]*)">', page)}
    assert links == ({url} if url else set())
    assert html.unescape(page).count(contact) >= 2


async def run(glass: Glass, *command: str) -> str:
    """What this program prints, with the key where the lines expect it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], "NETPULSE_KEY": glass.key, "no_proxy": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def operations_of(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    return [
        (path, method, operation, [*methods.get("parameters", []), *operation["parameters"]])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]


async def test_every_path_parameter_choice_header_and_code_of_the_document_is_on_the_page(glass: Glass) -> None:
    page = await page_of(glass)
    document = (await glass.client.get(glass.url + "/openapi.json")).json()
    for path, method, operation, parameters in operations_of(document):
        anchor = f"op-{operation['operationId'].replace('_', '-')}"
        section = page.partition(f'<section aria-labelledby="{anchor}">')[2].partition("</section>")[0]
        assert f'<span class="vb {method.upper()}">{method.upper()}</span><span class="ltr">/api/v1{path}<' in section
        for parameter in parameters:
            listed = section.partition(f'<dt><span class="ltr">{parameter["name"]}</span>')[2].partition("</div>")[0]
            assert ('class="req"' in listed) == parameter["required"], (anchor, parameter["name"])
            assert all(str(choice) in listed for choice in parameter["schema"].get("enum", ()))
        assert all(form in section for form in operation["responses"]["200"]["content"])
    assert all(f'<dt class="ltr">{name}</dt>' in page for name in document["components"]["headers"])
    for code, (status, meaning) in CODES.items():
        table = page.partition('<table class="tb er">')[2]
        row = next(row for row in table.split("<tr>") if f'<code class="ltr">{code}</code>' in row)
        assert f">{status}</td>" in row
        assert html.escape(meaning, quote=False) in html.unescape(row)
    assert 'Contact <a href="mailto:noc@example.com">noc@example.com</a> to request API access.' in page


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_code_has_its_remedy_and_its_meaning(language: str) -> None:
    words = words_for(language)
    assert all(words.has(f"api.code.{code}") and words.has(f"api.do.{code}") for code in CODES)


async def test_links_lead_to_sections_and_no_id_is_there_twice(glass: Glass) -> None:
    found = Blocks(await page_of(glass))
    assert len(found.ids) == len(set(found.ids))
    assert set(found.links) <= set(found.ids)


@pytest.mark.parametrize("program", ["curl", "python", "javascript"])
async def test_the_lines_of_every_request_run_as_they_stand(glass: Glass, program: str) -> None:
    if shutil.which({"curl": "curl", "python": sys.executable, "javascript": "node"}[program]) is None:
        pytest.skip(f"{program} is missing")
    lines = {name: text for name, text in Blocks(await page_of(glass)).texts.items() if name.endswith(f"-{program}")}
    assert len(lines) == 11
    known = (await glass.get("/ping?target=8.8.8.8&router=core1&connection=1")).json()["data"]["id"]
    for name, text in lines.items():
        whole = text.replace(recorded()["ping"]["id"], known)
        assert glass.key not in whole
        command = {
            "curl": ("sh", "-c", whole.replace("curl ", "curl -sS ")),
            "python": (sys.executable, "-c", whole),
            "javascript": ("node", "--input-type=module", "-e", whole),
        }[program]
        printed = await run(glass, *command)
        # A router of these is out of service, which one row of the answer about all routers says.
        assert "all-routers" in name or "error" not in printed.lower(), (name, printed)
        if name.startswith("live"):
            assert "event: finished" in printed
        elif name.startswith("text"):
            assert "> ping" in printed
        elif program == "curl":
            assert printed.startswith('{"success":true,"data":'), name
        else:
            assert printed.strip()[0] in "{[", name


async def test_examples_name_what_the_reader_can_see_and_the_address_they_came_by(glass: Glass) -> None:
    page = await page_of(glass)
    assert f'<span class="ltr" id="base">{glass.url}/api/v1</span>' in page
    for secret in ('"keyed"', "Router hidden", "203.0.113.9&#34;", "203.0.113.10", glass.key):
        assert secret not in page, secret
    for host in ("x$(id)", "x`id`", 'x";id;"'):
        answer = await glass.client.get(glass.url + "/api", headers={**HTML, "host": host})
        assert answer.status_code == 400 or html.escape(host) not in answer.text


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("lg.example.com", True),
        ("lg.example.com:8080", True),
        ("[2001:db8::1]:80", True),
        ("", False),
        ("a b", False),
        ("$(id)", False),
        ("a\n", False),
        ("a:b", False),
    ],
)
def test_only_a_host_and_a_port_come_into_lines_that_somebody_pastes(host: str, fits: bool) -> None:
    assert is_authority(host) is fits


async def test_the_configured_address_and_an_inventory_of_its_own_are_in_the_lines(tmp_path: Path) -> None:
    settings = replace(
        SETTINGS,
        inventory=Inventory((router("ams1", (transit(7, "203.0.113.1"),)),)),
        public_url="https://lg.example.com/",
        site=Site(name="Glass", organization=""),
    )
    async with looking_glass(tmp_path, settings=settings) as glass:
        page = await page_of(glass)
        lines = Blocks(page).texts
        assert '"https://lg.example.com/api/v1/ping?target=8.8.8.8&router=ams1&connection=7"' in lines["op-ping-curl"]
        assert "Ask the operator of this looking glass for a key" in page


async def test_without_a_router_that_anybody_may_see_the_declared_examples_stand(tmp_path: Path) -> None:
    settings = replace(SETTINGS, inventory=Inventory((router("x", (transit(7, "203.0.113.1"),), visible="hidden"),)))
    async with looking_glass(tmp_path, settings=settings) as glass:
        lines = Blocks(await page_of(glass)).texts
        assert "router=core1&connection=1" in lines["op-ping-curl"]


async def test_it_is_there_in_every_language_and_whole_without_a_script(glass: Glass) -> None:
    german = await page_of(glass, "?lang=de")
    assert "API-Dokumentation für Kunden" in german
    assert "Sendet fünf Echo-Anfragen von der Adresse einer Verbindung" in german
    assert 'dir="rtl"' in await page_of(glass, "?lang=ar-XB")
    english = await page_of(glass)
    assert not re.search(r"<script(?! type=\"module\" src=)|\son[a-z]+=|\sstyle=", english)


async def test_a_first_visit_loads_little(glass: Glass) -> None:
    page = gzip.compress((await page_of(glass)).encode(), 5)
    files = [built()[manifest()[name]].codings["gzip"] for name in ("app.css", "app.js", "api.js")]
    assert len(page) + sum(map(len, files)) <= 40 * 1024
    assert len(files[-1]) <= 3 * 1024


@pytest.mark.parametrize("name", [name for name in recorded() if name not in ("events", "text")])
async def test_what_was_recorded_is_what_the_document_promises(glass: Glass, name: str) -> None:
    """If a field was added: take the answer of the example request in the lab into `recorded.json` again."""
    document = (await glass.client.get(glass.url + "/openapi.json")).json()
    operation = next(found for _, _, found, _ in operations_of(document) if found["operationId"] == name)
    schema = {
        **operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["data"],
        "components": document["components"],
    }
    validator = jsonschema_rs.validator_for(schema)
    validator.validate(recorded()[name])
    validator.validate(made_of(schema, document["components"]["schemas"]))


def test_shown_json_is_whole_json_where_nothing_is_cut() -> None:
    value = {"a": 1, "b": [], "c": {}, "d": [1, 2], "e": [{"f": "\u201cx\u201d <b>", "g": None}], "h": 0.5, "i": True}
    text = "".join(text for _, text in shown(value))
    assert jsonschema_rs.validator_for({"const": value}).is_valid(json.loads(text))


def test_long_lists_and_texts_are_cut_where_it_is_said() -> None:
    text = "".join(text for _, text in shown({"a": [{"n": n} for n in range(5)], "b": "x" * 500}))
    assert '{"n": 1}\n    … 3\n  ]' in text
    assert text.count("x") == 96
    assert "".join(text for _, text in shown_events(recorded()["events"])).count("event: ") == 5


def test_what_a_shell_would_mind_is_encoded() -> None:
    curl, python, script = snippets("DELETE", "http://h/x")
    assert curl.text.startswith('curl -X DELETE "http://h/x" \\\n')
    assert 'method="DELETE"' in python.text
    assert 'method: "DELETE"' in script.text


async def opened(browser: Browser, glass: Glass, **options: Any) -> tuple[Page, list[str]]:
    """The page in a browser of its own, and every address that it asks for from now on."""
    page = await (await browser.new_context(**options)).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(f"error {error}"))
    await page.goto(glass.url + "/api")
    return page, asked


@pytest.mark.parametrize("width", [1280, 768, 400])
async def test_try_it_leads_to_the_panel_wherever_it_stands(glass: Glass, browser: Browser, width: int) -> None:
    page, _ = await opened(browser, glass, viewport={"width": width, "height": 800})
    async with page.context:
        await page.locator('[data-try="limits"]').click()
        await expect(page.locator("#try-key")).to_be_focused()
        await expect(page.locator("#try-key")).to_be_in_viewport()


async def test_a_reader_asks_with_their_own_key_which_goes_into_one_header_only(glass: Glass, browser: Browser) -> None:
    page, asked = await opened(browser, glass)
    async with page.context:
        await page.locator('[data-try="limits"]').click()
        await expect(page.locator("#try-key")).to_be_focused()
        await page.locator("#try-key").fill(glass.key)
        async with page.expect_request("**/api/v1/limits") as request:
            await page.locator("#ask [type=submit]").click()
        assert await (await request.value).header_value("authorization") == f"Bearer {glass.key}"
        await expect(page.locator("#try-status")).to_contain_text("200")
        await expect(page.locator("#try-status")).to_contain_text("left this minute")
        await expect(page.locator("#try-body")).to_contain_text('"success": true')
        await page.locator("#try-headers summary").click()
        await expect(page.locator("#try-headers pre")).to_contain_text("x-ratelimit-limit: 100000")
        kept = await page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        )
        assert glass.key not in kept
        assert not any(glass.key in url or url.startswith("error") for url in asked)
        await page.reload()
        assert await page.locator("#try-key").input_value() == ""


async def test_events_are_shown_while_they_come_until_the_reader_stops(tmp_path: Path, browser: Browser) -> None:
    silent = Scripted(lambda _command: [Say("PING 8.8.8.8\n"), Hang()])
    async with looking_glass(tmp_path, {"router:core1": silent}) as glass:
        page, _ = await opened(browser, glass)
        async with page.context:
            await page.locator('[data-try="ping"]').click()
            await page.locator("#try-key").fill(glass.key)
            await page.locator("#try-ping-accept").select_option("text/event-stream")
            await page.locator("#ask [type=submit]").click()
            await expect(page.locator("#try-body")).to_contain_text("event: output")
            shown_id = (await page.locator("#try-headers pre").text_content() or "").partition("x-result-id: ")[2][:32]
            assert await page.locator("#try-stop-id").input_value() == shown_id != ""
            await page.locator("#try-stop").click()
            await expect(page.locator("#try-status")).to_have_text("Stopped by you")
            await expect(page.locator("#try-stop")).to_be_hidden()
            await page.locator("#try-key").fill("np_wrong")
            await page.locator("#ask [type=submit]").click()
            await expect(page.locator("#try-status")).to_contain_text("401")
            await expect(page.locator("#try-body")).to_contain_text("unauthorized")


async def test_a_language_chosen_once_holds_for_all_and_what_is_copied_has_no_prompt(
    glass: Glass, browser: Browser
) -> None:
    page, _ = await opened(browser, glass, permissions=["clipboard-read", "clipboard-write"])
    async with page.context:
        await page.locator(".in-curl [data-copy='#op-ping-curl']").click()
        await expect(page.locator(".toast")).to_have_text("Copied")
        assert (await page.evaluate("navigator.clipboard.readText()")).startswith('curl "http://')
        await page.locator("[name=in-op-ping][value=python]").check(force=True)
        await expect(page.locator("#op-routers-python")).to_be_visible()
        await expect(page.locator("#op-routers-curl")).to_be_hidden()


@pytest.mark.parametrize("language", ["en", "ar-XB"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_nothing_is_wider_than_the_screen_and_examples_switch_without_a_script(
    glass: Glass, browser: Browser, width: int, language: str
) -> None:
    page, _ = await opened(browser, glass, viewport={"width": width, "height": 900}, java_script_enabled=False)
    async with page.context:
        await page.goto(f"{glass.url}/api?lang={language}")
        await expect(page.locator("#try")).to_be_hidden()
        await page.locator("label:has(> [name=in-op-ping][value=python])").click()  # sections get their size when they come near
        await expect(page.locator("#op-ping-python")).to_be_visible()
        await expect(page.locator("#op-ping-curl")).to_be_hidden()
        assert await page.locator("html").evaluate("node => node.scrollWidth") <= width


async def test_a_new_kind_of_question_is_documented_by_its_own_declaration(tmp_path: Path) -> None:
    ping = discover().queries["ping"]
    number = Parameter(name="size", kind="number", summary="Bytes `of` <each> packet", example="64", least=8, most=1400)
    newcomer = replace(
        ping, name="jitter", title="Jitter <of> packets", summary="Measure it.", parameters=(*ping.parameters, number)
    )
    async with looking_glass(tmp_path) as glass:
        known = glass.services.matrix
        glass.services.matrix = replace(known, queries={**known.queries, "jitter": newcomer})
        page = await page_of(glass)
        section = page.partition('<section aria-labelledby="op-jitter">')[2].partition("</section>")[0]
        assert "Jitter &lt;of&gt; packets" in section
        assert "Measure it." in section
        assert 'Bytes <code class="ltr">of</code> &lt;each&gt; packet' in section
        assert "/api/v1/jitter?target=8.8.8.8&amp;router=core1&amp;connection=1" in section
        assert "rtt_stddev_ms" in section


async def test_examples_are_of_the_operators_own_network_and_of_nothing_hidden(tmp_path: Path) -> None:
    own = router("fra1", (transit(71, "198.18.0.71", "key"), transit(72, "198.18.0.72")), sources=("rs9",))
    hidden = router("ams1", (transit(73, "198.18.0.73"),), sources=("rs9",), visible="key")
    settings = replace(SETTINGS, inventory=Inventory((own, hidden)), public_url="https://lg.example.net/")
    async with looking_glass(tmp_path, settings=settings) as running:
        page = html.unescape(re.sub(r"<[^>]+>", "", await page_of(running)))
    for shown_text in (
        '"router": "Router fra1"',
        '"connection": "Transit 72"',
        '"source_ip": "198.18.0.72"',
        '"command": "ping -4 -n -c 5 -W 1 -I 198.18.0.72 8.8.8.8"',
        '"command": "show route for 8.8.8.0/24 table fra1_v4 all"',
        '"slug": "fra1"',
        '"route_server": "rs9"',
        "Router fra1 | Transit 72 | 198.18.0.72\n> ping -4 -n -c 5 -W 1 -I 198.18.0.72 8.8.8.8",
        "out of Transit 72",
        "https://lg.example.net/api/v1/ping?target=8.8.8.8&router=fra1&connection=72",
    ):
        assert shown_text in page, shown_text
    for of_others in ("Core Router", "Cogent Transit", "core1", "203.0.113.1 ", "ams1", "Transit 71", "198.18.0.71", "net//"):
        assert of_others not in page.replace("core1_v4:", "").replace("core1_all", "").replace("core1_best", ""), of_others
