"""What alembic runs: the steps, on the connection and inside the transaction that its caller holds."""

from __future__ import annotations

from alembic import context

from netpulse.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters a table by writing it anew.
    render_as_batch=True,
)
context.run_migrations()
