"""Whether the service can serve: it is not stopping, and what happens can be written down."""

from __future__ import annotations

import asyncio
import logging

from netpulse.render.as_json import encode
from netpulse.services import Services
from netpulse.web.exchange import Reply

_TRY_AGAIN_S = 1.0
_WRITE_WITHIN_S = 1.0
_log = logging.getLogger(__name__)


class Health:
    """Answers `/readyz`. The database is tried at most once a second, however often one asks."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tried_s = float("-inf")
        self._writable = True
        self._trying = asyncio.Lock()

    async def ready(self) -> Reply:
        """200 if questions are taken, else 503; `waiting_for` names what is missing."""
        async with self._trying:
            if self._services.clock() - self._tried_s >= _TRY_AGAIN_S:
                self._writable = await self._can_write()
                self._tried_s = self._services.clock()
        missing = []
        if self._services.draining:
            missing.append("the end of the shutdown")
        if not self._writable:
            missing.append("a database that can be written")
        status = 503 if missing else 200
        return Reply(status, encode({"ready": not missing, "waiting_for": missing}))

    async def _can_write(self) -> bool:
        try:
            async with asyncio.timeout(_WRITE_WITHIN_S):
                await self._services.store.database.probe()
        except Exception as problem:  # whatever the database says, the answer is no
            _log.warning("the database cannot be written: %r", problem)
            return False
        return self._services.store.database.writer.failing is None
