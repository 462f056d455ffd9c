"""Questions to name servers. The only door to dnspython, which takes as long to import as the whole web server.

Every name is asked absolutely (no search list), within a deadline; nothing is asked of the host's own libc, so that slow
names never wait for each other in a thread pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename

from netpulse.errors import Fault
from netpulse.values import Address, Family, HostName


class NameServers:
    """The servers at these `(address, port)`; without any, those of this host."""

    def __init__(self, servers: Sequence[tuple[str, int]]) -> None:
        self._servers = servers
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def addresses(self, host: HostName, family: Family, within_s: float) -> list[Address]:
        """Every address of the name in this family, maybe none; Fault `resolver_failed` if no server answered in time."""
        kind = dns.rdatatype.A if family == 4 else dns.rdatatype.AAAA
        try:
            answer = await self._ask(dns.name.from_text(host.name), kind, within_s)
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

    async def name_of(self, address: Address, within_s: float) -> str | None:
        """The PTR name of the address as its owner wrote it, None if there is none in time."""
        try:
            answer = await self._ask(dns.reversename.from_address(str(address)), dns.rdatatype.PTR, within_s)
        except (TimeoutError, dns.exception.DNSException, OSError):
            return None
        name: str = answer[0].target.to_text(omit_final_dot=True)
        return name

    async def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType, within_s: float) -> dns.resolver.Answer:
        if self._resolver is None:
            self._resolver = _resolver(self._servers)
        async with asyncio.timeout(within_s):
            return await self._resolver.resolve(name, kind, search=False, lifetime=within_s)


def _resolver(servers: Sequence[tuple[str, int]]) -> dns.asyncresolver.Resolver:
    """Raises DNSException if this host's own servers are wanted and it names none."""
    resolver = dns.asyncresolver.Resolver(configure=not servers)
    resolver.use_search_by_default = False
    resolver.ndots = 0
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in servers]
    return resolver
