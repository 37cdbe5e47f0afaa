"""Small helpers for tests: waiting for a condition, throw-away databases."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

T = TypeVar("T")


def eventually(
    predicate: Callable[[], T], timeout: float = 10.0, *, message: str | Callable[[], Any] = ""
) -> T:
    """Call the predicate until its answer is true, and return that.

    :param timeout: seconds; generous, since a passing test never waits for it.
    :param message: what to say, or a function that tells, when it never becomes true.
    :raises AssertionError: not true in time; an error of the predicate's last call is its cause.
    """
    deadline = time.monotonic() + timeout
    pause = 0.001
    while True:
        failure: Exception | None = None
        try:
            answer = predicate()
        except Exception as error:  # noqa: BLE001 (not there yet; chained below when it stays so)
            failure = error
        else:
            if answer:
                return answer
        if time.monotonic() > deadline:
            told = message() if callable(message) else message
            raise AssertionError(f"not within {timeout} s: {told or predicate}") from failure
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def require_all() -> bool:
    """Whether nothing may be skipped, as in continuous integration."""
    return os.environ.get("CHATPORT_REQUIRE_ALL", "") not in ("", "0")


class PostgresDatabases:
    """Makes and drops databases on one PostgreSQL server.

    :param server_url: SQLAlchemy address of a database whose user may create others.
    """

    def __init__(self, server_url: str) -> None:
        self.server_url = make_url(server_url)

    def create(self, template: str = "template0") -> str:
        """Make a database and return its SQLAlchemy address."""
        name = f"chatport_{uuid4().hex}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.server_url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database, with the connections that are still open to it."""
        name = make_url(url).database
        assert name is not None
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        address = self.server_url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
