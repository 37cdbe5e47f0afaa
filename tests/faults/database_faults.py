"""Scenarios in which the database does not work for a while."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from pathlib import Path

import psycopg

from .load import traffic
from .scenario import Scenario
from .world import World


def database_locked(world: World) -> None:
    """Somebody else writes for longer than a webhook's sender is kept waiting."""
    with traffic(world):
        time.sleep(1)
        other = sqlite3.connect(
            world.database_url.removeprefix("sqlite:///"), isolation_level=None, timeout=10
        )
        other.execute("BEGIN IMMEDIATE")
        world.ledger.fault("database locked")
        time.sleep(7)
        other.execute("ROLLBACK")
        other.close()
        time.sleep(1)
    refused = [one for one in world.deliveries if any(a.status == 503 for a in one.attempts)]
    assert refused, "nothing was refused: the fault did not bite"


def connections_cut(world: World) -> None:
    """The database server drops every connection, in the middle of whatever."""
    address = world.database_url.replace("+psycopg", "")
    with traffic(world, per_second=30), psycopg.connect(address, autocommit=True) as connection:
        for _ in range(8):
            time.sleep(world.rng.uniform(0.2, 0.8))
            cut = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
            world.ledger.fault("connections cut", number=cut and cut[0])
        time.sleep(1)


def postgresql_killed(world: World) -> None:
    """Every process of the PostgreSQL server ends at random moments; it comes back on what its disk has."""
    server = world.postgres
    assert server is not None
    with traffic(world, per_second=20):
        for _ in range(3):
            time.sleep(world.rng.uniform(0.5, 2.0))
            world.ledger.killed("postgresql", server.kill())
            time.sleep(world.rng.uniform(0.0, 2.0))
            server.start_again()
            world.ledger.note("postgresql is back")
        time.sleep(2)


def disk_full(world: World) -> None:
    """Not a byte more for some seconds: refused, never acknowledged, and well again without anybody's help."""
    with traffic(world, per_second=10):
        time.sleep(1)
        filler = world.installation.folder / "filler"
        _fill(filler)
        world.ledger.fault("disk full")
        end = time.monotonic() + 8
        while time.monotonic() < end:
            time.sleep(0.2)
            _fill(filler)
        filler.unlink()
        world.ledger.note("disk has room")
        time.sleep(3)
    refused = [one for one in world.deliveries if any(a.status == 503 for a in one.attempts)]
    assert refused, "nothing was refused: the fault did not bite"


def _fill(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 8):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def mount_small_disk(folder: Path, megabytes: int = 24) -> bool:
    """A file system of its own for a folder; ``False`` where we may not."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    return done.returncode == 0


def unmount(folder: Path) -> None:
    """Take the file system away again."""
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


SCENARIOS = (
    Scenario(database_locked, databases=("sqlite",)),
    Scenario(connections_cut, databases=("postgresql",), short_on=("postgresql",)),
    Scenario(
        postgresql_killed,
        databases=("postgresql",),
        short_on=("postgresql",),
        own=True,
        own_postgres=True,
        quiet_within=90,
    ),
    Scenario(disk_full, databases=("sqlite",), own=True, small_disk=True, short_on=()),
)
