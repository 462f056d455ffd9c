"""The page of a ping: which probes were lost, whatever number the platform begins with, and nothing where nothing was sent."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from doubles.result_pages import OPEN, PINGED, asked, ended, glass_of, grown, growth, page, printing, text_of
from doubles.scripted import Hold, Say, Script
from netpulse.cells import discover
from netpulse.query import Ask
from netpulse.settings import Settings
from netpulse.values import address

ECHO = "64 bytes from 8.8.8.8: icmp_seq={} ttl=61 time=1.5{} ms\n"
FIRST = {"junos": 0, "linux": 1, "frr": 1}


def of_platform(platform: str) -> Settings:
    """The usual network, its first router of this platform."""
    first, *rest = OPEN.inventory.routers
    first = replace(first, platform=platform, device=replace(first.device, platform=platform))
    return replace(OPEN, inventory=replace(OPEN.inventory, routers=(first, *rest)))


def probes(shown: str) -> dict[int, str]:
    """What the chart's alternative says of each probe, by its number."""
    label = re.search(r'<svg class="wide ltr"[^>]* aria-label="([^"]+)"', shown)
    assert label, text_of(shown)
    return {int(number): text for number, text in re.findall(r"Probe (\d+): ([^.]+)", label[1])}


@pytest.mark.parametrize("platform", sorted(FIRST))
def test_a_cell_says_what_its_reader_counts_from(platform: str) -> None:
    cell = discover().cell(platform, "ping")
    assert cell is not None
    assert cell.first_seq == FIRST[platform]
    reader = cell.reader(Ask(target=address("8.8.8.8"), family=4, source=None))
    for number in range(2):
        list(reader.feed(ECHO.format(cell.first_seq + number, number).strip()))
    assert getattr(reader.close("caller"), "sent", None) == 2


@pytest.mark.parametrize("platform", ["junos", "linux"])
@pytest.mark.parametrize("lost", [0, 2, 4])
async def test_the_probe_that_was_lost_is_the_one_that_is_shown_as_lost(
    tmp_path: Path, platform: str, lost: int
) -> None:
    first = FIRST[platform]
    lines = "".join(ECHO.format(first + number, number) for number in range(5) if number != lost)
    script: Script = [Say(f"PING 8.8.8.8 (8.8.8.8): 56 data bytes\n{lines}\n5 packets transmitted, 4 packets received\n")]
    async with glass_of(tmp_path, of_platform(platform), router_core1=printing(script)) as glass:
        shown = await ended(glass, PINGED)
    found = probes(shown)
    assert list(found) == list(range(first, first + 5))
    assert [number for number, text in found.items() if text == "lost"] == [first + lost]


@pytest.mark.parametrize("platform", ["junos", "linux"])
async def test_probes_without_any_answer_have_the_numbers_of_the_platform(tmp_path: Path, platform: str) -> None:
    script: Script = [Say("PING 8.8.8.8 (8.8.8.8): 56 data bytes\n\n5 packets transmitted, 0 packets received\n")]
    async with glass_of(tmp_path, of_platform(platform), router_core1=printing(script)) as glass:
        shown = await ended(glass, PINGED)
    assert probes(shown) == dict.fromkeys(range(FIRST[platform], FIRST[platform] + 5), "lost")


@pytest.mark.parametrize("platform", ["junos", "linux"])
async def test_a_first_probe_that_is_lost_is_counted_while_it_runs(tmp_path: Path, platform: str) -> None:
    held = printing([Say(ECHO.format(FIRST[platform] + 1, 0)), Hold()])
    async with glass_of(tmp_path, of_platform(platform), router_core1=held) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts:
            while (await anext(parts)).name != "raw":
                continue
            shown = await page(glass, path)
        held.go()
        await grown(glass, path)
    assert "Running · 2 of 5" in text_of(shown)
    assert probes(shown)[FIRST[platform]] == "lost"
