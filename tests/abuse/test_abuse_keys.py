"""K: API keys. K8 is a proof and no statistics: a wrong id and a wrong secret go through the same operations.

K3's page about keys in URLs is docs/api.md; K13 needs the admin area, `netpulse keys create` prints a key once (K13 below).
"""

from __future__ import annotations

import csv
import hmac
import io
import re
from datetime import timedelta
from pathlib import Path

import pytest

from abuse.rig import Rig, ask, watched
from netpulse.errors import Unauthorized
from netpulse.store import utc_now
from netpulse.store.audit import AuditRow
from netpulse.store.export import csv_header, csv_line
from netpulse.store.keys import LONGEST_OWNER
from netpulse.values import Address

ONE_TEXT = b'{"error":"A valid API key is required in the header Authorization: Bearer KEY.","code":"unauthorized"}'


async def refused(rig: Rig, n: int, *lines: str | bytes, path: str = "/api/v1/routers") -> None:
    """One text for every reason; each from a client of its own, or one alone would be held off."""
    async with rig.untouched():
        answer = await ask(rig, path, *lines, f"X-Forwarded-For: 192.0.2.{n}")
        assert (answer.status, answer.body) == (401, ONE_TEXT), answer
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    "value",
    [None, "", "Bearer", "Bearer ", "Basic x", "Token KEY", "KEY", "BearerKEY", "Bearer\tKEY", "Bearer KEY KEY", "Bearer, KEY"],
)
async def test_k1_what_is_no_bearer_token_is_no_key(rig: Rig, value: str | None) -> None:
    lines = [] if value is None else ["Authorization: " + value.replace("KEY", rig.glass.key)]
    await refused(rig, 1, *lines)


async def test_k1_the_scheme_may_be_in_any_case(rig: Rig) -> None:
    for scheme in ("bearer", "BEARER", "bEaReR"):
        assert (await ask(rig, "/api/v1/limits", f"Authorization: {scheme} {rig.glass.key}")).status == 200


async def test_k2_a_key_that_is_almost_right_is_wrong(rig: Rig) -> None:
    key = rig.glass.key
    last = "A" if key[-1] != "A" else "B"
    almost = [
        key[:12] + "0" * 43, "np_00000000_" + key[12:], key[:-1] + last, key.upper(), key.swapcase(), key[:-1], key + key,
        key + "0", "x" + key, key.replace("_", "-"), key[3:], key + "%00", key + "\xa0", "np__" + key[12:], key + "=",
        "np_" + "%" * 8 + "_" + key[12:], key[:12], "np_" + "__class__"[:8] + "_" + key[12:],
    ]  # fmt: skip
    for n, wrong in enumerate(almost):
        await refused(rig, 10 + n, f"Authorization: Bearer {wrong}".encode("latin-1"))
    assert (await ask(rig, "/api/v1/limits", f"Authorization: Bearer {key}\x00")).status == 400  # below HTTP


@pytest.mark.parametrize("name", ["api_key", "key", "token", "access_token", "authorization"])
async def test_k3_a_key_in_the_url_is_no_key_and_not_written_down(rig: Rig, name: str) -> None:
    said = len(rig.log.text())
    await refused(rig, 40, path=f"/api/v1/routers?{name}={rig.glass.key}")
    answer = await ask(rig, f"/api/v1/routers?{name}={rig.glass.key}", rig.bearer)
    assert answer.status == 400
    assert rig.glass.key.encode() not in answer.body
    assert rig.glass.key not in rig.log.text()[said:]
    page = await ask(rig, f"/?target=8.8.8.8&{name}={rig.glass.key}", "Accept: text/html")
    assert rig.glass.key.encode() not in page.body  # nor carried into a link of the page


async def test_k4_a_revoked_key_is_dead_at_once(rig: Rig) -> None:
    text, record = await rig.glass.services.store.keys.create("K4", per_minute=10)
    assert (await ask(rig, "/api/v1/limits", f"Authorization: Bearer {text}")).status == 200
    await rig.glass.services.store.keys.revoke(record.id)
    await refused(rig, 41, f"Authorization: Bearer {text}")


