"""The one task that writes to the database, so that this process never waits for itself.

Rows gather while a commit is under way and go into the next one together; when the task is idle a row is written at
once. Two ways in: `commit` waits until its row is safe, `put` only queues. The queue lives on the event loop; a whole
commit is one errand to the thread that writes.

When the database cannot be written (locked by another program, disk full, its file damaged or gone), rows that somebody
waits for fail, queued rows stay and are tried again. The queue is bounded in bytes: over it `put` says no, and the row is
not kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from netpulse.store.faults import StorageFault
from netpulse.store.threads import WritingThread

T = TypeVar("T")
Settled = Callable[[Exception | None], None]
Work = Callable[[Connection], T]

MOST_QUEUED_BYTES = 64 * 1024 * 1024
_MOST_ROWS = 1000
"""Rows of one commit: a row that somebody waits for never waits for more than this."""
_MOST_COMMIT_BYTES = 4 * 1024 * 1024
_LAST_TRIES = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One kind of row and the statement that writes it; within a commit lower ranks are written first."""

    name: str
    statement: Executable
    rank: int


@dataclass(slots=True, eq=False)
class _Entry:
    lane: Lane
    row: Mapping[str, Any]
    size: int
    settled: Settled | None
    since_s: float
    awaited: bool = False
    withdrawn: bool = False


