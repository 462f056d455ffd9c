"""Whatever a router prints is text: in the page, in its growth, and in memory."""

from __future__ import annotations

import html
import re
import tracemalloc
from pathlib import Path

import pytest

from doubles.result_pages import PINGED, asked, assert_nothing_runs, glass_of, grown, page, printing, run_of
from doubles.scripted import Hold, Say, Scripted

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)></pre><style>*{display:none}</style>"
FRAMES = "x\n\nevent: whole\ndata: <p id=result>gone</p>\n\nid: 1.1\r\rretry: 1\n"
UNSEEN = "\x1b[31mred\x1b[0m \x1b]0;title\x07\u202egnp.exe\u202c zero\u200bwidth \x9b2J end"
PRINTED = f"{SCRIPT}\n{FRAMES}{UNSEEN}\n--- {{{{ 7 * 7 }}}} {{% raw %}} ${{7}} ---\n"


class Raw(str):
    """Text that goes out as these bytes."""

    wire = b""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.wire


def raw_text(shown: str) -> str:
    found = re.search(r'<pre class="raw[^"]*" id="raw"[^>]*>\n?(.*?)</pre>', shown, re.S)
    assert found
    return html.unescape(found[1])


async def test_markup_frames_and_controls_are_only_text(tmp_path: Path) -> None:
    held = printing([Say(PRINTED), Hold()])
    async with glass_of(tmp_path, router_core1=held) as glass:
        path = await asked(glass, PINGED)
        waiting = await page(glass, path)
        held.go()
        parts = await grown(glass, path)
        shown = await page(glass, path)
    assert {part.name for part in parts} <= {"state", "panel", "raw", "say", "whole"}
    assert parts[-1].name == "whole"
    for markup in (waiting, shown, *(part.html for part in parts)):
        assert_nothing_runs(markup)
        assert "<img src=x" not in markup
        assert "<style" not in markup
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", markup)
    assert SCRIPT in raw_text(shown)
    assert "event: whole\ndata: <p id=result>gone</p>" in raw_text(shown)
    assert "red gnp.exe zerowidth  end" in raw_text(shown)
    assert "{{ 7 * 7 }} {% raw %} ${7}" in raw_text(shown)


async def test_first_lines_that_are_empty_stay(tmp_path: Path) -> None:
    async with glass_of(tmp_path, router_core1=printing([Say("\n\nfirst\n")])) as glass:
        path = await asked(glass, PINGED)
        await grown(glass, path)
        assert raw_text(await page(glass, path)).startswith("\n\nfirst\n")


@pytest.mark.parametrize("flood", ["x" * 10_000_000, "line\n" * 1_000_000, "\n" * 1_000_000, "&<>\"'\t" * 1_000_000])
async def test_a_flood_ends_at_the_limit_of_output_and_leaves_a_page(tmp_path: Path, flood: str) -> None:
    async with glass_of(tmp_path, router_core1=printing([Say(flood)])) as glass:
        path = await asked(glass, PINGED)
        tracemalloc.start()
        parts = await grown(glass, path)
        shown = await page(glass, path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert parts[-1].name == "whole"
    assert "The output was cut." in shown
    assert len(shown) < 3_000_000
    assert peak < 60_000_000


async def test_bytes_that_are_no_text_leave_a_page(tmp_path: Path) -> None:
    junk = Raw()
    junk.wire = b"\xff\xfe\x80 \xc3( ok\n\xed\xa0\x80" + b"64 bytes from 8.8.8.8: icmp_seq=1 ttl=61 time=1.5 ms\n" * 3
    async with glass_of(tmp_path, router_core1=printing([Say(junk)])) as glass:
        path = await asked(glass, PINGED)
        assert (await grown(glass, path))[-1].name == "whole"
        assert "\ufffd" in raw_text(await page(glass, path))


async def test_a_page_that_reads_nothing_holds_nobody(tmp_path: Path) -> None:
    """Its stream is open and unread; the run goes on and ends."""
    flood = Scripted(lambda command: [Say("line\n" * 1500)])
    async with glass_of(tmp_path, router_core1=flood) as glass:
        path = await asked(glass, PINGED)
        run = run_of(glass, path)
        async with glass.client.stream("GET", f"{glass.url}{path}/events"):
            await run.over()
            assert run.done
        assert "line" in raw_text(await page(glass, path))
