"""The page of a result: waiting, growing, done, stopped, failed and gone; and that nothing a router prints is more than text."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from doubles.glass import ROUTE, Glass, answers
from doubles.lab_glass import Glass as LabGlass
from doubles.result_pages import (
    EVERYWHERE,
    HELD,
    HTML,
    LINES,
    OPEN,
    PINGED,
    ROUTED,
    TRACED,
    Part,
    asked,
    assert_nothing_runs,
    ended,
    glass_of,
    grown,
    growth,
    page,
    printing,
    result_of,
    run_of,
    text_of,
)
from doubles.scripted import Break, Hang, Hold, Say, Scripted
from netpulse.errors import Fault
from netpulse.transports.recording import NOT_RECORDED
from netpulse.web.pages import visitor
from netpulse.web.pages.panels import _age
from netpulse.words import words_for


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ready(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    """Every router answers at once."""
    async with glass_of(tmp_path_factory.mktemp("results")) as running:
        yield running


async def test_the_waiting_page_shows_what_there_is_and_comes_again_without_scripts(tmp_path: Path) -> None:
    held = printing(HELD)
    async with glass_of(tmp_path, router_core1=held) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts:
            while (await anext(parts)).name != "raw":
                continue
            shown = await page(glass, path)
        assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in shown
        assert re.search(rf'data-events="{path}/events\?after=\d+"', shown)
        assert f'<form action="{path}/stop" method="post"' in shown
        assert "Running · 1 of 5" in text_of(shown)
        assert LINES[0] in text_of(shown)
        held.go()
        await grown(glass, path)
        assert "refresh" not in await page(glass, path)


async def test_a_page_grows_into_what_it_is_when_it_is_loaded_again(tmp_path: Path) -> None:
    held = printing(HELD)
    async with glass_of(tmp_path, router_core1=held) as glass:
        path = await asked(glass, PINGED)
        seen: list[Part] = []
        async with growth(glass, path + "/events") as parts:
            async for part in parts:
                seen.append(part)
                if part.name == "raw":
                    held.go()
        assert next(part.name for part in seen if part.name in ("raw", "whole")) == "raw"
        assert seen[-1].name == "whole"
        ids = [int(part.id.rpartition(".")[2]) for part in seen if part.id]
        assert ids == sorted(ids)
        assert seen[-1].html.strip() == result_of(await page(glass, path))


async def test_a_page_that_comes_back_misses_and_repeats_no_line(tmp_path: Path) -> None:
    held = printing(HELD)
    async with glass_of(tmp_path, router_core1=held) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts:
            while (first := await anext(parts)).name != "raw":
                continue
        assert LINES[0] in first.html
        held.go()
        async with growth(glass, path + "/events", **{"Last-Event-ID": first.id}) as parts:
            rest = [part async for part in parts]
        assert not any(LINES[0] in part.html for part in rest if part.name == "raw")
        assert rest[-1].name == "whole"
        assert all(line in rest[-1].html for line in LINES)
        # After the end, and with an id of something else, the whole is sent again.
        assert (await grown(glass, path, **{"Last-Event-ID": "x" * 40}))[-1].html == rest[-1].html


async def test_a_run_ends_when_its_page_was_closed_for_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor, "LEASE_S", 0.4)
    silent = printing([Say(LINES[0] + "\n"), Hang()])
    async with glass_of(tmp_path, router_core1=silent) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts:
            await anext(parts)
        run = run_of(glass, path)
        await run.over()
        assert run.error is not None
        assert run.error.code == "stopped"
        assert "Stopped after 1 of 5 probes." in text_of(await page(glass, path))


async def test_the_owner_stops_a_run_and_keeps_what_came(tmp_path: Path) -> None:
    silent = printing([Say(LINES[0] + "\n"), Hang()])
    async with glass_of(tmp_path, router_core1=silent) as glass, httpx2.AsyncClient(timeout=20) as browser:
        path = await asked(glass, PINGED)
        stop = glass.url + path + "/stop"
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://elsewhere.example"},
            {"Origin": "null"},
            {"Origin": "http://["},
        ):
            assert (await browser.post(stop, headers={**HTML, **headers})).status_code == 400
        assert (await browser.post(stop, headers={**HTML, "X-Forwarded-For": "198.51.100.7"})).status_code == 404
        assert not run_of(glass, path).done
        answer = await browser.post(stop, headers={**HTML, "Origin": glass.url, "Sec-Fetch-Site": "same-origin"})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert silent.stopped == 1
        shown = text_of(await page(glass, path))
        assert "Stopped" in shown
        assert LINES[0] in shown


async def test_a_trace_that_was_stopped_is_not_called_one_that_did_not_arrive(tmp_path: Path) -> None:
    trace = printing([Say("traceroute to 8.8.8.8\n 1  192.0.2.9  0.5 ms  0.4 ms  0.4 ms\n"), Hang()])
    async with glass_of(tmp_path, router_core1=trace) as glass, httpx2.AsyncClient(timeout=20) as browser:
        path = await asked(glass, TRACED)
        async with growth(glass, path + "/events") as parts:
            while (await anext(parts)).name != "raw":
                continue
        await browser.post(glass.url + path + "/stop", headers={**HTML, "Sec-Fetch-Site": "same-origin"})
        shown = await page(glass, path)
    assert "<title>Traceroute to 8.8.8.8 from core1: Stopped after 1 hop · Test Glass</title>" in shown
    assert '<meta property="og:description" content="Stopped after 1 hop">' in shown
    assert "Stopped after 1 hop. What had come until then is shown." in text_of(shown)
    assert "reached" not in text_of(shown)


async def test_another_visitor_sees_that_it_runs_and_later_the_result(tmp_path: Path) -> None:
    held = printing(HELD)
    async with glass_of(tmp_path, router_core1=held) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts:
            while (await anext(parts)).name != "raw":
                continue
            other = {"X-Forwarded-For": "198.51.100.7"}
            shown = await page(glass, path, headers=other)
            assert "A query is under way." in text_of(shown)
            assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in shown
            assert "data-elsewhere" in shown
            assert "data-events" not in shown
            assert LINES[0] not in shown
            await page(glass, path + "/events", 404, other)
            held.go()
            assert [part async for part in parts][-1].name == "whole"
        assert "5 received" in await page(glass, path, headers=other)


async def test_a_page_that_comes_again_without_scripts_keeps_its_question_alive(tmp_path: Path) -> None:
    held = printing(HELD)
    async with glass_of(tmp_path, router_core1=held) as glass:
        path = await asked(glass, PINGED)
        run = run_of(glass, path)
        before = run._timer
        await page(glass, path)
        assert run._timer is not before  # begins anew
        other = {"X-Forwarded-For": "198.51.100.7"}
        later = run._timer
        await page(glass, path, headers=other)
        assert run._timer is later
        held.go()


async def test_programs_are_told_that_a_question_is_under_way(tmp_path: Path) -> None:
    held = printing(HELD)
    async with glass_of(tmp_path, router_core1=held) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts, httpx2.AsyncClient() as program:
            while (await anext(parts)).name != "raw":
                continue
            for suffix, accept in ((".json", "*/*"), (".txt", "*/*"), ("", "text/plain")):
                answer = await program.get(glass.url + path + suffix, headers={"Accept": accept})
                assert (answer.status_code, answer.headers["retry-after"]) == (202, "3")
            assert "ask for this again in 3 seconds" in answer.text
            held.go()
            assert [part async for part in parts][-1].name == "whole"
            assert (await program.get(glass.url + path + ".txt")).status_code == 200


async def test_a_question_that_a_restart_cut_short_is_told_as_interrupted(ready: Glass) -> None:
    audit = ready.services.store.audit
    run_id = "e" * 32
    known = {"run_id": run_id, "router": "core1", "connection": 1, "target": "8.8.8.8"}
    here, audit.process = audit.process, "an earlier process"
    await audit.start(audit.row("127.0.0.1", "ping", **known))
    audit.process = here
    assert await audit.mark_interrupted() == 1
    shown = await page(ready, f"/r/{run_id}", 404)
    assert "This query was interrupted" in text_of(shown)
    assert 'href="/?router=core1&amp;connection=1&amp;query=ping&amp;target=8.8.8.8' in shown


async def test_what_a_router_says_that_it_sent_is_no_measure_of_the_chart(tmp_path: Path) -> None:
    told = printing([Say("\n".join([*LINES, "1000 packets transmitted, 5 packets received, 99% packet loss"]) + "\n")])
    async with glass_of(tmp_path, router_core1=told) as glass:
        shown = await ended(glass, PINGED)
    assert shown.count('class="lost"') == 3 * 95


async def test_of_very_many_paths_the_first_are_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    head, first, *rest = ROUTE.splitlines(keepends=True)
    others = first.replace("8.8.8.0/24", " " * 10).replace(" * ", " ")
    many = head + first + "".join(rest) + "".join(others + "".join(rest) for _ in range(249))
    source = Scripted(lambda c: [Say(many)] if c.startswith("show route") else answers(c))
    async with glass_of(tmp_path, rs1=source) as glass:
        shown = await ended(glass, ROUTED)
    assert shown.count('id="path-') == 200
    assert "50 further paths are in the router output and in the JSON." in text_of(shown)


async def test_what_is_not_there_is_gone_and_leads_to_the_form(ready: Glass) -> None:
    for name in ("0" * 32, "x", "0" * 32 + ".exe", "..%2f..%2fetc", "A" * 32):
        shown = text_of(await page(ready, f"/r/{name}", 404))
        assert "404" in shown or "no longer stored" in shown
    assert "Results are kept for 7 days." in text_of(await page(ready, "/r/" + "0" * 32, 404))


async def test_the_same_result_is_to_be_had_as_json_and_text(ready: Glass) -> None:
    path = await asked(ready, PINGED)
    await grown(ready, path)
    data = (await ready.client.get(f"{ready.url}{path}.json")).json()["data"]
    assert data["result"]["received"] == 5
    for suffix, headers in ((".txt", HTML), ("", {"Accept": "text/plain"}), ("", {})):
        text = await ready.client.get(ready.url + path + suffix, headers=headers)
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        assert LINES[0].replace("time=1.5 ms", "time=1.50 ms") in text.text


async def test_results_made_for_a_key_follow_its_rule(ready: Glass) -> None:
    """Its link is for everybody, unless it names a connection or a router that exists for keys only."""
    for slug, connection, status in (("core1", 1, 200), ("core1", 9, 404), ("core2", 4, 200), ("keyed", 20, 404)):
        made = await ready.get(f"/ping?target=8.8.8.8&router={slug}&connection={connection}")
        await page(ready, f"/r/{made.json()['data']['id']}", status)


async def test_the_title_and_the_head_say_what_came_of_it(ready: Glass) -> None:
    shown = await ended(ready, PINGED)
    verdict = "5 sent, 5 received, 0 % loss, average 1.4 ms"
    assert f"<title>Ping 8.8.8.8 from core1: {verdict} · Test Glass</title>" in shown
    assert f'<meta property="og:description" content="{verdict}">' in shown
    shown = await ended(ready, TRACED)
    assert "<title>Traceroute to 8.8.8.8 from core1: 2 hops, target reached · Test Glass</title>" in shown
    assert "174 {15169 15170} 15169" in text_of(await ended(ready, ROUTED))
    assert "5 gesendet, 5 empfangen" in await ended(ready, PINGED, **{"Accept-Language": "de"})


async def test_the_head_of_an_as_path_names_the_prefix_that_matched_and_who_originates_it(ready: Glass, glass: LabGlass) -> None:
    shown = text_of(await ended(ready, ROUTED))
    assert "AS path to 8.8.8.0/24 Done" in shown
    assert "Origin AS15169" in shown
    assert "Asked for 8.8.8.8, longest match shown" in shown
    assert "5 sent, 5 received, 0 % loss, average 1.4 ms" in text_of(await ended(ready, PINGED))

    # A legend names only what is drawn: the one other line here is that of the second origin.
    data = await glass.ask("/aspath", target="9.9.9.9", router="core1")
    drawn = text_of((await glass.http.get(f"/r/{data['id']}", headers=HTML)).text)
    assert "Best path Second origin" in drawn
    assert "follow its paths" in drawn

    for path, parameters in (("/aspath", {"router": "core1"}), ("/aspath/all-routers", {})):
        data = await glass.ask(path, target="9.9.9.9", **parameters)
        head = text_of(result_of((await glass.http.get(f"/r/{data['id']}", headers=HTML)).text))
        assert "AS path to 9.9.9.0/24" in head
        assert re.search(r"Origins AS19281 \S.*, AS64666 \S.* Asked for 9.9.9.9, longest match shown", head)


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (None, "–", "–"),
        (166, "2m 46s", "2 min 46 s"),
        (11_100, "3h 05m", "3 h 05 min"),
        (394_000, "4d 13h", "4 Tage 13 h"),
    ],
)
def test_an_age_is_told_in_the_reader_s_language(seconds: int | None, english: str, german: str) -> None:
    assert _age(words_for("en"), seconds) == english
    assert _age(words_for("de"), seconds) == german


async def test_again_and_edit_fill_the_form_and_run_nothing(ready: Glass) -> None:
    shown = await ended(ready, TRACED)
    link = "/?router=core1&amp;connection=1&amp;query=traceroute&amp;target=8.8.8.8"
    assert f'<a class="btn s" href="{link}">' in shown
    before = len(ready.devices["router:core1"].commands)
    filled = await page(ready, html.unescape(link))
    assert 'value="8.8.8.8"' in filled
    assert len(ready.devices["router:core1"].commands) == before


@pytest.mark.parametrize("options", [{}, {"family": "4"}, {"as_lookup": "true"}, {"family": "4", "as_lookup": "true"}])
async def test_a_question_is_edited_and_asked_again_as_it_was(tmp_path: Path, options: dict[str, str]) -> None:
    """While it runs and afterwards: what was left to us is left to us again, what was chosen stays chosen."""
    again = "".join(f"&amp;{name}={value}" for name, value in options.items())
    async with glass_of(tmp_path, router_core1=printing(HELD)) as glass:
        path = await asked(glass, {**TRACED, **options})
        running = await page(glass, path)
        assert (re.search(r'name="as_lookup" value="true" checked', running) is not None) == ("as_lookup" in options)
        assert ('<option value="4" selected>' in running) == ("family" in options)
        run_of(glass, path).stop()
        await run_of(glass, path).over()
        stopped = await page(glass, path)
        link = f"/?router=core1&amp;connection=1&amp;query=traceroute&amp;target=8.8.8.8{again}"
        assert f'<a class="btn s" href="{link}">' in stopped


async def test_networks_that_were_not_asked_for_are_not_called_unknown(ready: Glass) -> None:
    shown = await ended(ready, TRACED)
    link = "/?router=core1&amp;connection=1&amp;query=traceroute&amp;target=8.8.8.8&amp;as_lookup=true"
    assert f'href="{link}">Ask with AS lookup</a>' in shown
    assert "AS lookup was off" in text_of(shown)
    assert "network not known" not in text_of(shown)
    assert ">Network</th>" not in shown
    shown = await ended(ready, {**TRACED, "as_lookup": "true"})
    assert "AS lookup was off" not in text_of(shown)
    assert "Where the 1.4 ms go" in text_of(shown)
    assert ">Network</th>" in shown
    assert f'<a class="btn s" href="{link}">' in shown  # though not one network is known


async def test_a_silent_end_is_one_row_and_the_output_stays_whole(tmp_path: Path) -> None:
    lines = [" 1  192.0.2.9  0.5 ms  0.4 ms  0.4 ms", *(f"{number:2d}  * * *" for number in range(2, 12))]
    trace = printing([Say("traceroute to 8.8.8.8 (8.8.8.8), 30 hops max\n" + "\n".join(lines) + "\n")])
    async with glass_of(tmp_path, router_core1=trace) as glass:
        shown = await ended(glass, TRACED)
    rows = re.findall(r"<tr tabindex.*?</tr>", shown, re.S)
    assert len(rows) == 2
    assert text_of(rows[1]).startswith("2 * * * No answer from 10 hops, 2 to 11 30/30")
    assert all(line in shown for line in lines)
    assert "11 hops, the last 10 silent" in shown


async def test_who_waits_sees_its_place_in_line(tmp_path: Path) -> None:
    settings = replace(OPEN, limits=replace(OPEN.limits, queue_wait_s=30.0, queue_places=10))
    held = printing(HELD)
    async with glass_of(tmp_path, settings, router_core1=held) as glass:
        first = [await asked(glass, PINGED) for _ in range(3)]
        paths = [await asked(glass, PINGED) for _ in range(2)]
        shown = text_of(await page(glass, paths[1]))
        assert "Waiting for core1" in shown
        assert "Number 2 in line" in shown
        assert "core1 runs 3 at a time. Usual wait: 2 s, at most 30 s." in shown
        held.go()
        for path in (*first, *paths):
            assert (await grown(glass, path))[-1].name == "whole"


async def test_a_router_that_is_down_says_when_it_last_answered_and_which_others_work(tmp_path: Path) -> None:
    core1 = Scripted(answers)
    async with glass_of(tmp_path, router_core1=core1) as glass:
        path = await ended_at(glass, PINGED)
        assert "Closest routers" not in text_of(await page(glass, path))
        core1.fault = Fault("router_unreachable", "The router does not accept a connection.")
        for _ in range(3):
            path = await ended_at(glass, PINGED)
        shown = await page(glass, path)
        said = text_of(shown)
        assert re.search(r"core1 cannot be reached\. .* Its last answer came at \d\d:\d\d UTC, 0 min ago\.", said)
        assert "Closest routers that work: core2 · DC1" in said
        assert "resting" not in said, "a router out of service is no way out"
        assert 'href="/?router=core2&amp;connection=1&amp;query=ping&amp;target=8.8.8.8"' in shown
        home = text_of(await page(glass, "/"))
        assert re.search(r"core1 is not answering\. Last answer at \d\d:\d\d UTC, 0 min ago\.", home)


async def ended_at(glass: Glass, fields: dict[str, str]) -> str:
    """The path of this question's result, which is there."""
    path = await asked(glass, fields)
    await grown(glass, path)
    return path


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("router_unreachable", "The router does not accept a connection."), "core1 cannot be reached."),
        (Fault("router_refused", "The router refused the command."), "core1 refused the command."),
    ],
)
async def test_a_fault_is_named_in_plain_words_with_our_number(tmp_path: Path, fault: Fault, said: str) -> None:
    async with glass_of(tmp_path, router_core1=printing([Say("error: no such source\n"), fault])) as glass:
        path = await asked(glass, PINGED)
        await grown(glass, path)
        shown = text_of(await page(glass, path))
        assert "Failed" in shown
        assert said in shown
        assert f"logged as {path[3:11]}." in shown
        assert "error: no such source" in shown


