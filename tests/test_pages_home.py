"""The first page: what it offers, what it does with a question, and what it says when it cannot."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from doubles.glass import INVENTORY, SETTINGS, Glass, looking_glass, router, transit
from netpulse.errors import Busy, Fault, NetPulseError, Refused
from netpulse.inventory import Connection, Inventory
from netpulse.pool import Pool
from netpulse.settings import Branding, Captcha, Limits, Settings
from netpulse.web.inventory_views import Views
from netpulse.web.pages.assets import built, manifest
from netpulse.web.pages.frame import CSP, Frame
from netpulse.web.pages.visitor import MISSES_PER_MINUTE

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ROOMY = replace(SETTINGS.limits, visitor_queries=100_000)
OPEN = replace(SETTINGS, captcha=Captcha(enabled=False), limits=ROOMY, languages=("en", "de", "ar-XB"))
ASKED = replace(SETTINGS, limits=ROOMY, languages=("en",))
FORM = "application/x-www-form-urlencoded"
PING = {"router": "core1", "connection": "1", "query": "ping", "target": "8.8.8.8"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    """Without the sum and practically without a limit."""
    async with looking_glass(tmp_path_factory.mktemp("open"), settings=OPEN) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asking(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    """With the sum."""
    async with looking_glass(tmp_path_factory.mktemp("asking"), settings=ASKED) as running:
        yield running


async def get(glass: Glass, path: str, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=20) as browser:
        return await browser.get(glass.url + path, headers={**HTML, **headers})


async def post(glass: Glass, fields: dict[str, str], **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=20) as browser:
        return await browser.post(glass.url + "/", data=fields, headers={**HTML, **headers})


def text_of(page: str) -> str:
    """What a reader sees, roughly: no tags, one blank between words."""
    bare = re.sub(r"<(script|template|noscript)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def choices(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="choices">(.*?)</script>', page, re.S)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def command(page: str) -> str:
    found = re.search(r'<output[^>]*id="cmd"[^>]*>(.*?)</output>', page, re.S)
    assert found is not None
    return html.unescape(found[1])


def error_at(page: str, field: str) -> str:
    found = re.search(rf'<div class="err" id="{field}-e"( hidden)?>.*?<span>(.*?)</span>', page, re.S)
    assert found is not None
    assert (found[1] is None) == bool(found[2])
    return html.unescape(found[2])


def alert_of(page: str) -> str:
    """What is said above the form."""
    found = re.search(r'role="alert" id="form-e">.*?<span>(.*?)</span>', page, re.S)
    assert found is not None
    return html.unescape(found[1])


def left_of(page: str) -> str:
    """How many questions the page says are left."""
    found = re.search(r"([\d ]+) of [\d ]+ queries left", text_of(page))
    assert found is not None
    return found[1]


def sum_of(page: str) -> tuple[str, str]:
    """The right answer to the page's question, and its token."""
    numbers = re.search(r'id="sum">(\d+) \+ (\d+)<', page)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert numbers is not None
    assert token is not None
    return str(int(numbers[1]) + int(numbers[2])), token[1]


async def result(glass: Glass, answer: httpx2.Response) -> dict[str, Any]:
    """The result that a 303 leads to, once it is there."""
    assert answer.status_code == 303, answer.text
    where = re.fullmatch(r"/r/([0-9a-f]{32})", answer.headers["location"])
    assert where is not None
    run = next(run for run in glass.services.pipeline.runs._runs.values() if run.id == where[1])
    await run.over()
    assert run.data is not None
    return run.data


async def test_it_offers_what_a_visitor_may_see_and_nothing_else(glass: Glass) -> None:
    page = (await get(glass, "/")).text
    assert set(choices(page)["routers"]) == {"core1", "core2", "resting"}
    assert [row[0] for row in choices(page)["routers"]["core1"]["connections"]] == [3, 1]
    for secret in ("keyed", "203.0.113.9", "203.0.113.10", "203.0.113.20", "203.0.113.21"):
        assert not re.search(rf"{re.escape(secret)}(?![0-9])", page)


async def test_the_overview_names_model_place_system_and_connections(glass: Glass) -> None:
    seen = text_of((await get(glass, "/network")).text)
    assert "Router core1 DC1 Up core1 · box · Linux" in seen
    assert "IX An IX 203.0.113.65 TRANSIT Transit 1 AS174 203.0.113.1" in seen
    assert "Router resting DC1 Maintenance" in seen
    assert "new line card" in seen
    assert "3 routers · 4 connections · 1 internet exchange · 1 transit provider" in seen


