"""Questions to the lab: what the way through the API adds to BIRD's own time, and how dead ends end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from measure.glass import Glass
from measure.http import Connection
from measure.rows import Row, median, percentile

_NETS = ("8.8.8", "1.1.1", "9.9.9")
_DEAD_END = "66.66.66.66"
_MOST_SILENT_HOPS = 4


async def added_to_bird(glass: Glass, bird_socket: Path) -> list[Row]:
    """The same questions in turn on a kept connection to BIRD and through the API, each a different address.

    Different, because an equal question within 5 s would be answered from memory.
    """
    reader, writer = await asyncio.open_unix_connection(str(bird_socket))
    raw_ms: list[float] = []
    api_ms: list[float] = []
    try:
        await _reply(reader)
        async with glass.connect() as web:
            for last in range(1, 25):
                await _raw_ms(reader, writer, f"8.8.8.{last}")
                await _api_ms(web, f"8.8.8.{last}")
            for n in range(200):
                target = f"{_NETS[n % 3]}.{30 + n}"
                raw_ms.append(await _raw_ms(reader, writer, target))
                api_ms.append(await _api_ms(web, target))
    finally:
        writer.close()
    added_ms = median(api_ms) - median(raw_ms)
    return [
        Row(
            "`/aspath` through the API against the same question on the raw BIRD socket, not cached",
            "≤ 1.5 ms added, p50",
            f"{added_ms:.2f} ms added ({median(raw_ms):.2f} ms, {median(api_ms):.2f} ms; "
            f"p99 {percentile(api_ms, 99):.1f} ms)",
            added_ms <= 1.5,
        )
    ]


async def _raw_ms(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> float:
    began_s = time.perf_counter()
    writer.write(f"show route for {target} table core1_v4 all\n".encode())
    await _reply(reader)
    return (time.perf_counter() - began_s) * 1000


async def _reply(reader: asyncio.StreamReader) -> None:
    """To the line with a code and a blank, which is BIRD's last."""
    while True:
        line = await reader.readline()
        if not line or (line[:4].isdigit() and line[4:5] == b" "):
            return


async def _api_ms(web: Connection, target: str) -> float:
    began_s = time.perf_counter()
    answer = await web.get(f"/api/v1/aspath?target={target}&router=core1")
    taken_ms = (time.perf_counter() - began_s) * 1000
    if answer.status != 200 or answer.data()["cached"]:
        raise RuntimeError(f"/aspath of {target} gave {answer.status}: {answer.body[:200]!r}")
    return taken_ms


async def dead_ends(glass: Glass) -> list[Row]:
    """A trace into a network that drops everything, from a platform that probes in parallel and from Junos."""
    async with glass.connect() as web:
        began_s = time.perf_counter()
        parallel = (await web.get(f"/api/v1/traceroute?target={_DEAD_END}&router=bird1&connection=8")).data()
        taken_s = time.perf_counter() - began_s
        junos = (await web.get(f"/api/v1/traceroute?target={_DEAD_END}&router=core1&connection=1")).data()
    silent = _silent_hops(junos)
    return [
        Row(
            "dead-end traceroute of 30 hops where the platform probes in parallel (Linux)",
            "≤ 3 s",
            f"{taken_s:.2f} s, {_silent_hops(parallel)} silent hops",
            taken_s <= 3,
        ),
        Row(
            "the same on Junos",
            f"≤ {_MOST_SILENT_HOPS} silent hops",
            f"{silent} silent hops",
            0 < silent <= _MOST_SILENT_HOPS,
        ),
    ]


def _silent_hops(data: dict[str, dict[str, list[dict[str, list[dict[str, object]]]]]]) -> int:
    return sum(all(probe["address"] is None for probe in hop["probes"]) for hop in data["result"]["hops"])
