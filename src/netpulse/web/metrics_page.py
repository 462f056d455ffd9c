"""`/metrics` on a listener of its own: for Prometheus alone, and nothing there can hold up the looking glass.

What is looked at is read in the event loop, which takes a moment; the page is written in a thread, once for all who wait
for it. A scraper that takes nothing is cut off by `protocol`, and only a few are served at once.
"""

from __future__ import annotations

import asyncio
import logging

from netpulse.metrics.meter import CONTENT_TYPE, Meter
from netpulse.readings import read
from netpulse.services import Services
from netpulse.web.exchange import TEXT, Receive, Reply, Scope, Send, send_reply

MOST_SCRAPERS = 8
"""Connections at once; beyond, the answer is 503."""

_log = logging.getLogger(__name__)
_ALLOW = ((b"allow", b"GET"),)


class MetricsPage:
    """ASGI: `/metrics`, and nothing else."""

    def __init__(self, services: Services, meter: Meter) -> None:
        self._services = services
        self._meter = meter
        self._writing: asyncio.Task[bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send_reply(send, await self._reply(scope), "-")

    async def _reply(self, scope: Scope) -> Reply:
        if scope["path"] != "/metrics":
            return Reply(404, b"Only /metrics is here.\n", TEXT)
        if scope["method"] != "GET":
            return Reply(405, b"Only GET is served here.\n", TEXT, _ALLOW)
        try:
            return Reply(200, await self._page(), CONTENT_TYPE.encode())
        except Exception:  # a defect here must be seen by whoever scrapes, and by nobody else
            _log.exception("the metrics could not be written")
            return Reply(500, b"The metrics could not be written; the log says why.\n", TEXT)

    async def _page(self) -> bytes:
        """The page; those who ask while it is being written get the same."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(asyncio.to_thread(self._meter.page, read(self._services)))
        return await asyncio.shield(self._writing)
