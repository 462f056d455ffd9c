"""The page of a ping: which probes were lost, whatever number the platform begins with, and nothing where nothing was sent."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from doubles.result_pages import OPEN, PINGED, asked, ended, glass_of, grown, growth, page, printing, result_of, text_of
from doubles.scripted import Hold, Say, Script
from netpulse.cells import discover
from netpulse.query import Ask
from netpulse.settings import Settings
from netpulse.values import address

ECHO = "64 bytes from 8.8.8.8: icmp_seq={} ttl=61 time=1.5{} ms\n"
FIRST = {"junos": 0, "linux": 1}


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


@pytest.mark.parametrize("platform", [name for name, platform in discover().platforms.items() if "ping" in platform.cells])
def test_a_cell_says_what_its_reader_counts_from(platform: str) -> None:
    cell = discover().cell(platform, "ping")
    assert cell is not None
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


async def test_what_could_not_be_sent_is_no_loss_and_no_chart(tmp_path: Path) -> None:
    refused = "ping: sendto: No route to host\n"
    header = "PING 8.8.8.8 (8.8.8.8): 56 data bytes\n"
    end = "\n--- 8.8.8.8 ping statistics ---\n5 packets transmitted, 0 packets received, 100% packet loss\n"
    held = printing([Say(header + refused * 3), Hold(), Say(refused * 2 + end)])
    async with glass_of(tmp_path, of_platform("junos"), router_core1=held) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts:
            while (await anext(parts)).name != "raw":
                continue
            running = await page(glass, path)
        shown = text_of(running)
        assert probes(running) == {}
        assert "%" not in shown
        assert "Running · 3 of 5" in shown
        assert "Nothing has come back yet" not in shown
        assert "Nothing could be sent so far." in shown
        held.go()
        await grown(glass, path)
        whole = await page(glass, path)
    assert "<title>Ping 8.8.8.8 from core1: Nothing could be sent · Test Glass</title>" in whole
    assert "Nothing could be sent." in text_of(whole)
    assert "Loss" not in result_of(whole)
    assert "chart" not in result_of(whole)


async def test_a_line_that_is_no_answer_is_not_called_nothing(tmp_path: Path) -> None:
    held = printing([Say("PING 8.8.8.8 (8.8.8.8): 56 data bytes\n"), Hold(), Say(ECHO.format(0, 0))])
    async with glass_of(tmp_path, of_platform("junos"), router_core1=held) as glass:
        path = await asked(glass, PINGED)
        async with growth(glass, path + "/events") as parts:
            while (await anext(parts)).name != "raw":
                continue
            shown = text_of(await page(glass, path))
        held.go()
        await grown(glass, path)
    assert "Nothing has come back yet" not in shown
    assert "No answer yet." in shown