@pytest.mark.parametrize("path", ["/", "/network", "/nowhere"])
async def test_a_page_is_guarded_and_has_nothing_inline(glass: Glass, path: str) -> None:
    answer = await get(glass, path)
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    for tag in re.findall(r"<script[^>]*>", answer.text):
        assert 'src="/static/' in tag or 'type="application/json"' in tag
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", answer.text)
    assert not re.search(r"<style|javascript:", answer.text)
    assert not re.search(r'(src|href|action)="(https?:)?//', answer.text)


async def test_a_link_fills_the_form_and_never_runs_it(glass: Glass) -> None:
    before = len(glass.devices["router:core2"].commands)
    page = (await get(glass, "/?router=core2&connection=4&query=traceroute&target=8.8.8.8&as_lookup=true")).text
    assert re.search(r'name="router" value="core2" checked', page)
    assert re.search(r'name="connection" value="4" checked', page)
    assert re.search(r'name="query" value="traceroute" checked', page)
    assert re.search(r'name="as_lookup" value="true" checked', page)
    assert 'id="target" name="target" value="8.8.8.8"' in page
    assert len(glass.devices["router:core2"].commands) == before


MAINTENANCE = "This router is out of service for maintenance. Choose another one."


@pytest.mark.parametrize(
    ("link", "field", "words", "chosen"),
    [
        ("router=resting&query=ping&target=8.8.8.8&connection=22", "router", MAINTENANCE, ("resting", "22")),
        ("router=lon9&connection=7", "router", "lon9 is not here any more; core1 is chosen.", ("core1", "1")),
        ("router=keyed&connection=20", "router", "keyed is not here any more; core1 is chosen.", ("core1", "1")),
        ("router=%3Cb%3E", "router", "The router of this link is not here any more; core1 is chosen.", ("core1", "1")),
        (
            "router=core1&connection=99",
            "connection",
            "core1 has no connection 99 any more; Transit 1 is chosen.",
            ("core1", "1"),
        ),
        (
            "router=core2&connection=1&query=traceroute",
            "connection",
            "core2 has no connection 1 any more; Transit 4 is chosen.",
            ("core2", "4"),
        ),
        (
            "router=core1&connection=%3Cb%3E",
            "connection",
            "The connection of this link is not here any more; Transit 1 is chosen.",
            ("core1", "1"),
        ),
    ],
)
async def test_a_link_to_what_is_not_here_any_more_says_so_and_what_is_chosen(
    glass: Glass, link: str, field: str, words: str, chosen: tuple[str, str]
) -> None:
    page = (await get(glass, f"/?{link}")).text
    assert error_at(page, field) == words
    router, connection = chosen
    assert re.search(f'name="router" value="{router}" checked>', page)
    assert re.search(f'name="connection" value="{connection}" checked>', page)
    assert '<b>"' not in page


async def test_a_diagnostic_that_is_not_here_any_more_is_told_too(glass: Glass) -> None:
    assert alert_of((await get(glass, "/?query=dig")).text) == (
        "The diagnostic of this link is not here any more; Ping is chosen."
    )
    page = (await get(glass, "/?query=dig", **{"Accept-Language": "de"})).text
    assert alert_of(page) == "Die Diagnose aus diesem Link gibt es hier nicht mehr; gewählt ist Ping."


@pytest.mark.parametrize(
    "link",
    [
        "router=core2",
        "router=core2&connection=4",
        "router=core2&connection=1&query=aspath",  # which needs no connection
        "router=core2&connection=1&show=connections",  # another router, chosen without scripts
        "router=*&query=aspath",
        "router=*",
        "lang=de",
    ],
)
async def test_a_link_that_leaves_something_open_has_nothing_to_complain_of(glass: Glass, link: str) -> None:
    page = (await get(glass, f"/?{link}")).text
    assert [error_at(page, field) for field in ("router", "connection", "target")] == ["", "", ""]
    assert 'id="form-e"' not in page


async def test_a_router_at_rest_that_a_link_chose_is_sent_and_refused_as_such(glass: Glass) -> None:
    page = (await get(glass, "/?router=resting&query=ping&target=8.8.8.8&connection=22")).text
    assert re.search(r'name="router" value="resting" checked>', page)
    answer = await post(glass, {**PING, "router": "resting", "connection": "22"})
    assert error_at(answer.text, "router") == MAINTENANCE
    assert re.search(r'name="router" value="resting" checked>', answer.text)
    assert re.search(r'name="router" value="resting" disabled', (await get(glass, "/?router=core1")).text)


