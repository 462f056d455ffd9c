"""The ways from the event loop to the database: one thread that writes, two that read.

SQLAlchemy is used without its asyncio layer, which crosses to a thread and back for every step of a statement and takes
a third of a second to import. Here the loop crosses once for a whole transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, Row, Select

T = TypeVar("T")
READERS = 2


class _Threads:
    """Some threads of an engine, for as long as the scope lasts."""

    def __init__(self, engine: Engine, most: int, name: str) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(most, thread_name_prefix=name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # Behind whatever still runs there, so that nothing of the database is in use once the scope is left.
            await self._go(self._close)
        finally:
            self._threads.shutdown(wait=True)

    def _close(self) -> None:
        """The last thing that is done on the threads."""

    async def _go(self, errand: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, errand, *given)


class WritingThread(_Threads):
    """The one connection that writes. What is done on it is done one after another."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, 1, "database-writer")
        self._connection: Connection | None = None
        self._before: Callable[[], None] | None = None

    def guard(self, before: Callable[[], None]) -> None:
        """Call this on the thread before each further work; what it raises is raised instead of doing the work."""
        self._before = before

    async def do(self, work: Callable[[Connection], T]) -> T:
        """What the work returns or raises; it leaves no transaction open. It goes on if the caller leaves."""
        return await self._go(self._do, work)

    def _do(self, work: Callable[[Connection], T]) -> T:
        if self._before is not None:
            self._before()
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            return work(self._connection)
        finally:
            if self._connection.in_transaction():
                self._connection.rollback()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


class ReadingThreads(_Threads):
    """Connections that read. Each question sees what is committed when it begins."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, READERS, "database-reader")

    async def rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        """Every row of the answer."""
        return await self._go(self._rows, statement)

    def _rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(statement).all()
