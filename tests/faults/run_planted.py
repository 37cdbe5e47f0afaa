"""Plant each bug in turn and show that the harness catches it.

    PYTHONPATH=tests python -m faults.run_planted [bug ...]

Prints a table, writes it as JSON where ``--json`` says; ends with 1 when a bug went unnoticed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path

from .catalogue import SCENARIOS
from .hosting import Host
from .planted import PATCHES
from .scenario import run

#: Which scenario should notice, and on which database; tried up to three times, since kills hit at random.
CAUGHT_BY = {
    "acknowledge_before_commit": ("web_process_killed", "sqlite"),
    "acknowledge_what_was_refused": ("database_locked", "sqlite"),
    "no_deduplication": ("duplicates", "sqlite"),
    "deduplicate_outside_the_transaction": ("killed_at_named_moments", "sqlite"),
    "drop_what_comes_too_early": ("changes_before_their_message", "sqlite"),
    "last_status_wins": ("statuses_before_their_message", "sqlite"),
    "nobody_looks_again": ("killed_before_looking", "sqlite"),
    "bell_only": ("redis_flushed", "sqlite"),
    "send_again_after_unknown_outcome": ("cut_after_accepting", "sqlite"),
    "send_again_after_a_crash": ("calls_workers_killed", "sqlite"),
    "no_order_among_sends": ("service_down", "sqlite"),
    "poison_takes_the_batch_along": ("small_batch_with_poison", "sqlite"),
    "no_history_after_downtime": ("down_while_customers_write", "sqlite"),
    "time_of_arrival": ("any_order", "sqlite"),
    "failure_without_reason": ("cut_after_accepting", "sqlite"),
    "only_later_ids": ("killed_at_named_moments", "sqlite"),
    "two_queues_per_worker": ("slow_service_delays_no_webhook", "sqlite"),
    "fixed_job_ids": ("undisturbed", "sqlite"),
    "hook_inside_a_transaction": ("plugin_hangs", "sqlite"),
    "savepoint_release_commits": ("killed_within_an_effect", "sqlite"),
}
ATTEMPTS = 3


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "bugs", nargs="*", choices=[*PATCHES, []], help="all, unless some are named"
    )
    parser.add_argument("--json", type=Path, default=None, help="where to write the table as JSON")
    given = parser.parse_args()
    rows = [_try(name) for name in given.bugs or PATCHES]
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    missed = [row["bug"] for row in rows if not row["caught"]]
    print(f"\n{len(rows) - len(missed)} of {len(rows)} bugs caught", *missed)
    return 1 if missed else 0


def _try(name: str) -> dict[str, object]:
    scenario, database = CAUGHT_BY[name]
    told, tried = "", 0
    for attempt in range(1, ATTEMPTS + 1):
        seed, tried = random.randrange(1_000_000), attempt
        host = Host(plants=(name,))
        try:
            with host.world_for(SCENARIOS[scenario], database) as world:
                world.patience = 0.4
                outcome = run(SCENARIOS[scenario], world, seed)
        finally:
            host.close()
        told = _noticed(outcome.violations)
        if told:
            break
    print(f"{name:38} {scenario:32} {'caught' if told else 'MISSED':7} {told[:90]}", flush=True)
    return {
        "bug": name,
        "scenario": scenario,
        "database": database,
        "caught": bool(told),
        "attempts": tried,
        "told": told,
    }


def _noticed(violations: tuple[str, ...]) -> str:
    """What tells of the bug: a broken promise rather than a wait in vain; never that a fault did not bite."""
    real = [one.splitlines()[0] for one in violations if "did not bite" not in one]
    telling = ("lost", "doubled", "sent twice")
    return min(
        real,
        key=lambda one: (one.startswith("not quiet"), not one.startswith(telling)),
        default="",
    )


if __name__ == "__main__":
    sys.exit(main())
