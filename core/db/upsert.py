"""Inserts that leave an existing row alone, alike on both databases.

Owns: ON CONFLICT DO NOTHING with the new id. Must not know: any table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_if_absent(connection: Connection, table: Any, values: Mapping[str, Any]) -> int | None:
    """Insert a row unless a unique constraint forbids it.

    :returns: the new row's id, or ``None`` when nothing was inserted.
    """
    row = connection.execute(_if_absent(connection.dialect.name, table), values).first()
    return None if row is None else int(row[0])


def insert_many_if_absent(
    connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows, leaving out those that a unique constraint forbids."""
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


def insert(connection: Connection, table: Any, values: Mapping[str, Any]) -> int:
    """Insert a row and return its id."""
    return int(connection.execute(_plain(table), values).scalar_one())


# Statements are made once: making one takes several times as long as running it.


@cache
def _plain(table: Any) -> Any:
    return sa.insert(table).returning(table.c.id)


@cache
def _if_absent(dialect_name: str, table: Any) -> Any:
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing().returning(table.c.id)
