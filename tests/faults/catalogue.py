"""Every scenario, by name."""

from __future__ import annotations

from . import (
    database_faults,
    deliveries,
    kills,
    machines,
    media_faults,
    moments,
    provider_faults,
    redis_faults,
    trouble,
)
from .scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for module in (
        deliveries,
        provider_faults,
        redis_faults,
        database_faults,
        kills,
        moments,
        media_faults,
        trouble,
        machines,
    )
    for one in module.SCENARIOS
}
