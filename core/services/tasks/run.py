"""Running tasks that are due.

Owns: the table of kinds, taking tasks, tries and their times. Must not know: what a kind does, RQ.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import DBAPIError

from ...db.locks import named_lock
from ...db.tables import DeadLetter, Task
from ...db.types import storable, storable_json, utcnow
from ...db.upsert import insert_if_absent
from ...errors import ChatportError, HookTimeout, ProviderCrashed, TemporarilyRefused
from ..alerts import raise_alert
from ..ingest.drain import is_database_fault
from . import kinds_channel, kinds_chat, kinds_house
from .kinds import Again, Kind, words
from .lease import Lease
from .schedule import ensure_periodic

if TYPE_CHECKING:
    from ...context import Core

logger = logging.getLogger(__name__)

#: Tasks that one process runs at once, and of those for one channel.
MAX_AT_ONCE = 4
MAX_PER_CHANNEL = 2
#: Seconds before try 2, 3, 4, 5.
BACKOFF = (5.0, 30.0, 120.0, 600.0)

_tasks = Task.__table__

KINDS: Mapping[str, Kind] = {**kinds_channel.KINDS, **kinds_chat.KINDS, **kinds_house.KINDS}


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a round did. ``more``: tasks are left that could run now."""

    run: int
    more: bool


def run_due(
    core: Core, budget_seconds: float = 10.0, stop: Callable[[], bool] = lambda: False
) -> RunResult:
    """Run tasks that are due, several at once.

    :raises DBAPIError: the database does not work; try again later.
    """
    end = time.monotonic() + budget_seconds
    ensure_periodic(core)
    running: dict[Future[None], Row[Any]] = {}
    leases: dict[Future[None], Lease] = {}
    skipped: set[int] = set()
    count = 0
    with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="task") as pool:
        while True:
            if time.monotonic() < end and not stop():
                for row in _next(core, list(running.values()), skipped):
                    lease = Lease()
                    future = pool.submit(_run_one, core, row, skipped, lease)
                    running[future], leases[future] = row, lease
            if not running:
                break
            for lease in leases.values():
                lease.renew(core)
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                running.pop(future)
                leases.pop(future)
                future.result()
                count += 1
    return RunResult(count, more=bool(_next(core, [], skipped)))


def _next(core: Core, running: list[Row[Any]], skipped: set[int]) -> list[Row[Any]]:
    query = (
        sa.select(_tasks.c.id, _tasks.c.tries, _tasks.c.kind, _tasks.c.channel_id)
        .where(_tasks.c.state == "pending", _tasks.c.next_try_at <= utcnow())
        .order_by(_tasks.c.next_try_at, _tasks.c.id)
        .limit(200)
    )
    busy = {row.id for row in running} | skipped
    share: dict[int | None, int] = {}
    for row in running:
        share[row.channel_id] = share.get(row.channel_id, 0) + 1
    chosen: list[Row[Any]] = []
    with core.db.read("due tasks") as connection:
        found: list[Row[Any]] = list(connection.execute(query))
        for row in found:
            if row.id in busy or (
                row.channel_id and share.get(row.channel_id, 0) >= MAX_PER_CHANNEL
            ):
                continue
            if len(running) + len(chosen) >= MAX_AT_ONCE:
                break
            share[row.channel_id] = share.get(row.channel_id, 0) + 1
            chosen.append(row)
    return chosen


def _run_one(core: Core, found: Row[Any], skipped: set[int], lease: Lease) -> None:
    kind = KINDS.get(found.kind)
    if kind is None:
        skipped.add(found.id)  # of a newer version that runs beside this one
        return
    guard = (
        named_lock(core.db, f"task:{found.kind}:{found.channel_id}")
        if kind.exclusive
        else nullcontext(True)
    )
    with guard as mine:
        if not mine:
            skipped.add(found.id)
            return
        task = lease.take(core, found, kind.lease)
        if task is not None:
            _carry_out(core, task, kind, lease)


def _carry_out(core: Core, task: Row[Any], kind: Kind, lease: Lease) -> None:
    error: Exception | None = None
    again: Again | None = None
    try:
        again = kind.run(core, task)
    except HookTimeout:
        error = TemporarilyRefused("The provider's plugin did not come to an end in time.")
    except ChatportError as refused:
        error = refused
    except DBAPIError as fault:
        if is_database_fault(fault):
            raise
        logger.exception("task %s (%s) failed", task.id, task.kind)
        error = ProviderCrashed(
            f"The database refused what the task wanted to store ({type(fault).__name__})."
        )
    except Exception as bug:
        logger.exception("task %s (%s) failed", task.id, task.kind)
        error = ProviderCrashed(f"An error in the software: {type(bug).__name__}.")
    finally:
        kept_until = lease.end()
    if error is None:
        _finish(core, task, again, kept_until)
    else:
        _failed(core, task, kind, error)


