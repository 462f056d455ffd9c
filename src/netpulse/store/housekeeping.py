"""What is deleted or shortened when its time is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from netpulse.settings import Retention
from netpulse.store.audit import Audit
from netpulse.store.faults import StorageFault
from netpulse.store.results import Results

TIDY_EVERY_S = 1800.0

log = logging.getLogger(__name__)


async def tidy(results: Results, audit: Audit, *, retention: Retention, now: datetime) -> tuple[int, int]:
    """Delete expired results and cut old client addresses: how many of each."""
    purged = await results.purge(now)
    cut = await audit.cut_addresses(now - timedelta(days=retention.audit_days))
    return purged, cut


async def keep_tidy(
    results: Results,
    audit: Audit,
    *,
    retention: Callable[[], Retention],
    wall: Callable[[], datetime],
    every_s: float = TIDY_EVERY_S,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tidy now and for ever; `retention` is asked each time, so a reload of the settings counts."""
    while True:
        try:
            purged, cut = await tidy(results, audit, retention=retention(), now=wall())
        except Exception as problem:  # what should be forgotten must be, once that can be done again
            known = isinstance(problem, StorageFault)
            log.warning("old rows could not be removed, trying again in %d s: %s", every_s, problem, exc_info=not known)
        else:
            if purged or cut:
                log.info("removed %d expired results, shortened %d client addresses", purged, cut)
        await sleep(every_s)