@pytest.mark.parametrize(
    ("link", "on"),
    [
        ("", False),
        ("query=traceroute&target=8.8.8.8", False),
        ("query=traceroute&target=8.8.8.8&as_lookup=false", False),
        ("query=traceroute&target=8.8.8.8&as_lookup=true", True),
    ],
)
async def test_networks_are_looked_up_only_where_that_is_asked_for(glass: Glass, link: str, on: bool) -> None:
    page = (await get(glass, f"/?{link}")).text
    assert (re.search(r'name="as_lookup" value="true" checked', page) is not None) is on


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("router=core1&connection=1&query=ping&target=8.8.8.8", "ping -4 -n -c 5 -W 1 -I 203.0.113.1 8.8.8.8"),
        ("router=core1&connection=1&query=ping&target=dns.google", "ping -4 -n -c 5 -W 1 -I 203.0.113.1 <dns.google>"),
        ("router=core1&connection=3&query=ping", "ping -4 -n -c 5 -W 1 -I 203.0.113.65 <target>"),
        ("router=core1&query=aspath&target=8.8.8.0/24", "show route for 8.8.8.0/24 table core1_v4 all"),
        (
            "router=*&query=aspath&target=8.8.8.0/24",
            "rs1> show route for 8.8.8.0/24 table core1_v4 all\nrs1> show route for 8.8.8.0/24 table core2_v4 all",
        ),
        (
            "router=core1&connection=1&query=ping&target=2001:4860::8",
            "this router or connection does not answer this question",
        ),
    ],
)
async def test_the_command_is_shown_before_it_runs(glass: Glass, link: str, shown: str) -> None:
    assert command((await get(glass, f"/?{link}")).text) == shown


async def test_a_target_that_is_not_typed_yet_is_called_so_in_the_visitor_s_language(glass: Glass) -> None:
    assert command((await get(glass, "/?query=aspath", **{"Accept-Language": "de"})).text).endswith(
        "<Ziel> table core1_v4 all"
    )


async def test_what_is_no_command_is_not_offered_for_copying(glass: Glass) -> None:
    copies = re.compile(r'<button[^>]*data-copy="#cmd"( hidden)?>')
    for target, hidden in (("8.8.8.8", None), ("2001:4860::8", " hidden")):
        found = copies.search((await get(glass, f"/?router=core1&connection=1&query=ping&target={target}")).text)
        assert found is not None
        assert found[1] == hidden


@pytest.mark.parametrize("query", ["ping", "traceroute", "aspath"])
async def test_the_command_shown_is_the_command_that_runs(glass: Glass, query: str) -> None:
    link = f"/?router=core1&connection=1&query={query}&target=8.8.8.8"
    shown = command((await get(glass, link)).text)
    data = await result(glass, await post(glass, {**PING, "query": query}))
    assert data["command"] == shown


async def test_a_question_leads_to_its_result(glass: Glass) -> None:
    data = await result(glass, await post(glass, PING))
    assert (data["target"], data["connection"], data["result"]["received"]) == ("8.8.8.8", "Transit 1", 5)


async def test_without_scripts_one_list_names_router_and_connection(glass: Glass) -> None:
    page = (await get(glass, "/")).text
    pairs = re.search(r'<select class="in" id="way" name="way">(.*?)</select>', page, re.S)
    assert pairs is not None
    assert re.findall(r'value="([^"]+)"', pairs[1]) == ["core1.3", "core1.1", "core2.4"]
    data = await result(glass, await post(glass, {**PING, "way": "core2.4"}))
    assert (data["router"], data["source_ip"]) == ("Router core2", "203.0.113.129")


async def test_all_routers_are_asked_at_once(glass: Glass) -> None:
    data = await result(glass, await post(glass, {"router": "*", "query": "aspath", "target": "8.8.8.8"}))
    assert [(row["slug"], row["ok"]) for row in data["routers"]] == [
        ("core1", True),
        ("core2", True),
        ("resting", False),
    ]


