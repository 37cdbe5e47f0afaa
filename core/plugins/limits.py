"""A time limit that a plugin cannot ignore.

Owns: the timer. Must not know: hooks, plugins.

Only the main thread of a process can be interrupted; job processes run their work there. In other threads (web
requests) nothing is limited here: the HTTP client's total deadline is the limit.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..errors import HookTimeout

#: After the time is up the interruption is repeated this often (seconds), for code that swallows the first one.
REPEAT = 0.25


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block when it takes longer than ``seconds``, again and again until it ends.

    Another alarm that was set before (RQ's time limit of a job) is put back with the time that it has left.

    :raises HookTimeout: a ``BaseException``, which ``except Exception`` does not catch.
    """
    if threading.current_thread() is not threading.main_thread() or seconds <= 0:
        yield
        return
    timer = _Timer(seconds)
    timer.start()
    try:
        try:
            yield
        finally:
            timer.stop()
    except HookTimeout:
        timer.stop()
        raise HookTimeout(f"more than {seconds:g} seconds") from None


class _Timer:
    """One use of the process's alarm."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = False
        self._stopped = False
        self._began = 0.0
        self._previous: tuple[float, float] = (0.0, 0.0)
        self._handler: Any = signal.SIG_DFL

    def start(self) -> None:
        self._began = time.monotonic()
        self._armed = True
        self._handler = signal.signal(signal.SIGALRM, self._ring)
        self._previous = signal.setitimer(signal.ITIMER_REAL, self._seconds, REPEAT)

    def stop(self) -> None:
        """Put the former alarm back. The alarm may ring while we do: then once more."""
        while not self._stopped:
            try:
                self._armed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, self._handler)
                left, interval = self._previous
                self._stopped = True
                if left:
                    spent = time.monotonic() - self._began
                    signal.setitimer(signal.ITIMER_REAL, max(left - spent, 0.001), interval)
            except HookTimeout:
                continue

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            raise HookTimeout
