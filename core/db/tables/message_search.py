"""Finding words in messages: one index for each database, kept by the database itself.

Owns: the index's statements, and the query that finds messages by the beginnings of words. Must not know: who may see
what, how a result is shown.

SQLite keeps an FTS5 table beside ``messages`` by triggers; PostgreSQL an index over an expression. Both are there for
databases that migrations made and for those that tests make from the tables.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import sqlalchemy as sa

from .messages import Message

#: The name of the FTS5 table.
NAME = "messages_search"
#: More words than this narrow nothing down.
MAX_WORDS = 8
#: Shorter words must be whole: a beginning of two letters would be half of all messages.
MIN_PREFIX = 3

# Of very long texts the beginning: PostgreSQL refuses to index more than a megabyte of one value.
SQLITE = (
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
)
POSTGRESQL = (
    """
    CREATE INDEX messages_search ON messages USING gin (to_tsvector('simple', left(content, 100000)))
    """,
)


def _make(target: Any, connection: sa.Connection, **_: Any) -> None:
    for statement in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        connection.exec_driver_sql(statement)


sa.event.listen(Message.__table__, "after_create", _make)


def words_of(text: str) -> list[str]:
    """The words of a search, as both databases divide a text into words."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text))[:MAX_WORDS]


def newest_with(
    dialect: str, words: list[str], *where: sa.ColumnElement[bool], limit: int
) -> sa.Select[Any]:
    """Select the ids of the newest messages that have all words, or words that begin with them.

    :param dialect: the connection's dialect name.
    :param words: from :func:`words_of`; at least one.
    :param where: further conditions on ``messages``.
    """
    messages = Message.__table__
    # Deleted text is gone for readers, though the row stays.
    kept = (messages.c.deleted_at.is_(None), *where)
    if dialect == "sqlite":
        found = sa.table(NAME, sa.column("rowid", sa.Integer))
        matching = " ".join(f'"{word}"{_star(word, "*")}' for word in words)
        return (
            sa.select(messages.c.id)
            .select_from(found.join(messages, messages.c.id == found.c.rowid))
            .where(sa.literal_column(NAME).op("MATCH")(matching), *kept)
            .order_by(found.c.rowid.desc())
            .limit(limit)
        )
    # The very expression of the index, or it would not be used.
    vector: sa.ColumnElement[Any] = sa.literal_column(
        "to_tsvector('simple', left(messages.content, 100000))"
    )
    query = sa.func.to_tsquery(
        sa.literal_column("'simple'"), " & ".join(f"{word}{_star(word, ':*')}" for word in words)
    )
    # OFFSET 0 keeps the order and the limit from reaching the inner query. PostgreSQL takes words that it has no
    # statistics of for frequent, and would go through all messages from the newest on until it has found enough.
    all_found = sa.select(messages.c.id).where(vector.op("@@")(query), *kept).offset(0).subquery()
    return sa.select(all_found.c.id).order_by(all_found.c.id.desc()).limit(limit)


def _star(word: str, mark: str) -> str:
    return mark if len(word) >= MIN_PREFIX else ""
