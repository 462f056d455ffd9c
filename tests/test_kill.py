"""Killed at any moment under load, the whole server comes back with everything that it owed.

`NETPULSE_KILLS` sets how often; `make load` asks for 200.
"""

from __future__ import annotations

import os
from pathlib import Path

from doubles.fake_router import FakeRouter
from doubles.kills import Killed

KILLS = int(os.environ.get("NETPULSE_KILLS", "30"))
SEED = 25


async def test_a_server_killed_under_load_again_and_again_loses_no_record_and_tears_no_result(tmp_path: Path) -> None:
    async with FakeRouter() as router:
        life = await Killed(tmp_path, router, SEED).times(KILLS)
    assert life.kills.total() == KILLS
    assert life.commands >= KILLS
    assert life.interrupted >= KILLS // 2
    assert life.kept > 0
    print(f"{life.kills}, {life.commands} commands, {life.interrupted} interrupted, {life.kept} results read again")
