"""The container's files say what they must: no root, nothing to build with, nothing writable but the state."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy" / "container"
STAGES = re.split(r"^FROM .*$", (FOLDER / "Containerfile").read_text(), flags=re.MULTILINE)[1:]


def instruction(name: str, stage: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", stage.replace("\\\n", ""), re.MULTILINE)


def test_the_last_stage_runs_as_a_number_and_has_nothing_to_build_with() -> None:
    last = STAGES[-1]
    assert instruction("USER", last) == ["64500:64500"]
    lines = re.sub(r"^#.*$", "", last, flags=re.MULTILINE)
    assert not re.search(r"gcc|build-essential|python3-venv|\bpip\b|\buv\b|curl|wget", lines)
    assert instruction("VOLUME", last) == ["/var/lib/netpulse"]
    assert json.loads(instruction("ENTRYPOINT", last)[0]) == ["/opt/netpulse/bin/netpulse"]
    assert json.loads(instruction("CMD", last)[0])[0] == "serve"


def test_what_is_installed_is_the_lock_with_its_digests() -> None:
    build = STAGES[0]
    assert "export --frozen --no-dev" in build
    assert "--require-hashes" in build
    tool = re.search(r"uv==([0-9.]+)", build)
    setup = (ROOT / "tools" / "setup.py").read_text()
    assert tool is not None
    assert f'UV_VERSION = "{tool[1]}"' in setup


def test_the_health_check_needs_no_program_of_its_own() -> None:
    (check,) = instruction("HEALTHCHECK", STAGES[-1])
    argv = json.loads(check[check.index("[") :])
    assert argv[0] == "/opt/netpulse/bin/python"
    compile(argv[2], "HEALTHCHECK", "exec")
    assert "/readyz" in argv[2]


def test_the_example_takes_every_power_away() -> None:
    service = YAML(typ="safe").load((FOLDER / "compose.yaml").read_text())["services"]["netpulse"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "64500:64500"
    assert [str(volume).partition(":")[2] for volume in service["volumes"]] == ["/var/lib/netpulse", "/etc/netpulse:ro"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_only_what_is_built_goes_into_the_build() -> None:
    assert (ROOT / ".containerignore").read_text() == (ROOT / ".dockerignore").read_text()
    wanted = {name for names in instruction("COPY", STAGES[0]) for name in names.split()[:-1]}
    listed = {line[1:] for line in (ROOT / ".containerignore").read_text().split() if line.startswith("!")}
    assert wanted == listed
