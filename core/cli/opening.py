"""From the environment to the parts that a command works with.

Owns: reading the settings, refusing a database that is not there or of another version. Must not know: any command.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from ..context import Core
from ..db import Database, migrate
from ..db.tables import Account
from ..errors import ConfigurationError
from ..runtime import logs
from ..runtime.valkey import running_url
from ..services.key_check import require_right_key
from ..settings import Settings
from .failures import missing
from .output import invocation


def load_settings(**overrides: Any) -> Settings:
    """The settings, with what the command line says.

    :raises ConfigurationError: they cannot be used.
    """
    return Settings.from_env(data_dir=invocation().data_dir, **overrides)


def quiet_logs(settings: Settings) -> None:
    """Log lines of a command that answers: warnings only, on standard error, without tracebacks."""
    logs.configure(settings, "cli")
    root = logging.getLogger()
    if invocation().debug:
        root.setLevel(logging.DEBUG)
        return
    root.setLevel(logging.WARNING)
    for handler in root.handlers:
        handler.addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True


def require_database_file(settings: Settings) -> None:
    """Refuse an SQLite file that does not exist, instead of making an empty one in a mistyped folder.

    :raises ConfigurationError: it does not exist.
    """
    address = make_url(settings.database_url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return
    # Database makes the folder of its file; nothing is made here.
    path = Path(address.database)
    if not path.exists():
        raise ConfigurationError(
            f"there is no database at {path}",
            action="Name the right folder with --data-dir or CHATPORT_DATA_DIR; a new one is made by `chatport up`"
            " or `chatport db upgrade`.",
        )


def require_ready_database(settings: Settings) -> None:
    """Refuse a database of another version, or made with another secret key. Leaves no connection open.

    :raises ConfigurationError: with the command that helps.
    """
    require_database_file(settings)
    database = Database(settings.database_url, pool_size=1)
    try:
        migrate.require_current(database)
    finally:
        database.dispose()


@contextmanager
def open_core() -> Iterator[Core]:
    """The parts of Chatport, for one command; with the Redis of the Chatport that runs in the same data folder, so
    that what the command leaves to be done is done at once and pages show it.

    :raises ConfigurationError: settings, database or secret key cannot be used.
    """
    settings = load_settings()
    quiet_logs(settings)
    require_ready_database(settings)
    if settings.redis_url is None:
        settings = dataclasses.replace(settings, redis_url=running_url(settings.data_dir))
    core = Core.build(settings, pool_size=2)
    try:
        require_right_key(core)
        yield core
    finally:
        core.close()


def require_account(core: Core, account_id: int) -> None:
    """Refuse an account that does not exist."""
    with core.db.read("look for account") as connection:
        found = connection.execute(sa.select(Account.id).where(Account.id == account_id)).first()
    if found is None:
        raise missing(f"There is no account {account_id}.", "List them with: chatport account list")
