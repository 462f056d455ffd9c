"""Answers by id, for as long as they are kept: what permalinks and `/results/{id}` show again.

The body is stored whole; what a reader may see of it is decided when it is read. Saving only queues: a result can be
read at once, and is on disk a moment later. When the queue is full (64 MiB that the disk has not taken) the new result
is not kept and `save` says so; the answer itself has long gone out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from netpulse.store.database import Database
from netpulse.store.tables import results
from netpulse.store.writer import Lane

_ROW_BYTES = 512
_PURGED_AT_ONCE = 200
_RESULTS = Lane("results", insert(results), rank=2)


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One answer. `id` is 32 hex digits, `body` the JSON of its data, unredacted; times are UTC.

    `audience` says who may read it. `connection` is None where the question names none, or several. `options` are those that
    the question chose, and are shown to nobody but in its own form.
    """

    id: str
    kind: str
    key_id: str | None
    audience: str
    routers: tuple[str, ...]
    connection: int | None
    created_at: datetime
    expires_at: datetime
    body: bytes
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Results:
    """The stored answers of a database, those still on their way to it included."""

    database: Database
    wall: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    _unwritten: dict[str, StoredResult] = field(default_factory=dict, init=False)

    def new_id(self) -> str:
        """An id nobody can guess: 128 random bits as 32 hex digits."""
        return self.random_bytes(16).hex()

    def save(self, result: StoredResult) -> bool:
        """Keep this result; False if it will not be kept because the queue is full."""
        row = {
            "id": result.id,
            "kind": result.kind,
            "key_id": result.key_id,
            "audience": result.audience,
            "routers": list(result.routers),
            "connection": result.connection,
            "options": dict(result.options),
            "created_at": result.created_at,
            "expires_at": result.expires_at,
            "body": result.body,
        }

        def settled(_problem: Exception | None) -> None:
            self._unwritten.pop(result.id, None)

        kept = self.database.writer.put(_RESULTS, row, len(result.body) + _ROW_BYTES, settled)
        if kept:
            self._unwritten[result.id] = result
        return kept

    async def get(self, result_id: str) -> StoredResult | None:
        """The result with this id, None if there is none or its time is over."""
        found = self._unwritten.get(result_id)
        if found is None:
            rows = await self.database.read(select(results).where(results.c.id == result_id))
            if not rows:
                return None
            row = rows[0]
            found = StoredResult(
                id=row.id,
                kind=row.kind,
                key_id=row.key_id,
                audience=row.audience,
                routers=tuple(row.routers),
                connection=row.connection,
                options=row.options or {},
                created_at=row.created_at,
                expires_at=row.expires_at,
                body=row.body,
            )
        return found if found.expires_at > self.wall() else None

    async def purge(self, now: datetime) -> int:
        """How many results were deleted because their time is over."""
        old = select(results.c.id).where(results.c.expires_at <= now).limit(_PURGED_AT_ONCE)

        def work(connection: Connection) -> int:
            return connection.execute(delete(results).where(results.c.id.in_(old))).rowcount

        purged = 0
        while deleted := await self.database.writer.exclusively(work):
            purged += deleted
        return purged
