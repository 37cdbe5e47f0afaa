"""Adding rows to a table, a transaction for each call, as cheaply as the database allows.

Owns: the transaction of whoever does nothing but append, and very often. Must not know: which table, why.

On SQLite it goes past SQLAlchemy, with a connection of its own: in a process whose other threads are busy each of its
many steps may have to wait for the interpreter's lock, while the webhooks' senders wait for the commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import PoolProxiedConnection

from ..guards import transaction_marker
from .engine import Database, WriterQueue, let_write
from .upsert import insert_rows, rows_statement


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

        :raises sqlalchemy.exc.DBAPIError: nothing was inserted.
        """
        if self._queue is None:
            with self._db.write(self._name) as connection:
                insert_rows(connection, table, rows)
            return
        statement, values = rows_statement(self._db.engine.dialect, table, rows)
        try:
            with self._transaction(self._queue) as driver:
                driver.execute(statement, values)
        except sqlite3.IntegrityError as error:
            raise sa.exc.IntegrityError(statement, None, error) from error
        except sqlite3.Error as error:
            raise sa.exc.OperationalError(statement, None, error) from error

    @contextmanager
    def _transaction(self, queue: WriterQueue) -> Iterator[Any]:
        connection = self._connection()
        driver: Any = connection.driver_connection
        queue.enter(connection.info)
        try:
            with transaction_marker(self._name):
                driver.execute("BEGIN IMMEDIATE")
                yield driver
                driver.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                driver.rollback()
            raise
        finally:
            queue.leave(connection.info)

    def _connection(self) -> PoolProxiedConnection:
        if self._kept is None:
            self._kept = self._db.engine.raw_connection()
            let_write(self._kept)
        return self._kept
