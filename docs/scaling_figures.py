"""Writes the table of figures in ``scaling.md`` from ``benchmarks/results.json``.

    python docs/scaling_figures.py

Run it after ``make bench``. Owns: the rows. Must not know: how a figure is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "scaling.md"
RESULTS = DOCS.parent / "benchmarks" / "results.json"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

#: What a row is called, where its figure lies, and its unit.
ROWS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "webhooks taken and on disk, SQLite",
        ("ack sqlite", "per_second", "chatport"),
        "a second",
    ),
    (
        "the slowest of a hundred with a worker beside, SQLite",
        ("ack sqlite", "p99_ms", "chatport_with_drain"),
        "ms",
    ),
    (
        "webhooks taken and on disk, PostgreSQL",
        ("ack postgresql", "per_second", "chatport"),
        "a second",
    ),
    (
        "the slowest of a hundred with a worker beside, PostgreSQL",
        ("ack postgresql", "p99_ms", "chatport_with_drain"),
        "ms",
    ),
    (
        "events applied by one worker, SQLite",
        ("drain sqlite", "per_second", "chatport"),
        "a second",
    ),
    (
        "events applied by one worker, PostgreSQL",
        ("drain postgresql", "per_second", "chatport"),
        "a second",
    ),
    ("processor time of one event, SQLite", ("drain sqlite", "cpu_us_per_event"), "µs"),
    (
        "messages sent through a service that takes 200 ms, one channel",
        ("sends", "per_second", "chatport"),
        "a second",
    ),
    (
        "from a webhook to the page, 50 a second over 50 channels, median",
        ("latency", "median_ms"),
        "ms",
    ),
    ("the same, the slowest of a hundred", ("latency", "p99_ms"), "ms"),
    (
        "quiet ones of 200 channels while one floods and one hangs, slowdown",
        ("many channels", "p95_ratio"),
        "times",
    ),
    ("a thousand open pages: the last one is told after", ("pages", "last_page_told_ms"), "ms"),
    ("memory of one open page", ("pages", "kib_per_page"), "KiB"),
    (
        "memory while a file of 100 MB passes, more than for a small one",
        ("file of 100 MB", "growth_mib"),
        "MiB",
    ),
    ("memory after 100,000 events, more than before", ("100,000 events", "growth_mib"), "MiB"),
    ("memory of all processes, idle", ("whole", "idle_pss_mib"), "MiB"),
    ("from start to ready", ("whole", "start_seconds"), "s"),
)


def table(results: Mapping[str, Any]) -> Iterator[str]:
    """The rows whose figures were measured."""
    machine = results["machine"]
    yield f"Python {machine['python']}, {machine['cores']} cores, load and service on the same machine:"
    yield ""
    yield "| figure | measured |"
    yield "|---|--:|"
    for name, path, unit in ROWS:
        value = _find(results["results"], path)
        yield f"| {name} | {'not measured yet' if value is None else f'{value:,} {unit}'} |"


def _find(found: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def main() -> None:
    """Put the table into the page."""
    lines = "\n".join(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    PAGE.write_text(
        pattern.sub(lambda _: f"{BEGIN}\n{lines}\n{END}", page, count=1), encoding="utf-8"
    )
    print(f"wrote {PAGE}")  # noqa: T201 (a program that says what it did)


if __name__ == "__main__":
    main()
