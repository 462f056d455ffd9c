"""Opening: a current schema, one server, and clear words when it cannot be."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from netpulse.store import StorageFault
from netpulse.store.database import known_schemas, open_database
from netpulse.store.tables import metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "netpulse.db"


def run_sql(path: Path, *statements: str) -> None:
    other = sqlite3.connect(path)
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()


async def sentence(url: str, *, sole: bool = False) -> str:
    """The fault this URL gives; fails if it opens."""
    with pytest.raises(StorageFault) as caught:
        async with open_database(url, sole=sole):
            pass
    return str(caught.value)


async def test_the_migrations_make_exactly_the_tables_that_the_code_knows(path: Path) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with open_database(f"sqlite:///{path}") as database:
        assert await database.writer.exclusively(differences) == []


async def test_a_new_database_is_made_for_its_owner_only_and_a_current_one_is_left_alone(path: Path) -> None:
    async with open_database(f"sqlite:///{path}") as database:
        assert database.upgraded_from == "empty"
        assert [file.name for file in files_of(path) if file.stat().st_mode & 0o077] == []
    async with open_database(f"sqlite:///{path}") as database:
        assert database.upgraded_from is None


def files_of(path: Path) -> list[Path]:
    return [*path.parent.iterdir()]


async def test_a_new_database_opened_twice_at_once_is_made_once(path: Path) -> None:
    async def opened() -> str | None:
        async with open_database(f"sqlite:///{path}") as database:
            return database.upgraded_from

    made = await asyncio.gather(*(opened() for _ in range(4)))
    assert sorted(map(str, made)) == ["None", "None", "None", "empty"]


async def test_a_newer_schema_is_refused_and_not_touched(path: Path) -> None:
    async with open_database(f"sqlite:///{path}"):
        pass
    run_sql(path, "UPDATE alembic_version SET version_num = '9999'")
    words = await sentence(f"sqlite:///{path}")
    assert str(path) in words
    assert "9999 is newer" in words
    assert known_schemas()[-1] in words


async def test_the_database_of_another_program_is_refused_and_not_touched(path: Path) -> None:
    run_sql(path, "CREATE TABLE bookmarks (url TEXT)")
    assert "another program" in await sentence(f"sqlite:///{path}")
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    other.close()


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"site: {name: x}\n" * 100)  # noqa: ASYNC240
    assert "not a database" in await sentence(f"sqlite:///{path}")


async def test_a_folder_that_does_not_exist_is_named(path: Path) -> None:
    words = await sentence(f"sqlite:///{path.parent}/nowhere/netpulse.db")
    assert f"the folder {path.parent}/nowhere does not exist" in words


async def test_a_place_that_cannot_be_written_is_named(path: Path) -> None:
    path.mkdir()  # noqa: ASYNC240
    assert f"{path}: the database cannot be written" in await sentence(f"sqlite:///{path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_file_that_may_not_be_written_is_named(path: Path) -> None:
    path.touch(mode=0o400)  # noqa: ASYNC240
    assert f"{path}: the database cannot be written" in await sentence(f"sqlite:///{path}")


async def test_a_second_server_is_refused_and_the_command_line_is_not(path: Path) -> None:
    async with open_database(f"sqlite:///{path}", sole=True):
        assert "another NetPulse server" in await sentence(f"sqlite:///{path}", sole=True)
        async with open_database(f"sqlite:///{path}") as beside:
            assert beside.upgraded_from is None
    async with open_database(f"sqlite:///{path}", sole=True):
        pass


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("postgresql://db/netpulse", "postgresql is not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:///file:x?mode=memory", "needs a file"),
        ("netpulse.db", "not a database URL"),
    ],
)
async def test_a_storage_that_cannot_be_used_says_what_to_write(url: str, word: str) -> None:
    assert word in await sentence(url)
