"""Inserts that leave an existing row alone, alike on both databases.

Owns: ON CONFLICT DO NOTHING with the new id. Must not know: any table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_if_absent(connection: Connection, table: Any, values: Mapping[str, Any]) -> int | None:
    """Insert a row unless a unique constraint forbids it.

    :returns: the new row's id, or ``None`` when nothing was inserted.
    """
    row = connection.execute(
        _insert(connection, table).values(**values).on_conflict_do_nothing().returning(table.c.id)
    ).first()
    return None if row is None else int(row[0])


def insert_many_if_absent(
    connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows, leaving out those that a unique constraint forbids."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def insert(connection: Connection, table: Any, values: Mapping[str, Any]) -> int:
    """Insert a row and return its id."""
    return int(
        connection.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one()
    )


def _insert(connection: Connection, table: Any) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
