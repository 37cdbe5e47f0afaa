"""Scenarios in which Redis forgets, stands still, or is not there."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
import redis
from installation import free_port

from chatport.runtime.valkey import find_binary
from support import eventually

from . import processes
from .load import traffic
from .scenario import Scenario
from .world import World

LATE_PORT = free_port()


def flush(world: World) -> None:
    """Forget everything: bells, jobs, live streams."""
    path = Path(world.installation.folder) / "redis" / "valkey.sock"
    world.ledger.fault("FLUSHALL")
    try:
        with redis.Redis(unix_socket_path=str(path)) as client:
            client.flushall()
    except redis.RedisError as error:
        world.ledger.note("no flush", error=type(error).__name__)


def redis_flushed(world: World) -> None:
    """Everything in Redis is gone, again and again."""
    with traffic(world, per_second=30):
        for _ in range(12):
            time.sleep(world.rng.uniform(0.1, 0.4))
            flush(world)
    # The last bell is lost for certain, and nobody rings again.
    stopped = processes.send(signal.SIGSTOP, processes.pids(world.installation, "events worker"))
    world.write(world.new_phone())
    world.gowa.wait_idle(20)
    time.sleep(0.2)
    flush(world)
    processes.send(signal.SIGCONT, stopped)


def redis_stands_still(world: World) -> None:
    """It takes connections and answers nothing."""
    with traffic(world):
        time.sleep(1)
        stopped = processes.send(signal.SIGSTOP, processes.pids(world.installation, "valkey"))
        world.ledger.fault("valkey stands still", pids=stopped)
        time.sleep(6)
        processes.send(signal.SIGCONT, stopped)
        time.sleep(1)


def redis_out_of_memory(world: World) -> None:
    """It answers, and refuses every write: work goes on without it, slower."""
    path = Path(world.installation.folder) / "redis" / "valkey.sock"
    with traffic(world, per_second=5), redis.Redis(unix_socket_path=str(path)) as client:
        time.sleep(1)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        world.ledger.fault("redis out of memory")
        with pytest.raises(redis.OutOfMemoryError):
            client.set("anything", "1")
        time.sleep(5)
        # What is told while it lasts must have its effect while it lasts.
        told = world.write(world.new_phone())
        eventually(
            lambda: world.observed.one("SELECT 1 FROM messages WHERE source_id = :id", id=told),
            20,
            message="nothing is worked on while Redis is out of memory",
        )
        client.config_set("maxmemory", 0)
        time.sleep(1)


def redis_comes_late(world: World) -> None:
    """It is not there from the start; everything works, slower. Then it comes."""
    with traffic(world, per_second=5):
        time.sleep(4)
        world.ledger.note("redis comes")
        server = subprocess.Popen(
            [find_binary(), "--port", str(LATE_PORT), "--save", "", "--bind", "127.0.0.1"],
            cwd=world.folder,
            stdout=subprocess.DEVNULL,
        )
        try:
            with redis.Redis(port=LATE_PORT) as client:
                eventually(client.ping, 10)
                time.sleep(4)
                rings = client.info("commandstats").get("cmdstat_set", {}).get("calls", 0)
            assert rings, "nobody rings a bell although Redis is there"
        finally:
            server.terminate()
            server.wait(10)
        world.ledger.fault("redis is gone again")
        time.sleep(3)


SCENARIOS = (
    Scenario(redis_flushed, short_on=("sqlite", "postgresql")),
    Scenario(redis_stands_still, short_on=()),
    Scenario(redis_out_of_memory),
    Scenario(
        redis_comes_late,
        own=True,
        environment={"CHATPORT_REDIS_URL": f"redis://127.0.0.1:{LATE_PORT}/0"},
        short_on=(),
    ),
)
