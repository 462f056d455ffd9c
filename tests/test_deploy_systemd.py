"""The unit of the service is one that systemd understands and thinks well of, also with the examples of drop-ins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netpulse.platforms import linux

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "systemd"
UNIT = FOLDER / "netpulse.service"
DROP_INS = sorted((FOLDER / "netpulse.service.d").glob("*.conf"))
MOST_EXPOSED = 20
"""Tenths: `systemd-analyze security` calls up to 2.0 well protected."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")


def written(folder: Path, *more: Path) -> Path:
    """The unit and these drop-ins as one file, with a program that exists here."""
    text = "\n".join(path.read_text() for path in (UNIT, *more))
    text = text.replace("/opt/netpulse/bin/netpulse", sys.executable)
    text = re.sub(r"^Documentation=.*$", "", text, flags=re.MULTILINE)
    unit = folder / "netpulse.service"
    unit.write_text(text)
    return unit


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
@pytest.mark.parametrize("drop_in", [None, *DROP_INS], ids=lambda path: path.name if path else "alone")
def test_systemd_understands_every_line(tmp_path: Path, drop_in: Path | None) -> None:
    done = analyzed("verify", str(written(tmp_path, *([drop_in] if drop_in else []))))
    said = [line for line in done.stderr.splitlines() if "netpulse" in line]
    assert (done.returncode, said) == (0, [])


@needs_systemd
@pytest.mark.parametrize("drop_in", [None, *DROP_INS], ids=lambda path: path.name if path else "alone")
def test_systemd_calls_it_well_protected(tmp_path: Path, drop_in: Path | None) -> None:
    unit = written(tmp_path, *([drop_in] if drop_in else []))
    done = analyzed("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout.splitlines()[-1:]


@needs_systemd
def test_a_unit_that_protects_nothing_would_be_noticed(tmp_path: Path) -> None:
    unit = tmp_path / "bare.service"
    unit.write_text(f"[Service]\nExecStart={sys.executable}\n")
    assert analyzed("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(unit)).returncode != 0


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_the_unit_stops_reloads_and_starts_as_the_program_does() -> None:
    unit = settings(UNIT.read_text())
    assert unit["Type"] == ["notify"]
    assert unit["ExecReload"] == ["kill -HUP $MAINPID"]
    assert int(unit["TimeoutStopSec"][0]) >= 25
    assert unit["RestartPreventExitStatus"] == ["78"]
    assert unit["LoadCredential"] == ["keys:/etc/netpulse/keys"]
    assert unit["StateDirectory"] == ["netpulse"]
    assert unit["User"] == ["netpulse"]
    sysusers = (FOLDER / "netpulse.sysusers.conf").read_text()
    assert re.search(r'^u netpulse - "[^"]+" /var/lib/netpulse$', sysusers, re.MULTILINE)


def test_the_calls_that_a_ping_of_this_host_needs_are_in_its_drop_in() -> None:
    (values,) = settings((FOLDER / "netpulse.service.d" / "30-this-host.conf").read_text())["SystemCallFilter"]
    assert values.split() == ["capset", "@setuid"]


@pytest.mark.parametrize(
    "line",
    [
        "ping: cap_set_proc: Operation not permitted",
        "ping: setuid: Operation not permitted",
        "ping: socket: Operation not permitted",
        "ping: socktype: SOCK_RAW",
    ],
)
def test_a_ping_that_a_sandbox_stops_is_a_refusal_and_no_answer(line: str) -> None:
    assert any(re.search(pattern, line) for pattern in linux.REFUSALS)