async def test_options_of_other_questions_do_no_harm(glass: Glass) -> None:
    fields = {**PING, "query": "aspath", "as_lookup": "true", "family": "4", "answer": ""}
    assert (await result(glass, await post(glass, fields)))["prefix"] == "8.8.8.0/24"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"target": ""}, "target", "Enter an address, a host name or a prefix."),
        ({"router": ""}, "router", "Choose a router."),
        ({"connection": ""}, "connection", "Choose a connection of this router."),
        ({"target": "192.168.1.1"}, "target", "192.168.1.1 is private and not reachable from the internet."),
        ({"target": "198.18.0.1"}, "target", "198.18.0.1 is reserved"),
        ({"target": "203.0.113.129"}, "target", "203.0.113.129 is reserved"),
        ({"target": "8.8.8.0/24"}, "target", "A prefix works with BGP AS path."),
        ({"target": "8.8.8.8/24"}, "target", "A prefix works with BGP AS path."),
        ({"target": "dns.google", "query": "aspath"}, "target", "routes know no host names"),
        ({"target": "8.8.8.1/24", "query": "aspath"}, "target", "bits set beyond its length"),
        ({"target": "8.0.0.0/7", "query": "aspath"}, "target", "too short"),
        ({"target": "8.8.8.8; reboot"}, "target", "This is not an address like"),
        ({"target": "2001:4860:4860::8888"}, "target", "no source address of the target's IP version"),
        ({"router": "nosuch"}, "router", "There is no such router."),
        ({"router": "keyed"}, "router", "There is no such router."),
        ({"router": "resting", "connection": "22"}, "router", "out of service for maintenance"),
        ({"connection": "4"}, "connection", "This router has no such connection."),
        ({"connection": "x"}, "connection", "This router has no such connection."),
        ({"router": "*"}, "router", "Ping is asked of one router at a time."),
        ({"router": "*", "query": "traceroute"}, "router", "Traceroute is asked of one router at a time."),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    glass: Glass, change: dict[str, str], field: str, words: str
) -> None:
    fields = {**PING, **change}
    answer = await post(glass, fields)
    assert answer.status_code == 400
    assert words in error_at(answer.text, field)
    assert f'id="target" name="target" value="{html.escape(fields["target"])}"' in answer.text
    assert f'name="query" value="{fields["query"]}" checked' in answer.text


@pytest.mark.parametrize("change", [{"query": "nosuch"}, {"family": "5"}, {"query": ""}])
async def test_a_choice_that_does_not_exist_is_said_above_the_form(glass: Glass, change: dict[str, str]) -> None:
    answer = await post(glass, {**PING, **change})
    assert answer.status_code == 400
    assert "One of the choices does not exist." in text_of(answer.text)


async def test_what_is_typed_or_configured_is_only_ever_text(tmp_path: Path) -> None:
    evil = '</script><b title="\'x">&'
    named = replace(
        router("r1", (replace(transit(1, "203.0.113.1"), name=evil),)), name=evil, location=evil, model=evil
    )
    settings = replace(OPEN, inventory=Inventory((named,)))
    async with looking_glass(tmp_path, settings=settings) as running:
        for answer in (
            await get(running, "/"),
            await get(running, "/network"),
            await post(running, {**PING, "router": "r1", "target": evil}),
        ):
            assert "<b title=" not in answer.text
            assert evil not in answer.text
        assert choices((await get(running, "/")).text)["routers"]["r1"]["name"] == evil


