"""The log of what went out reads an account's sends, the newest first."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """To 0005."""
    op.create_index("ix_sends_account_id_id", "sends", ["account_id", "id"])
