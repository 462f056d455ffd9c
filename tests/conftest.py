"""What the whole session shares: one lab, one looking glass in front of it, over real HTTP, and one browser.

A machine that refuses the lab skips what needs it, by name and saying why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser, expect

from doubles.browsing import CHROMIUM, WITHOUT, chromium
from doubles.lab_glass import Glass, glass_for
from netpulse import config
from netpulse.lab.lab import Lab, refusal
from netpulse.settings import Settings

# The same examples on every machine and never a clock: what is found by chance is for `make fuzz` to find.
settings.register_profile(
    "tests", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

_PATIENCE_MS = 20_000
"""How long a page may take to show something; only a busy machine takes more than a moment."""


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running lab, all of it converged, with fast command lines."""
    why_not = refusal()
    if why_not:
        pytest.skip(why_not)
    folder: Path = tmp_path_factory.mktemp("lab")
    with Lab(folder, fast=True) as running:
        running.start("all")
        yield running


@pytest.fixture(scope="session")
def lab_settings(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The lab's own configuration, with a database for the tests and no limit that they would meet by accident."""
    settings = config.load(lab.config_file)
    return replace(
        settings,
        storage=f"sqlite:///{tmp_path_factory.mktemp('glass')}/netpulse.db",
        limits=replace(settings.limits, target_per_minute=100_000),
        bgp_cache_s=0.0,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def glass(lab_settings: Settings) -> AsyncIterator[Glass]:
    """The looking glass in front of the lab."""
    async with glass_for(lab_settings) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium; what needs it is skipped where it is not."""
    if CHROMIUM is None:
        pytest.skip(WITHOUT)
    expect.set_options(timeout=_PATIENCE_MS)
    async with chromium() as running:
        yield running
