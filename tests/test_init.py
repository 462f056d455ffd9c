"""`netpulse init` writes a first configuration that loads, and never half a one."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from netpulse.cli.init import init_command
from netpulse.config import load
from netpulse.config.example import FirstFile, first_file
from netpulse.inventory import Ssh, ThisHost

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
TRANSIT = FirstFile(
    organization='Example "Networks" – München',
    asn=64500,
    router="Core Router 1",
    host="192.0.2.1",
    host_key=HOST_KEY,
    connection="Example Transit",
    connection_asn=64496,
    source_ipv4="203.0.113.1",
    source_ipv6="2001:db8:1::1",
)


def test_without_answers_the_first_router_is_this_host(tmp_path: Path) -> None:
    file = tmp_path / "netpulse.yaml"
    assert init_command(file, FirstFile()) == 0
    (router,) = load(file).inventory.routers
    assert router.device.reach == ThisHost()
    assert [connection.id for connection in router.connections] == [0]


def test_the_answers_are_in_the_file_that_is_written(tmp_path: Path) -> None:
    file = tmp_path / "netpulse.yaml"
    assert init_command(file, TRANSIT) == 0
    settings = load(file)
    (router,) = settings.inventory.routers
    (connection,) = router.connections
    assert (settings.site.organization, settings.site.asn) == ('Example "Networks" – München', 64500)
    assert (router.slug, router.name) == ("core-router-1", "Core Router 1")
    assert router.device.reach == Ssh("192.0.2.1", "netpulse", tmp_path / "keys/core-router-1", (HOST_KEY,))
    assert (connection.name, connection.type, connection.asn) == ("Example Transit", "TRANSIT", 64496)
    assert connection.families == (4, 6)


def test_a_missing_key_is_made_for_the_service_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init_command(tmp_path / "netpulse.yaml", TRANSIT) == 0
    key = tmp_path / "keys" / "core-router-1"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (tmp_path / "keys" / "core-router-1.pub").read_text().strip() in capsys.readouterr().out


def test_answers_that_would_not_load_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "netpulse.yaml"
    assert init_command(file, replace(TRANSIT, platform="junso", source_ipv4="203.0.113")) == 78
    said = capsys.readouterr().err
    assert 'routers[0].platform: "junso" is not a platform' in said
    assert "source_ipv4: must be an IPv4 address" in said
    assert not file.exists()
    assert [entry for entry in tmp_path.rglob("*") if not entry.is_dir()] == []


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text("mine")
    assert init_command(file, FirstFile()) == 1
    assert file.read_text() == "mine"
    assert init_command(file, FirstFile(), force=True) == 0


def test_a_person_may_complete_the_answers(tmp_path: Path) -> None:
    file = tmp_path / "netpulse.yaml"
    assert init_command(file, FirstFile(), ask=lambda given: replace(given, router="Other")) == 0
    assert load(file).inventory.routers[0].slug == "other"


def test_editors_are_told_where_the_schema_is() -> None:
    assert first_file(FirstFile(), Path("/opt/s.json")).startswith("# yaml-language-server: $schema=/opt/s.json\n")
