"""Fixtures for all tests: real servers, throw-away databases, and a fence around the network."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.windows import CHROMIUM, launched
from postgres_server import NoPostgres, postgres_server

from chatport.runtime.valkey import EmbeddedValkey
from support import PostgresDatabases, require_all


class NetworkUsed(RuntimeError):
    """A test tried to reach another machine."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """With CHATPORT_REQUIRE_ALL=1 a skipped test is a failed one: something that it needs is missing."""
    report = yield
    if report.skipped and require_all() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped although CHATPORT_REQUIRE_ALL is set: {report.longrepr}"
        )
    return report


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections from Python code reach this machine only, and only its own names resolve."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise NetworkUsed(f"a test may not connect to {address!r}")
        connect(self, address)

    def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_address(name) and name != "localhost" and name != socket.gethostname():
            raise socket.gaierror(socket.EAI_NONAME, f"{name} is not resolved in tests")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own settings do not reach the tests."""
    for name in list(os.environ):
        if name.startswith("CHATPORT_") and not name.startswith(
            ("CHATPORT_TEST_", "CHATPORT_REQUIRE_ALL")
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One real browser for a file of tests.

    Not for the whole run: while Playwright lives, its event loop counts as running in this thread, and every
    later ``asyncio.run`` refuses.
    """
    pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: apt-get install chromium")
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one real embedded server for the whole run. Tests that share it use keys of their own."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy address of a real PostgreSQL server (its maintenance database) for the whole run."""
    try:
        with postgres_server() as url:
            yield url
    except NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture
def fresh_database(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str], str]]:
    """A function from ``sqlite`` or ``postgresql`` to the address of a new, empty database."""
    made: list[tuple[PostgresDatabases, str]] = []
    sqlite_files: list[Path] = []

    def create(backend: str) -> str:
        if backend == "sqlite":
            sqlite_files.append(tmp_path / f"test{len(sqlite_files)}.db")
            return f"sqlite:///{sqlite_files[-1]}"
        databases = PostgresDatabases(request.getfixturevalue("postgres_url"))
        url = databases.create()
        made.append((databases, url))
        return url

    yield create
    for databases, url in made:
        databases.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> str:
    """Address of a new, empty database; each test that asks for it runs on both kinds."""
    return fresh_database(request.param)
