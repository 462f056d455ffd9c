"""API keys, results, the audit trail, and the counters that announce changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(8), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("per_minute", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("routers", sa.JSON, nullable=False),
        sa.Column("networks", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("revoked_at", sa.DateTime),
    )
    revisions = op.create_table(
        "revisions",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.bulk_insert(revisions, [{"name": "keys", "number": 1}])
    op.create_table(
        "results",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(8)),
        sa.Column("audience", sa.String(64), nullable=False),
        sa.Column("routers", sa.JSON, nullable=False),
        sa.Column("connection", sa.Integer),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("results_by_expiry", "results", ["expires_at"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("process", sa.String(16), nullable=False),
        sa.Column("key_id", sa.String(8)),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("client_cut", sa.SmallInteger, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("router", sa.String(64)),
        sa.Column("device", sa.String(128)),
        sa.Column("connection", sa.Integer),
        sa.Column("target", sa.String(260)),
        sa.Column("command", sa.Text),
        sa.Column("run_id", sa.String(64)),
        sa.Column("outcome", sa.String(16)),
        sa.Column("code", sa.String(32)),
        sa.Column("duration_ms", sa.Integer),
    )
    op.create_index("audit_by_id", "audit", ["id"], unique=True)
    op.create_index("audit_by_time", "audit", ["at"])
    uncut = sa.text("client_cut = 0")
    op.create_index("audit_uncut", "audit", ["at"], sqlite_where=uncut, postgresql_where=uncut)
    unfinished = sa.text("outcome IS NULL")
    op.create_index("audit_unfinished", "audit", ["process"], sqlite_where=unfinished, postgresql_where=unfinished)


def downgrade() -> None:
    for table in ("audit", "results", "revisions", "api_keys"):
        op.drop_table(table)
