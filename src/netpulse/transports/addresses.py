"""Where a device is that the configuration names by host name: asked each time, remembered for when nobody answers."""

from __future__ import annotations

import asyncio
import logging
import socket

from netpulse.errors import Fault
from netpulse.inventory import Ssh
from netpulse.values import address

_NAME_S = 3.0
_log = logging.getLogger(__name__)


async def addresses_of(reach: Ssh, known: list[str]) -> list[str]:
    """The addresses to connect to, in this host's order of preference; `known` are those of the last time.

    A name that cannot be resolved within 3 s stands for what it stood for before. Raises Fault `router_unreachable` if
    that is nothing.
    """
    if address(reach.host) is not None:
        return [reach.host]
    try:
        async with asyncio.timeout(_NAME_S):
            found = await asyncio.get_running_loop().getaddrinfo(reach.host, reach.port, type=socket.SOCK_STREAM)
    except (TimeoutError, OSError) as error:
        if known:
            _log.warning("the name of a router cannot be resolved, its last addresses are used: %r", error)
            return known
        raise Fault(
            "router_unreachable",
            "The router does not accept a connection.",
            detail=f"its name cannot be resolved: {error!r}",
        ) from error
    return list(dict.fromkeys(str(place[0]) for *_, place in found))
