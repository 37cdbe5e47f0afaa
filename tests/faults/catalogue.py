"""Every scenario, by name."""

from __future__ import annotations

from . import database_faults, deliveries, kills, provider_faults, redis_faults
from .scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for module in (deliveries, provider_faults, redis_faults, database_faults, kills)
    for one in module.SCENARIOS
}