async def test_k5_a_key_lives_to_its_second(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, now = rig.glass.services.store.keys, utc_now()
    text, _ = await keys.create("K5", per_minute=10, expires_at=now + timedelta(hours=1))
    monkeypatch.setattr(keys, "wall", lambda: now + timedelta(hours=1, seconds=-1))
    assert (await ask(rig, "/api/v1/limits", f"Authorization: Bearer {text}")).status == 200
    monkeypatch.setattr(keys, "wall", lambda: now + timedelta(hours=1, seconds=1))
    await refused(rig, 42, f"Authorization: Bearer {text}")


async def test_k6_a_router_that_a_key_may_not_use_does_not_exist_for_it(rig: Rig) -> None:
    text, _ = await rig.glass.services.store.keys.create("K6", per_minute=100, routers=["another"])
    bearer = f"Authorization: Bearer {text}"
    async with rig.untouched():
        told = set()
        for router in ("router1", "hidden1", "nonesuch"):
            answer = await ask(rig, f"/api/v1/ping?target=8.8.8.8&router={router}&connection=1", bearer)
            assert answer.status == 400
            told.add(answer.body)
            assert (await ask(rig, f"/api/v1/connections?router={router}", bearer)).body == answer.body
        assert len(told) == 1
        assert b"unknown_router" in told.pop()
        assert (await ask(rig, "/api/v1/routers", bearer)).body == b'{"success":true,"data":[]}'
        assert (await ask(rig, "/api/v1/aspath?target=8.8.8.8", bearer)).status == 400


async def test_k7_two_keys_are_none(rig: Rig) -> None:
    await refused(rig, 43, rig.bearer, rig.bearer)
    await refused(rig, 43, rig.bearer, "Authorization: Bearer np_00000000_" + "0" * 43)
    assert (await ask(rig, "/api/v1/limits", rig.bearer, "X-API-Key: another")).status == 200  # no header of ours


def test_k8_a_wrong_id_and_a_wrong_secret_are_the_same_work(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation whose time could depend on the key: one digest of the whole text, one comparison in constant time."""
    keys, done = rig.glass.services.store.keys, []

    def compared(a: bytes, b: bytes) -> bool:
        done.append((len(a), len(b)))
        return hmac.compare_digest(a, b)

    from netpulse.store import keys as module

    monkeypatch.setattr(module, "hmac", type("hmac", (), {"compare_digest": staticmethod(compared)}))
    here: Address = next(iter(rig.glass.services.settings.inventory.infrastructure)).network_address
    for wrong in (rig.glass.key[:12] + "0" * 43, "np_00000000_" + "0" * 43):
        with pytest.raises(Unauthorized):
            keys.check(wrong, here)
    assert done == [(32, 32), (32, 32)]


async def test_k9_who_tries_keys_is_held_off_and_nobody_else(rig: Rig) -> None:
    answers = [
        await ask(rig, "/api/v1/routers", f"Authorization: Bearer np_{n:08x}_" + "0" * 43, "X-Forwarded-For: 198.51.100.200")
        for n in range(60)
    ]
    assert [answer.status for answer in answers] == [401] * 20 + [429] * 40
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert (await ask(rig, "/api/v1/limits", rig.bearer, "X-Forwarded-For: 198.51.100.201")).status == 200
    # Not even its own neighbours behind the same address.
    assert (await ask(rig, "/api/v1/limits", rig.bearer, "X-Forwarded-For: 198.51.100.200")).status == 200


def kept_in(folder: Path, text: str) -> list[str]:
    """The files of the database that hold this text."""
    files = [path for path in folder.iterdir() if path.name.startswith("glass.db")]
    return [path.name for path in files if text.encode() in path.read_bytes()]


async def test_k10_k11_no_secret_is_in_a_file_or_in_the_log(tmp_path: Path) -> None:
    async with watched(tmp_path) as rig:
        secret = rig.glass.key[12:]
        await rig.get("/ping?target=8.8.8.8&router=router1&connection=1")
        await ask(rig, f"/api/v1/ping?key={rig.glass.key}", f"Cookie: session={rig.glass.key}", rig.bearer)
        await ask(rig, f"/{rig.glass.key}", f"Referer: /{rig.glass.key}", f"User-Agent: {rig.glass.key}")
        await ask(rig, "/api/v1/routers", f"Authorization: Basic {rig.glass.key}")
        await rig.audit()
        assert secret not in rig.log.text()
        assert kept_in(tmp_path, secret) == []
        assert kept_in(tmp_path, rig.glass.key[3:11])  # the id, so that it is known to be looked for in the right place


async def test_k12_the_name_of_a_key_is_only_ever_text(rig: Rig) -> None:
    keys = rig.glass.services.store.keys
    for name in ("<img src=x onerror=1>", "=1+1", "\u202e", "x" * LONGEST_OWNER):
        _, record = await keys.create(name, per_minute=1)
        assert record.owner == name
        await keys.revoke(record.id)
    for name in ("", "   ", "x" * (LONGEST_OWNER + 1), "x" * 10_000):
        with pytest.raises(ValueError, match="name of a key"):
            await keys.create(name, per_minute=1)


async def test_k13_a_key_is_told_once_and_never_again(rig: Rig) -> None:
    text, record = await rig.glass.services.store.keys.create("K13", per_minute=1)
    assert text[12:] not in repr(rig.glass.services.store.keys.all())
    assert text[12:] not in repr(record)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_x1_no_cell_of_an_export_is_a_formula(first: str) -> None:
    row = AuditRow("0" * 32, utc_now(), first + "1+1", "ping", target=first + "cmd|'/c calc'!A1", command=first + "x")
    _, cells = csv.reader(io.StringIO(csv_header() + csv_line(row), newline=""))
    assert [cell for cell in cells if re.match(r"[=+\-@\t\r]", cell)] == []
