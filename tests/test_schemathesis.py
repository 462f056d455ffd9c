"""Schemathesis asks everything the document allows and much that it does not; every answer must be a documented one."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from doubles.glass import SETTINGS, looking_glass
from properties.effort import TIMES

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("schemathesis")
EXAMPLES = max(5, round(25 * TIMES))
SEED = os.environ.get("NETPULSE_FUZZ_SEED", "15169")
SETTINGS_FOR_MANY = replace(
    SETTINGS,
    hosts={"dns.google": (ip_address("8.8.8.8"),)},
    limits=replace(SETTINGS.limits, bad_keys_per_minute=1_000_000),
)


async def told(url: str, folder: Path, config: Path, key: Mapping[str, str], *words: str) -> str:
    """What schemathesis says of the service at this address; anything it objects to fails."""
    asking = await asyncio.create_subprocess_exec(
        *(str(PROGRAM), "--config-file", str(config), "run", f"{url}/openapi.json", "--no-color", "--seed", SEED, *words),
        cwd=folder,
        env={**os.environ, **key},
        stdout=PIPE,
        stderr=STDOUT,
    )
    said, _ = await asking.communicate()
    assert asking.returncode == 0, said.decode()
    return said.decode()


async def test_no_question_that_schemathesis_thinks_of_gets_an_undocumented_answer(tmp_path: Path) -> None:
    async with looking_glass(tmp_path, settings=SETTINGS_FOR_MANY, per_minute=1_000_000) as glass:
        key = {"SCHEMATHESIS_KEY": glass.key}
        said = await told(
            *(glass.url, tmp_path, ROOT / "schemathesis.toml", key),
            *("--mode", "all", "--checks", "all", "--max-examples", str(EXAMPLES)),
        )
        for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
            assert re.search(rf"✅\s+{phase}", said), said
        commands = [command for device in glass.devices.values() for command in device.commands]
        assert any(command.startswith("ping") for command in commands)


@pytest.mark.parametrize("headers", ["{}", '{ Authorization = "Bearer np_00000000_' + "0" * 43 + '" }'])
async def test_without_a_valid_key_nothing_is_answered_and_no_device_is_asked(tmp_path: Path, headers: str) -> None:
    """Not even what a parameter is worth is told to somebody without a key."""
    text = (ROOT / "schemathesis.toml").read_text()
    given = next(line for line in text.splitlines() if line.startswith("headers"))
    config = tmp_path / "schemathesis.toml"
    config.write_text(text.replace(given, f"headers = {headers}"))
    async with looking_glass(tmp_path, settings=SETTINGS_FOR_MANY) as glass:
        said = await told(
            *(glass.url, tmp_path, config, {}, "--mode", "all", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(max(5, EXAMPLES // 5)), "--exclude-checks", "positive_data_acceptance"),
        )
        assert "Coverage" in said
        assert [command for device in glass.devices.values() for command in device.commands] == []
