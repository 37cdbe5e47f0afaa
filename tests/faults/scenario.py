"""What a scenario is, and running one.

Owns: the frame: ledger, quiescence, the check, the record of the run. Must not know: single faults.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from .invariants import Expect, slowest, violations
from .world import World

BOTH = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that happens to an installation under load.

    :param run: makes it happen; returns when it is over, not when all is quiet.
    :param databases: where it makes sense.
    :param short_on: databases for which it is part of the short set.
    :param own: needs an installation of its own.
    :param small_disk: whose data folder is a small file system of its own.
    :param own_postgres: whose PostgreSQL is a server of its own, which it may kill.
    :param points: whose processes pass the points of :mod:`faults.points`.
    :param plugin: with the plugin of :mod:`faults.trouble` installed.
    :param machines: on several machines instead of one.
    :param quiet_within: seconds until all must be quiet afterwards.
    """

    run: Callable[[World], None]
    databases: tuple[str, ...] = BOTH
    short_on: tuple[str, ...] = ("sqlite",)
    expect: Expect = field(default_factory=Expect)
    own: bool = False
    small_disk: bool = False
    own_postgres: bool = False
    points: bool = False
    plugin: bool = False
    machines: bool = False
    quiet_within: float = 60.0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The function's name."""
        return self.run.__name__


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. Times in seconds."""

    scenario: str
    database: str
    seed: int
    kills: int
    faults: int
    incoming: int
    outgoing: int
    deliveries: int
    acknowledged: int
    lost: int
    doubled: int
    other: int
    slowest: float
    seconds: float
    violations: tuple[str, ...]
    history: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def run(scenario: Scenario, world: World, seed: int) -> Outcome:
    """Run a scenario in a world and check every promise."""
    world.begin(scenario.name, seed)
    began = time.monotonic()
    broken: list[str] = []
    with world.watching_statuses():
        try:
            scenario.run(world)
        except AssertionError as error:
            broken.append(str(error))
        try:
            world.settle(scenario.quiet_within)
        except AssertionError as error:
            broken.append(f"not quiet: {error}")
    broken += violations(world, scenario.expect)
    for one in broken:
        world.ledger.note("violation", text=one)
    ledger, deliveries = world.ledger, world.deliveries
    return Outcome(
        scenario=scenario.name,
        database="sqlite" if world.is_sqlite else "postgresql",
        seed=seed,
        kills=ledger.kills,
        faults=ledger.faults,
        incoming=len(ledger.incoming),
        outgoing=len(ledger.outgoing),
        deliveries=len(deliveries),
        acknowledged=sum(one.delivered for one in deliveries),
        lost=sum(one.startswith("lost") for one in broken),
        doubled=sum(one.startswith(("doubled", "sent twice")) for one in broken),
        other=sum(not one.startswith(("lost", "doubled", "sent twice")) for one in broken),
        slowest=max(slowest(world), ledger.recovered),
        seconds=round(time.monotonic() - began, 1),
        violations=tuple(broken),
        history=str(ledger.path),
    )