class TestSum:
    """The arithmetic question."""

    async def test_a_right_answer_runs_the_question_and_is_remembered(self, asking: Glass) -> None:
        page = (await get(asking, "/")).text
        answer, token = sum_of(page)
        first = await post(asking, {**PING, "answer": answer, "token": token})
        await result(asking, first)
        cookie = re.search(
            r"np_person=([^;]+); HttpOnly; Max-Age=600; Path=/; SameSite=lax", first.headers["set-cookie"]
        )
        assert cookie is not None
        await result(asking, await post(asking, PING, Cookie=f"np_person={cookie[1]}"))
        assert "What is" not in text_of((await get(asking, "/", Cookie=f"np_person={cookie[1]}")).text)

    async def test_an_answer_counts_once(self, asking: Glass) -> None:
        answer, token = sum_of((await get(asking, "/")).text)
        await result(asking, await post(asking, {**PING, "answer": answer, "token": token}))
        again = await post(asking, {**PING, "answer": answer, "token": token})
        assert again.status_code == 400
        assert "was answered before" in error_at(again.text, "captcha")
        assert sum_of(again.text)[1] != token

    async def test_a_wrong_answer_brings_a_new_question_and_keeps_the_target(self, asking: Glass) -> None:
        _, token = sum_of((await get(asking, "/")).text)
        wrong = await post(asking, {**PING, "answer": "3", "token": token})
        assert wrong.status_code == 400
        assert error_at(wrong.text, "captcha") == "3 is not right. Here is a new question. Your target is kept."
        assert 'value="8.8.8.8"' in wrong.text
        answer, new = sum_of(wrong.text)
        assert new != token
        await result(asking, await post(asking, {**PING, "answer": answer, "token": new}))

    async def test_a_form_without_a_question_whose_pass_has_expired_is_not_told_that_one_was_answered(
        self, asking: Glass
    ) -> None:
        asked = await post(asking, PING, Cookie="np_person=1.expired")
        assert error_at(asked.text, "captcha") == (
            "Answer this question: no earlier answer counts now. Your target is kept."
        )
        answer, token = sum_of(asked.text)
        await result(asking, await post(asking, {**PING, "answer": answer, "token": token}))

    async def test_no_answer_keeps_the_question(self, asking: Glass) -> None:
        _, token = sum_of((await get(asking, "/")).text)
        empty = await post(asking, {**PING, "answer": "", "token": token})
        assert error_at(empty.text, "captcha") == "Answer the question so that we know a person is asking."
        assert sum_of(empty.text)[1] == token

    @pytest.mark.parametrize(
        "target", ["nonsense", "10.0.0.1", "224.0.0.1", "203.0.113.1", "fe80::1", "::ffff:8.8.8.8"]
    )
    async def test_a_target_that_nobody_can_ask_about_costs_neither_question_nor_answer(
        self, asking: Glass, target: str
    ) -> None:
        page = (await get(asking, "/")).text
        answer, token = sum_of(page)
        wrong = await post(asking, {**PING, "target": target, "answer": answer, "token": token})
        assert wrong.status_code == 400
        assert error_at(wrong.text, "target")
        assert sum_of(wrong.text) == (answer, token)
        assert f'name="answer" value="{answer}"' in wrong.text
        assert left_of(wrong.text) == left_of(page)
        await result(asking, await post(asking, {**PING, "answer": answer, "token": token}))

    async def test_an_answer_given_with_a_refused_target_is_remembered(self, asking: Glass) -> None:
        answer, token = sum_of((await get(asking, "/")).text)
        refused = await post(asking, {**PING, "target": "2001:4860:4860::8888", "answer": answer, "token": token})
        assert refused.status_code == 400
        assert "np_person=" in refused.headers["set-cookie"]
        assert "What is" not in text_of(refused.text)

    async def test_another_question_can_be_had(self, asking: Glass) -> None:
        other = (await asking.client.get(f"{asking.url}/captcha")).json()
        left, right = other["sum"].split(" + ")
        fields = {**PING, "answer": str(int(left) + int(right)), "token": other["token"]}
        await result(asking, await post(asking, fields))

    async def test_a_pass_of_one_visitor_is_none_of_another(self, tmp_path: Path) -> None:
        settings = replace(ASKED, trusted_proxies=(ip_network("127.0.0.0/8"),))
        async with looking_glass(tmp_path, settings=settings) as running:
            here, there = {"X-Forwarded-For": "2001:db8:1::1"}, {"X-Forwarded-For": "2001:db8:2::1"}
            answer, token = sum_of((await get(running, "/", **here)).text)
            fields = {**PING, "answer": answer, "token": token}
            assert (await post(running, fields, **there)).status_code == 400
            first = await post(running, fields, **{"X-Forwarded-For": "2001:db8:1::ffff"})
            cookie = first.headers["set-cookie"].partition(";")[0]
            assert (await post(running, PING, Cookie=cookie, **here)).status_code == 303
            assert (await post(running, PING, Cookie=cookie, **there)).status_code == 400


async def test_the_limit_is_visible_before_it_is_reached_and_counts_down_after(tmp_path: Path) -> None:
    settings = replace(OPEN, limits=Limits(visitor_queries=2, visitor_window_s=300, target_per_minute=100))
    async with looking_glass(tmp_path, settings=settings) as running:
        assert "2 of 2 queries left" in text_of((await get(running, "/")).text)
        await result(running, await post(running, PING))
        left = text_of((await get(running, "/")).text)
        assert re.search(r"1 of 2 queries left, all of them again in (5:00|4:5\d)", left)
        await result(running, await post(running, PING))
        over = await post(running, PING)
        assert over.status_code == 429
        assert 1 <= int(over.headers["retry-after"]) <= 300
        assert f'data-wait="{over.headers["retry-after"]}"' in over.text
        assert "Visitors get 2 queries in 5 minutes" in text_of(over.text)
        assert 'value="8.8.8.8"' in over.text
        assert len(running.devices["router:core1"].commands) == 2


async def test_who_asked_for_too_much_that_is_not_there_is_not_told_that_no_query_is_left(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, settings=OPEN) as running:
        for number in range(MISSES_PER_MINUTE):
            assert (await get(running, f"/r/{number:032x}")).status_code == 404
        for accepted, words in (("en", "new queries can be run meanwhile"), ("de", "neue Abfragen sind möglich")):
            missed = await get(running, f"/r/{1:032x}", **{"Accept-Language": accepted})
            assert missed.status_code == 429
            assert words in text_of(missed.text)
            assert re.search(r" in \d:\d\d;", text_of(missed.text))
        assert (await post(running, PING)).status_code == 303


