"""Indexes by which no query of a hot path grows with the number of messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """To 0003."""
    op.drop_index("ix_conversations_assignee", "conversations")
    op.create_index(
        "ix_conversations_assignee",
        "conversations",
        ["account_id", "assignee_id", "status", "last_activity_at", "id", "inbox_id"],
    )
    op.create_index(
        "ix_conversations_list_any", "conversations", ["account_id", "last_activity_at", "id"]
    )
    op.create_index(
        "ix_conversations_inbox_list_any", "conversations", ["inbox_id", "last_activity_at", "id"]
    )
    op.create_index(
        "ix_conversations_assignee_any",
        "conversations",
        ["account_id", "assignee_id", "last_activity_at", "id", "inbox_id"],
    )
    op.create_index(
        "ix_conversations_counts",
        "conversations",
        ["account_id", "status", "inbox_id", "assignee_id"],
    )
    _partial("ix_conversations_snoozed", "conversations", ["snoozed_until"], "status = 'snoozed'")
    op.drop_index("ix_conversation_labels_label", "conversation_labels")
    op.create_index(
        "ix_conversation_labels_used",
        "conversation_labels",
        ["account_id", "label", "conversation_id"],
    )
    op.create_index("ix_reactions_contact_id", "reactions", ["contact_id"])
    op.drop_index("ix_raw_requests_received_at", "raw_requests")
    _partial(
        "ix_raw_requests_bodies",
        "raw_requests",
        ["account_id", "received_at"],
        "body IS NOT NULL",
    )
    _partial(
        "ix_raw_requests_set_aside",
        "raw_requests",
        ["channel_id", "state", "id"],
        "state IN ('parked', 'dead', 'held')",
    )
    op.create_index("ix_follow_ups_request_id", "follow_ups", ["request_id"])
    _partial("ix_follow_ups_waiting", "follow_ups", ["channel_id", "kind"], "state = 'waiting'")
    op.drop_index("ix_follow_ups_expires_at", "follow_ups")
    _partial("ix_follow_ups_expires_at", "follow_ups", ["expires_at"], "state = 'waiting'")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
