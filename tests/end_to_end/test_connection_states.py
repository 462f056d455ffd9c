"""The state of connections in the lab: what each router's own BGP says, and sessions that are shut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from doubles.lab_glass import Glass, glass_for
from netpulse.lab.lab import Lab
from netpulse.settings import Settings


async def states(glass: Glass, router: str) -> dict[int, str]:
    """By connection, as the second look tells it."""
    await glass.rows("/connections", router=router)
    await glass.services.neighbors.settled()
    return {row["id"]: row["status"] for row in await glass.rows("/connections", router=router)}


@pytest.mark.parametrize(
    ("router", "ids"), [("core1", (1, 2, 3)), ("core2", (4, 5)), ("frr1", (6, 7)), ("bird1", (8,))]
)
async def test_every_connection_of_the_lab_is_up(glass: Glass, router: str, ids: tuple[int, ...]) -> None:
    assert await states(glass, router) == dict.fromkeys(ids, "up")


async def test_a_connection_whose_sessions_are_down_is_down_and_the_others_are_not(
    lab: Lab, lab_settings: Settings, tmp_path: Path
) -> None:
    """By the sessions and not by the cable: a cable takes the neighbour's IPv6 routes with it for good."""
    lab.stop_bgp("core1", "*lumen*")
    try:
        lab.until("core1 has let go", lambda: not any(lumen_routes(lab)))
        settings = replace(lab_settings, storage=f"sqlite:///{tmp_path}/netpulse.db")
        async with glass_for(settings) as fresh:
            assert await states(fresh, "core1") == {1: "up", 2: "down", 3: "up"}
    finally:
        lab.start_bgp("core1", "*lumen*")
        lab.until("core1 has its routes again", lambda: all(lumen_routes(lab)))
        lab.wait("core")


def lumen_routes(lab: Lab) -> tuple[bool, bool]:
    """Whether core1 knows routes of Lumen, IPv4 and IPv6."""
    return (
        "4.68.1.1" in lab.bird("core1", "show route table master4"),
        "2001:1900:0:1::1" in lab.bird("core1", "show route table master6"),
    )