async def test_a_recording_that_does_not_hold_the_answer_blames_no_router(tmp_path: Path) -> None:
    played = Scripted(answers, fault=Fault("router_refused", NOT_RECORDED))
    async with glass_of(tmp_path, router_core1=played, rs1=played) as glass:
        for fields in (PINGED, ROUTED, EVERYWHERE):
            path = await asked(glass, fields)
            await grown(glass, path)
            shown = text_of(result_of(await page(glass, path)))
            assert "This recording does not hold an answer to that question." in shown
            assert "refused" not in shown
            assert "logged as" not in shown
            assert ("No router was asked." in shown) == (fields["router"] != "*")
            german = text_of(await page(glass, path, headers={**HTML, "Accept-Language": "de"}))
            assert "Diese Aufzeichnung enthält keine Antwort auf die Frage." in german


async def test_a_router_that_never_answered_leaves_a_page_as_well(tmp_path: Path) -> None:
    gone = Scripted(answers, fault=Fault("router_login", "The router refused the login.", detail="secret detail"))
    async with glass_of(tmp_path, router_core1=gone) as glass:
        path = await asked(glass, PINGED)
        assert "core1 refused our login." in text_of((await grown(glass, path))[-1].html)
        shown = await page(glass, path)
        assert "core1 refused our login." in text_of(shown)
        assert 'data-copy="#raw"' not in shown, "there is nothing to copy"
        assert "secret detail" not in shown