@dataclass(slots=True, eq=False)
class _Turn(Generic[T]):
    work: Work[T]
    done: asyncio.Future[T]

    async def take(self, thread: WritingThread) -> None:
        try:
            value = await thread.do(partial(_alone, self.work))
        except Exception as problem:  # handed to whoever asked
            if is_unusable(problem) and isinstance(problem, DatabaseError):
                fault = StorageFault(f"The database cannot be written now ({problem.orig}); try again in a moment.")
                fault.__cause__ = problem
                self.abandon(fault)
            else:
                self.abandon(problem)
        except asyncio.CancelledError:
            self.abandon(StorageFault("The database was closed before the work was known to be done."))
            raise
        else:
            if not self.done.done():
                self.done.set_result(value)

    def abandon(self, problem: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(problem)


class Writer:
    """The writing side of a database.

    `lost_rows` counts by lane the queued rows that were given up, `queued_bytes` is what waits, and `failing` is why the
    last commit failed, None while all is well.
    """

    def __init__(
        self,
        *,
        most_queued_bytes: int = MOST_QUEUED_BYTES,
        retry_s: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lost_rows: Counter[str] = Counter()
        self.queued_bytes = 0
        self.failing: str | None = None
        self._most_queued_bytes = most_queued_bytes
        self._retry_s = retry_s
        self._clock = clock
        self._under_way: list[_Entry] = []
        self._awaited: deque[_Entry] = deque()
        self._queued: deque[_Entry] = deque()
        self._turns: deque[_Turn[Any]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    def put(
        self, lane: Lane, row: Mapping[str, Any], size: int, settled: Settled | None = None, *, always: bool = False
    ) -> bool:
        """Queue a row of about `size` bytes; False if the queue is full and the row will not be kept.

        `always` is for rows whose number is bounded elsewhere. `settled` hears None once the row is written, or why
        it was given up.
        """
        if self._closing or (self.queued_bytes + size > self._most_queued_bytes and not always):
            self.lost_rows[lane.name] += 1
            return False
        self._queued.append(_Entry(lane, row, size, settled, self._clock()))
        self.queued_bytes += size
        self._stir()
        return True

    async def commit(self, lane: Lane, row: Mapping[str, Any], *, within_s: float) -> None:
        """Return once the row is committed; raises TimeoutError, StorageFault, or what the database said.

        A row whose caller has left is not written, unless its commit was already under way.
        """
        self._refuse_if_closing()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = _Entry(lane, row, 0, lambda problem: _resolve(done, problem), self._clock(), awaited=True)
        self._awaited.append(entry)
        self._stir()
        try:
            async with asyncio.timeout(within_s):
                await done
        finally:
            entry.withdrawn = True

    async def exclusively(self, work: Work[T]) -> T:
        """What `work` returns, run in a transaction of its own that no other process can write into.

        It runs on the thread that writes, and goes on if the caller leaves. Keep it short: rows wait meanwhile. Raises
        StorageFault if the database cannot be written, and whatever `work` raises.
        """
        self._refuse_if_closing()
        turn: _Turn[T] = _Turn(work, asyncio.get_running_loop().create_future())
        self._turns.append(turn)
        self._stir()
        return await turn.done

    @property
    def lost(self) -> int:
        """How many queued rows were given up."""
        return self.lost_rows.total()

    def waiting(self, *lanes: str) -> tuple[int, float]:
        """How many rows of these lanes are not on disk yet, and the age in seconds of the oldest, 0 if there is none."""
        since = [
            entry.since_s
            for rows in (self._under_way, self._awaited, self._queued)
            for entry in rows
            if entry.lane.name in lanes and not entry.withdrawn
        ]
        return len(since), max(0.0, self._clock() - min(since)) if since else 0.0

    async def drained(self) -> None:
        """Return once nothing is queued."""
        await self._idle.wait()

    @asynccontextmanager
    async def running(self, thread: WritingThread) -> AsyncIterator[Writer]:
        """Write on this thread until the scope is left; what is queued then is still written."""
        task = asyncio.create_task(self._run(thread), name="database writer")
        try:
            yield self
        finally:
            self._closing = True
            self._wake.set()
            try:
                await asyncio.shield(task)
            finally:
                if not task.done():
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise StorageFault("The database is closing.")

    def _stir(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _run(self, thread: WritingThread) -> None:
        try:
            await self._write_until_closing(thread)
        except Exception as defect:
            self.failing = f"{type(defect).__name__}: {defect}"
            log.exception("writing to the database has ended because of a defect; restart the server")
            raise
        finally:
            # Also when a defect ends this task: nobody may wait for a row that nothing will write.
            self._closing = True
            self._give_up()

    async def _write_until_closing(self, thread: WritingThread) -> None:
        tries_left = _LAST_TRIES
        while not (self._closing and self._idle.is_set()):
            await self._wake.wait()
            self._wake.clear()
            while self._turns or self._awaited or self._queued:
                if self._turns:
                    await self._turns.popleft().take(thread)
                if await self._write(thread, self._batch()):
                    continue
                tries_left -= self._closing
                if not tries_left:
                    return
                await asyncio.sleep(self._retry_s)
            self._idle.set()

    def _batch(self) -> list[_Entry]:
        batch: list[_Entry] = []
        while self._awaited and len(batch) < _MOST_ROWS:
            entry = self._awaited.popleft()
            if not entry.withdrawn:
                batch.append(entry)
        room = _MOST_COMMIT_BYTES
        while self._queued and len(batch) < _MOST_ROWS and room > 0:
            entry = self._queued.popleft()
            room -= entry.size
            batch.append(entry)
        return batch

    async def _write(self, thread: WritingThread, batch: list[_Entry]) -> bool:
        """Commit the batch; False if the database cannot be written now, and the queued rows are back in the queue."""
        if not batch:
            return True
        self._under_way = batch
        try:
            await thread.do(partial(_commit, batch))
        except (SQLAlchemyError, StorageFault, ValueError, TypeError) as problem:
            if is_unusable(problem):
                self._put_back(batch, problem)
                return False
            if len(batch) > 1:
                # One row is at fault: alone each, so that it takes no other with it.
                alone = [await self._write(thread, [entry]) for entry in batch]
                return all(alone)
            self._lose(batch[0], problem)
        else:
            self._written(batch)
        finally:
            self._under_way = []
        return True

    def _put_back(self, batch: list[_Entry], problem: Exception) -> None:
        """The database cannot be written now: rows that somebody waits for fail, the others wait for a better time."""
        reason = str(getattr(problem, "orig", None) or problem)
        if self.failing is None:
            log.warning("the database cannot be written: %s", reason)
        self.failing = reason
        self._queued.extendleft(entry for entry in reversed(batch) if not entry.awaited)
        for entry in batch:
            if entry.awaited and entry.settled:
                entry.settled(problem)

    def _written(self, batch: list[_Entry]) -> None:
        if self.failing is not None:
            log.warning("the database can be written again")
            self.failing = None
        for entry in batch:
            self.queued_bytes -= entry.size
            if entry.settled:
                entry.settled(None)

    def _lose(self, entry: _Entry, problem: Exception) -> None:
        if not entry.awaited:
            log.error("a row of %s could not be written and is lost: %s", entry.lane.name, problem)
            self.lost_rows[entry.lane.name] += 1
        self.queued_bytes -= entry.size
        if entry.settled:
            entry.settled(problem)

    def _give_up(self) -> None:
        problem = TimeoutError("the database could not be written before it closed")
        for rows in (self._awaited, self._queued):
            while rows:
                self._lose(rows.popleft(), problem)
        while self._turns:
            self._turns.popleft().abandon(problem)
        self._idle.set()


def is_unusable(problem: Exception) -> bool:
    """Whether the database as a whole is at fault, and not what was to be done with it."""
    return isinstance(problem, OperationalError | StorageFault) or type(problem) is DatabaseError


def _commit(batch: list[_Entry], connection: Connection) -> None:
    lanes: dict[Lane, list[Mapping[str, Any]]] = {}
    for entry in batch:
        lanes.setdefault(entry.lane, []).append(entry.row)
    with connection.begin():
        for lane in sorted(lanes, key=lambda lane: lane.rank):
            connection.execute(lane.statement, lanes[lane])


def _alone(work: Work[T], connection: Connection) -> T:
    # Taken at once: a transaction that reads first and then finds another writer cannot be waited out.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    value = work(connection)
    connection.commit()
    return value


def _resolve(done: asyncio.Future[None], problem: Exception | None) -> None:
    if done.done():
        return
    if problem is None:
        done.set_result(None)
    else:
        done.set_exception(problem)
