"""A host without name servers serves all the same: only names cannot be asked about."""

from __future__ import annotations

from ipaddress import ip_address

import dns.asyncresolver
import dns.resolver
import pytest

from netpulse.errors import Fault
from netpulse.lookup import Lookup
from netpulse.settings import Resolver
from netpulse.values import HostName


async def test_without_name_servers_a_name_is_a_fault_and_an_address_has_no_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unconfigured(*, configure: bool) -> None:
        raise dns.resolver.NoResolverConfiguration  # as where there is no /etc/resolv.conf

    monkeypatch.setattr(dns.asyncresolver, "Resolver", unconfigured)
    lookup = Lookup(Resolver())
    lookup.prepare()
    with pytest.raises(Fault) as caught:
        await lookup.addresses(HostName("example.net"), (4, 6))
    assert (caught.value.code, caught.value.status) == ("resolver_failed", 500)
    assert await lookup.name_of(ip_address("192.0.2.1")) is None
