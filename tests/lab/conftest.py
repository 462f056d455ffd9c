"""One lab for the whole session; a machine that refuses it skips its tests, saying why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netpulse.lab.lab import Lab, refusal


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
