"""Opening a database: the file, its schema, and the locks that keep two programs from harming each other.

SQLite in write-ahead mode: readers never wait for the writer, and what was committed survives the end of the process
by any means (a power cut may take the last commits, never the file).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Row, Select, create_engine, event, inspect, make_url, text, update
from sqlalchemy.exc import ArgumentError, DatabaseError

from netpulse.store.faults import StorageFault
from netpulse.store.tables import revisions
from netpulse.store.threads import READERS, ReadingThreads, WritingThread
from netpulse.store.writer import MOST_QUEUED_BYTES, Writer

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 0.5
"""How long one write waits for another program's; an audit row has one second in all."""
UPGRADE_TIMEOUT_S = 30
_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class Database:
    """An open database, its schema current."""

    path: Path
    engine: Engine
    readers: ReadingThreads
    writer: Writer
    upgraded_from: str | None
    """The schema it had: None if nothing changed, `empty` if it was new."""

    async def read(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        """The rows of one query; sees what is committed, waits for no writer. Raises StorageFault."""
        try:
            return await self.readers.rows(statement)
        except DatabaseError as problem:
            raise StorageFault(f"{self.path}: cannot be read ({problem.orig}); see to the disk or the file.") from problem

    async def probe(self) -> None:
        """Write to the disk without changing anything; raises StorageFault if that cannot be done."""

        def work(connection: Connection) -> None:
            connection.execute(update(revisions).values(number=revisions.c.number))

        await self.writer.exclusively(work)


def known_schemas() -> tuple[str, ...]:
    """Every schema this version can read, oldest first; the last one is current."""
    return tuple(sorted(step.name.split("_")[0] for step in (MIGRATIONS / "versions").glob("[0-9]*_*.py")))


@asynccontextmanager
async def open_database(
    url: str, *, sole: bool = False, most_queued_bytes: int = MOST_QUEUED_BYTES
) -> AsyncIterator[Database]:
    """The database at `sqlite:///PATH`, made or brought up to date if needed.

    `sole` holds it against other servers (not against the command line) until the scope is left. Raises StorageFault.
    """
    place = _place(url)
    path = _file(place)
    _make_file(path)
    engine = create_engine(place, creator=partial(_connect, path), hide_parameters=True, pool_size=READERS + 1)
    event.listen(engine, "connect", _prepare)
    with _sole(path) if sole else _shared():
        async with WritingThread(engine) as thread, ReadingThreads(engine) as readers:
            try:
                upgraded_from = await thread.do(partial(_bring_up_to_date, path))
            except DatabaseError as problem:
                raise StorageFault(
                    f"{path}: this is not a database that can be opened ({problem.orig}); "
                    "free it, restore a backup, or name another file in storage."
                ) from problem
            thread.guard(_same_file(path))
            writer = Writer(most_queued_bytes=most_queued_bytes)
            async with writer.running(thread):
                yield Database(path, engine, readers, writer, upgraded_from)


def _place(url: str) -> URL:
    try:
        place = make_url(url)
    except ArgumentError:
        raise StorageFault("storage is not a database URL; write sqlite:///netpulse.db.") from None
    if place.drivername != "sqlite":
        raise StorageFault(f"storage: {place.drivername} is not supported by this version; use sqlite:///PATH.")
    if not place.database or place.database.startswith((":memory:", "file:")):
        raise StorageFault("storage needs a file, because what is kept must outlive the process; use sqlite:///PATH.")
    return place


def _file(place: URL) -> Path:
    return Path(place.database or "").absolute()


def _make_file(path: Path) -> None:
    """See that the file exists and can be written. It holds client addresses, so it is its owner's alone."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except FileNotFoundError:
        raise StorageFault(f"{path}: the folder {path.parent} does not exist; make it, or change storage.") from None
    except OSError as problem:
        raise StorageFault(
            f"{path}: the database cannot be written ({problem.strerror}); "
            "give this user the file and its folder, or change storage."
        ) from problem


def _connect(path: Path) -> sqlite3.Connection:
    # Never made here: where the file is gone, a new and empty one must not take its place.
    where = f"file:{quote(str(path))}?mode=rw"
    return sqlite3.connect(where, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)


def _same_file(path: Path) -> Callable[[], None]:
    """Raises StorageFault, when called, if the file at this path is not the one that is there now.

    SQLite goes on with a file that was deleted or replaced, and what it writes is gone with the process.
    """

    def identity() -> tuple[int, int]:
        facts = path.stat()
        return facts.st_dev, facts.st_ino

    opened = identity()

    def check() -> None:
        try:
            same = identity() == opened
        except OSError:
            same = False
        if not same:
            raise StorageFault(f"{path}: the file was deleted or replaced; put it back or restore a backup, and restart.")

    return check


@contextmanager
def _sole(path: Path) -> Iterator[None]:
    # A file beside it: closing any handle of the database itself would drop SQLite's own locks on it.
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise StorageFault(
            f"{path}.lock cannot be written ({problem.strerror}); give this user the folder, or change storage."
        ) from problem
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageFault(
                f"{path}: another NetPulse server uses this database; stop it, or give this one its own storage."
            ) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def _shared() -> Iterator[None]:
    yield


def _prepare(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    try:
        _use_wal(cursor)
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "temp_store = MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _use_wal(cursor: Any) -> None:
    """Put the database into WAL mode; it stays so. Runs in a thread of the store, never in the event loop.

    Where two open a new database at once, SQLite tells one of them `locked` at once, without its busy timeout: each would
    wait for the other's read lock. So it is tried again for as long as an upgrade may take.
    """
    deadline_s = monotonic() + UPGRADE_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem) or monotonic() > deadline_s:
                raise
            sleep(_AGAIN_S)
        else:
            return


def _bring_up_to_date(path: Path, connection: Connection) -> str | None:
    if _schema(connection, path) == known_schemas()[-1]:
        return None
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {UPGRADE_TIMEOUT_S * 1000}")
    # The write lock is the upgrade's lock: a second process waits here and then finds nothing to do.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    found = _schema(connection, path)
    current = found == known_schemas()[-1]
    if not current:
        _upgrade(connection)
    connection.commit()
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    return None if current else found or "empty"


def _schema(connection: Connection, path: Path) -> str | None:
    """The schema the database has, None if it is empty. StorageFault if it is none that this version can read."""
    names = inspect(connection).get_table_names()
    if "alembic_version" not in names:
        if names:
            raise StorageFault(f"{path}: this database belongs to another program; name another file in storage.")
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found is not None and found not in known_schemas():
        raise StorageFault(
            f"{path}: its schema {found} is newer than {known_schemas()[-1]}, the newest this version knows; "
            "install the NetPulse that wrote it, or restore a backup."
        )
    return None if found is None else str(found)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
