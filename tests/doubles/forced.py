"""A forced command as sshd runs it: its input stays open until the client ends it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence


def forced(argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What it prints, and its status, when nobody stops it."""
    reading, writing = os.pipe()
    try:
        return subprocess.run(
            argv, env=environment, stdin=reading, capture_output=True, text=True, check=False, timeout=20
        )
    finally:
        os.close(reading)
        os.close(writing)
