"""Killed two hundred times under load: the test of the whole suite, more often."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path

from endurance.ground import Scale
from measure.fakes import Fakes
from measure.rows import Row

_KILLS = 200
_ROOT = Path(__file__).parent.parent.parent


async def kills(_fakes: Fakes, _folder: Path, _scale: Scale) -> list[Row]:
    began_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-s", "tests/test_kill.py", cwd=_ROOT,
        env={**os.environ, "NETPULSE_KILLS": str(_KILLS)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    told = re.search(r"^.*results read again$", said, re.MULTILINE)
    fault = re.search(r"^E +(.*)$", said, re.MULTILINE)
    words = told[0] if told else fault[1] if fault else said[-200:].strip()
    return [
        Row(
            f"F25: the server killed {_KILLS} times under load, started again on the same file",
            "the file is whole, no command without its row, what was open is `interrupted`, no id twice, no result torn",
            f"{words}; {time.monotonic() - began_s:.0f} s",
            process.returncode == 0,
        )
    ]
