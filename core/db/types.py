"""Column types that behave alike on SQLite and PostgreSQL.

Owns: aware UTC times, JSON, safe text. Must not know: tables.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

#: JSON everywhere; binary JSON on PostgreSQL.
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
#: A primary key that counts up on both databases.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def utcnow() -> datetime:
    """This moment, aware, UTC."""
    return datetime.now(UTC)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware time in UTC; a naive one is refused. SQLite keeps it as text that sorts by time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: give it a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def storable(text: str, limit: int | None = None) -> str:
    """Text that every database takes: no NUL (PostgreSQL refuses it), no lone surrogate (no UTF-8 form), at most
    ``limit`` characters. What is replaced becomes U+FFFD, so that a reader sees that something was there."""
    clean = text.replace("\x00", "\ufffd")
    if not clean.isascii():
        clean = clean.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return clean if limit is None else clean[:limit]


def storable_json(value: Any) -> Any:
    """A JSON value with every text made storable, keys included."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
