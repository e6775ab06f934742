"""Run by Alembic: applies the migrations on the connection that `Database.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from emixcli.server.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
