"""API keys: made once, kept as digests, checked in memory, revoked everywhere within a second.

A key is `np_ID_SECRET`: eight hex digits to find it by, 43 base-62 digits that write 256 random bits. Only the SHA-256
of the whole text is kept; a fast digest is right for a secret that cannot be guessed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from netpulse.errors import Unauthorized
from netpulse.store.database import Database
from netpulse.store.faults import StorageFault
from netpulse.store.tables import api_keys, revisions
from netpulse.values import Address, Prefix

WATCH_EVERY_S = 0.5
LONGEST_OWNER = 64
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"\Anp_([0-9a-f]{8})_[0-9A-Za-z]{43}\Z", re.ASCII)
_NUMBER = select(revisions.c.number).where(revisions.c.name == "keys")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key, and what it may do. Times are UTC.

    No `routers` means all of them, no `networks` means from anywhere, no `expires_at` means until it is revoked.
    """

    id: str
    owner: str
    per_minute: int
    expires_at: datetime | None
    routers: tuple[str, ...]
    networks: tuple[Prefix, ...]
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    digest: bytes
    record: KeyRecord
    networks: tuple[tuple[int, int, int], ...]
    """IP version, number and mask of each network: membership is one `and` and one comparison."""


@dataclass(slots=True)
class KeyRing:
    """Every key of the database as of the last `refresh`, and the way to make and revoke them."""

    database: Database
    wall: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    _revision: int = field(default=-1, init=False)
    _held: dict[str, _Held] = field(default_factory=dict, init=False)
    _decoy: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        self._decoy = self.random_bytes(32)

    def check(self, presented: str, client: Address) -> KeyRecord:
        """The key that was presented; Unauthorized, always in the same words, if it may not be used from there now."""
        form = _FORM.match(presented)
        if form is None:
            raise Unauthorized(detail="not in the form of a key")
        held = self._held.get(form[1])
        # Also without a candidate, so that the time taken does not tell which ids exist.
        right = hmac.compare_digest(
            hashlib.sha256(presented.encode("ascii")).digest(), self._decoy if held is None else held.digest
        )
        if held is None or not right:
            raise Unauthorized(
                detail=f"no key with the id {form[1]}" if held is None else f"wrong secret for {form[1]}"
            )
        record = held.record
        if record.revoked_at is not None:
            raise Unauthorized(detail=f"the key {record.id} is revoked")
        if record.expires_at is not None and record.expires_at <= self.wall():
            raise Unauthorized(detail=f"the key {record.id} is expired")
        if held.networks and not _within(client, held.networks):
            raise Unauthorized(detail=f"the key {record.id} is not for use from there")
        return record

    async def refresh(self) -> bool:
        """Take the keys from the database if they have changed since the last time; whether they had."""
        rows = await self.database.read(_NUMBER)
        # Read before the keys: a change in between is then found by the next refresh, never missed.
        number = int(rows[0].number)
        if number == self._revision:
            return False
        self._held = {row.id: _held(row) for row in await self.database.read(select(api_keys))}
        self._revision = number
        return True

    async def watch(
        self, *, every_s: float = WATCH_EVERY_S, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Refresh for ever, so that what other processes change holds here soon. Keeps what it has while it cannot."""
        troubled = False
        while True:
            await sleep(every_s)
            try:
                await self.refresh()
            except Exception as problem:  # revoked keys must be refused again as soon as that can be read
                if not troubled:
                    known = isinstance(problem, StorageFault)
                    log.warning("changes of the API keys cannot be read: %s", problem, exc_info=not known)
                troubled = True
            else:
                troubled = False

    async def create(
        self,
        owner: str,
        *,
        per_minute: int,
        expires_at: datetime | None = None,
        routers: Sequence[str] = (),
        networks: Sequence[Prefix] = (),
    ) -> tuple[str, KeyRecord]:
        """A new key: its text, which is nowhere afterwards, and its record. ValueError says what is wrong."""
        now = self.wall()
        if not owner.strip() or len(owner) > LONGEST_OWNER:
            raise ValueError(f"The name of a key has 1 to {LONGEST_OWNER} characters.")
        if per_minute < 1:
            raise ValueError("A key needs at least 1 request a minute.")
        if expires_at is not None and expires_at <= now:
            raise ValueError("The key would be expired already; choose a later date.")
        key_id = self.random_bytes(4).hex()
        while key_id in self._held:
            key_id = self.random_bytes(4).hex()
        text = f"np_{key_id}_{_base62(self.random_bytes(32))}"
        record = KeyRecord(key_id, owner, per_minute, expires_at, tuple(routers), tuple(networks), now)
        row = {
            "id": key_id,
            "owner": owner,
            "digest": hashlib.sha256(text.encode("ascii")).digest(),
            "per_minute": per_minute,
            "expires_at": expires_at,
            "routers": list(routers),
            "networks": [str(network) for network in networks],
            "created_at": now,
            "revoked_at": None,
        }

        def work(connection: Connection) -> None:
            connection.execute(insert(api_keys), [row])
            _announce(connection)

        await self.database.writer.exclusively(work)
        await self.refresh()
        return text, record

    def all(self) -> list[KeyRecord]:
        """Every key, revoked ones too, oldest first, as of the last refresh."""
        return sorted((held.record for held in self._held.values()), key=lambda record: (record.created_at, record.id))

    async def revoke(self, key_id: str) -> KeyRecord | None:
        """The key, of no use from now on; None if there is none with this id. A second time changes nothing."""
        now = self.wall()

        def work(connection: Connection) -> None:
            connection.execute(
                update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
            )
            _announce(connection)

        await self.database.writer.exclusively(work)
        await self.refresh()
        held = self._held.get(key_id)
        return None if held is None else held.record


def _announce(connection: Connection) -> None:
    connection.execute(update(revisions).where(revisions.c.name == "keys").values(number=revisions.c.number + 1))


def _base62(secret: bytes) -> str:
    number = int.from_bytes(secret, "big")
    digits = []
    for _ in range(43):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _held(row: Row[Any]) -> _Held:
    networks = tuple(ip_network(network) for network in row.networks)
    record = KeyRecord(
        id=row.id,
        owner=row.owner,
        per_minute=row.per_minute,
        expires_at=row.expires_at,
        routers=tuple(row.routers),
        networks=networks,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
    masks = tuple((net.version, int(net.network_address), int(net.netmask)) for net in networks)
    return _Held(row.digest, record, masks)


def _within(client: Address, networks: tuple[tuple[int, int, int], ...]) -> bool:
    number, version = int(client), client.version
    return any(version == of and number & mask == network for of, network, mask in networks)
