"""Every promise under faults, over real processes. ``-m "not long"`` is the short set."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from .catalogue import SCENARIOS
from .hosting import CannotMount, Host
from .scenario import Scenario, run

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """One shared installation per database; kept on disk when something failed."""
    failed_before = request.session.testsfailed
    made = Host()
    yield made
    made.close(keep=request.session.testsfailed > failed_before)


def _cases() -> Iterator[object]:
    for database in ("sqlite", "postgresql"):
        for scenario in SCENARIOS.values():
            if database not in scenario.databases:
                continue
            marks = [pytest.mark.postgresql] if database == "postgresql" else []
            if database not in scenario.short_on:
                marks.append(pytest.mark.long)
            yield pytest.param(scenario, database, marks=marks, id=f"{database}-{scenario.name}")


@pytest.mark.parametrize(("scenario", "database"), list(_cases()))
def test_promises_hold(host: Host, scenario: Scenario, database: str) -> None:
    seed = int(os.environ.get("CHATPORT_TEST_SEED") or random.randrange(1_000_000))
    print(f"seed {seed}; again with CHATPORT_TEST_SEED={seed}")
    try:
        with host.world_for(scenario, database) as world:
            outcome = run(scenario, world, seed)
            history, log = world.ledger.history(), world.installation.log[-6000:]
    except CannotMount as error:
        pytest.skip(str(error))
    if outcome.violations:
        host.discard(database)
    told = "\n".join(outcome.violations)
    assert not outcome.violations, f"{told}\n\n{history}\n\nlast log lines:\n{log}"
    assert outcome.deliveries, "nothing was delivered: the scenario did nothing"