def _finish(core: Core, task: Row[Any], again: Again | None, kept_until: datetime | None) -> None:
    now = utcnow()
    if again is None:
        values: dict[str, Any] = {"state": "done", "finished_at": now}
    else:
        values = {"next_try_at": now + timedelta(seconds=again.seconds)}
        if again.payload is not None:
            values["payload"] = storable_json(dict(again.payload))
    with core.db.write("finish a task") as connection:
        connection.execute(
            sa.update(_tasks)
            .where(_tasks.c.id == task.id, _tasks.c.state == "pending")
            # Asked for once more while it ran: it runs once more.
            .where(_tasks.c.next_try_at == kept_until)
            .values(**values, error="", action="")
        )
        connection.execute(sa.update(_tasks).where(_tasks.c.id == task.id).values(tries=0))


def _failed(core: Core, task: Row[Any], kind: Kind, error: Exception) -> None:
    last = task.tries >= kind.tries
    text, action = words(error)
    values: dict[str, Any] = {"error": storable(text), "action": storable(action)}
    if last:
        values |= {"state": "failed", "finished_at": utcnow()}
    else:
        values["next_try_at"] = _next_try(task.tries, getattr(error, "retry_after", None))
    log = logger.warning if last else logger.info
    log(
        "task %s (%s) of channel %s, try %s: %s",
        task.id,
        task.kind,
        task.channel_id,
        task.tries,
        text,
    )
    with core.db.write("task failed") as connection:
        connection.execute(
            sa.update(_tasks)
            .where(_tasks.c.id == task.id, _tasks.c.state == "pending")
            .values(**values)
        )
        if last and isinstance(error, ProviderCrashed):
            _bury(connection, task, error)
    if kind.failed is not None:
        kind.failed(core, task, error, last)


def _next_try(tries: int, retry_after: float | None) -> datetime:
    base = BACKOFF[min(max(tries, 1), len(BACKOFF)) - 1]
    seconds = max(base * random.uniform(0.8, 1.2), retry_after or 0.0)
    return utcnow() + timedelta(seconds=seconds)


def _bury(connection: Connection, task: Row[Any], error: ProviderCrashed) -> None:
    now = utcnow()
    insert_if_absent(
        connection,
        DeadLetter.__table__,
        {
            "account_id": task.account_id,
            "channel_id": task.channel_id,
            "kind": "task",
            "subject_id": task.id,
            "item_key": "",
            "state": "dead",
            "error_type": type(error).__name__,
            "error": storable(str(error)),
            "action": storable(
                error.action or "Look for a newer version of the provider's plugin."
            ),
            "payload": {"kind": task.kind, "payload": task.payload},
            "attempts": task.tries,
            "created_at": now,
            "updated_at": now,
        },
    )
    raise_alert(
        connection,
        account_id=task.account_id,
        channel_id=task.channel_id,
        kind="dead_letter",
        dedupe_key=f"dead_letter:task:{task.id}:",
        title="A task could not be done because of an error in the software",
        body=str(error),
        action="Open the dead letters; update the provider's plugin, then replay.",
    )


def retry_task(core: Core, account_id: int, task_id: int) -> bool:
    """A person asks for a failed task to run again.

    :returns: whether there is such a task and none of its kind and key waits already.
    """
    with core.db.write("run a task again") as connection:
        row = connection.execute(
            sa.select(_tasks).where(
                _tasks.c.id == task_id,
                _tasks.c.account_id == account_id,
                _tasks.c.state == "failed",
            )
        ).first()
        waiting = (
            row is not None
            and connection.execute(
                sa.select(_tasks.c.id).where(
                    _tasks.c.kind == row.kind,
                    _tasks.c.dedupe_key == row.dedupe_key,
                    _tasks.c.state == "pending",
                )
            ).first()
        )
        if row is None or waiting:
            return False
        connection.execute(
            sa.update(_tasks)
            .where(_tasks.c.id == task_id)
            .values(
                state="pending",
                tries=0,
                next_try_at=utcnow(),
                error="",
                action="",
                finished_at=None,
            )
        )
        connection.execute(
            sa.update(DeadLetter.__table__)
            .where(
                DeadLetter.kind == "task",
                DeadLetter.subject_id == task_id,
                DeadLetter.state == "dead",
            )
            .values(state="replayed", replayed_at=utcnow(), updated_at=utcnow())
        )
    core.bells.ring_calls()
    return True
