"""Private keys are files that nobody else may read, or credentials that systemd hands over; anything else is no start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netpulse.cells import discover
from netpulse.config import ConfigFaults, read
from netpulse.inventory import Ssh
from netpulse.transports.ssh import new_key

FILE = """\
routers:
  - slug: core1
    name: Core Router 1
    platform: junos
    ssh: {{host: 192.0.2.1, user: netpulse, key_file: {key_file}, host_keys: []}}
    connections: [{{id: 1, name: Transit, type: TRANSIT, source_ipv4: 203.0.113.1}}]
"""
PRIVATE_KEY, _ = new_key("test")
BODY = PRIVATE_KEY.splitlines()[1].decode()


def written(folder: Path, key_file: str = "keys/core1", content: bytes = PRIVATE_KEY, mode: int = 0o600) -> Path:
    """A configuration whose router has this key, which lies beside it."""
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "core1").write_bytes(content)
    (folder / "keys" / "core1").chmod(mode)
    file = folder / "netpulse.yaml"
    file.write_text(FILE.format(key_file=key_file))
    return file


@pytest.fixture
def handed_over(tmp_path: Path) -> Path:
    """The folder in which systemd puts credentials."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    return folder


def credential(folder: Path, name: str, mode: int = 0o440) -> Path:
    file = folder / name
    file.write_bytes(PRIVATE_KEY)
    file.chmod(mode)
    return file


def key_of(file: Path, credentials: Path | str) -> Path:
    settings = read(file, platforms=discover().platforms, environment={"CREDENTIALS_DIRECTORY": str(credentials)}).settings
    reach = settings.inventory.routers[0].device.reach
    assert isinstance(reach, Ssh)
    return reach.key_file


@pytest.mark.parametrize("name", ["core9", "keys_core9"])
def test_a_key_is_taken_from_the_credentials(tmp_path: Path, handed_over: Path, name: str) -> None:
    given = credential(handed_over, name)
    assert key_of(written(tmp_path, "keys/core9"), handed_over) == given


@pytest.mark.parametrize("mode", [0o400, 0o440])
def test_a_credential_comes_before_the_file_that_it_was_read_from(tmp_path: Path, handed_over: Path, mode: int) -> None:
    """The original is beside the configuration, in a folder that only root may search."""
    given = credential(handed_over, "core1", mode)
    file = written(tmp_path, content=b"not for the service")
    (tmp_path / "keys").chmod(0)
    try:
        assert key_of(file, handed_over) == given
    finally:
        (tmp_path / "keys").chmod(0o700)


def test_an_absolute_name_is_no_credential(tmp_path: Path, handed_over: Path) -> None:
    credential(handed_over, "core1")
    file = written(tmp_path, str(tmp_path / "keys" / "core1"))
    assert key_of(file, handed_over) == tmp_path / "keys" / "core1"


def test_without_such_a_credential_the_file_beside_is_taken(tmp_path: Path, handed_over: Path) -> None:
    credential(handed_over, "core2")
    file = written(tmp_path)
    assert key_of(file, handed_over) == tmp_path / "keys" / "core1"
    assert key_of(file, "/no/such/place") == tmp_path / "keys" / "core1"


def test_a_credential_that_others_may_read_is_refused(tmp_path: Path, handed_over: Path) -> None:
    given = credential(handed_over, "core1", 0o444)
    with pytest.raises(ConfigFaults, match=f"the key file {given} is open to others"):
        key_of(written(tmp_path), handed_over)


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        (PRIVATE_KEY, 0o644, "is open to others (mode 0644); do: chmod 600"),
        (PRIVATE_KEY, 0o604, "is open to others"),
        (b"top secret words\n", 0o600, "is not a private key"),
        (None, 0o600, "there is no key file"),
    ],
)
@pytest.mark.parametrize("words", [("serve", "--listen", "127.0.0.1:0"), ("check", "--offline")])
def test_a_start_is_refused_and_names_the_file_and_never_what_is_in_it(
    tmp_path: Path, words: tuple[str, ...], content: bytes | None, mode: int, told: str
) -> None:
    file = written(tmp_path, content=content or b"", mode=mode)
    key = tmp_path / "keys" / "core1"
    if content is None:
        key.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "netpulse", *words, "--config", str(file)],
        env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (78, "")
    assert str(key) in done.stderr
    assert told in done.stderr
    assert BODY not in done.stderr
    assert "top secret" not in done.stderr
