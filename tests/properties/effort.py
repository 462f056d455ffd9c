"""How hard the properties are tried: a little in `make test`, for as long as one likes in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import settings

TIMES = float(os.environ.get("NETPULSE_FUZZ", "1"))
"""How many times the usual number of examples: `tools/fuzz.py` asks for more, `tools/mutate.py` for fewer."""


def tried(examples: int, *, steps: int = 50) -> settings:
    """Settings for a property of this many examples in `make test`; `steps` is for state machines."""
    return settings(max_examples=max(10, round(examples * TIMES)), stateful_step_count=steps)
