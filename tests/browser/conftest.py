"""One looking glass in front of the lab, with its question to people and limits as they are by default."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from doubles.browsing import Person, person
from netpulse.lab.lab import Lab
from netpulse.services import Services, open_services
from netpulse.settings import Settings
from netpulse.store import utc_now
from netpulse.web.server import bound_socket, listening


@dataclass
class Clocks:
    """The clocks of a looking glass: those of this machine, and ahead of them by as much as a test likes."""

    ahead_s: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s

    def wall(self) -> datetime:
        return utc_now() + timedelta(seconds=self.ahead_s)


@dataclass(frozen=True)
class Glass:
    """The looking glass that people visit."""

    services: Services
    url: str
    clocks: Clocks


@pytest.fixture(scope="session")
def glass_settings(lab_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """As the lab's file says, with limits and question as shipped; a held command is waited for, not given up."""
    return replace(
        lab_settings,
        storage=f"sqlite:///{tmp_path_factory.mktemp('browser')}/netpulse.db",
        deadlines=replace(lab_settings.deadlines, silence_s=300.0, ping_s=300.0, traceroute_s=300.0),
        languages=("en", "de", "ar-XB"),
        # Routers are given no commands but those that people ask for.
        # What an earlier test left on a router may take its time: nobody here is turned away for it.
        limits=replace(lab_settings.limits, neighbor_states_s=0.0, queue_wait_s=60.0),
        trusted_proxies=(ip_network("127.0.0.1/32"),),
    )


async def opened(stack: AsyncExitStack, settings: Settings) -> Glass:
    """A looking glass with these settings until the stack ends."""
    clocks = Clocks()
    sock = bound_socket("127.0.0.1", 0)
    stack.callback(sock.close)
    services = await stack.enter_async_context(open_services(settings, clock=clocks.monotonic, wall=clocks.wall))
    await stack.enter_async_context(listening(services, [sock]))
    return Glass(services, f"http://127.0.0.1:{sock.getsockname()[1]}", clocks)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def glass(glass_settings: Settings, browser: Browser) -> AsyncIterator[Glass]:
    async with AsyncExitStack() as stack:
        yield await opened(stack, glass_settings)


@pytest_asyncio.fixture
async def visitor(glass: Glass, browser: Browser) -> AsyncIterator[Person]:
    """Somebody who comes for the first time."""
    async with person(browser, glass.url) as somebody:
        yield somebody


@contextmanager
def faulty(lab: Lab, router: str, **faults: Any) -> Iterator[None]:
    """Commands of this router that begin inside the block have these faults; at its end none of them runs any more."""
    lab.shell(router, **faults)
    try:
        yield
    finally:
        lab.heal(router)