async def test_neighbours_in_a_64_share_a_limit_and_others_do_not(tmp_path: Path) -> None:
    limits = Limits(visitor_queries=1, target_per_minute=100)
    settings = replace(OPEN, limits=limits, trusted_proxies=(ip_network("127.0.0.0/8"),))
    async with looking_glass(tmp_path, settings=settings) as running:
        statuses = [
            (await post(running, PING, **{"X-Forwarded-For": client})).status_code
            for client in ("2001:db8:1::1", "2001:db8:1::2", "2001:db8:1:1::1", "192.0.2.1", "192.0.2.2")
        ]
        assert statuses == [303, 429, 303, 303, 303]


@pytest.mark.parametrize(
    ("body", "kind", "words", "german"),
    [
        (b"query=ping&target=" + b"a" * 9000, FORM, "The form was larger than 8 KiB", "größer als 8 KiB"),
        (b"query=ping&query=ping", FORM, "A field of the form came twice.", "kam doppelt"),
        (b"query=ping&count=100000", FORM, "a field that this question does not take", "ein Feld"),
        (b"query=%zz", FORM, "What was sent is not text in UTF-8", "kein Text in UTF-8"),
        (b"query=%ff", FORM, "What was sent is not text in UTF-8", "kein Text in UTF-8"),
        (b"--x--", "multipart/form-data; boundary=x", "is not this page's form", "nicht das Formular dieser Seite"),
        (b"{}", "application/json", "is not this page's form", "nicht das Formular dieser Seite"),
        (b"x", "text/plain", "is not this page's form", "nicht das Formular dieser Seite"),
        (b"", "", "is not this page's form", "nicht das Formular dieser Seite"),
    ],
)
async def test_what_is_not_the_form_is_refused_above_a_form_that_works(
    glass: Glass, body: bytes, kind: str, words: str, german: str
) -> None:
    for accepted, said in (("en", words), ("de", german)):
        headers = {**HTML, "Content-Type": kind, "Accept-Language": accepted}
        answer = await glass.client.post(f"{glass.url}/", content=body, headers=headers)
        assert answer.status_code == 400
        assert said in alert_of(answer.text)
        assert answer.headers["cache-control"] == "no-store"
        assert 'id="target" name="target"' in answer.text
    plain = await glass.client.post(f"{glass.url}/", content=body, headers={"Content-Type": kind})
    assert plain.json()["code"] in ("bad_parameter", "repeated_parameter", "unknown_parameter")


@pytest.mark.parametrize(
    ("more", "german"),
    [
        ({"count": "100000"}, "ein Feld, das zu dieser Frage nicht gehört"),
        ({"as_lookup": "x"}, "Eine der Angaben gibt es nicht"),
        ({"query": "aspath", "family": "9"}, "Eine der Angaben gibt es nicht"),
    ],
)
async def test_a_field_or_a_value_that_the_form_does_not_have_is_refused(
    glass: Glass, more: dict[str, str], german: str
) -> None:
    answer = await post(glass, {**PING, **more}, **{"Accept-Language": "de"})
    assert answer.status_code == 400
    assert german in alert_of(answer.text), alert_of(answer.text)


async def test_what_the_form_itself_sends_for_other_questions_is_no_fault(glass: Glass) -> None:
    more = {"way": "core1.1", "token": "", "answer": "", "family": "", "as_lookup": "true", "show": "connections"}
    assert (await post(glass, {**PING, **more})).status_code == 303


FOREIGN = ("https://lg.example.com", "null", "x", "http://[", "http://]", "http://[::1", "http://[v1.x]")


async def test_a_form_of_another_site_is_refused_and_says_what_an_operator_has_to_check(glass: Glass) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, *({"Origin": text} for text in FOREIGN)):
        answer = await post(glass, PING, **headers)
        assert answer.status_code == 400
        assert "another site sent this form, so nothing was done." in alert_of(answer.text)
        assert "our proxy does not pass on the Host header; its operator can also set server.public_url" in answer.text
        assert answer.text.count('value="core1" checked') == 1


async def test_a_link_as_text_is_the_line_that_asks_the_api(glass: Glass) -> None:
    line = (await get(glass, "/?router=core1&connection=1&query=ping&target=8.8.8.8", Accept="text/plain")).text
    url = re.fullmatch(r'curl -s -H "Authorization: Bearer \$NETPULSE_KEY" \'(\S+)\'\n', line)
    assert url is not None
    answer = await glass.client.get(url[1], headers=glass.headers())
    assert answer.json()["data"]["command"].endswith(" 8.8.8.8")


