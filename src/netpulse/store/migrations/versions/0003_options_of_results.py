"""Results carry the options that their question chose, so that it can be asked again as it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("results", sa.Column("options", sa.JSON))


def downgrade() -> None:
    op.drop_column("results", "options")
