"""The commands for keys, the database and the audit trail, as they are typed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from netpulse.cli.database import audit_app, db_app
from netpulse.cli.keys import keys_app
from netpulse.config import ConfigFaults, load
from netpulse.store import open_store, utc_now
from netpulse.store.keys import KeyRecord

FILE = """
site: {name: Example, organization: Example}
storage: sqlite:///netpulse.db
limits: {key_per_minute: 25}
routers:
  - {slug: core1, name: Core Router 1, location: DC1, model: server, platform: linux}
  - {slug: core2, name: Core Router 2, location: DC2, model: server, platform: linux}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "netpulse.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def type_in(app: Typer, *words: str) -> Result:
    return CliRunner().invoke(app, words)


def checked(text: str) -> KeyRecord:
    async def check() -> KeyRecord:
        async with open_store("sqlite:///netpulse.db") as store:
            return store.keys.check(text, ip_address("192.0.2.7"))

    return asyncio.run(check())


def record_questions(*clients: str) -> None:
    async def record() -> None:
        async with open_store("sqlite:///netpulse.db", wall=lambda: utc_now() - timedelta(days=2)) as store:
            for client in clients:
                await store.audit.start(store.audit.row(client, "ping", router="core1", target="8.8.8.8"))

    asyncio.run(record())


def test_a_key_is_made_printed_alone_and_works() -> None:
    made = type_in(
        keys_app, "create", "Customer One", "--router", "core1", "--router", "core2", "--network", "192.0.2.0/24"
    )
    assert made.exit_code == 0
    record = checked(made.stdout.strip())
    assert (record.owner, record.per_minute, record.routers) == ("Customer One", 25, ("core1", "core2"))
    assert "cannot be shown again" in made.stderr
    assert f"Servers on {Path.cwd() / 'netpulse.db'} take it." in made.stderr


def test_a_key_expires_at_the_end_of_its_last_day() -> None:
    made = type_in(keys_app, "create", "a", "--expires", "2999-12-31", "--per-minute", "7")
    record = checked(made.stdout.strip())
    assert (str(record.expires_at), record.per_minute) == ("3000-01-01 00:00:00+00:00", 7)


def test_keys_are_listed_without_secrets_and_revoked_by_id() -> None:
    text = type_in(keys_app, "create", "a\x1b[31m").stdout.strip()
    key_id = text.split("_")[1]
    listed = type_in(keys_app, "list").stdout
    assert key_id in listed
    assert r"a\x1b[31m" in listed
    assert text.split("_")[2] not in listed
    assert "revoked" in type_in(keys_app, "revoke", key_id).stdout
    assert type_in(keys_app, "list").stdout == ""
    (row,) = map(json.loads, type_in(keys_app, "list", "--all", "--json").stdout.splitlines())
    assert (row["id"], row["state"]) == (key_id, "revoked")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["create", "a", "--router", "core9"], 2, "core1, core2"),
        (["create", "a", "--expires", "2020-01-01"], 2, "later date"),
        (["create", "a", "--expires", "soon"], 2, "2026-01-31"),
        (["create", "a", "--network", "192.0.2.1/24"], 2, "192.0.2.0/24"),
        (["create", "x" * 65], 2, "64 characters"),
        (["revoke", "00000000"], 1, "no key with this id"),
        (["list", "--config", "nowhere.yaml"], 78, "nowhere.yaml"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words: list[str], code: int, said: str) -> None:
    result = type_in(keys_app, *words)
    assert result.exit_code == code
    assert said in result.stderr


def test_a_database_that_cannot_be_used_is_said_in_a_sentence(folder: Path) -> None:
    (folder / "netpulse.db").mkdir()
    result = type_in(keys_app, "list")
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (1, 1)
    assert "cannot be written" in result.stderr


def test_a_database_that_is_busy_says_to_try_again(folder: Path) -> None:
    type_in(db_app, "upgrade")
    other = sqlite3.connect(folder / "netpulse.db")
    other.execute("BEGIN IMMEDIATE")
    result = type_in(keys_app, "create", "a")
    other.close()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "try again in a moment" in result.stderr


def test_the_database_is_upgraded_once() -> None:
    assert "was empty" in type_in(db_app, "upgrade").stdout
    assert "nothing to do" in type_in(db_app, "upgrade").stdout


def test_audit_rows_are_found_exported_and_purged(folder: Path) -> None:
    record_questions("192.0.2.7", "198.51.100.1", "192.0.2.9")
    found = type_in(audit_app, "find", "--client", "192.0.2.0/24", "--limit", "1")
    assert "192.0.2.9" in found.stdout
    assert "There are more" in found.stderr
    rows = [json.loads(line) for line in type_in(audit_app, "find", "--json", "--router", "core1").stdout.splitlines()]
    assert [row["client"] for row in rows] == ["192.0.2.9", "198.51.100.1", "192.0.2.7"]
    assert type_in(audit_app, "find", "--since", str(utc_now().date())).stdout == ""

    assert type_in(audit_app, "export", "--format", "csv", "--output", "rows.csv").exit_code == 0
    assert len((folder / "rows.csv").read_text().splitlines()) == 4
    assert (folder / "rows.csv").stat().st_mode & 0o077 == 0
    assert "exists" in type_in(audit_app, "export", "--output", "rows.csv").stderr

    assert type_in(audit_app, "purge", "--older-than", "3").stdout == "0 rows deleted.\n"
    assert type_in(audit_app, "purge", "--older-than", "1").stdout == "3 rows deleted.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--outcome", "happy"], "finished"), (["--client", "home"], "prefix"), (["--until", "never"], "2026-01-31")],
)
def test_a_filter_that_makes_no_sense_says_what_to_write(words: list[str], said: str) -> None:
    result = type_in(audit_app, "find", *words)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (keys_app, ("create", "x")),
        (keys_app, ("list",)),
        (audit_app, ("find",)),
        (audit_app, ("export",)),
        (audit_app, ("purge", "--older-than", "9")),
        (db_app, ("upgrade",)),
    ],
)
def test_whoever_may_open_the_database_needs_no_private_key_of_a_router(
    app: Typer, words: tuple[str, ...], folder: Path
) -> None:
    # Under systemd the keys are root's and handed to the service alone; these commands run as the service's user without them.
    router = "  - {slug: core9, name: C, platform: junos, ssh: {host: 192.0.2.1, user: np, key_file: keys/core9}}\n"
    (folder / "netpulse.yaml").write_text(FILE + router)
    said = type_in(app, *words)
    assert (said.exit_code, said.stderr.count("key_file")) == (0, 0)
    with pytest.raises(ConfigFaults, match="no key file"):
        load(folder / "netpulse.yaml")
