"""Migrations: an empty database becomes what the tables say, once, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from chatport.db import Database, migrate
from chatport.db.tables import Account, Base
from chatport.errors import ConfigurationError


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


def test_upgrade_makes_the_tables_that_the_code_declares(database: Database) -> None:
    assert migrate.upgrade(database) is True

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_upgrade_does_nothing_the_second_time(database: Database) -> None:
    migrate.upgrade(database)

    assert migrate.upgrade(database) is False
    assert migrate.current(database) == migrate.head()


def test_upgrade_is_done_once_when_several_ask_at_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(migrate.upgrade, databases))
    for database in databases:
        database.dispose()

    assert sorted(done) == [False, False, False, True]


def test_require_current_names_the_command_for_an_old_database(database: Database) -> None:
    with pytest.raises(ConfigurationError) as caught:
        migrate.require_current(database)

    assert "chatport db upgrade" in caught.value.action


def test_a_newer_database_is_refused(database: Database) -> None:
    migrate.upgrade(database)
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(ConfigurationError):
        migrate.require_current(database)
    with pytest.raises(ConfigurationError):
        migrate.upgrade(database)


def test_backup_is_a_whole_database(fresh_database: Callable[[str], str]) -> None:
    database = Database(fresh_database("sqlite"))
    migrate.upgrade(database)
    with database.write("one row") as connection:
        connection.execute(sa.insert(Account).values(name="Shop"))

    copy = Database(f"sqlite:///{migrate.backup(database)}")

    with copy.read() as connection:
        assert connection.execute(sa.select(Account.name)).scalars().all() == ["Shop"]
    assert migrate.current(copy) == migrate.head()
    copy.dispose()
    database.dispose()
