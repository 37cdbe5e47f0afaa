"""Inserts and updates of single rows, alike on both databases, with statements that are made once.

Owns: ON CONFLICT DO NOTHING with the new id; the update of rows by their ids. Must not know: any table.
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


def update(connection: Connection, table: Any, row_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of one row.

    :param values: plain values by column name.
    """
    connection.execute(_by_id(table), {"row_id": row_id, **values})


def update_many(
    connection: Connection, table: Any, rows: Sequence[tuple[int, Mapping[str, Any]]]
) -> None:
    """Change columns of several rows, given as (id, values); rows with the same columns go together."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row_id, values in rows:
        alike.setdefault(tuple(values), []).append({"row_id": row_id, **values})
    for group in alike.values():
        connection.execute(_by_id(table), group)


# Statements are made once: making one takes several times as long as running it.


@cache
def _plain(table: Any) -> Any:
    return sa.insert(table).returning(table.c.id)


@cache
def _by_id(table: Any) -> Any:
    return sa.update(table).where(table.c.id == sa.bindparam("row_id"))


@cache
def _if_absent(dialect_name: str, table: Any) -> Any:
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing().returning(table.c.id)
