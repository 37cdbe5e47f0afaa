"""The processes of a running installation by what they do, and ending them without warning.

Owns: which process is which. Must not know: why one is ended.
"""

from __future__ import annotations

import os
import re
import signal
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from support import eventually

if TYPE_CHECKING:
    from installation import Installation

ROLES = ("web", "events worker", "calls worker 1", "calls worker 2", "sweeper", "valkey")
_STARTED = re.compile(r"(?:: |embedded )([A-Za-z]+(?: worker(?: \d+)?)?) runs \(pid (\d+)")


def pids(installation: Installation, role: str, part: str = "all") -> list[int]:
    """Processes with a role that live now.

    :param part: ``main`` (the process that the supervisor started), ``below`` (what it started itself: the server's
        worker, the process of a job), or ``all``.
    """
    main = _main(installation, role)
    if main is None:
        return []
    below = _descendants(main)
    return {"main": [main], "below": below, "all": [*below, main]}[part]


def kill(installation: Installation, role: str, part: str = "all") -> list[int]:
    """SIGKILL; returns who was hit."""
    return send(signal.SIGKILL, pids(installation, role, part))


def kill_everything(installation: Installation) -> list[int]:
    """What a power cut does, but for the disk: every process ends at once, the supervisor first."""
    assert installation.process is not None
    below = _descendants(installation.process.pid)
    hit = send(signal.SIGKILL, [installation.process.pid, *below])
    installation.process.wait(10)
    return hit


def left_over(installation: Installation) -> list[int]:
    """Processes of an installation whose supervisor is gone."""
    wanted = str(installation.folder).encode()
    found = []
    for path in Path("/proc").iterdir():
        with suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0") if path.name.isdigit() else []
            if wanted in words and b"chatport.cli" in words:
                found.append(int(path.name))
    return found


def family(pid: int) -> list[int]:
    """A process and everything below it; empty when it is gone."""
    return [pid, *_descendants(pid)] if _lives(pid) else []


def await_gone(gone: list[int], within: float = 10.0) -> None:
    """Wait until none of the processes lives; what nobody has asked about yet after its end is gone too."""
    eventually(
        lambda: not any(_lives(pid) for pid in gone), within, message=f"{gone} do not all end"
    )


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(") ")[2][0] not in "ZX"


def send(number: signal.Signals, to: list[int]) -> list[int]:
    """Signal processes; returns those that were there."""
    hit = []
    for pid in to:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            hit.append(pid)
    return hit


def _main(installation: Installation, role: str) -> int | None:
    found = [
        int(match[2]) for match in _STARTED.finditer(installation.log) if match[1].lower() == role
    ]
    return found[-1] if found and Path(f"/proc/{found[-1]}").exists() else None


def _descendants(pid: int) -> list[int]:
    """Everything below a process, deepest first."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):
                stat = (path / "stat").read_text()
                children[int(stat.rpartition(") ")[2].split()[1])].append(int(path.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        queue += children[queue.pop(0)]
        found += [one for one in queue if one not in found]
    return found[::-1]
