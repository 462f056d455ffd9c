"""Who asked what, when, and how it ended. A row is on disk before its command may run.

    start   waits for the commit; if that fails or takes a second, the command must not run
    end     queued, follows after
    refused queued; a flood of refusals over the queue's 64 MiB is counted in `writer.lost`, not kept

A row without an outcome belongs to a command under way, or to a process that died: the next server calls it
`interrupted`. Client addresses are cut to /24 and /48 when their time is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_interface, ip_network
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from netpulse.errors import Fault
from netpulse.store.database import Database
from netpulse.store.faults import StorageFault
from netpulse.store.tables import audit
from netpulse.store.writer import Lane
from netpulse.values import Prefix

Outcome = Literal["finished", "failed", "refused", "interrupted"]
START_WITHIN_S = 1.0
_ROW_BYTES = 1024
_AT_ONCE = 500

_ROWS = Lane("audit", insert(audit), rank=0)
_ENDS = Lane(
    "audit ends",
    update(audit)
    .where(audit.c.id == bindparam("of_id"))
    .values(outcome=bindparam("new_outcome"), code=bindparam("new_code"), duration_ms=bindparam("new_duration_ms")),
    rank=1,
)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One question to one device, or one refusal. `at` is UTC.

    `client` is an address as text, or the prefix that stands for a visitor. `router` is a slug, `device` the key of the
    device really asked, `target` canonical text. Nothing here is the caller's own spelling.
    """

    id: str
    at: datetime
    client: str
    kind: str
    key_id: str | None = None
    router: str | None = None
    device: str | None = None
    connection: int | None = None
    target: str | None = None
    command: str | None = None
    run_id: str | None = None
    request_id: str | None = None
    outcome: Outcome | None = None
    code: str | None = None
    duration_ms: int | None = None


