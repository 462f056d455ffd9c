"""Adds what we know to one job's records while they come: names, AS numbers, exchanges, connections, meanings.

A record goes out at once as it is; when something more becomes known it goes out again under the same key. At the end
everything still being asked gets a last short while; what is late is left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from msgspec.structs import replace as changed

from netpulse.enrich.hops import Facts, addresses_in, exchange_of, with_facts
from netpulse.enrich.routes import with_meaning
from netpulse.enrich.tables import Names
from netpulse.events import Answer
from netpulse.inventory import Inventory, Router
from netpulse.records import Record, Route
from netpulse.values import Address

NameOf = Callable[[Address], Awaitable[str | None]]
OriginOf = Callable[[Address], Awaitable[int | None]]

_log = logging.getLogger(__name__)

_LAST_CHANCE_S = 1.5


class Attachment:
    """The enrichment of one job. `origin_of` is None where AS numbers were not asked for."""

    def __init__(
        self,
        router: Router,
        inventory: Inventory,
        names: Names,
        name_of: NameOf,
        origin_of: OriginOf | None,
        again: Callable[[Record], None],
    ) -> None:
        self._router = router
        self._inventory = inventory
        self._names = names
        self._name_of = name_of
        self._origin_of = origin_of
        self._again = again
        self._facts = Facts()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: set[Address] = set()

    def found(self, record: Record) -> Record:
        """The record with all that is known now; asking for the rest begins."""
        if isinstance(record, Route):
            return with_meaning(record, self._router, self._names)
        fresh = [address for address in dict.fromkeys(addresses_in(record)) if address not in self._asked]
        if fresh:
            self._asked.update(fresh)
            task = asyncio.create_task(self._find_out(record, fresh))
            self._tasks.add(task)
            task.add_done_callback(self._over)
        return with_facts(record, self._facts, self._names)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            _log.error("nothing could be added to a record", exc_info=problem)

    async def _find_out(self, record: Record, addresses: list[Address]) -> None:
        await asyncio.gather(*(self._ask(address) for address in addresses))
        better = with_facts(record, self._facts, self._names)
        if better != record:
            self._again(better)

    async def _ask(self, address: Address) -> None:
        if self._origin_of is not None:
            exchange = exchange_of(address, self._inventory) or self._names.of_lan(address)
            if exchange is not None:
                self._facts.exchanges[address] = exchange
            else:
                origin, name = await asyncio.gather(self._origin_of(address), self._name_of(address))
                self._facts.origins[address] = origin
                self._facts.names[address] = name
                return
        self._facts.names[address] = await self._name_of(address)

    async def finish(self, answer: Answer) -> Answer:
        """The answer with everything that became known in time. Nothing is asked any more after this."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_CHANCE_S)
            self.close()
        return self.complete(answer)

    def complete(self, answer: Answer) -> Answer:
        """The answer with what is known now."""
        result = answer.result
        if result is None:
            return answer
        routes = getattr(result, "routes", None)
        if isinstance(routes, tuple):
            better: Record = changed(
                result, routes=tuple(with_meaning(r, self._router, self._names) for r in routes if isinstance(r, Route))
            )
        else:
            better = with_facts(result, self._facts, self._names)
        return replace(answer, result=better)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
