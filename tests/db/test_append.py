"""Appending rows past the usual way of writing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from chatport.db import Database, utcnow
from chatport.db.append import Appender
from chatport.db.tables import Account, Base, Heartbeat
from chatport.db.upsert import insert
from support import eventually

_table = Heartbeat.__table__


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    Base.metadata.create_all(made.engine)
    yield made
    made.dispose()


def beat(name: str, **data: object) -> dict[str, object]:
    return {"name": name, "at": utcnow(), "data": data}


def names(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.execute(sa.select(_table.c.name).order_by(_table.c.name)).scalars())


def test_append_stores_values_as_any_insert_does(db: Database) -> None:
    rows = [beat("a", ключ=["й", None, 1.5]), beat("b")]
    with db.write("usual") as connection:
        insert(connection, Account.__table__, {"name": "unrelated"})

    Appender(db, "beats").append(_table, rows)

    with db.read() as connection:
        stored = connection.execute(sa.select(_table).order_by(_table.c.name)).mappings().all()
    assert [dict(row) for row in stored] == rows


def test_append_goes_on_after_a_row_that_is_refused(db: Database) -> None:
    appender = Appender(db, "beats")
    appender.append(_table, [beat("a")])

    with pytest.raises(IntegrityError):
        appender.append(_table, [beat("b"), beat("a")])
    appender.append(_table, [beat("c")])

    assert names(db) == ["a", "c"]


def test_append_waits_for_its_turn(db: Database) -> None:
    appender = Appender(db, "beats")
    thread = threading.Thread(target=appender.append, args=(_table, [beat("second")]))
    with db.write("first") as connection:
        thread.start()
        connection.execute(sa.insert(_table).values(**beat("first")))
    thread.join(10)

    assert names(db) == ["first", "second"]
    with db.write("after") as connection:  # the turn was given back
        connection.execute(sa.insert(_table).values(**beat("third")))


def test_append_says_that_the_database_does_not_take_it(db: Database) -> None:
    appender = Appender(db, "beats")
    appender.append(_table, [beat("a")])
    with db.write("drop") as connection:
        connection.exec_driver_sql("ALTER TABLE heartbeats RENAME TO gone")

    with pytest.raises((OperationalError, sa.exc.ProgrammingError)):
        appender.append(_table, [beat("b")])
    with db.write("back") as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO heartbeats")

    appender.append(_table, [beat("c")])
    eventually(lambda: names(db) == ["a", "c"])


def test_append_goes_on_when_the_server_cut_its_connection(
    fresh_database: Callable[[str], str],
) -> None:
    db = Database(fresh_database("postgresql"))
    Base.metadata.create_all(db.engine)
    appender = Appender(db, "beats")
    appender.append(_table, [beat("a")])
    with db.write("cut") as connection:
        cut = connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cut.scalars().all() == [True]

    appender.append(_table, [beat("b")])

    assert names(db) == ["a", "b"]
    db.dispose()