COLUMNS = tuple(AuditRow.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows: all that match everything given. `since` is included, `until` is not; `client` holds the address."""

    since: datetime | None = None
    until: datetime | None = None
    key_id: str | None = None
    client: Prefix | None = None
    kind: str | None = None
    router: str | None = None
    target: str | None = None
    outcome: Outcome | None = None
    run_id: str | None = None
    request_id: str | None = None


@dataclass(slots=True)
class Audit:
    """The audit trail of a database. Rows of this process carry its random `process` mark.

    `request_id` names the request under way, which its rows carry. `failures` counts commands that did not run because
    their row could not be written in time.
    """

    database: Database
    wall: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    request_id: Callable[[], str | None] = lambda: None
    failures: int = field(default=0, init=False)
    process: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.process = self.random_bytes(8).hex()

    def row(self, client: str, kind: str, **known: Any) -> AuditRow:
        """A new row, now, with an id of its own; `known` are further fields of AuditRow."""
        row_id, request_id = self.random_bytes(16).hex(), self.request_id()
        return AuditRow(id=row_id, at=self.wall(), client=client, kind=kind, request_id=request_id, **known)

    async def start(self, row: AuditRow, *, within_s: float = START_WITHIN_S) -> None:
        """Return once the row is committed; Fault(`audit_unavailable`) if that fails or takes longer than `within_s`."""
        try:
            await self.database.writer.commit(_ROWS, self._values(row), within_s=within_s)
        except (SQLAlchemyError, StorageFault, TimeoutError) as problem:
            if isinstance(problem, TimeoutError):
                # Its commit may still come through: then it must not look like a command under way.
                self.end(row.id, "failed", "audit_unavailable")
            self.failures += 1
            raise Fault(
                "audit_unavailable",
                "The query was not run because it could not be recorded; try again in a moment.",
                detail=f"{type(problem).__name__}: {getattr(problem, 'orig', None) or problem}",
            ) from problem
        except asyncio.CancelledError:
            self.end(row.id, "failed", "stopped")
            raise

    def end(self, row_id: str, outcome: Outcome, code: str | None = None, duration_ms: int | None = None) -> None:
        """Say how the command of this row ended; written soon."""
        values = {"of_id": row_id, "new_outcome": outcome, "new_code": code, "new_duration_ms": duration_ms}
        # Each belongs to a start that was committed, so their number is bounded by the commands under way.
        self.database.writer.put(_ENDS, values, _ROW_BYTES, always=True)

    def refused(self, row: AuditRow, code: str) -> bool:
        """Record a question that was refused; False if there is no room for it."""
        values = self._values(replace(row, outcome="refused", code=code))
        return self.database.writer.put(_ROWS, values, _ROW_BYTES)

    def note(self, row: AuditRow) -> bool:
        """Record a question for which no command is sent, with its outcome; False if there is no room for it."""
        return self.database.writer.put(_ROWS, self._values(row), _ROW_BYTES)

    async def mark_interrupted(self) -> int:
        """How many rows of earlier processes had no outcome, and are `interrupted` now. Only for the one server."""
        orphans = audit.c.outcome.is_(None) & (audit.c.process != self.process)

        def work(connection: Connection) -> int:
            return connection.execute(update(audit).where(orphans).values(outcome="interrupted")).rowcount

        return await self.database.writer.exclusively(work)

    async def find(self, wanted: AuditFilter, *, newest_first: bool = True) -> AsyncIterator[AuditRow]:
        """The rows that match, in the order they were written or the reverse; any number, a few hundred in memory."""
        conditions = _conditions(wanted)
        # The few rows of one run are found by their time when no index has their order. Else SQLite would walk the whole
        # table in its order, and anybody could make it by asking for results that are not there.
        few = wanted.run_id is not None and wanted.since is not None
        order: ColumnElement[int] = audit.c.seq + 0 if few else audit.c.seq
        last: int | None = None
        while True:
            query: Select[Any] = select(audit).where(*conditions).limit(_AT_ONCE)
            query = query.order_by(order.desc() if newest_first else order)
            if last is not None:
                query = query.where(audit.c.seq < last if newest_first else audit.c.seq > last)
            rows = await self.database.read(query)
            for row in rows:
                if wanted.client is None or _came_from(row.client, wanted.client):
                    yield _row(row)
            if len(rows) < _AT_ONCE:
                return
            last = rows[-1].seq

    async def purge(self, before: datetime) -> int:
        """How many rows were deleted because they are older than `before`."""
        old = select(audit.c.seq).where(audit.c.at < before).limit(_AT_ONCE)

        def work(connection: Connection) -> int:
            return connection.execute(delete(audit).where(audit.c.seq.in_(old))).rowcount

        purged = 0
        while deleted := await self.database.writer.exclusively(work):
            purged += deleted
        return purged

    async def cut_addresses(self, before: datetime) -> int:
        """How many rows older than `before` had a full client address, and have its /24 or /48 now."""
        # Written out, not bound: only so does SQLite see that the index of these rows answers it.
        uncut = text("client_cut = 0")
        cut = 0
        while True:
            rows = await self.database.read(
                select(audit.c.seq, audit.c.client).where(uncut, audit.c.at < before).limit(_AT_ONCE)
            )
            if not rows:
                return cut
            shorter = [{"of_seq": row.seq, "new_client": cut_client(row.client)} for row in rows]

            def work(connection: Connection, shorter: list[dict[str, Any]] = shorter) -> None:
                connection.execute(
                    update(audit)
                    .where(audit.c.seq == bindparam("of_seq"))
                    .values(client=bindparam("new_client"), client_cut=1),
                    shorter,
                )

            await self.database.writer.exclusively(work)
            cut += len(rows)

    def _values(self, row: AuditRow) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in COLUMNS}
        return {**values, "process": self.process, "client_cut": 0}


def cut_client(client: str) -> str:
    """The /24 or /48 that an address or prefix lies in, as text; anything else as it is."""
    try:
        place = ip_interface(client)
    except ValueError:
        return client
    length = min(place.network.prefixlen, 24 if place.version == 4 else 48)
    return str(ip_network((place.ip, length), strict=False))


def _came_from(client: str, wanted: Prefix) -> bool:
    try:
        place = ip_interface(client).network
    except ValueError:
        return False
    return place.version == wanted.version and (
        place.subnet_of(wanted) or wanted.subnet_of(place)  # type: ignore[arg-type]
    )


def _conditions(wanted: AuditFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.since is not None:
        conditions.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(audit.c.at < wanted.until)
    for name in ("key_id", "kind", "router", "target", "outcome", "run_id", "request_id"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(audit.c[name] == value)
    return conditions


def _row(row: Row[Any]) -> AuditRow:
    return AuditRow(**{name: getattr(row, name) for name in COLUMNS})
