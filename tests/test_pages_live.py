"""How often a page is shown anew while its result grows, on a clock of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import pytest

from doubles.fake_time import FakeTimeLoop, in_fake_time
from netpulse.runs import Run
from netpulse.web.pages.live import Live
from netpulse.web.pages.progress import Progress
from netpulse.web.pages.question import Question
from netpulse.words import words_for

PICTURE_S, LINES, BETWEEN_S = 0.01, 40, 0.25
"""What drawing a picture takes, and how a router prints for ten seconds."""


async def shown(others: int) -> tuple[list[float], float]:
    """When each picture of a growing ping was sent, and how long after its end the whole result was."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, FakeTimeLoop)
    run, pictures, whole = Run("a" * 32, "visitor:1", 60.0), list[float](), list[float]()

    def part(template: str, _growing: bool) -> str:
        if template != "parts/state.html":
            loop.now_s += PICTURE_S
        return template

    async def send(message: MutableMapping[str, Any]) -> None:
        body = message.get("body", b"")
        if b"event: panel" in body:
            pictures.append(loop.time())
        if b"event: whole" in body:
            whole.append(loop.time())

    async def receive() -> dict[str, Any]:
        await loop.create_future()
        return {}

    crowd: set[object] = {object() for _ in range(others)}
    question = Question("ping", ("core1",), False, 1, "8.8.8.8")
    live = Live(run, Progress(run.id, question), 0, part, words_for("en"), nullcontext(), crowd)
    told = asyncio.create_task(live({"type": "http"}, receive, send))
    for number in range(LINES):
        run.add("output", json.dumps({"text": f"line {number}"}).encode())
        await asyncio.sleep(BETWEEN_S)
    run.finish({"result": None}, None)
    run.add("finished", b'{"result":null}')
    ended_s = loop.time()
    await told
    assert len(crowd) == others
    return pictures, whole[0] - ended_s


@pytest.mark.parametrize("others", [0, 50, 400, 2000])
def test_many_pages_share_the_time_for_pictures_and_each_hears_of_the_end_at_once(others: int) -> None:
    pictures, late_s = in_fake_time(shown(others))
    apart_s = [later - earlier for earlier, later in pairwise(pictures)]
    share_s = min(5.0, 2 * (others + 1) * PICTURE_S)
    assert min(apart_s) >= share_s - 0.001
    assert max(apart_s) <= share_s + BETWEEN_S + 2 * PICTURE_S
    assert late_s <= 2 * PICTURE_S
