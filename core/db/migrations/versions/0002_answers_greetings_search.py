"""Canned answers, greetings that can be switched, words of messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatport.db.types import BigId, UtcDateTime

revision = "0002"
down_revision = "0001"

_SQLITE = (
    """
    CREATE VIRTUAL TABLE messages_search USING fts5(
      content, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='3',
      detail='none'
    )
    """,
    """
    CREATE TRIGGER messages_search_insert AFTER INSERT ON messages WHEN new.content <> '' BEGIN
      INSERT INTO messages_search (rowid, content) VALUES (new.id, new.content);
    END
    """,
    """
    CREATE TRIGGER messages_search_update AFTER UPDATE OF content ON messages WHEN new.content IS NOT old.content
    BEGIN
      INSERT INTO messages_search (messages_search, rowid, content)
        SELECT 'delete', old.id, old.content WHERE old.content <> '';
      INSERT INTO messages_search (rowid, content) SELECT new.id, new.content WHERE new.content <> '';
    END
    """,
    """
    CREATE TRIGGER messages_search_delete AFTER DELETE ON messages WHEN old.content <> '' BEGIN
      INSERT INTO messages_search (messages_search, rowid, content) VALUES ('delete', old.id, old.content);
    END
    """,
    "INSERT INTO messages_search (messages_search) VALUES ('rebuild')",
)
_POSTGRESQL = (
    """
    CREATE INDEX messages_search ON messages USING gin (to_tsvector('simple', left(content, 100000)))
    """,
)


def upgrade() -> None:
    """To 0002. A migration that rebuilds ``messages`` on SQLite must make the triggers again."""
    op.create_table(
        "canned_responses",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("short_code", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_canned_responses_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_responses")),
        sa.UniqueConstraint(
            "account_id", "short_code", name=op.f("uq_canned_responses_account_id_short_code")
        ),
    )
    # Nothing was ever greeted before, so it is off also where a text is stored.
    op.add_column(
        "inboxes",
        sa.Column("greeting_enabled", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
