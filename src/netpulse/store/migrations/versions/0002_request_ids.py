"""Audit rows carry the id of their request, the one its answer had in X-Request-Id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("request_id", sa.String(16)))


def downgrade() -> None:
    op.drop_column("audit", "request_id")
