"""The tables, in portable types only: text, whole numbers, bytes, JSON, and UTC times without a zone.

The migrations make them; this is the picture of the newest schema that the statements are built from. What only one other
database understands is in the migrations alone: naming it here would import that database's dialect.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)


class UtcTime(TypeDecorator[datetime]):
    """A moment: an aware datetime in Python, UTC without a zone in the database, so that text sorts as time."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("per_minute", Integer, nullable=False),
    Column("expires_at", UtcTime),
    Column("routers", JSON, nullable=False),
    Column("networks", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

revisions = Table(
    "revisions",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("number", Integer, nullable=False),
)
"""Counters that go up with every change of what they name, so that other processes notice."""

results = Table(
    "results",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("key_id", String(8)),
    Column("audience", String(64), nullable=False),
    Column("routers", JSON, nullable=False),
    Column("connection", Integer),
    Column("options", JSON(none_as_null=True)),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("results_by_expiry", "expires_at"),
)

audit = Table(
    "audit",
    metadata,
    # SQLite counts by itself only in a column that is exactly INTEGER.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("process", String(16), nullable=False),
    Column("key_id", String(8)),
    Column("client", String(64), nullable=False),
    Column("client_cut", SmallInteger, nullable=False, default=0),
    Column("kind", String(64), nullable=False),
    Column("router", String(64)),
    Column("device", String(128)),
    Column("connection", Integer),
    Column("target", String(260)),
    Column("command", Text),
    Column("run_id", String(64)),
    Column("request_id", String(16)),
    Column("outcome", String(16)),
    Column("code", String(32)),
    Column("duration_ms", Integer),
    Index("audit_by_id", "id", unique=True),
    Index("audit_by_time", "at"),
    # Those whose address is still whole.
    Index("audit_uncut", "at", sqlite_where=text("client_cut = 0")),
    # The few that are under way: what a start looks for, and no burden on those that ended.
    Index("audit_unfinished", "process", sqlite_where=text("outcome IS NULL")),
)