async def test_all_routers_answer_in_part_and_each_that_did_not_can_be_asked_again(tmp_path: Path) -> None:
    source = Scripted(lambda c: [Say(ROUTE), Hold()] if "core2" in c else answers(c))
    async with glass_of(tmp_path, rs1=source) as glass:
        path = await asked(glass, EVERYWHERE)
        async with growth(glass, path + "/events") as parts:
            async for part in parts:
                if part.name == "state" and "1 of 3 routers answered" in part.html:
                    source.go()
                last = part
        shown = text_of(last.html)
        assert "2 of 3 routers answered" in shown
        assert "resting is out of service for maintenance." in shown
        assert 'href="/?router=resting&amp;query=aspath&amp;target=8.8.8.8">Retry resting</a>' in last.html
        assert result_of(await page(glass, path)) == last.html.strip()


async def test_a_switch_is_there_where_it_changes_something(ready: Glass, tmp_path: Path) -> None:
    """Communities by their names alone where one has a name; the best paths alone where there are others."""
    plain = await ended(ready, ROUTED)
    assert 'id="names-only"' not in plain
    assert 'id="best-only"' not in plain
    named = Scripted(lambda c: [Say(ROUTE.replace("(64500,100)", "(64500,100) (65535,666)"))] if "for" in c else answers(c))
    async with glass_of(tmp_path, rs1=named) as glass:
        shown = await ended(glass, ROUTED)
        assert 'id="names-only"' in shown
        assert '<b>blackhole</b><code class="ltr">65535:666</code>' in shown


