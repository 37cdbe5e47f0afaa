"""Runs tasks at simulated times on a few threads. Knows nothing of what the tasks do."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .clock import SimulatedClock


@dataclass(order=True, slots=True)
class _Task:
    due: float
    order: int
    run: Callable[[], None] = field(compare=False)
    background: bool = field(compare=False, default=False)


class Scheduler:
    """Tasks in order of their due time. ``background`` tasks (retries) do not keep :meth:`flush` waiting."""

    def __init__(self, clock: SimulatedClock, *, workers: int = 1) -> None:
        self._clock = clock
        self._workers = workers
        self._wake = threading.Condition()
        self._tasks: list[_Task] = []
        self._order = itertools.count()
        self._running = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self.failures: list[Exception] = []
        clock.on_advance(self._notify)

    def start(self) -> None:
        with self._wake:
            if self._threads:
                return
            self._stopping = False
            self._threads = [
                threading.Thread(target=self._work, name=f"simulator-{index}", daemon=True)
                for index in range(self._workers)
            ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._tasks.clear()
            self._wake.notify_all()
            threads, self._threads = self._threads, []
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=2)

    def call_later(
        self, delay: float, run: Callable[[], None], *, background: bool = False
    ) -> None:
        """Run ``run`` ``delay`` simulated seconds from now."""
        with self._wake:
            task = _Task(self._clock.now() + delay, next(self._order), run, background)
            heapq.heappush(self._tasks, task)
            self._wake.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until every task that is no retry has run, and every retry that is due.

        Returns False when ``timeout`` real seconds were not enough.

        Raises:
            RuntimeError: a task failed; the cause is chained.
        """
        deadline = time.monotonic() + timeout
        with self._wake:
            while self._busy():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._wake.wait(min(left, 0.1))
        if self.failures:
            raise RuntimeError("A task of the simulator failed.") from self.failures.pop(0)
        return True

    def _busy(self) -> bool:
        now = self._clock.now()
        return self._running > 0 or any(
            not task.background or task.due <= now for task in self._tasks
        )

    def _notify(self) -> None:
        with self._wake:
            self._wake.notify_all()

    def _next(self) -> _Task | None:
        with self._wake:
            while not self._stopping:
                if not self._tasks:
                    self._wake.wait()
                    continue
                left = self._tasks[0].due - self._clock.now()
                if left <= 0:
                    self._running += 1
                    return heapq.heappop(self._tasks)
                self._wake.wait(left)
        return None

    def _work(self) -> None:
        while (task := self._next()) is not None:
            try:
                task.run()
            except Exception as error:  # noqa: BLE001 - kept for flush(), which raises it to the test
                self.failures.append(error)
            finally:
                with self._wake:
                    self._running -= 1
                    self._wake.notify_all()
