"""Where scenarios run: databases, folders, and which installation serves which scenario.

Owns: making and removing them. Must not know: what scenarios do.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from postgres_server import postgres_server

from support import PostgresDatabases

from . import planted, points, trouble
from .database_faults import mount_small_disk, unmount
from .injection import environment
from .machines import Machines
from .postgres import OwnPostgres
from .scenario import Scenario
from .world import World, world


class CannotMount(Exception):
    """This user may not make a file system; the scenario cannot run here."""


class Host:
    """Makes worlds, and ends them all in the end. Scenarios that need none of their own share one per database.

    :param postgres_url: address of a PostgreSQL server; without it one is started when it is needed.
    :param plants: bugs that every installation bears.
    """

    def __init__(self, postgres_url: str = "", plants: tuple[str, ...] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chatport-faults-"))
        self._plants = [(Path(planted.__file__), name) for name in plants]
        self._stack = ExitStack()
        self._shared: dict[str, World] = {}
        self._postgres_url = postgres_url
        self._count = 0

    @contextmanager
    def world_for(self, scenario: Scenario, database: str) -> Iterator[World]:
        """A world in which a scenario can run.

        :raises CannotMount: it needs a small disk, and we may not make one.
        """
        if not scenario.own:
            yield self._share(database)
            return
        with ExitStack() as stack:
            folder = self._new_folder()
            if scenario.small_disk:
                if not mount_small_disk(folder / "data"):
                    raise CannotMount("mounting a file system needs root")
                stack.callback(unmount, folder / "data")
            postgres = stack.enter_context(OwnPostgres()) if scenario.own_postgres else None
            url = postgres.create() if postgres is not None else self._url(database, folder)
            variables = self._variables(scenario, folder) | scenario.environment
            if scenario.machines:
                machines = stack.enter_context(Machines(folder, url, variables))
                made = world(url, folder, variables, installation=machines)
            else:
                made = world(url, folder, variables)
            running = stack.enter_context(made)
            running.postgres = postgres
            yield running

    def _variables(self, scenario: Scenario, folder: Path) -> dict[str, str]:
        patches = list(self._plants)
        further: list[Path] = []
        more: dict[str, str] = {}
        if scenario.points:
            patches += [(Path(points.__file__), name) for name in points.PATCHES]
            more[points.VARIABLE] = str(folder / "points")
            (folder / "points").mkdir()
        if scenario.plugin:
            further.append(trouble.install(folder / "installed"))
            more |= trouble.ENVIRONMENT
        if not (patches or further):
            return {}
        return environment(folder / "injection", patches, *further) | more

    def discard(self, database: str) -> None:
        """End the shared installation in which a promise was broken: the next scenario begins with a clean one."""
        broken = self._shared.pop(database, None)
        if broken is not None:
            broken.close()

    def _share(self, database: str) -> World:
        known = self._shared.get(database)
        if known is None or not known.lives:
            folder = self._new_folder()
            variables = environment(folder / "injection", self._plants) if self._plants else {}
            made = world(self._url(database, folder), folder, variables)
            known = self._shared[database] = self._stack.enter_context(made)
        return known

    def close(self, *, keep: bool = False) -> None:
        """End every world.

        :param keep: leave histories and data for a person to look at.
        """
        self._stack.close()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _new_folder(self) -> Path:
        self._count += 1
        folder = self.folder / f"w{self._count}"
        (folder / "data").mkdir(parents=True)
        return folder

    def _url(self, database: str, folder: Path) -> str:
        if database == "sqlite":
            return f"sqlite:///{folder / 'data' / 'chatport.db'}"
        if not self._postgres_url:
            self._postgres_url = self._stack.enter_context(postgres_server())
        databases = PostgresDatabases(self._postgres_url)
        url = databases.create()
        self._stack.callback(databases.drop, url)
        return url
