"""Engines and transactions.

Owns: how a transaction begins and ends on each database, and the marker that guards against network calls inside one.
Must not know: tables, services.

SQLite: our own BEGIN (the driver's is off), WAL, ``synchronous=FULL``. Writers take BEGIN IMMEDIATE and queue fairly
through two lock files, since SQLite's own busy handler sleeps and starves; readers are query-only and never upgrade.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

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
    sa.event.listen(engine, "commit", lambda connection: _sqlite_commit(connection, queue))
    sa.event.listen(engine, "rollback", lambda connection: queue.leave(connection.info))
    sa.event.listen(engine.pool, "reset", queue.leave_on_reset)
    sa.event.listen(engine.pool, "close", queue.forget)
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


def let_write(connection: PoolProxiedConnection) -> None:
    """Make an SQLite connection that is used past :class:`Database` one that may write."""
    connection.cursor().execute("PRAGMA query_only=OFF")
    connection.info[_MODE] = "write"


def _sqlite_begin(connection: Connection, queue: WriterQueue) -> None:
    mode = connection.get_execution_options().get(_MODE) or transaction_mode.get()
    if connection.info.get(_MODE) != mode:
        _run(connection, f"PRAGMA query_only={'ON' if mode == 'read' else 'OFF'}")
        connection.info[_MODE] = mode
    if mode == "read":
        _run(connection, "BEGIN")
        return
    queue.enter(connection.info)
    try:
        _run(connection, "BEGIN IMMEDIATE")
    except BaseException:
        queue.leave(connection.info)
        raise


def _sqlite_commit(connection: Connection, queue: WriterQueue) -> None:
    """SQLAlchemy calls this *before* its own commit, which then finds nothing to do: the turn ends after ours."""
    if queue.is_in(connection.info):
        _run(connection, "COMMIT")
        queue.leave(connection.info)


def _run(connection: Connection, statement: str) -> None:
    """Past SQLAlchemy, whose way costs more than these statements, with its kind of error."""
    try:
        connection.connection.driver_connection.execute(statement)  # type: ignore[union-attr]
    except sqlite3.Error as error:
        raise sa.exc.OperationalError(statement, None, error) from error


class WriterQueue:
    """Two lock files that make SQLite's writers take turns: whoever waits for ``write`` holds ``queue``, so that the
    kernel wakes one waiter at a time, in about the order of arrival. The locks end with the process.

    Each connection keeps its own descriptors of the files, in the ``info`` that lives as long as it does.
    """

    _FILES = "chatport_writer_files"
    _TURN = "chatport_writer_turn"

    def __init__(self, database: Path) -> None:
        self._queue_path = database.with_name(database.name + ".queue")
        self._write_path = database.with_name(database.name + ".write")

    def enter(self, info: dict[Any, Any]) -> None:
        """Wait for the turn."""
        if self._FILES not in info:
            info[self._FILES] = (_lock_file(self._queue_path), _lock_file(self._write_path))
        queue, write = info[self._FILES]
        fcntl.flock(queue, fcntl.LOCK_EX)
        try:
            fcntl.flock(write, fcntl.LOCK_EX)
        finally:
            fcntl.flock(queue, fcntl.LOCK_UN)
        info[self._TURN] = True

    def is_in(self, info: dict[Any, Any]) -> bool:
        """Whether a connection has the turn."""
        return bool(info.get(self._TURN))

    def leave(self, info: dict[Any, Any]) -> None:
        """Give the turn away."""
        if info.pop(self._TURN, False):
            fcntl.flock(info[self._FILES][1], fcntl.LOCK_UN)

    def leave_on_reset(self, dbapi_connection: Any, record: Any, _state: Any) -> None:
        """Safety net when a connection goes back to the pool in the middle of a transaction."""
        if self.is_in(record.info):
            try:
                dbapi_connection.rollback()
            finally:
                self.leave(record.info)

    def forget(self, _dbapi_connection: Any, record: Any) -> None:
        """A connection is closed: so are its files, and with them any lock."""
        record.info.pop(self._TURN, None)
        for file in record.info.pop(self._FILES, ()):
            os.close(file)


def _lock_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
