"""Run scenarios, keep what came of them as JSON, and write ``docs/reliability.md`` from that.

    PYTHONPATH=tests python -m faults.report --run 3            # every scenario three times, then the page
    PYTHONPATH=tests python -m faults.report                    # the page from the last run

Ends with 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .catalogue import SCENARIOS
from .hosting import CannotMount, Host
from .scenario import Outcome, run

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tests" / "faults" / "results.json"
PLANTED = ROOT / "tests" / "faults" / "planted.json"
PAGE = ROOT / "docs" / "reliability.md"

#: Each promise, and the scenarios that try to break it.
PROMISES = (
    (
        "What was acknowledged is on disk; no kill of any process loses or visibly doubles anything",
        (
            *("web_process_killed", "one_of_several_web_processes_killed", "events_worker_killed"),
            *("power_cut", "postgresql_killed", "killed_at_named_moments"),
            *("killed_within_an_effect", "media_job_killed", "anything_killed"),
        ),
    ),
    (
        "The same event, any number of times, in any order: one effect, the same final state",
        (
            *("duplicates", "any_order", "first_messages_at_once", "changes_before_their_message"),
            *("album", "web_process_stands_still"),
        ),
    ),
    (
        "Every item of every delivery is applied, ignored with a reason, waiting or set aside; never dropped",
        ("batch_with_poison", "small_batch_with_poison", "impossible_times", "clock_steps"),
    ),
    (
        "Losing Redis loses nothing",
        (
            *("redis_flushed", "redis_stands_still", "redis_out_of_memory", "redis_comes_late"),
            "sweeper_and_valkey_killed",
        ),
    ),
    (
        "Statuses never go backwards; a failure always has a reason",
        ("statuses_before_their_message", "killed_before_looking", "credentials_refused"),
    ),
    (
        "An answer is sent at most once, or shown as of unknown outcome",
        (
            *("calls_workers_killed", "cut_after_accepting", "connections_reset"),
            *("service_very_slow", "service_names_a_pause", "service_too_busy"),
        ),
    ),
    (
        "One poison event, one slow service, one broken plugin delays nobody else",
        (
            *("plugin_fails", "plugin_misbehaves", "plugin_hangs"),
            *("slow_service_delays_no_webhook", "batch_with_poison", "undisturbed"),
        ),
    ),
    (
        "Disk full or slow, database away: refused, never acknowledged; recovers by itself",
        ("database_locked", "connections_cut", "postgresql_killed", "disk_full", "slow_disk"),
    ),
    (
        "What a service with a history received while we were down is fetched",
        ("down_while_customers_write", "down_while_500_messages_come"),
    ),
    (
        "All of it on several machines as on one",
        ("many_machines", "many_machines_for_long"),
    ),
)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--run", type=int, default=0, metavar="N", help="run everything N times first"
    )
    parser.add_argument("--only", nargs="*", default=[], help="names of scenarios")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    given = parser.parse_args()
    if given.run:
        names = given.only or list(SCENARIOS)
        outcomes: list[dict[str, Any]] = []
        for one in _run(names, given.database, given.run):
            outcomes.append(one.as_dict())
            _write_results([*outcomes])  # each time: a run that is broken off is worth something
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(results), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 1 if any(one["violations"] for one in results["outcomes"]) else 0


def _run(names: list[str], only: str | None, times: int) -> Iterator[Outcome]:
    failed = False
    for _ in range(times):
        host = Host()
        try:
            for name in names:
                for database in SCENARIOS[name].databases:
                    if only not in (None, database):
                        continue
                    outcome = _once(host, name, database)
                    if outcome is not None:
                        failed = failed or bool(outcome.violations)
                        yield outcome
        finally:
            host.close(keep=failed)


def _once(host: Host, name: str, database: str) -> Outcome | None:
    try:
        with host.world_for(SCENARIOS[name], database) as world:
            outcome = run(SCENARIOS[name], world, random.randrange(1_000_000))
    except CannotMount as error:
        print(f"{name:32} {database:11} left out: {error}", flush=True)
        return None
    verdict = "holds" if not outcome.violations else f"BROKEN, seed {outcome.seed}"
    print(
        f"{name:32} {database:11} {outcome.deliveries:5} deliveries {outcome.kills:3} kills"
        f" {outcome.slowest:7.1f} s slowest  {verdict}",
        flush=True,
    )
    if outcome.violations:
        host.discard(database)
    for one in outcome.violations[:10]:
        print(f"    {one[:300]}", flush=True)
    return outcome


def _write_results(outcomes: list[dict[str, Any]]) -> None:
    """Keep what an earlier run says about scenarios that did not run now."""
    ran = {(one["scenario"], one["database"]) for one in outcomes}
    if RESULTS.exists():
        earlier = json.loads(RESULTS.read_text(encoding="utf-8"))["outcomes"]
        kept = [one for one in earlier if (one["scenario"], one["database"]) not in ran]
        outcomes = [*kept, *outcomes]
    outcomes = [{k: v for k, v in one.items() if k != "history"} for one in outcomes]
    results = {
        "at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "outcomes": outcomes,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def page(results: dict[str, Any]) -> str:
    """The page, from what a run found."""
    outcomes = results["outcomes"]
    columns = (
        "scenario what happens database runs kills deliveries answers lost doubled other slowest"
    )
    heads = columns.replace("what happens", "what_happens").split()
    return "\n".join(
        [
            *_INTRODUCTION,
            *_summary(results),
            "",
            "## Promises",
            "",
            "| promise | scenarios that try to break it |",
            "|---|---|",
            *_promise_rows({one["scenario"] for one in outcomes}),
            "",
            "Statuses are looked at several times a second in every scenario; every other promise is checked at the",
            "end of each.",
            "",
            "## Scenarios",
            "",
            "`slowest` is the worst time from the first attempt of a delivery, refused or not, until its effect was",
            "in the database, or after a downtime from the start until everything was there: how long a person waited",
            "for a message because of the fault. Each row is the scenario's latest run.",
            "",
            f"| {' | '.join(heads).replace('_', ' ')} |",
            f"|---|---|---|{'--:|' * 8}",
            *_scenario_rows(outcomes),
            "",
            *_planted(),
            "Run it: `make faults` for everything, `pytest tests/faults` for the short set. A failure prints its",
            "seed and where the whole history is.",
            "",
        ]
    )


_INTRODUCTION = (
    "# Reliability",
    "",
    "<!-- Written by tests/faults/report.py from a run; edit that instead. -->",
    "",
    "Chatport is started as an operator starts it: web server, workers, sweeper, embedded Valkey, on SQLite and on",
    "PostgreSQL, with a simulated GoWA as the service. Processes are killed and the surroundings disturbed while",
    "customers write and agents answer. A ledger outside the system knows what was written, which deliveries were",
    "acknowledged, and what reached the service; afterwards every promise is checked against it.",
    "",
    "Most kills hit at random moments. For those that must hit between two given steps, and for a slow disk and a",
    "clock that steps, the harness patches the processes (`tests/faults/points.py`): every transaction has a point",
    "before and after its commit, at which a process can be ended or held up. Everything else is the product as it",
    "is installed.",
    "",
)


def _summary(results: dict[str, Any]) -> Iterator[str]:
    outcomes = results["outcomes"]

    def total(name: str) -> int:
        return sum(one[name] for one in outcomes)

    slowest = max((one["slowest"] for one in outcomes), default=0.0)
    yield f"Latest run {results['at']}, Python {results['python']}, {results['system']}:"
    yield f"{len(outcomes)} scenarios, {total('deliveries')} deliveries of which {total('acknowledged')} were"
    yield f"acknowledged, {total('outgoing')} answers, {total('faults')} faults, {total('kills')} of them kills."
    yield f"Lost: **{total('lost')}**. Doubled: **{total('doubled')}**. Other broken promises: **{total('other')}**."
    yield f"Longest time from a delivery's first attempt to its effect: **{slowest:.1f} s**."


def _promise_rows(ran: set[str]) -> Iterator[str]:
    for text, names in PROMISES:
        told = [f"`{name}`" if name in ran else f"`{name}` (not in this run)" for name in names]
        yield f"| {text} | {', '.join(told)} |"


def _scenario_rows(outcomes: list[dict[str, Any]]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in outcomes:
        groups[one["scenario"], one["database"]].append(one)
    for (name, database), runs in groups.items():
        meaning = (SCENARIOS[name].run.__doc__ or "").strip().splitlines()[0].rstrip(".")
        sums = " | ".join(
            str(sum(one[column] for one in runs))
            for column in ("kills", "deliveries", "outgoing", "lost", "doubled", "other")
        )
        slowest = max(one["slowest"] for one in runs)
        yield f"| `{name}` | {meaning} | {database} | {len(runs)} | {sums} | {slowest:.1f} s |"


def _planted() -> Iterator[str]:
    if not PLANTED.exists():
        return
    yield "## Does the harness notice?"
    yield ""
    yield "Bugs that the promises guard against, planted one at a time (`faults.run_planted`):"
    yield ""
    yield "| bug | scenario | noticed |"
    yield "|---|---|---|"
    for row in json.loads(PLANTED.read_text(encoding="utf-8")):
        yield f"| {row['bug'].replace('_', ' ')} | `{row['scenario']}` | {'yes' if row['caught'] else '**no**'} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
