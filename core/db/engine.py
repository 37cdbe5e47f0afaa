"""Engines and transactions.

Owns: how a transaction begins and ends on each database, and the marker that guards against network calls inside one.
Must not know: tables, services.

SQLite: our own BEGIN (the driver's is off), WAL, ``synchronous=FULL``. Writers take BEGIN IMMEDIATE and queue fairly
through two lock files, since SQLite's own busy handler sleeps and starves; readers are query-only and never upgrade.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.orm import Session

from ..guards import transaction_marker

#: Mode of a transaction that does not say its own: ``write``, or ``read`` in a safe web request.
transaction_mode: ContextVar[str] = ContextVar("chatport_transaction_mode", default="write")

_MODE = "chatport_mode"


class Database:
    """One database: an engine, and transactions on it. Build it after a fork, never before.

    :param url: SQLAlchemy URL, ``sqlite:///…`` or ``postgresql://…``.
    :param pool_size: connections kept.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = normalised_url(url)
        self.engine = make_engine(self.url, pool_size=pool_size)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def write(self, name: str) -> Iterator[Connection]:
        """A transaction that may write. Commits at the end, rolls back on an exception.

        :param name: for the message of the guard against network calls inside it.
        """
        with self.engine.connect().execution_options(**{_MODE: "write"}) as connection:
            with connection.begin(), transaction_marker(name):
                yield connection

    @contextmanager
    def read(self, name: str = "read") -> Iterator[Connection]:
        """A transaction that only reads, with one consistent view."""
        with self.engine.connect().execution_options(**{_MODE: "read"}) as connection:
            with connection.begin(), transaction_marker(name):
                yield connection

    @contextmanager
    def session(self, name: str, *, mode: str = "write") -> Iterator[Session]:
        """An ORM session in one transaction."""
        context = self.write(name) if mode == "write" else self.read(name)
        with context as connection, Session(connection, expire_on_commit=False) as session:
            yield session
            session.flush()

    def dispose(self, *, close: bool = True) -> None:
        """Forget all connections; with ``close=False`` without closing them (after a fork)."""
        self.engine.dispose(close=close)


def normalised_url(url: str) -> URL:
    """The URL with the driver that we ship."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def make_engine(url: URL | str, *, pool_size: int = 10, **options: Any) -> Engine:
    """An engine with the rules of this module."""
    url = normalised_url(url) if isinstance(url, str) else url
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, pool_size, options)
    options.setdefault("pool_pre_ping", True)
    return sa.create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=5, **options
    )


def _sqlite_engine(url: URL, pool_size: int, options: dict[str, Any]) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError("an SQLite database must be a file: several processes share it")
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    options.pop("poolclass", None)
    engine = sa.create_engine(
        url,
        connect_args={"isolation_level": None, "timeout": 15, "check_same_thread": False},
        poolclass=sa.QueuePool,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        **options,
    )
    sa.event.listen(engine, "connect", _sqlite_connect)
    queue = WriterQueue(path)
    sa.event.listen(engine, "begin", lambda connection: _sqlite_begin(connection, queue))
    sa.event.listen(engine, "commit", queue.leave_after(engine))
    sa.event.listen(engine, "rollback", queue.leave)
    sa.event.listen(engine.pool, "reset", queue.leave_on_reset)
    return engine


def _sqlite_connect(dbapi_connection: Any, _record: Any) -> None:
    cursor = dbapi_connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "temp_store=MEMORY",
        "cache_size=-16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection, queue: WriterQueue) -> None:
    mode = connection.get_execution_options().get(_MODE) or transaction_mode.get()
    if mode == "read":
        connection.exec_driver_sql("PRAGMA query_only=ON")
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql("PRAGMA query_only=OFF")
    queue.enter(connection)
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except BaseException:
        queue.leave(connection)
        raise


class WriterQueue:
    """Two lock files that make SQLite's writers take turns: whoever waits for ``write`` holds ``queue``, so that the
    kernel wakes one waiter at a time, in about the order of arrival. The locks end with the process."""

    _KEY = "chatport_writer_lock"

    def __init__(self, database: Path) -> None:
        self._queue_path = database.with_name(database.name + ".queue")
        self._write_path = database.with_name(database.name + ".write")

    def enter(self, connection: Connection) -> None:
        """Wait for the turn."""
        queue = os.open(self._queue_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(queue, fcntl.LOCK_EX)
            write = os.open(self._write_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(write, fcntl.LOCK_EX)
            except BaseException:
                os.close(write)
                raise
        finally:
            os.close(queue)
        connection.info[self._KEY] = write

    def leave(self, connection: Connection) -> None:
        """Give the turn away."""
        self._release(connection.info)

    def leave_after(self, engine: Engine) -> Any:
        """A listener for ``commit``, which SQLAlchemy calls *before* the commit: the turn ends after it."""

        def commit(connection: Connection) -> None:
            if self._KEY in connection.info:
                connection.exec_driver_sql("COMMIT")
                self._release(connection.info)

        return commit

    def leave_on_reset(self, dbapi_connection: Any, record: Any, _state: Any) -> None:
        """Safety net when a connection goes back to the pool in the middle of a transaction."""
        if self._KEY in record.info:
            try:
                dbapi_connection.rollback()
            finally:
                self._release(record.info)

    def _release(self, info: dict[Any, Any]) -> None:
        write = info.pop(self._KEY, None)
        if write is not None:
            os.close(write)
