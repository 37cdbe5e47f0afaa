"""An installation with years behind it, in bulk.

Owns: putting rows into either database fast. Must not know: which rows, what is measured on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from grown_rows import Place, Rows, Spread
from sqlalchemy.engine import Connection

from chatport.db import Database
from chatport.db.tables import (
    Account,
    Base,
    Conversation,
    Message,
    MessageStatusRow,
    RawRequest,
    Send,
    message_search,
)
from chatport.db.types import utcnow

#: Indexes that are made once the rows are there, which takes a fraction of the time.
_LATE = (Message, MessageStatusRow, RawRequest, Send)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load made: the display id of the long group chat, and the number of each contact."""

    long_chat: int
    contacts: int


def load(db: Database, place: Place, spread: Spread) -> Loaded:
    """Fill a database that migrations made and that has nothing but the rows of ``place``."""
    with _bulk(db) as connection:
        first = {
            table: 1 + (connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0)
            for table in Base.metadata.sorted_tables
            if "id" in table.c
        }
        writer = _Writer(connection, first, utcnow())
        late = [index for table in _LATE for index in table.__table__.indexes if not index.unique]
        for index in late:
            index.drop(connection)
        search = _drop_search(connection)
        Rows(place, spread, writer).write()
        for index in late:
            index.create(connection)
        for statement in search:
            connection.exec_driver_sql(statement)
        display_id = spread.conversations + 1
        connection.execute(
            sa.update(Account)
            .where(Account.id == place.account_id)
            .values(last_display_id=writer.first[Conversation.__table__] + display_id)
        )
        _set_sequences(connection)
    _settle(db)
    return Loaded(writer.first[Conversation.__table__] + spread.conversations, spread.contacts)


@contextmanager
def _bulk(db: Database) -> Iterator[Connection]:
    """A transaction for a load that is thrown away when it fails: SQLite keeps no log of it."""
    if not db.is_sqlite:
        with db.write("bulk load") as connection:
            yield connection
        return
    db.dispose()
    engine = sa.create_engine(db.url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            raw.execute(f"PRAGMA {pragma}").fetchall()
        yield connection
        connection.commit()
        raw.execute("PRAGMA journal_mode=WAL").fetchall()


def _drop_search(connection: Connection) -> list[str]:
    """Take the index of words away; returns what makes it again."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP INDEX messages_search")
        return list(message_search.POSTGRESQL)
    triggers = [statement for statement in message_search.SQLITE if "CREATE TRIGGER" in statement]
    for statement in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {statement.split()[2]}")
    return [
        *triggers,
        f"INSERT INTO {message_search.NAME} ({message_search.NAME}) VALUES ('rebuild')",
    ]


def _set_sequences(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        for table in Base.metadata.sorted_tables:
            if "id" in table.c:
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'),"
                    f" (SELECT coalesce(max(id), 1) FROM {table.name}))"
                )


def _settle(db: Database) -> None:
    """What both databases do in time on their own. SQLite is left without statistics, as installations are."""
    if db.is_sqlite:
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")


class _Writer:
    """Puts rows into tables by the fastest way of each database: COPY, or one statement for many rows."""

    def __init__(self, connection: Connection, first: dict[Any, int], now: datetime) -> None:
        self.first, self.now = first, now
        self._connection = connection
        self._is_postgres = connection.dialect.name == "postgresql"

    def stamp(self, moment: datetime) -> str:
        """A time as the database's own text."""
        plain = moment.replace(tzinfo=None).isoformat(" ", "microseconds")
        return f"{plain}+00" if self._is_postgres else plain

    def write(self, table: Any, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows that give ``columns``; what they leave out gets the column's default."""
        given = columns.split()
        constants = {
            column.name: self._default(column)
            for column in table.c
            if column.name not in given and not column.primary_key and not column.nullable
        }
        names = ", ".join([*given, *constants])
        tail = tuple(constants.values())
        raw = self._connection.connection.driver_connection
        assert raw is not None
        if self._is_postgres:
            with raw.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((*row, *tail))
        else:
            marks = ", ".join("?" * (len(given) + len(tail)))
            statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"
            raw.executemany(statement, ((*row, *tail) for row in rows))

    def _default(self, column: Any) -> Any:
        default = column.default
        assert default is not None, f"{column} needs a value"
        if default.is_scalar:
            return default.arg
        made = default.arg(None)
        if isinstance(made, datetime):
            return self.stamp(self.now)
        return {dict: "{}", list: "[]"}[type(made)]
