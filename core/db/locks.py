"""Locks between processes that the kernel or the database server frees when their holder dies.

Owns: named try-locks on both databases. Must not know: what they guard. They save work; whatever they guard must stay
right without them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import sqlalchemy as sa

if TYPE_CHECKING:
    from .engine import Database

#: Engines without a pool: each PostgreSQL lock lives on a connection of its own, which ends with it.
_engines: WeakKeyDictionary[Database, sa.Engine] = WeakKeyDictionary()


@contextmanager
def named_lock(db: Database, name: str) -> Iterator[bool]:
    """Try to take a lock, without waiting.

    :param name: the same text in every process that shares the database.
    :returns: a context manager whose value tells whether the lock was taken. It ends with the block or the process.
    """
    if db.is_sqlite:
        assert db.path is not None
        with _file_lock(db.path, name) as held:
            yield held
    else:
        with _advisory_lock(db, name) as held:
            yield held


@contextmanager
def _file_lock(database: Path, name: str) -> Iterator[bool]:
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:80]
    path = database.with_name(f"{database.name}.{safe}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)  # frees the lock


@contextmanager
def _advisory_lock(db: Database, name: str) -> Iterator[bool]:
    key = int.from_bytes(
        hashlib.blake2b(f"chatport:{name}".encode(), digest_size=8).digest(), signed=True
    )
    with _engine_for(db).connect() as connection:
        held = bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar_one())
        try:
            yield held
        finally:
            if held:
                # A lost connection has lost its lock already.
                with suppress(sa.exc.DBAPIError):
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))


def _engine_for(db: Database) -> sa.Engine:
    engine = _engines.get(db)
    if engine is None:
        engine = sa.create_engine(db.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        _engines[db] = engine
    return engine
