"""API keys: what they let in, what they do not, and how fast a change is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from netpulse.errors import Unauthorized
from netpulse.store import StorageFault, open_store
from netpulse.store.keys import KeyRing

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CLIENT = ip_address("192.0.2.7")


class Wall:
    """A wall clock that stands still until told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/netpulse.db"


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def refusal(keys: KeyRing, presented: str, client: str = "192.0.2.7") -> str:
    """The public sentence of the refusal; fails if there is none."""
    with pytest.raises(Unauthorized) as caught:
        keys.check(presented, ip_address(client))
    return caught.value.sentence


async def test_a_new_key_is_accepted_and_has_the_documented_form(url: str) -> None:
    async with open_store(url, wall=Wall()) as store:
        text, record = await store.keys.create("Customer One", per_minute=30, routers=["core1"])
        prefix, key_id, secret = text.split("_")
        assert (prefix, key_id, len(key_id), len(secret)) == ("np", record.id, 8, 43)
        assert store.keys.check(text, CLIENT) == record
        assert (record.owner, record.per_minute, record.routers, record.created_at) == (
            "Customer One", 30, ("core1",), NOW,
        )  # fmt: skip


async def test_a_key_outlives_the_process(url: str) -> None:
    networks = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
    async with open_store(url, wall=Wall()) as store:
        text, record = await store.keys.create(
            "a", per_minute=1, expires_at=NOW + timedelta(days=1), routers=["core1", "core2"], networks=networks
        )
    async with open_store(url, wall=Wall()) as store:
        assert store.keys.check(text, CLIENT) == record
        assert store.keys.all() == [record]


async def test_neither_the_key_nor_its_secret_is_in_the_files(url: str, tmp_path: Path) -> None:
    async with open_store(url) as store:
        text, _ = await store.keys.create("a", per_minute=1)
        secret = text.split("_")[2].encode()
        contents = files_in(tmp_path)
        assert len(contents) >= 2
        assert not [name for name, content in contents.items() if secret in content]


async def test_every_wrong_key_is_refused_in_the_same_words(url: str) -> None:
    async with open_store(url, wall=Wall()) as store:
        text, _ = await store.keys.create("a", per_minute=1)
        other, _ = await store.keys.create("b", per_minute=1)
        last = "a" if text[-1] != "a" else "b"
        wrong = [
            "", "np_", text[:-1] + last, text + " ", text + "\n", text + "\x00", text.upper(), text[:-1], text + text,
            " " + text, f"np_00000000_{text[12:]}", f"{text[:12]}{other[12:]}", "np_" + text, text[:-1] + "é", "x" * 10_000,
            text.replace("np_", "NP_"), text[:3] + "١" * 8 + text[11:],
        ]  # fmt: skip
        assert {refusal(store.keys, presented) for presented in wrong} == {
            "A valid API key is required in the header Authorization: Bearer KEY."
        }
        assert store.keys.check(text, CLIENT)


async def test_an_expired_a_revoked_and_a_misplaced_key_are_refused(url: str) -> None:
    wall = Wall()
    async with open_store(url, wall=wall) as store:
        until, _ = await store.keys.create("a", per_minute=1, expires_at=NOW + timedelta(seconds=5))
        there, _ = await store.keys.create(
            "b", per_minute=1, networks=[ip_network("192.0.2.0/25"), ip_network("2001:db8::/48")]
        )
        gone, record = await store.keys.create("c", per_minute=1)
        wall.now += timedelta(seconds=4.9)
        assert store.keys.check(until, CLIENT)
        wall.now += timedelta(seconds=0.1)
        assert refusal(store.keys, until)
        assert store.keys.check(there, CLIENT)
        assert store.keys.check(there, ip_address("2001:db8:0:9::1"))
        for elsewhere in ("192.0.2.128", "2001:db8:1::1", "::c000:207"):
            assert refusal(store.keys, there, elsewhere)
        revoked = await store.keys.revoke(record.id)
        assert revoked is not None
        assert revoked.revoked_at == wall.now
        assert refusal(store.keys, gone)


async def test_revoking_twice_keeps_the_first_time_and_an_unknown_id_is_told(url: str) -> None:
    wall = Wall()
    async with open_store(url, wall=wall) as store:
        _, record = await store.keys.create("a", per_minute=1)
        first = await store.keys.revoke(record.id)
        wall.now += timedelta(hours=1)
        assert await store.keys.revoke(record.id) == first
        assert await store.keys.revoke("00000000") is None


async def test_a_key_revoked_by_another_process_is_refused_at_the_next_look(url: str) -> None:
    ticks: asyncio.Queue[None] = asyncio.Queue()
    looked: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        looked.put_nowait(seconds)
        await ticks.get()

    async with open_store(url, server=True) as server, open_store(url) as command:
        text, record = await command.keys.create("a", per_minute=1)
        assert refusal(server.keys, text)
        watching = asyncio.create_task(server.keys.watch(sleep=sleep))
        assert await looked.get() <= 0.5
        ticks.put_nowait(None)
        await looked.get()
        assert server.keys.check(text, CLIENT) == record
        await command.keys.revoke(record.id)
        ticks.put_nowait(None)
        await looked.get()
        assert refusal(server.keys, text)
        watching.cancel()


async def test_watching_goes_on_when_the_database_cannot_be_read(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(url, server=True) as store:
        text, _ = await store.keys.create("a", per_minute=1)
        times = iter([0.0, 0.0])

        async def twice(_seconds: float) -> None:
            if next(times, None) is None:
                raise asyncio.CancelledError

        async def broken(_self: KeyRing) -> bool:
            raise StorageFault("disk I/O error")

        monkeypatch.setattr(KeyRing, "refresh", broken)
        with pytest.raises(asyncio.CancelledError):
            await store.keys.watch(sleep=twice)
        assert store.keys.check(text, CLIENT)
        assert len([record for record in caplog.records if "API keys" in record.message]) == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"owner": ""}, "name"),
        ({"owner": "  "}, "name"),
        ({"owner": "x" * 65}, "64"),
        ({"per_minute": 0}, "1 request"),
        ({"expires_at": NOW}, "expired"),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(url: str, change: dict[str, Any], word: str) -> None:
    async with open_store(url, wall=Wall()) as store:
        with pytest.raises(ValueError, match=word):
            await store.keys.create(**{"owner": "a", "per_minute": 1, **change})
        assert store.keys.all() == []


async def test_an_id_that_is_taken_is_drawn_again(url: str) -> None:
    draws: dict[int, list[bytes]] = {4: [b"\0\0\0\1", b"\0\0\0\1", b"\0\0\0\2"]}

    def random_bytes(count: int) -> bytes:
        return draws[count].pop(0) if count in draws else bytes(count)

    async with open_store(url, random_bytes=random_bytes) as store:
        _, first = await store.keys.create("a", per_minute=1)
        _, second = await store.keys.create("b", per_minute=1)
        assert (first.id, second.id) == ("00000001", "00000002")


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
async def test_the_smallest_and_the_largest_secret_fit_the_form(url: str, secret: bytes) -> None:
    make: Callable[[int], bytes] = lambda count: secret[:count]  # noqa: E731
    async with open_store(url, random_bytes=make) as store:
        text, record = await store.keys.create("a", per_minute=1)
        assert store.keys.check(text, CLIENT) == record
