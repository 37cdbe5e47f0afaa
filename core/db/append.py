"""Adding rows to a table, a transaction for each call, as cheaply as the database allows.

Owns: the transaction of whoever does nothing but append, and very often. Must not know: which table, why.

It goes past SQLAlchemy, with a connection of its own, and lets one statement be the transaction: in a process whose
other threads are busy each further step may have to wait for the interpreter's lock, and on PostgreSQL for a round
trip, while the webhooks' senders wait for the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from ..guards import transaction_marker
from .engine import Database, WriterQueue, let_write


class Appender:
    """Appends rows. For one thread.

    :param name: for the message of the guard against network calls inside a transaction.
    """

    def __init__(self, db: Database, name: str) -> None:
        self._db = db
        self._name = name
        self._queue = WriterQueue(db.path) if db.path is not None else None
        self._kept: PoolProxiedConnection | None = None

    def append(self, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows with the same columns; returns once they are on disk.

        :param rows: at most a few thousand values in all, which is what a statement takes.
        :raises sqlalchemy.exc.DBAPIError: nothing was inserted; or, where the connection broke, perhaps all rows.
        """
        if not rows:
            return
        statement, values = _insert(self._db.engine.dialect, table, rows)
        new = self._kept is None
        try:
            self._insert(statement, values)
        except DBAPIError as error:
            if new or not error.connection_invalidated:
                raise
            self._insert(statement, values)  # the kept connection was broken before

    def _insert(self, statement: str, values: tuple[Any, ...]) -> None:
        dialect = self._db.engine.dialect
        base: Any = dialect.loaded_dbapi.Error
        kept = self._connection()
        try:
            if self._queue is None:
                self._run(kept.dbapi_connection, statement, values)
            else:
                self._queue.enter(kept.info)
                try:
                    self._run(kept.dbapi_connection, statement, values)
                finally:
                    self._queue.leave(kept.info)
        except base as error:
            broken = dialect.is_disconnect(error, kept.dbapi_connection, None)
            if broken:
                self._kept = None
                with suppress(base):
                    kept.invalidate(error)
            raise DBAPIError.instance(
                statement, None, error, base, connection_invalidated=broken, dialect=dialect
            ) from error

    def _run(self, driver: Any, statement: str, values: tuple[Any, ...]) -> None:
        """The transaction."""
        with transaction_marker(self._name):
            self._cursor(driver).execute(statement, values)

    def _cursor(self, driver: Any) -> Any:
        if self._queue is not None:
            return driver.cursor()
        # The usual cursor reads each long statement anew, which takes longer than running it.
        from psycopg import RawCursor

        return RawCursor(driver)

    def _connection(self) -> PoolProxiedConnection:
        if self._kept is None:
            connection = self._db.engine.raw_connection()
            if self._queue is None:
                connection.detach()  # with what follows nobody else may get it
                driver: Any = connection.dbapi_connection
                driver.autocommit = True
            else:  # its driver begins no transaction by itself anyway
                let_write(connection)
            self._kept = connection
        return self._kept


def _insert(
    dialect: Dialect, table: Any, rows: Sequence[Mapping[str, Any]]
) -> tuple[str, tuple[Any, ...]]:
    """The statement, and its values as the driver takes them."""
    names = tuple(rows[0])
    ready = _ready(dialect, table, names)
    values = tuple(
        prepare(row[name]) if prepare is not None else row[name]
        for row in rows
        for name, prepare in ready
    )
    return _statement(dialect, table, names, len(rows)), values


@cache
def _statement(dialect: Dialect, table: Any, names: tuple[str, ...], count: int) -> str:
    width = len(names)
    mark = "?" if dialect.paramstyle == "qmark" else "$"  # with the place of the value behind it
    rows = (
        f"({', '.join(f'{mark}{row * width + place}' for place in range(1, width + 1))})"
        for row in range(count)
    )
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join(rows)}"  # noqa: S608 (our names)


@cache
def _ready(
    dialect: Dialect, table: Any, names: tuple[str, ...]
) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """Columns, each with what makes its value ready for the driver."""
    types = ((name, table.c[name].type.dialect_impl(dialect)) for name in names)
    return tuple((name, kind.bind_processor(dialect)) for name, kind in types)