async def test_a_broken_session_keeps_what_was_printed(tmp_path: Path) -> None:
    async with glass_of(tmp_path, router_core1=printing([Say(LINES[0] + "\n"), Break()])) as glass:
        shown = text_of(await ended(glass, PINGED))
        assert "core1 closed the session before its answer was whole." in shown
        assert LINES[0] in shown


async def test_the_lab_answers_on_its_pages(glass: LabGlass) -> None:
    data = await glass.ask("/ping", target="8.8.8.8", router="core1", connection=1)
    shown = (await glass.http.get(f"/r/{data['id']}", headers=HTML)).text
    assert_nothing_runs(shown)
    assert "5 sent, 5 received, 0 % loss" in shown
    assert "ping 8.8.8.8 source 203.0.113.1 count 5" in text_of(shown)


async def test_the_ip_version_of_a_name_stays_ours_to_choose_when_it_is_asked_again(glass: LabGlass) -> None:
    for family in ({}, {"family": "4"}):
        data = await glass.ask("/ping", target="dns.google", router="core1", connection=1, **family)
        shown = (await glass.http.get(f"/r/{data['id']}", headers=HTML)).text
        again = "&amp;family=4" if family else ""
        assert f'href="/?router=core1&amp;connection=1&amp;query=ping&amp;target=dns.google{again}"' in shown
    assert "<span>Leaves via <b>Cogent Transit</b>, steered there by the operator</span>" in shown


