"""Migrations: an empty database becomes what the tables say, once, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from chatport.db import Database, migrate
from chatport.db.tables import Account, Base, message_search
from chatport.errors import ConfigurationError


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.mark.filterwarnings("ignore:.*expression-based index:Warning")
def test_upgrade_makes_the_tables_that_the_code_declares(database: Database) -> None:
    assert migrate.upgrade(database) is True

    with database.engine.connect() as connection:
        # SQLAlchemy cannot say in its own words what the search needs: compared below.
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, *_: not str(name).startswith("messages_search")},
        )
        assert compare_metadata(context, Base.metadata) == []


def test_upgrade_and_tables_make_the_same_search_and_expressions(
    fresh_database: Callable[[str], str],
) -> None:
    for dialect in ("sqlite", "postgresql"):
        found = []
        for make in (migrate.upgrade, lambda d: Base.metadata.create_all(d.engine)):
            database = Database(fresh_database(dialect))
            make(database)
            found.append(_written_by_hand(database))
            database.dispose()

        assert found[0] == found[1]
        assert found[0]


def _written_by_hand(database: Database) -> list[tuple[str, ...]]:
    query = (
        "SELECT name, sql FROM sqlite_master WHERE name LIKE 'messages_search%'"
        " OR name = 'ix_contacts_email'"
        if database.is_sqlite
        else "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'messages_search%'"
        " OR indexname = 'ix_contacts_email'"
    )
    with database.engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(sa.text(query)))


def test_upgrade_finds_words_of_messages_that_were_there(database: Database) -> None:
    insert = (
        "INSERT INTO messages (id, account_id, inbox_id, conversation_id, message_type, content_type, content,"
        " private, status, part, external_echo, sent_at, created_at, updated_at, content_attributes)"
        " VALUES (1, 1, 1, 1, 'incoming', 'text', 'Where is my parcel?', false, 'received', 0, false,"
        " '2026-01-01', '2026-01-01', '2026-01-01', '{}')"
    )
    with database.engine.connect() as connection:
        _stand_alone(connection)
        migrate._run(connection, "0001")
        connection.exec_driver_sql(insert)
        migrate._run(connection, "0002")

        query = message_search.newest_with(connection.dialect.name, ["parc"], limit=5)
        assert connection.execute(query).scalars().all() == [1]


def _stand_alone(connection: sa.Connection) -> None:
    """Let a row refer to others that are not there."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET session_replication_role = replica")
    else:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")


def test_head_is_what_alembic_takes_for_the_newest() -> None:
    scripts = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))

    assert migrate.head() == scripts.get_current_head()


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


def test_upgrade_of_an_older_database_keeps_a_copy_and_says_how_to_go_back(
    fresh_database: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(fresh_database("sqlite"))
    with database.engine.connect() as connection, connection.begin():
        migrate._run(connection, "0001")

    assert migrate.upgrade(database) is True

    assert database.path is not None
    (kept,) = database.path.parent.glob(f"{database.path.name}.*.backup")
    (line,) = [r.getMessage() for r in caplog.records if r.name == "chatport.db.migrate"]
    assert str(kept) in line and f"cp {kept} {database.path}" in line
    assert "stop Chatport" in line and f"rm -f {database.path}-wal" in line
    copy = Database(f"sqlite:///{kept}")
    assert migrate.current(copy) == "0001"
    copy.dispose()
    database.dispose()
