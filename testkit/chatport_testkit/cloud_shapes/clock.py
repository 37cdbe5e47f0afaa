"""Simulated time: real time plus an offset that a test moves. Knows nothing of what the time is used for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class SimulatedClock:
    """Seconds since the epoch, movable forward so that a test need not wait for 24 hours to pass."""

    def __init__(self, start: float | None = None) -> None:
        self._offset = 0.0 if start is None else start - time.time()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        with self._lock:
            return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock by ``seconds``; whoever waits for a time is woken."""
        with self._lock:
            self._offset += seconds
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def on_advance(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.append(listener)