async def test_a_line_for_a_shell_quotes_what_is_in_it(glass: Glass) -> None:
    line = (await get(glass, "/?query=ping&target=';reboot;'", Accept="text/plain")).text
    assert line.count("'") == 2
    assert "reboot" in line


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/static/none", 404), ("/network/", 404)])
async def test_an_error_wears_the_frame_for_a_browser_and_none_for_a_program(
    glass: Glass, path: str, status: int
) -> None:
    page = await get(glass, path)
    assert page.status_code == status
    assert "text/html" in page.headers["content-type"]
    assert "Back to the form" in page.text
    plain = await glass.client.get(glass.url + path, headers={"Accept": "application/json"})
    assert (plain.status_code, plain.json()["code"]) == (status, "not_found")


async def test_a_method_that_a_path_does_not_take_is_405(glass: Glass) -> None:
    answers = [await glass.client.post(f"{glass.url}{path}") for path in ("/network", "/healthz")]
    assert [answer.status_code for answer in answers] == [405, 405]
    assert {answer.json()["code"] for answer in answers} == {"method_not_allowed"}
    async with httpx2.AsyncClient() as browser:
        for method, path, allowed in (
            ("POST", "/network", "GET, HEAD"),
            ("PUT", "/", "GET, HEAD, POST"),
            ("GET", f"/r/{'0' * 32}/stop", "POST"),
        ):
            answer = await browser.request(method, glass.url + path, headers=HTML)
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
            assert "This address does not take that" in text_of(answer.text)


