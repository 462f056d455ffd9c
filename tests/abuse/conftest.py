"""One watched looking glass for all that strangers send."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from abuse.rig import Rig, watched


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """The glass, its router, its route server, its name server and its log."""
    async with watched(tmp_path_factory.mktemp("abuse")) as running:
        yield running
