"""Alembic's entrance: runs on the connection that ``chatport.db.migrate`` opened."""

from __future__ import annotations

from alembic import context

from chatport.db.tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("run migrations with: chatport db upgrade")
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=False,  # the caller's transaction holds everything
)
context.run_migrations()
