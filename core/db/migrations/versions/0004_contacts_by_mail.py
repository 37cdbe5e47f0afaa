"""Contacts are found by mail address and by identifier, each of which names one person in an account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """To 0004."""
    _partial("ix_contacts_email", sa.text("lower(email)"), "email IS NOT NULL")
    _partial("ix_contacts_identifier", "identifier", "identifier IS NOT NULL")


def _partial(name: str, column: sa.TextClause | str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        name, "contacts", ["account_id", column], sqlite_where=where, postgresql_where=where
    )
