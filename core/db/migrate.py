"""The schema's version: upgrading, and refusing to run on another one.

Owns: Alembic, backups before an upgrade, SQLite's rules. Must not know: what the tables are for.

Alembic is imported where something is to be upgraded: every start compares the versions.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from ..errors import ConfigurationError
from .engine import Database, let_write
from .types import utcnow

logger = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK_ID = 0x6368_6174_706F_7274  # "chatport"


def head() -> str:
    """The version that this code needs."""
    return max(_known())


def current(database: Database) -> str | None:
    """The database's version; ``None`` for an empty one."""
    with database.read("version of the schema") as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(
            sa.text("SELECT version_num FROM alembic_version")
        ).scalar()
        return found


def require_current(database: Database) -> None:
    """Refuse to run on another version of the schema.

    :raises ConfigurationError: naming the command that helps.
    """
    found, needed = current(database), head()
    if found == needed:
        return
    if found is not None and found not in _known():
        raise ConfigurationError(
            f"the database has version {found}, which this Chatport does not know",
            action="Install the newer Chatport that upgraded it, or restore the backup made before that upgrade.",
        )
    raise ConfigurationError(
        f"the database has version {found or 'none'}, this Chatport needs {needed}",
        action="Run: chatport db upgrade",
    )


def upgrade(database: Database) -> bool:
    """Bring the schema up to date; safe when several processes try at once.

    :returns: whether anything was done.
    :raises ConfigurationError: the database is newer than this code, or foreign keys are broken afterwards.
    """
    with _alone(database):
        found = current(database)
        if found == head():
            return False
        if found is not None and found not in _known():
            require_current(database)
        if database.is_sqlite:
            if found is not None:
                copy = backup(database)
                steps = "; ".join(restore_steps(database, copy))
                logger.warning(
                    "the database as it was before the upgrade is kept in %s; to go back, stop Chatport,"
                    " run: %s, and start the version of before",
                    copy,
                    steps,
                )
            _upgrade_sqlite(database)
        else:
            with database.engine.connect() as connection, connection.begin():
                _run(connection)
        return True


def backup(database: Database) -> Path:
    """Copy an SQLite database beside itself, consistent while others use it.

    :returns: the copy, a database of its own.
    """
    assert database.path is not None
    target = database.path.with_name(f"{database.path.name}.{utcnow():%Y%m%dT%H%M%S%f}.backup")
    raw = database.engine.raw_connection()
    try:
        let_write(raw)
        raw.cursor().execute("VACUUM INTO ?", (str(target),))
    finally:
        raw.close()
    return target


def restore_steps(database: Database, copy: Path) -> list[str]:
    """Commands that put a copy in the database's place, for a shell, while no Chatport runs.

    The journal beside the file belongs to what is replaced; left there, SQLite would mix it into the copy.
    """
    assert database.path is not None
    path = str(database.path.absolute())
    journals = " ".join(shlex.quote(path + end) for end in ("-wal", "-shm"))
    return [f"rm -f {journals}", f"cp {shlex.quote(str(copy.absolute()))} {shlex.quote(path)}"]


def _upgrade_sqlite(database: Database) -> None:
    # Foreign keys are off while tables are rebuilt, or a rebuilt parent would take its children with it; the switch
    # works outside a transaction only. They are checked before the commit.
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                _run(connection)
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise ConfigurationError(
                        f"the upgrade would break {len(broken)} references, the first in table {broken[0][0]}",
                        action="The database is unchanged. Please report this with the version you came from.",
                    )
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


def _run(connection: sa.Connection, version: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def _known() -> set[str]:
    """Versions that there are migrations to; their files' names begin with them."""
    return {path.name.partition("_")[0] for path in _MIGRATIONS.glob("versions/[0-9]*.py")}


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """One upgrade at a time."""
    if database.path is not None:
        descriptor = os.open(
            database.path.with_name(database.path.name + ".upgrade"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
        return
    with database.engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:id)"), {"id": _LOCK_ID})
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:id)"), {"id": _LOCK_ID})
            connection.commit()
