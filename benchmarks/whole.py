"""The whole product from one command: seconds to ready on an existing data folder, memory while idle."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .ports import free_port


def measure(folder: Path, *, rounds: int) -> dict[str, object]:
    """Start and end it several times."""
    _start_and_stop(folder)  # makes the data folder
    runs = [_start_and_stop(folder) for _ in range(rounds)]
    return {
        "start_seconds": round(median(seconds for seconds, _ in runs), 2),
        "idle_pss_mib": round(median(memory for _, memory in runs)),
    }


def _start_and_stop(folder: Path) -> tuple[float, float]:
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "chatport.cli", "up", "--host", "127.0.0.1"),
            *("--port", str(port), "--data-dir", str(folder / "whole")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if " ready at " in line:
            break
    seconds = time.perf_counter() - began
    time.sleep(3)
    memory = sum(pss(pid) for pid in (process.pid, *below(process.pid)))
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return seconds, memory / 1024


def pss(pid: int) -> float:
    """Proportional set size in KiB: shared pages count by the share of the process."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def below(pid: int) -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            stat = (path / "stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            yield int(path.name)
            yield from below(int(path.name))
