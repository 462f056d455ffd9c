"""Where a long run keeps the examples that failed: `tools/fuzz.py` names the folder, `make test` keeps none."""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

if "NETPULSE_FUZZ_FOLDER" in os.environ:
    settings.register_profile(
        "fuzz",
        settings.get_profile("tests"),
        derandomize=False,
        database=DirectoryBasedExampleDatabase(os.environ["NETPULSE_FUZZ_FOLDER"]),
        print_blob=True,
    )
    settings.load_profile("fuzz")
