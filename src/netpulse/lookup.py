"""Names to addresses and addresses to names, by our own resolver. The only door to dnspython.

Every name is asked absolutely (no search list), within a deadline; nothing is asked of the host's own libc, so that slow
names never wait for each other in a thread pool.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

from netpulse.errors import Fault, Refused
from netpulse.screen import clean
from netpulse.settings import Resolver as ResolverSettings
from netpulse.values import Address, Family, HostName

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
        self._timeout_s = settings.timeout_s
        self._hosts = hosts
        self._resolver = dns.asyncresolver.Resolver(configure=not settings.servers and hosts is None)
        self._resolver.use_search_by_default = False
        self._resolver.ndots = 0
        if settings.servers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in settings.servers
            ]
        self._clock = clock
        self._names: OrderedDict[Address, tuple[float, str | None]] = OrderedDict()
        self._asking: dict[Address, asyncio.Task[str | None]] = {}

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
        kind = dns.rdatatype.A if family == 4 else dns.rdatatype.AAAA
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._resolver.resolve(
                    dns.name.from_text(host.name), kind, search=False, lifetime=self._timeout_s
                )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.NameTooLong):
            return []
        except (TimeoutError, dns.exception.DNSException, OSError) as error:
            raise Fault(
                "resolver_failed",
                "The name servers did not answer; try again, or use an address as the target.",
                detail=f"{type(error).__name__}: {error}",
            ) from error
        make = IPv4Address if family == 4 else IPv6Address
        return [make(record.address) for record in answer]

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
        name: str | None = None
        try:
            async with asyncio.timeout(_NAME_S):
                answer = await self._resolver.resolve(
                    dns.reversename.from_address(str(address)), dns.rdatatype.PTR, search=False, lifetime=_NAME_S
                )
            name = clean(answer[0].target.to_text(omit_final_dot=True))[:253] or None
        except (TimeoutError, dns.exception.DNSException, OSError):
            name = None  # a hop without a name is shown by its address; nothing depends on it
        self._names[address] = (self._clock() + _KEEP_NAMES_S, name)
        while len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)
        return name

    async def close(self) -> None:
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
