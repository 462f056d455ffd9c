"""What happens, kept: API keys, results and the audit trail, in one SQL database.

    tables        what is in it
    database      opening: the file, the schema, the locks
    writer        the one task that writes, many rows to a commit
    threads       the ways to the database: one thread that writes, two that read
    keys          who may ask, checked in memory
    results       answers by id, for a while
    audit         who asked what, written before it runs
    export        audit rows as JSON lines and CSV
    housekeeping  what is deleted when its time is over

This folder is the only place that knows SQLAlchemy and alembic. Importing this file imports neither: `open_store` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes
from typing import TYPE_CHECKING

from netpulse.store.faults import StorageFault

if TYPE_CHECKING:
    from netpulse.store.audit import Audit
    from netpulse.store.database import Database
    from netpulse.store.keys import KeyRing
    from netpulse.store.results import Results

__all__ = ["StorageFault", "Store", "open_store", "utc_now"]


def utc_now() -> datetime:
    """The time of this machine's clock, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Store:
    """The open database and what is kept in it."""

    database: Database
    keys: KeyRing
    results: Results
    audit: Audit


@asynccontextmanager
async def open_store(
    url: str,
    *,
    server: bool = False,
    wall: Callable[[], datetime] = utc_now,
    random_bytes: Callable[[int], bytes] = token_bytes,
    request_id: Callable[[], str | None] = lambda: None,
) -> AsyncIterator[Store]:
    """The store at this URL, its schema up to date; everything queued is written before it closes.

    `server` makes this process the only server of the database: it marks what earlier ones left unfinished as
    interrupted and follows changes of the keys. `request_id` names the request under way for the audit
    trail. Raises StorageFault with what to do.
    """
    from netpulse.store.audit import Audit
    from netpulse.store.database import open_database
    from netpulse.store.keys import KeyRing
    from netpulse.store.results import Results

    async with open_database(url, sole=server) as database:
        keys = KeyRing(database, wall=wall, random_bytes=random_bytes)
        await keys.refresh()
        audit = Audit(database, wall=wall, random_bytes=random_bytes, request_id=request_id)
        if server:
            await audit.mark_interrupted()
        yield Store(database, keys, Results(database, wall=wall, random_bytes=random_bytes), audit)
