"""Transactions on both databases, and the rules of SQLite's writer queue."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from chatport.db import Database
from chatport.db.tables import Account, Base, Heartbeat
from chatport.db.types import storable, storable_json
from chatport.db.upsert import insert, insert_if_absent
from chatport.guards import NetworkInTransaction, forbid_in_transaction


@pytest.fixture
def db(database_url: str) -> Database:
    made = Database(database_url)
    Base.metadata.create_all(made.engine)
    return made


def names(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.execute(sa.select(Account.name).order_by(Account.id)).scalars())


def test_write_commits_and_rolls_back(db: Database) -> None:
    with db.write("one") as connection:
        insert(connection, Account.__table__, {"name": "kept"})
    with pytest.raises(RuntimeError), db.write("two") as connection:  # noqa: PT012
        insert(connection, Account.__table__, {"name": "lost"})
        raise RuntimeError
    assert names(db) == ["kept"]


def test_network_guard_is_up_inside_and_down_outside(db: Database) -> None:
    with db.write("guarded"), pytest.raises(NetworkInTransaction, match="guarded"):
        forbid_in_transaction("a call")
    forbid_in_transaction("a call")


def test_read_cannot_write(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/x.db")
    Base.metadata.create_all(db.engine)
    with pytest.raises(DBAPIError, match="readonly"), db.read() as connection:
        insert(connection, Account.__table__, {"name": "no"})
    with db.write("after a refused read") as connection:
        insert(connection, Account.__table__, {"name": "yes"})
    assert names(db) == ["yes"]


def test_savepoint_release_does_not_commit(db: Database) -> None:
    with pytest.raises(RuntimeError), db.write("outer") as connection:  # noqa: PT012
        with connection.begin_nested():
            insert(connection, Account.__table__, {"name": "inner"})
        raise RuntimeError
    assert names(db) == []


def test_writers_take_turns_and_lose_nothing(db: Database) -> None:
    def work(number: int) -> None:
        for i in range(20):
            with db.write("turn") as connection:
                count = connection.execute(
                    sa.select(sa.func.count()).select_from(Account.__table__)
                ).scalar_one()
                insert(connection, Account.__table__, {"name": f"{number}-{i}-{count}"})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(names(db)) == 120


def test_writer_waits_for_the_other_and_is_not_refused(db: Database) -> None:
    entered = threading.Event()

    def slow() -> None:
        with db.write("slow") as connection:
            insert(connection, Account.__table__, {"name": "slow"})
            entered.set()
            time.sleep(0.3)

    thread = threading.Thread(target=slow)
    thread.start()
    entered.wait(5)
    with db.write("second") as connection:
        insert(connection, Account.__table__, {"name": "second"})
    thread.join(5)
    assert sorted(names(db)) == ["second", "slow"]


def test_insert_if_absent_tells_whether_it_did(db: Database) -> None:
    row = {"name": "receiver", "at": datetime(2026, 1, 1, tzinfo=UTC), "data": {}}
    with db.write("heartbeat") as connection:
        connection.execute(sa.insert(Heartbeat).values(**row))
    with db.write("account") as connection:
        first = insert_if_absent(connection, Account.__table__, {"id": 7, "name": "a"})
        second = insert_if_absent(connection, Account.__table__, {"id": 7, "name": "b"})
    assert (first, second) == (7, None)


def test_times_come_back_aware_and_naive_ones_are_refused(db: Database) -> None:
    moment = datetime(2026, 8, 22, 10, 0, 0, 123456, tzinfo=UTC)
    with db.write("time") as connection:
        connection.execute(sa.insert(Heartbeat).values(name="x", at=moment, data={}))
    with db.read() as connection:
        assert connection.execute(sa.select(Heartbeat.at)).scalar_one() == moment
    with pytest.raises(sa.exc.StatementError), db.write("naive") as connection:
        connection.execute(sa.insert(Heartbeat).values(name="y", at=datetime(2026, 1, 1), data={}))  # noqa: DTZ001


def test_storable_text_is_taken_by_every_database(db: Database) -> None:
    nasty = "a\x00b\ud83dc\U0001f600"
    with db.write("nasty") as connection:
        insert(connection, Account.__table__, {"name": storable(nasty)})
        connection.execute(
            sa.insert(Heartbeat).values(
                name="j",
                at=datetime(2026, 1, 1, tzinfo=UTC),
                data=storable_json({nasty: [nasty, float("nan")]}),
            )
        )
    assert names(db)[0].startswith("a\ufffdb")
    assert names(db)[0].endswith("c\U0001f600")