async def test_a_defect_is_our_mistake_with_a_number_to_tell_us(glass: Glass, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(
        Frame,
        "visitor",
        lambda self, request: broken() if request.scope["path"] == "/network" else VISITOR(self, request),
    )
    seen: list[httpx2.Response] = [
        await glass.client.get(f"{glass.url}/network", headers={"Accept": "application/json"})
    ]
    monkeypatch.undo()
    monkeypatch.setattr(Views, "of", broken)
    seen.append(await get(glass, "/network"))
    assert [answer.status_code for answer in seen] == [500, 500]
    assert seen[0].json()["code"] == "internal"
    assert "That was our mistake" in seen[1].text
    assert seen[1].headers["x-request-id"] in text_of(seen[1].text)
    assert all("secret" not in answer.text for answer in seen)


VISITOR = Frame.visitor


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Busy("rate_limited", "The limit is reached.", retry_after_s=75), 429, "The next query is free in 1:15."),
        (Busy("router_busy", "All of its sessions are taken.", retry_after_s=2), 429, "or try again in 0:02."),
        (Fault("shutting_down", "The service is stopping."), 500, "The service is restarting."),
        (Refused("bad_parameter", "No."), 400, "One of the choices does not exist."),
    ],
)
async def test_an_error_that_no_page_expects_is_told_in_its_own_words(
    glass: Glass, monkeypatch: pytest.MonkeyPatch, error: NetPulseError, status: int, words: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(Views, "of", fails)
    answer = await get(glass, "/network")
    assert answer.status_code == status
    assert words in text_of(answer.text)
    assert answer.headers.get("retry-after") == (None if status != 429 else str(error.retry_after_s))


@pytest.mark.parametrize(
    ("path", "headers", "tag", "direction", "word"),
    [
        ("/", {}, "en", "ltr", "Network Diagnostics"),
        ("/?lang=de", {}, "de", "ltr", "Netzdiagnose"),
        ("/", {"Cookie": "np_lang=de"}, "de", "ltr", "Netzdiagnose"),
        ("/", {"Accept-Language": "de-AT, en;q=0.5"}, "de", "ltr", "Netzdiagnose"),
        ("/?lang=en", {"Cookie": "np_lang=de", "Accept-Language": "de"}, "en", "ltr", "Network Diagnostics"),
        ("/?lang=ar-XB", {}, "ar-XB", "rtl", "Ñétwörk Díágñöštíçš"),
        ("/?lang=fr", {}, "en", "ltr", "Network Diagnostics"),
    ],
)
async def test_the_language_is_chosen(
    glass: Glass, path: str, headers: dict[str, str], tag: str, direction: str, word: str
) -> None:
    page = (await get(glass, path, **headers)).text
    assert f'<html lang="{tag}" dir="{direction}"' in page
    assert word in text_of(page)


async def test_a_chosen_language_and_theme_are_kept(glass: Glass) -> None:
    answer = await get(glass, "/?lang=de&theme=dark&target=8.8.8.8")
    assert 'data-theme="dark"' in answer.text
    assert sorted(answer.headers.get_list("set-cookie")) == [
        "np_lang=de; Max-Age=31536000; Path=/; SameSite=lax",
        "np_theme=dark; Max-Age=31536000; Path=/; SameSite=lax",
    ]
    assert '<input type="hidden" name="target" value="8.8.8.8">' in answer.text
    assert "set-cookie" not in (await get(glass, "/?theme=x")).headers


async def test_a_language_with_one_choice_has_no_switch(asking: Glass) -> None:
    assert 'name="lang"' not in (await get(asking, "/?lang=de")).text


@pytest.mark.parametrize(
    ("state", "word", "note"),
    [("busy", "Busy", "3 of 3 sessions in use. New queries wait"), ("down", "Unreachable", "core1 is not answering.")],
)
async def test_a_router_in_trouble_says_so_in_words(
    glass: Glass, monkeypatch: pytest.MonkeyPatch, state: str, word: str, note: str
) -> None:
    monkeypatch.setattr(Pool, "state", lambda self, device: state if device.key == "router:core1" else "up")
    page = (await get(glass, "/")).text
    assert f"core1 Router core1 {word}" in text_of(page)
    assert note in text_of(page)
    # What is down does not stand first, but whoever insists may ask: that is how it is found out that it is up again.
    assert re.search(rf'name="router" value="{"core2" if state == "down" else "core1"}" checked', page)
    assert not re.search(r'name="router" value="core1"[^>]*disabled', page)


def large(routers: int, connections: int) -> Settings:
    made = []
    for number in range(routers):
        ways = tuple(
            Connection(
                id=number * connections + place + 1,
                name=f"Carrier {place} {number}",
                type="TRANSIT" if place % 3 else "IX",
                asn=64512 + place * 37 + number,
                source_ipv4=ip_address(f"198.51.{number}.{place * 7 + 1}"),
                source_ipv6=ip_address(f"2001:db8:{number:x}:{place * 11:x}::1"),
                egress="policy",
            )
            for place in range(connections)
        )
        made.append(replace(router(f"core{number}", ways, sources=("rs1",)), location=f"Place {number % 7}"))
    return replace(OPEN, inventory=Inventory(tuple(made)), captcha=Captcha())


async def test_forty_routers_with_fifteen_connections_each_stay_small_and_can_be_filtered(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, settings=large(40, 15)) as running:
        page = (await get(running, "/")).text
        rest = sum(len(built()[manifest()[name]].codings["gzip"]) for name in ("app.css", "app.js"))
        assert len(gzip.compress(page.encode(), 5)) + rest <= 40 * 1024
        assert 'id="router-find"' in page
        assert 'id="cards-find"' in page
        assert page.count('class="gh"') == 7
        assert 'href="/network?router=core39#r-core39"' in page
        every = (await get(running, "/network")).text
        assert every.count("<tr data-k=") == 600


async def test_a_large_network_s_first_page_does_not_lead_to_a_router_that_is_out_of_service(tmp_path: Path) -> None:
    settings = large(40, 15)
    first, *others = settings.inventory.routers
    closed = replace(first, maintenance="New line cards.")
    settings = replace(settings, inventory=Inventory((closed, *others)))
    async with looking_glass(tmp_path, settings=settings) as running:
        entries = re.findall(r'<li class="rt .*?</li>', (await get(running, "/")).text, re.DOTALL)
    assert len(entries) == 40
    assert "Maintenance" in entries[0]
    assert 'href="/?router=' not in entries[0]
    assert all('href="/?router=' in entry for entry in entries[1:])


async def test_a_page_loads_at_most_three_files_before_it_works(glass: Glass) -> None:
    page = (await get(glass, "/")).text
    assert len(re.findall(r'(?:src|href)="/(?:static|brand)/', page)) == 2
    assert INVENTORY.routers[0].slug in page


async def test_the_operator_s_links_and_terms_stand_at_the_foot_of_every_page(tmp_path: Path) -> None:
    branding = Branding(links=(("PeeringDB", "https://www.peeringdb.com/asn/64500"),), terms="One.\n\n<b>Two</b>.\n")
    async with looking_glass(tmp_path, settings=replace(SETTINGS, branding=branding)) as glass:
        page = (await get(glass, "/")).text
        assert '<a href="https://www.peeringdb.com/asn/64500" rel="noopener">PeeringDB</a>' in page
        assert '<a href="/terms">Terms of use</a>' in page
        terms = (await get(glass, "/terms")).text
        assert "<p>One.</p>" in terms
        assert "<p>&lt;b&gt;Two&lt;/b&gt;.</p>" in terms


async def test_without_terms_there_is_no_page_of_them(glass: Glass) -> None:
    assert "/terms" not in (await get(glass, "/")).text
    assert (await get(glass, "/terms")).status_code == 404
