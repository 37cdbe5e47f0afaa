"""``make bench``: the measurements, as ratios to named baselines taken in the same run.

Prints a table and writes ``benchmarks/results.json`` and ``benchmarks/results.svg``. The machine should do nothing
else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from postgres_server import postgres_server  # noqa: E402 (the folder is no package of an installation)

from benchmarks import ack, drain, latency, memory, pages, sends, whole  # noqa: E402

#: Bar of each ratio or figure: (section, figure, bar, whether more is better).
BARS: tuple[tuple[str, str, float, bool], ...] = (
    ("ack sqlite", "ratio_to_rq_enqueue", 4.0, True),
    ("ack sqlite", "ratio_to_empty_view", 0.6, True),
    ("ack sqlite", "p99_ms", 30.0, False),
    ("ack postgresql", "ratio_to_rq_enqueue", 3.0, True),
    ("ack postgresql", "p99_ms", 30.0, False),
    ("drain sqlite", "ratio_to_rq_job_per_event", 30.0, True),
    ("drain postgresql", "ratio_to_rq_job_per_event", 15.0, True),
    ("sends", "share_of_allowed", 0.9, True),
    ("latency", "median_ms", 100.0, False),
    ("latency", "p99_ms", 400.0, False),
    ("many channels", "p95_ratio", 2.0, False),
    ("pages", "ack_p99_ratio", 2.0, False),
    ("file of 100 MB", "growth_mib", 30.0, False),
    ("100,000 events", "growth_mib", 10.0, False),
    ("whole", "start_seconds", 3.0, False),
    ("whole", "idle_pss_mib", 300.0, False),
)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load, per contestant")
    parser.add_argument("--events", type=int, default=3000, help="of each drain")
    parser.add_argument("--only", default="", help="sections whose names begin so")
    options = parser.parse_args()
    sections: dict[str, Callable[[Path], Any]] = {
        "ack sqlite": lambda folder: _ack(options, folder, f"sqlite:///{folder / 'b.db'}"),
        "ack postgresql": lambda folder: _on_postgresql(lambda url: _ack(options, folder, url)),
        "drain sqlite": lambda folder: _drain(options, folder, f"sqlite:///{folder / 'b.db'}"),
        "drain postgresql": lambda folder: _on_postgresql(lambda url: _drain(options, folder, url)),
        "sends": lambda folder: sends.measure(folder, rounds=options.rounds, sends=100),
        "latency": lambda folder: latency.measure(
            folder, rounds=options.rounds, seconds=options.seconds * 2
        ),
        "many channels": lambda folder: latency.measure_many(
            folder, rounds=options.rounds, seconds=options.seconds * 2
        ),
        "pages": lambda folder: pages.measure(
            folder, rounds=options.rounds, seconds=options.seconds * 2
        ),
        "file of 100 MB": memory.measure_file,
        "100,000 events": lambda folder: memory.measure_events(folder, events=100_000),
        "whole": lambda folder: whole.measure(folder, rounds=options.rounds),
    }
    written = ROOT / "benchmarks/results.json"
    # One section measured again leaves the others as they were.
    results: dict[str, Any] = (
        json.loads(written.read_text())["results"] if options.only and written.exists() else {}
    )
    for name, run in sections.items():
        if name.startswith(options.only):
            with tempfile.TemporaryDirectory() as folder:
                results[name] = run(Path(folder))
            print(f"\n{name}\n{json.dumps(results[name], indent=2)}", flush=True)
    print()
    for line in table(results):
        print(line)
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    written.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")
    (ROOT / "benchmarks/results.svg").write_text(plot(results))
    return 0


def _ack(options: argparse.Namespace, folder: Path, url: str) -> Any:
    return ack.measure(folder, url, rounds=options.rounds, seconds=options.seconds)


def _drain(options: argparse.Namespace, folder: Path, url: str) -> Any:
    return drain.measure(folder, url, rounds=options.rounds, events=options.events)


def _on_postgresql(measure: Callable[[str], Any]) -> Any:
    with postgres_server(durable=True) as url:
        return measure(url)


def _figures(results: dict[str, Any]) -> list[tuple[str, float, float, bool]]:
    return [
        (f"{section}: {figure}", _ours(results[section][figure]), bar, more)
        for section, figure, bar, more in BARS
        if section in results
    ]


def _ours(value: Any) -> float:
    return float(value["chatport_with_drain"] if isinstance(value, dict) else value)


def table(results: dict[str, Any]) -> list[str]:
    """One line for each bar."""
    lines = [f"{'figure':48} {'measured':>10} {'bar':>8}"]
    for name, value, bar, more in _figures(results):
        met = value >= bar if more else value <= bar
        lines.append(f"{name:48} {value:10.2f} {bar:8.2f}  {'met' if met else 'NOT MET'}")
    return lines


def plot(results: dict[str, Any]) -> str:
    """A bar for each figure, as a share of its bar; the line is the bar itself."""
    rows = []
    for number, (name, value, bar, more) in enumerate(_figures(results)):
        share = value / bar if more else bar / max(value, 1e-9)
        y = 20 + number * 34
        colour = "#0f766e" if share >= 1 else "#b45309"
        width = min(share, 2.5) * 160
        rows.append(
            f'<text x="10" y="{y + 14}" font-size="12">{name}</text>'
            f'<rect x="330" y="{y}" width="{width:.0f}" height="20" fill="{colour}"/>'
            f'<text x="{335 + width:.0f}" y="{y + 14}" font-size="12">{value:g}</text>'
        )
    height = 40 + 34 * len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{height}" font-family="sans-serif">'
        f'<line x1="490" x2="490" y1="10" y2="{height - 10}" stroke="#888"/>{"".join(rows)}</svg>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
