"""Keeping a task while it runs.

Owns: the moment until which a running task is nobody else's, and moving it on. Must not know: kinds, tries, outcomes.

A lease is short, so that the task of a killed process comes back soon; it is renewed while the task runs, so that a
slow one keeps it.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import Task
from ...db.types import utcnow

if TYPE_CHECKING:
    from typing import Any

    from ...context import Core

_tasks = Task.__table__


class Lease:
    """Of one task, in the process that runs it. The task's thread takes and ends it; another thread renews it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._task: Row[Any] | None = None
        self._until: datetime | None = None
        self._seconds = 0.0
        self._renew_at = 0.0

    def take(self, core: Core, found: Row[Any], seconds: float) -> Row[Any] | None:
        """Claim the task with one more try.

        :returns: its row; ``None`` when somebody else has it.
        """
        with core.db.write("claim a task") as connection:
            task = connection.execute(
                sa.update(_tasks)
                .where(
                    _tasks.c.id == found.id,
                    _tasks.c.state == "pending",
                    _tasks.c.tries == found.tries,
                )
                .values(tries=found.tries + 1, next_try_at=utcnow() + timedelta(seconds=seconds))
                .returning(_tasks)
            ).first()
        if task is not None:
            with self._lock:
                self._task, self._until, self._seconds = task, task.next_try_at, seconds
                self._renew_at = time.monotonic() + seconds / 3
        return task

    def renew(self, core: Core) -> None:
        """Keep the task for longer, once a third of the time is over; nothing for one that is not taken or ended.

        A task whose time was changed meanwhile was asked for once more, and stays as it was asked for.
        """
        with self._lock:
            task = self._task
            if task is None or time.monotonic() < self._renew_at:
                return
            self._renew_at = time.monotonic() + self._seconds / 3
            with core.db.write("keep a task") as connection:
                until = connection.execute(
                    sa.update(_tasks)
                    .where(
                        _tasks.c.id == task.id,
                        _tasks.c.state == "pending",
                        _tasks.c.tries == task.tries,
                        _tasks.c.next_try_at == self._until,
                    )
                    .values(next_try_at=utcnow() + timedelta(seconds=self._seconds))
                    .returning(_tasks.c.next_try_at)
                ).scalar()
            if until is None:
                self._task = None
            else:
                self._until = until

    def end(self) -> datetime | None:
        """Renew no more.

        :returns: until when the task was kept at last: what its row says, unless it was asked for once more.
        """
        with self._lock:
            self._task = None
            return self._until
