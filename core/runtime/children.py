"""Child processes: forked, kept alive, ended.

Owns: fork and signals of a set of named children. Must not know: what the children do.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

#: Seconds before a child that ended is started again; doubled each time that it ended soon, up to ``LONGEST_PAUSE``.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
#: A child that lived so many seconds had a good start.
GOOD_START = 30.0
_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int, how: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel to end this process when ``parent`` has ended, however it ended. Linux; elsewhere a no-op.

    :param how: the signal; SIGKILL where handlers that swallow SIGTERM may be in force.
    :raises SystemExit: the parent is already gone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        raise SystemExit(0)


@dataclass(slots=True)
class Child:
    """One process that should run."""

    name: str
    run: Callable[[], None]
    pid: int | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    start_at: float = 0.0


class Children:
    """Keeps children running until told to stop."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def add(self, name: str, run: Callable[[], None]) -> None:
        """A child to keep running. ``run`` is called in the forked process."""
        self._children.append(Child(name, run))

    def pids(self) -> dict[str, int]:
        """Process ids of the children that run, by name."""
        return {child.name: child.pid for child in self._children if child.pid is not None}

    def tend(self) -> None:
        """Start what does not run. Call it often; it never waits."""
        now = time.monotonic()
        for child in self._children:
            if child.pid is not None and self._ended(child, now):
                child.pid = None
            if child.pid is None and now >= child.start_at:
                self._start(child, now)

    def stop(self, seconds: float) -> None:
        """End all children: ask, wait up to ``seconds``, then kill."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.pids() and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.02)
        if self.pids():
            logger.warning("still running after %s s, killed: %s", seconds, ", ".join(self.pids()))
            self._signal(signal.SIGKILL)
            while self.pids():
                self._reap()
                time.sleep(0.01)

    def _start(self, child: Child, now: float) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _run(child, parent)
        child.pid, child.started = pid, now
        logger.info("%s runs (pid %s)", child.name, pid)

    def _ended(self, child: Child, now: float) -> bool:
        assert child.pid is not None
        found, status = os.waitpid(child.pid, os.WNOHANG)
        if found == 0:
            return False
        child.pause = (
            FIRST_PAUSE if now - child.started > GOOD_START else min(child.pause * 2, LONGEST_PAUSE)
        )
        child.start_at = now + child.pause
        code = os.waitstatus_to_exitcode(status)
        logger.error("%s (pid %s) ended with %s; starting it again", child.name, found, code)
        return True

    def _reap(self) -> None:
        for child in self._children:
            if child.pid is not None and os.waitpid(child.pid, os.WNOHANG)[0]:
                child.pid = None

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.pids().values():
            os.kill(pid, number)


def _run(child: Child, parent: int) -> None:
    """Be the child; never returns."""
    code = 1
    try:
        os.setsid()  # Ctrl-C in the terminal is for the supervisor, who ends us in order
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        end_with_parent(parent)
        child.run()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    except BaseException:  # noqa: BLE001 (whatever it was, the fork must end here, not go on as a second parent)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
