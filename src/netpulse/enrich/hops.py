"""Names, AS numbers and exchanges of the addresses in a record, wherever they sit.

Works on fields, not on types: whatever has `address` and `name` gets its PTR name; whatever has `probes`, `asn`,
`as_name` and `ix` gets those of the first address that answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

import msgspec
from msgspec.structs import replace

from netpulse.enrich.tables import Names
from netpulse.inventory import Inventory
from netpulse.records import Record
from netpulse.special_purpose import inside
from netpulse.values import Address

_PLACE = ("probes", "asn", "as_name", "ix")


@dataclass(slots=True)
class Facts:
    """What has been found out so far about addresses; `origins` only when AS numbers were asked for."""

    names: dict[Address, str | None] = field(default_factory=dict)
    origins: dict[Address, int | None] = field(default_factory=dict)
    exchanges: dict[Address, str] = field(default_factory=dict)


def addresses_in(record: Record) -> Iterator[Address]:
    """Every address in a field named `address` that has a `name` beside it, in order, each as often as it stands there."""
    fields = record.__struct_fields__
    if "address" in fields and "name" in fields:
        text = record.address  # type: ignore[attr-defined]
        if text is not None:
            try:
                yield ip_address(text)
            except ValueError:
                return
    for name in fields:
        value = getattr(record, name)
        if isinstance(value, tuple):
            for element in value:
                if isinstance(element, Record):
                    yield from addresses_in(element)


def exchange_of(address: Address, inventory: Inventory) -> str | None:
    """The exchange whose LAN holds this address: its `group`, else the connection's name."""
    for router in inventory.routers:
        for connection in router.connections:
            for lan in (connection.lan_ipv4, connection.lan_ipv6):
                if lan is not None and inside(address, (lan,)):
                    return connection.group or connection.name
    return None


def with_facts(record: Record, facts: Facts, names: Names) -> Record:
    """The record with all that the facts say about its addresses."""
    changed: dict[str, object] = {}
    fields = record.__struct_fields__
    if "address" in fields and "name" in fields and record.name is None:  # type: ignore[attr-defined]
        name = _known(record.address, facts.names)  # type: ignore[attr-defined]
        if name is not None:
            changed["name"] = name
    for name in fields:
        value = getattr(record, name)
        if isinstance(value, tuple) and any(isinstance(element, Record) for element in value):
            changed[name] = tuple(
                with_facts(element, facts, names) if isinstance(element, Record) else element for element in value
            )
    if all(name in fields for name in _PLACE):
        changed.update(_place(record, facts, names))
    return replace(record, **changed) if changed else record


def _place(record: msgspec.Struct, facts: Facts, names: Names) -> dict[str, object]:
    for address in addresses_in(record):  # type: ignore[arg-type]
        exchange = facts.exchanges.get(address)
        if exchange is not None:
            return {"ix": exchange}
        asn = facts.origins.get(address)
        if asn is not None:
            return {"asn": asn, "as_name": names.of_as(asn)}
    return {}


def _known(text: str | None, names: Mapping[Address, str | None]) -> str | None:
    if text is None:
        return None
    try:
        return names.get(ip_address(text))
    except ValueError:
        return None
