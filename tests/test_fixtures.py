"""The suite's own fixtures."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import redis
import sqlalchemy as sa

from support import eventually


def test_valkey_url_is_a_running_server(valkey_url: str) -> None:
    assert redis.Redis.from_url(valkey_url).ping()


def test_database_url_is_a_new_empty_database(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
        connection.execute(sa.text("CREATE TABLE kept (id INTEGER)"))
    engine.dispose()


def test_fresh_database_differs_each_time(fresh_database: Callable[[str], str]) -> None:
    assert fresh_database("postgresql") != fresh_database("postgresql")
    assert fresh_database("sqlite") != fresh_database("sqlite")


def test_eventually_tells_the_last_failure() -> None:
    with pytest.raises(AssertionError, match="the door stays shut") as failed:
        eventually(lambda: 1 / 0, timeout=0.01, message="the door stays shut")

    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_tests_reach_no_other_machine() -> None:
    with socket.socket() as probe, pytest.raises(RuntimeError, match="may not connect"):
        probe.connect(("192.0.2.1", 80))
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.com", 80)
