"""Schemathesis asks everything the document allows and much that it does not; every answer must be a documented one."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from doubles.glass import SETTINGS, looking_glass

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("schemathesis")


async def test_no_question_that_schemathesis_thinks_of_gets_an_undocumented_answer(tmp_path: Path) -> None:
    settings = replace(
        SETTINGS,
        hosts={"dns.google": (ip_address("8.8.8.8"),)},
        limits=replace(SETTINGS.limits, bad_keys_per_minute=100_000),
    )
    async with looking_glass(tmp_path, settings=settings, per_minute=1_000_000) as glass:
        asking = await asyncio.create_subprocess_exec(
            *(PROGRAM, "--config-file", ROOT / "schemathesis.toml", "run", f"{glass.url}/openapi.json", "--no-color"),
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_KEY": glass.key},
            stdout=PIPE,
            stderr=STDOUT,
        )
        told, _ = await asking.communicate()
        assert asking.returncode == 0, told.decode()
        commands = [command for device in glass.devices.values() for command in device.commands]
        assert any(command.startswith("ping") for command in commands)
