"""``chatport db``: the database's version and copies of it.

Owns: the commands. Must not know: migrations.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from .. import keyfile
from ..db import Database, migrate
from ..errors import ConfigurationError
from ..settings import Settings
from .failures import ExitCode
from .opening import load_settings, quiet_logs, require_database_file
from .output import answer, answering


@click.group()
def db() -> None:
    """The database: its version, and copies of it."""


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    quiet_logs(settings)
    database = Database(settings.database_url, pool_size=1)
    try:
        yield database
    finally:
        database.dispose()


@db.command()
@answering
def upgrade() -> None:
    """Bring the database to the version that this Chatport needs; makes a new one.

    Safe to repeat. An SQLite file is copied beside itself first.
    """
    # With the key and its folder, which only the owner may read.
    with _database(load_settings().with_own_key()) as database:
        before = migrate.current(database)
        changed = migrate.upgrade(database)
        after = migrate.current(database)
    text = (
        f"Upgraded from {before or 'nothing'} to {after}." if changed else f"Up to date: {after}."
    )
    answer({"changed": changed, "from": before, "to": after}, text)


@db.command()
@answering
@click.pass_context
def current(context: click.Context) -> None:
    """Tell the database's version and the one that is needed. Exit code 1 when they differ."""
    settings = load_settings()
    require_database_file(settings)
    with _database(settings) as database:
        found, needed = migrate.current(database), migrate.head()
    matches = found == needed
    text = [f"database  {found or 'none'}", f"needed    {needed}"]
    if not matches:
        text.append("Run: chatport db upgrade")
    answer({"current": found, "needed": needed, "matches": matches}, text)
    if not matches:
        context.exit(ExitCode.FAILED)


@db.command()
@answering
def backup() -> None:
    """Copy an SQLite database beside itself, while it is in use; tells where the copy is and how to restore it."""
    settings = load_settings()
    require_database_file(settings)
    with _database(settings) as database:
        if not database.is_sqlite:
            raise ConfigurationError(
                "only an SQLite database is copied by this command",
                action="Use PostgreSQL's own tools, for instance: pg_dump --format=custom",
            )
        path = migrate.backup(database)
        steps = migrate.restore_steps(database, path)
    text = [
        f"Copied to {path}",
        "To restore it, stop Chatport, run these, and start it again:",
        *(f"  {step}" for step in steps),
        "Back up the secret key as well: without it no stored credential can be read.",
        f"It is {_key_words(settings)}",
    ]
    answer({"path": str(path), "restore": steps}, text)


def _key_words(settings: Settings) -> str:
    """Where the secret key is."""
    path = settings.data_dir / keyfile.FILE_NAME
    if settings.sources.get("secret_keys") == str(path):
        return f"the file {path}"
    return "what CHATPORT_SECRET_KEY is set to."
