"""Names to addresses and addresses to names, by our own resolver: who may be asked, within which time, and what is kept."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from netpulse.errors import Fault, Refused
from netpulse.screen import clean
from netpulse.settings import Resolver as ResolverSettings
from netpulse.values import Address, Family, HostName

if TYPE_CHECKING:
    from netpulse.resolver import NameServers

_MOST_ANSWERS = 32
_NAME_S = 1.0
_KEEP_NAMES_S = 600.0
_MOST_NAMES = 20_000


class Lookup:
    """Resolves host names, and finds the names of addresses with a short memory. With `hosts` it asks nobody."""

    def __init__(
        self,
        settings: ResolverSettings,
        clock: Callable[[], float] = time.monotonic,
        *,
        hosts: Mapping[str, tuple[Address, ...]] | None = None,
    ) -> None:
        self._settings = settings
        self._hosts = hosts
        self._servers: NameServers | None = None
        self._clock = clock
        self._names: OrderedDict[Address, tuple[float, str | None]] = OrderedDict()
        self._asking: dict[Address, asyncio.Task[str | None]] = {}

    def prepare(self) -> None:
        """Import what asking needs, if anybody will ever be asked; from any thread."""
        if self._hosts is None:
            self._name_servers()

    def _name_servers(self) -> NameServers:
        if self._servers is None:
            from netpulse.resolver import NameServers

            self._servers = NameServers(self._settings.servers)
        return self._servers

    async def addresses(self, host: HostName, families: tuple[Family, ...]) -> list[Address]:
        """Every address of the name in these families, lowest first; Refused `name_not_found` if there is none.

        Raises Fault `resolver_failed` when no name server answered in time, and Refused when a name has absurdly many
        addresses (more than 32).
        """
        answers = await asyncio.gather(*(self._family(host, family) for family in families), return_exceptions=True)
        found: list[Address] = []
        faults: list[BaseException] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                faults.append(answer)
            else:
                found += answer
        if faults and (not found or not isinstance(faults[0], Fault)):
            raise faults[0]
        if len(found) > _MOST_ANSWERS:
            raise Refused("target_refused", "The host name has too many addresses; use one of them as the target.")
        return sorted(found, key=lambda address: (address.version, int(address)))

    async def _family(self, host: HostName, family: Family) -> list[Address]:
        if self._hosts is not None:
            return [address for address in self._hosts.get(host.name, ()) if address.version == family]
        return await self._name_servers().addresses(host, family, self._settings.timeout_s)

    async def name_of(self, address: Address) -> str | None:
        """The PTR name of the address as text safe to show, or None when there is none within 1 s. Remembered 10 minutes."""
        if self._hosts is not None:
            return next((name for name, addresses in self._hosts.items() if address in addresses), None)
        known = self._names.get(address)
        if known is not None and known[0] > self._clock():
            return known[1]
        task = self._asking.get(address)
        if task is None:
            task = asyncio.create_task(self._ask_name(address))
            self._asking[address] = task
            task.add_done_callback(lambda _: self._asking.pop(address, None))
        return await asyncio.shield(task)

    async def _ask_name(self, address: Address) -> str | None:
        found = await self._name_servers().name_of(address, _NAME_S)
        # A hop without a name is shown by its address; nothing depends on it.
        name = None if found is None else clean(found)[:253] or None
        self._names[address] = (self._clock() + _KEEP_NAMES_S, name)
        while len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)
        return name

    async def close(self) -> None:
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
