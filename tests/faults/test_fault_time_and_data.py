"""Clocks that jump, and knowledge that is not to be had: rows F26 and F30."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

import netpulse.conversation
import netpulse.store
from doubles.fake_dns import FakeDns, Silence, Turns
from doubles.fake_router import FakeRouter
from doubles.faulty import PING_PATH, answer, audit, by_ssh, faulty_glass, sessions_free, well
from doubles.glass import Glass
from doubles.steps import Say, Step, WaitFor
from netpulse.settings import DataFiles, Resolver
from netpulse.transports import ssh as ssh_module
from netpulse.transports.ssh import SshTransport

HOUR = timedelta(hours=1)
TRACE_PATH = "/traceroute?target=8.8.8.8&router=core1&connection=1&as_lookup=true"


class Wall:
    """The wall clock of the service, off by as much as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.off = timedelta()
        wall = self

        class Jumping(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return datetime.now(tz) + wall.off

        monkeypatch.setattr(netpulse.store, "datetime", Jumping)
        monkeypatch.setattr(netpulse.conversation, "datetime", Jumping)


def transport_of(glass: Glass) -> SshTransport:
    (post,) = (post for post in glass.services.pool.posts() if post.device.key == "router:core1")
    assert isinstance(post.transport, SshTransport)
    return post.transport


async def test_f26_clock_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wall, now_s = Wall(monkeypatch), 1000.0
    async with (
        FakeRouter(well) as router,
        faulty_glass(tmp_path, by_ssh(tmp_path, router), clock=lambda: now_s) as glass,
    ):
        key = await glass.new_key(per_minute=8)
        ids = []
        for left, off in enumerate((0 * HOUR, HOUR, -HOUR, timedelta(seconds=-1), 24 * 366 * HOUR, 0 * HOUR)):
            wall.off = off
            got = await glass.get(PING_PATH, key=key)
            assert got.status_code == 200, got.text
            assert got.headers["x-ratelimit-remaining"] == str(7 - left)
            data = got.json()["data"]
            assert 0 <= data["duration_ms"] < 5000
            assert 0 <= data["queued_ms"] < 5000
            told = datetime.fromisoformat(data["started_at"])
            assert abs(told - datetime.now(UTC) - off) < timedelta(minutes=5)
            ids.append(data["id"])
        for off in (HOUR, -HOUR, 0 * HOUR):  # a jump costs nobody a result that is still kept
            wall.off = off
            assert (await glass.get(f"/results/{ids[0]}")).status_code == 200
        for left in (1, 0):
            assert (await glass.get(PING_PATH, key=key)).headers["x-ratelimit-remaining"] == str(left)
        for off in (HOUR, -HOUR, 0 * HOUR):
            wall.off = off
            limited = await glass.get(PING_PATH, key=key)
            assert (limited.status_code, limited.headers["retry-after"]) == (429, "60")
        now_s += 60.0
        assert (await glass.get(PING_PATH, key=key)).status_code == 200
        assert router.connected == 1  # sessions know nothing of the wall
        rows = await audit(glass)
        assert all(row.outcome == "finished" and (row.duration_ms or 0) >= 0 for row in rows)


async def test_f26_no_session_grows_older_than_twelve_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ssh_module._OLDEST_S + ssh_module._LAST_COMMANDS_S == 12 * 3600
    gate = asyncio.Event()
    slow: list[list[Step]] = [[Say("first\n"), WaitFor(gate), *well("ping")]]
    script = lambda command: slow.pop() if slow else well(command)  # noqa: E731
    async with FakeRouter(script) as router, faulty_glass(tmp_path, by_ssh(tmp_path, router)) as glass:
        first = asyncio.create_task(answer(glass))
        await router.until(lambda r: len(r.execs) == 1)
        transport = transport_of(glass)
        aging = transport._aging
        assert aging is not None
        assert 0 < aging.when() - asyncio.get_running_loop().time() <= ssh_module._OLDEST_S
        aging._run()  # its hour has come
        aging.cancel()
        await answer(glass)
        assert (router.connected, router.connections) == (2, 2)
        gate.set()
        assert (await first)["result"]["received"] == 5  # what ran on the old one ended as it should
        (old,) = transport._replaced
        timer = transport._replaced[old]
        timer._run()
        timer.cancel()
        await router.until(lambda r: r.connections == 1)
        await answer(glass)
        assert router.connected == 2


async def test_f30_names_and_tables_down_or_slow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = tmp_path / "as.csv"
    table.write_text("15169,GOOGLE\n")
    scripts: dict[Any, Any] = {("9.2.0.192.in-addr.arpa", "PTR"): Silence(), ("8.8.8.8.in-addr.arpa", "PTR"): "SERVFAIL"}
    scripts["dns.example.net", "A"] = Turns([Silence(), Silence(), ["8.8.8.8"]])
    async with FakeDns(scripts) as names, FakeRouter(well) as router, faulty_glass(
        tmp_path,
        by_ssh(tmp_path, router),
        bird=tmp_path / "no bird here",
        resolver=Resolver(servers=(names.address,), timeout_s=0.3),
        data=DataFiles(as_names=table),
    ) as glass:
        table.unlink()
        data = await answer(glass, TRACE_PATH)
        probes = [hop["probes"][0] for hop in data["result"]["hops"]]
        assert [(one["address"], one["name"]) for one in probes] == [("192.0.2.9", None), ("8.8.8.8", None)]
        assert [(hop["asn"], hop["as_name"]) for hop in data["result"]["hops"]] == [(None, None)] * 2
        assert data["egress"]["expected_connection"] is None
        assert data["result"]["reached"] is True
        by_name = "/ping?target=dns.example.net&router=core1&connection=1"
        refused = await glass.get(by_name)
        assert (refused.status_code, refused.json()["code"]) == (500, "resolver_failed")
        await answer(glass)  # whoever writes an address is not concerned
        async with asyncio.timeout(20):
            while (got := await glass.get(by_name)).status_code == 500:
                assert got.json()["code"] == "resolver_failed"
        assert got.json()["data"]["address"] == "8.8.8.8"
        await sessions_free(glass)
        rows = await audit(glass)
        assert {row.outcome for row in rows} == {"finished", "failed", "refused"}
        assert not [record for record in caplog.records if record.exc_info]
