"""Scenarios in which processes end without warning, or stand still."""

from __future__ import annotations

import signal
import time

from installation import Installation

from . import processes
from .invariants import Expect
from .load import traffic
from .redis_faults import flush
from .scenario import Scenario
from .world import World


def web_process_killed(world: World) -> None:
    """The web process, its server, or both, while webhooks and answers come in."""
    with traffic(world, per_second=30):
        for part in ("below", "main", "all"):
            _pause(world)
            world.kill("web", part)
        time.sleep(3)


def one_of_several_web_processes_killed(world: World) -> None:
    """Several web processes serve; one after the other ends, and the others go on."""
    with traffic(world, per_second=30):
        for _ in range(5):
            _pause(world)
            world.kill_one("web")
        time.sleep(2)


def events_worker_killed(world: World) -> None:
    """The worker that applies events, the process of its job, or both."""
    with traffic(world, per_second=40):
        for part in ("below", "main", "below", "all"):
            _pause(world)
            world.kill("events worker", part)
        time.sleep(1)


def calls_workers_killed(world: World) -> None:
    """The workers that send, in the middle of requests that take a while."""
    world.gowa.faults.set("/send/message", "slow", count=None, seconds=0.3)
    with traffic(world, per_second=5, agents=4, customers=6):
        for number, part in ((1, "below"), (2, "below"), (1, "all"), (2, "main"), (1, "below")):
            _pause(world)
            world.kill(f"calls worker {number}", part)
        time.sleep(1)


def sweeper_and_valkey_killed(world: World) -> None:
    """What rings, and what the bells are made of."""
    with traffic(world):
        for role in ("valkey", "sweeper", "valkey"):
            _pause(world)
            world.kill(role)
        time.sleep(2)


def power_cut(world: World) -> None:
    """Every process at once; then a start on what the disk has."""
    with traffic(world, per_second=30):
        time.sleep(world.rng.uniform(1.0, 2.0))
        world.power_cut()
        world.start_again()
        time.sleep(1)


def anything_killed(world: World) -> None:
    """A storm: any process, any part of it, at any moment, for a minute and a half."""
    with traffic(world, per_second=25, agents=3):
        end = time.monotonic() + 90
        while time.monotonic() < end:
            time.sleep(world.rng.uniform(0.3, 4.0))
            role = world.rng.choice(processes.ROLES)
            world.kill(role, world.rng.choice(("main", "below", "all")))
            if world.rng.random() < 0.1:
                flush(world)


def web_process_stands_still(world: World) -> None:
    """Longer than the service waits for an answer: it sends again what may have been stored."""
    with traffic(world):
        time.sleep(1)
        stopped = processes.send(signal.SIGSTOP, processes.pids(world.installation, "web"))
        world.ledger.fault("web stands still", pids=stopped)
        time.sleep(12)
        processes.send(signal.SIGCONT, stopped)
        time.sleep(1)


def down_while_customers_write(world: World) -> None:
    """Nothing of ours runs, and the service gives up delivering; its history has everything."""
    _down(world, messages=60, seconds=22)


def down_while_500_messages_come(world: World) -> None:
    """The same with a lot to fetch."""
    _down(world, messages=500, seconds=40)


def _down(world: World, *, messages: int, seconds: float) -> None:
    phones = [world.new_phone() for _ in range(5)]
    for phone in phones:
        world.open_chat(phone)
    world.power_cut()
    world.gowa.faults.set("webhook", "lost", count=None)
    for _ in range(messages):
        world.write(world.rng.choice(phones))
        time.sleep(seconds / messages)
    world.gowa.faults.clear()
    world.start_again()
    began = time.monotonic()
    wanted = set(world.ledger.incoming)
    while time.monotonic() - began < 60:
        have = {row.source_id for row in world.observed.messages()}
        if wanted <= have:
            world.ledger.recovered = round(time.monotonic() - began, 1)
            world.ledger.note("recovered", seconds=world.ledger.recovered)
            return
        time.sleep(0.2)
    raise AssertionError(f"{len(wanted - have)} of {messages} messages are missing after a minute")


def stopped_in_order(world: World) -> None:
    """SIGTERM under load, and a start."""
    with traffic(world):
        time.sleep(1.5)
        world.ledger.fault("SIGTERM")
        code = Installation.stop(world.installation)
        assert code == 0, f"chatport up ended with {code}"
        world.start_again()


def _pause(world: World) -> None:
    time.sleep(world.rng.uniform(0.5, 1.5))


SCENARIOS = (
    Scenario(web_process_killed, short_on=("sqlite", "postgresql")),
    Scenario(
        one_of_several_web_processes_killed,
        short_on=(),
        own=True,
        environment={"CHATPORT_WEB_PROCESSES": "3"},
    ),
    Scenario(events_worker_killed),
    Scenario(calls_workers_killed, quiet_within=90),
    Scenario(sweeper_and_valkey_killed),
    Scenario(power_cut, short_on=("sqlite", "postgresql")),
    Scenario(down_while_customers_write, expect=Expect(history=True)),
    Scenario(down_while_500_messages_come, expect=Expect(history=True), short_on=()),
    Scenario(stopped_in_order, short_on=()),
    Scenario(web_process_stands_still, short_on=()),
    Scenario(anything_killed, short_on=(), quiet_within=120),
)
