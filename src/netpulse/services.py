"""Settings to services: the only place where things are constructed, and where a reload swaps them.

`open_services` is a scope: what is started in it is stopped at its end, in reverse order.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from netpulse import logs
from netpulse.cells import Matrix, discover
from netpulse.enrich.fresh import Tables
from netpulse.enrich.tables import Names
from netpulse.executor import Executor
from netpulse.limits import Windows
from netpulse.lookup import Lookup
from netpulse.neighbors import NeighborStates
from netpulse.observer import NOBODY, Observer
from netpulse.pipeline import Pipeline
from netpulse.policy import Policy
from netpulse.pool import MakeTransport, Pool, import_transports, make_transport
from netpulse.runs import Runs, Seats
from netpulse.settings import Settings
from netpulse.store import Store, open_store, utc_now
from netpulse.store.housekeeping import keep_tidy
from netpulse.telling import Frame

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Services:
    """Everything that serves requests, under the settings of now."""

    settings: Settings
    matrix: Matrix
    store: Store
    windows: Windows
    pool: Pool
    executor: Executor
    pipeline: Pipeline
    clock: Callable[[], float]
    wall: Callable[[], datetime]
    tables: Tables
    neighbors: NeighborStates
    observer: Observer = NOBODY
    seats: Seats = field(default_factory=Seats)
    warmed: asyncio.Event = field(default_factory=asyncio.Event)
    draining: bool = False

    def rename(self, names: Names) -> None:
        """New questions are answered with these names."""
        self.pipeline.swap(replace(self.pipeline.frame, names=names))

    def reload(self, settings: Settings) -> None:
        """New questions begin under these settings; sessions, limits and breakers stay."""
        frame = _frame(settings, self.matrix, self.windows, self.clock, self.tables)
        self.settings = settings
        self.pool.configure(
            queue_places=settings.limits.queue_places,
            queue_wait_s=settings.limits.queue_wait_s,
            login_s=settings.deadlines.login_s,
        )
        self.pool.adopt(settings.inventory.devices())
        self.executor.share_s = settings.bgp_cache_s
        self.pipeline.swap(frame)

    async def warm(self) -> None:
        """Import in a thread what the first questions need, so that none of them waits for it while others are served."""

        def prepare() -> None:
            logs.prepare()
            self.pipeline.frame.lookup.prepare()
            import_transports(self.settings.inventory.devices().values())

        try:
            await asyncio.to_thread(prepare)
        finally:
            self.warmed.set()

    def begin_draining(self) -> None:
        """Take no further questions; `/readyz` says so from now on."""
        self.draining = True


def _frame(
    settings: Settings, matrix: Matrix, windows: Windows, clock: Callable[[], float], tables: Tables
) -> Frame:
    lookup = Lookup(settings.resolver, clock, hosts=settings.hosts)
    return Frame(
        settings=settings,
        matrix=matrix,
        policy=Policy(settings, matrix, lookup.addresses, windows),
        lookup=lookup,
        names=tables.adopt(settings.data),
    )


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    matrix: Matrix | None = None,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], datetime] = utc_now,
    make: MakeTransport = make_transport,
    observer: Observer = NOBODY,
) -> AsyncIterator[Services]:
    """All services for these settings; at the end every run has had its last event and every connection is closed.

    `clock` gives monotonic seconds, `wall` the time of day in UTC; `observer` hears what happens.
    """
    matrix = matrix or discover()
    windows = Windows(clock)
    async with open_store(settings.storage, server=True, wall=wall, request_id=logs.request_id.get) as store:
        pool = Pool(
            queue_places=settings.limits.queue_places,
            queue_wait_s=settings.limits.queue_wait_s,
            login_s=settings.deadlines.login_s,
            clock=clock,
            make=make,
        )
        executor = Executor(pool, share_s=settings.bgp_cache_s, observer=observer)
        tables = Tables()
        frame = _frame(settings, matrix, windows, clock, tables)
        pipeline = Pipeline(frame, executor, store, Runs(settings.limits.streams))
        neighbors = NeighborStates(
            lambda router: pipeline.frame.policy.neighbors(router),
            lambda: pipeline.frame.settings.limits.neighbor_states_s,
            executor,
            store.audit,
            clock,
        )
        services = Services(
            settings,
            matrix,
            store,
            windows,
            pool,
            executor,
            pipeline,
            clock,
            wall,
            tables,
            neighbors,
            observer,
        )
        watching = [
            asyncio.create_task(store.keys.watch()),
            asyncio.create_task(tables.follow(services.rename)),
            asyncio.create_task(
                keep_tidy(store.results, store.audit, retention=lambda: services.settings.retention, wall=wall)
            ),
        ]
        try:
            yield services
        finally:
            services.begin_draining()
            await neighbors.close()
            await pipeline.close()
            await executor.close()
            await pool.close()
            await pipeline.frame.lookup.close()
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