@pytest.mark.parametrize(
    ("path", "parameters", "said"),
    [
        ("/traceroute", {"target": "66.66.66.66", "router": "core1", "connection": 1}, "4 silent hops in a row."),
        ("/ping", {"target": "66.66.66.66", "router": "core1", "connection": 1}, "No answer at all."),
        (
            "/aspath",
            {"target": "9.9.9.0/24", "router": "core1"},
            "AS19281 and AS64666 each say that 9.9.9.0/24 is theirs.",
        ),
        ("/aspath", {"target": "8.8.8.0/25", "router": "core1"}, "8.8.8.0/24 covers it."),
        ("/ping", {"target": "8.8.8.8", "router": "frr1", "connection": 7}, "answers come back via"),
    ],
)
async def test_what_should_not_be_overlooked_is_said(
    glass: LabGlass, path: str, parameters: dict[str, object], said: str
) -> None:
    data = await glass.ask(path, **parameters)
    assert said in text_of((await glass.http.get(f"/r/{data['id']}", headers=HTML)).text)


async def test_a_preview_of_a_result_says_what_came_of_it_and_every_page_has_one(ready: Glass) -> None:
    shown = await page(ready, await ended_at(ready, PINGED))
    verdict = "5 sent, 5 received, 0 % loss, average 1.4 ms"
    assert f'<meta property="og:title" content="Ping 8.8.8.8 from core1: {verdict}">' in shown
    for name in ('property="og:description"', 'name="description"'):
        assert f'<meta {name} content="{verdict}">' in shown
    home = await page(ready, "/")
    assert '<meta property="og:title" content="Network Diagnostics">' in home
    assert "<title>Network Diagnostics · Test Glass</title>" in home
    assert re.search(r'<meta property="og:description" content="Looking glass of Example: [^"]+">', home)
    assert 'content="Example: 3 routers' in await page(ready, "/network")
