"""``make bench-growth``: what ten thousand, a million and five million messages make slower, on both databases.

Loads an installation of each size in bulk, measures all sizes of a database in turn, five times, and compares within
each round, so that a busy moment of the machine hits all of them. Prints a table and writes ``benchmarks/growth.json``.
Nothing is loaded where the disk has no room for it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import psycopg  # noqa: E402 (the folder is no package of an installation)
from grown_rows import Spread  # noqa: E402
from postgres_server import postgres_server  # noqa: E402

from benchmarks import growth_world as world  # noqa: E402
from chatport.runtime.valkey import EmbeddedValkey  # noqa: E402
from support import PostgresDatabases  # noqa: E402

SMALL, LARGE, FULL = 10_000, 1_000_000, 5_000_000
#: Disk that a message takes with all that belongs to it, while it is loaded: the larger database, and its log.
BYTES_PER_MESSAGE = 3000
#: Disk that must be left for everything else.
RESERVE = 5 << 30
#: The share that may be lost on the way from the smallest size.
FALL = 0.2


def main() -> int:
    """Check, load, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="five million messages as well")
    parser.add_argument("--only", default="", help="sqlite or postgresql")
    parser.add_argument("--sizes", type=int, nargs="+", help="other numbers of messages")
    parser.add_argument("--page", action="store_true", help="only write docs/scaling.md again")
    options = parser.parse_args()
    sizes = options.sizes or [SMALL, LARGE, *([FULL] if options.full else [])]
    path = ROOT / "benchmarks/growth.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    if options.page:
        write_page(results)
        return 0
    folder = Path(tempfile.gettempdir())
    lack = missing_bytes(folder, sizes)
    if lack > 0:
        print(
            f"Not measured: {folder} has {lack / 1e9:.1f} GB too little for {max(sizes):,} messages. "
            "Free some, name a larger disk with TMPDIR, or measure fewer with --sizes.",
            file=sys.stderr,
        )
        return 1
    for name in ("sqlite", "postgresql"):
        if name.startswith(options.only):
            # Sizes that an earlier run measured stay: their ratios are to the smallest size of that run.
            results[name] = results.get(name, {}) | measure(name, sizes, options.rounds)
            machine = {"python": platform.python_version(), "cores": os.cpu_count()}
            path.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")
            print("\n".join(table(name, results[name])), flush=True)
            write_page(results)
    return 0


def write_page(results: dict[str, Any]) -> None:
    """Put the tables into the page about scaling."""
    page = ROOT / "docs/scaling.md"
    before, begin, rest = page.read_text().partition("<!-- growth -->\n")
    _, end, after = rest.partition("<!-- end of growth -->")
    tables = "\n\n".join("\n".join(table(name, found)) for name, found in results.items())
    page.write_text(f"{before}{begin}{tables}\n{end}{after}")


def missing_bytes(folder: Path, sizes: list[int]) -> int:
    """Bytes that a disk has too little to load all sizes; below zero, it has enough."""
    return sum(sizes) * BYTES_PER_MESSAGE + RESERVE - shutil.disk_usage(folder).free


def measure(backend: str, sizes: list[int], rounds: int) -> dict[str, Any]:
    """Figures of each size, and their ratio to those of the smallest."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = EmbeddedValkey(folder / "valkey")
        redis_url = valkey.start()
        stack.callback(valkey.stop)
        databases = stack.enter_context(_databases(backend, folder))
        installations = {}
        for size in sizes:
            began = time.perf_counter()
            home = folder / str(size)
            home.mkdir()
            made = world.make(home, next(databases), redis_url, Spread(size))
            stack.callback(made.core.close)
            installations[size] = made
            seconds = time.perf_counter() - began
            print(f"{backend}: {size:,} messages loaded in {seconds:.0f} s", flush=True)
        for number in range(rounds):
            for made in installations.values():
                made.round()
            print(f"{backend}: round {number + 1} of {rounds}", flush=True)
        return summary({size: made.figures for size, made in installations.items()})


@contextmanager
def _databases(backend: str, folder: Path) -> Iterator[Iterator[str]]:
    """Addresses of new, empty databases."""
    if backend == "sqlite":
        yield (f"sqlite:///{folder / f'growth{number}.db'}" for number in range(100))
        return
    with postgres_server() as url:
        plain = url.replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True) as connection:
            # The server of the tests trusts the machine never to stop; here each commit reaches the disk.
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")
        server = PostgresDatabases(url)
        yield (server.create() for _ in range(100))


def summary(figures: dict[int, dict[str, list[float]]]) -> dict[str, Any]:
    """Medians of the rounds, and the median of the ratios within a round; below 1 is worse, whatever the unit."""
    first = next(iter(figures))
    return {
        str(size): {
            name: {
                "median": round(median(values), 1),
                "ratio": round(
                    median(
                        _ratio(name, mine, base)
                        for mine, base in zip(values, figures[first][name], strict=True)
                    ),
                    2,
                ),
            }
            for name, values in found.items()
        }
        for size, found in figures.items()
    }


def _ratio(name: str, mine: float, base: float) -> float:
    return base / mine if name.endswith("ms") else mine / base


def table(backend: str, found: dict[str, Any]) -> Iterator[str]:
    """The results as a table for a terminal and for Markdown."""
    sizes = sorted(found, key=int)
    yield f"| {backend} | " + " | ".join(f"{int(size):,}" for size in sizes) + " | |"
    yield "|---|" + "--:|" * len(sizes) + "---|"
    for name in found[sizes[0]]:
        cells = [found[size].get(name) for size in sizes]
        worst = min(cell["ratio"] for cell in cells if cell)
        verdict = "" if worst >= 1 - FALL else f"falls to {worst:.0%}"
        told = " | ".join(
            f"{cell['median']:,} ({cell['ratio']:.0%})" if cell else "not measured"
            for cell in cells
        )
        yield f"| {name} | {told} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main())
