"""Keeping a task while it runs: a slow one is not run twice, one whose process was killed comes back soon."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from services.fake_provider import World

from chatport.channels import HealthFact
from chatport.db import Database, utcnow
from chatport.db import tables as t
from chatport.services.tasks import add_task, run, run_due
from support import eventually


def ask(world: World, *, again: bool = False) -> None:
    with world.core.db.write("task") as connection:
        add_task(
            connection,
            kind="check_health",
            account_id=world.account_id,
            channel_id=world.channel_id,
            dedupe_key=str(world.channel_id),
            again=again,
        )


def task(world: World) -> Any:
    (row,) = world.rows(t.Task, t.Task.kind == "check_health")
    return row


@pytest.fixture
def asked(world: World) -> World:
    """A world whose only task is one health check."""
    run_due(world.core)
    with world.core.db.write("only one") as connection:
        connection.execute(sa.update(t.Task).values(next_try_at=utcnow() + timedelta(days=1)))
        connection.execute(sa.delete(t.Task).where(t.Task.kind == "check_health"))
    world.provider.calls.clear()
    ask(world)
    return world


def checks(world: World) -> int:
    return [hook for hook, _ in world.provider.calls].count("check_health")


class Slow:
    """A health check that lasts until the test lets it go on."""

    def __init__(self, world: World) -> None:
        self.came, self.go_on = threading.Event(), threading.Event()
        world.provider.answers["check_health"] = self
        self._thread = threading.Thread(target=run_due, args=(world.core,))
        self._thread.start()
        assert self.came.wait(10)

    def __call__(self, _channel: Any) -> list[HealthFact]:
        self.came.set()
        self.go_on.wait(20)
        return []

    def end(self) -> None:
        self.go_on.set()
        self._thread.join(20)


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> float:
    seconds = 0.9
    kind = dataclasses.replace(run.KINDS["check_health"], lease=seconds)
    monkeypatch.setitem(run.KINDS, "check_health", kind)  # type: ignore[arg-type]
    return seconds


@pytest.mark.usefixtures("short_lease")
def test_a_slow_task_is_kept_while_it_runs_and_done_once(asked: World) -> None:
    slow = Slow(asked)
    try:
        time.sleep(1.5)
        run_due(asked.core, 0.5)
        assert checks(asked) == 1
        assert task(asked).next_try_at <= utcnow() + timedelta(seconds=1)
    finally:
        slow.end()

    assert (task(asked).state, task(asked).tries) == ("done", 0)
    assert checks(asked) == 1


@pytest.mark.usefixtures("short_lease")
def test_a_slow_task_that_is_asked_for_again_runs_once_more(asked: World) -> None:
    slow = Slow(asked)
    try:
        time.sleep(0.6)
        with asked.core.db.write("again, later") as connection:
            later = utcnow() + timedelta(hours=1)
            connection.execute(
                sa.update(t.Task).where(t.Task.kind == "check_health").values(next_try_at=later)
            )
        time.sleep(0.8)
    finally:
        slow.end()

    assert task(asked).state == "pending"
    assert task(asked).next_try_at == later


def test_the_task_of_a_killed_process_is_taken_up_again_within_a_minute(asked: World) -> None:
    def until_killed() -> None:
        # Connections of the parent must not be used after a fork.
        url = asked.core.db.url.render_as_string(hide_password=False)
        asked.core.db = Database(url)
        asked.provider.answers["check_health"] = lambda _channel: time.sleep(60)
        run_due(asked.core)

    process = multiprocessing.get_context("fork").Process(target=until_killed)
    process.start()
    try:
        eventually(lambda: task(asked).tries == 1)
    finally:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(10)

    assert task(asked).state == "pending"
    left = task(asked).next_try_at - utcnow()
    assert timedelta(0) < left <= timedelta(seconds=45)
    asked.make_due()
    run_due(asked.core)
    assert task(asked).state == "done"


def test_no_kind_of_task_is_lost_to_a_killed_process_for_longer_than_a_minute() -> None:
    assert {
        name: kind.lease for name, kind in run.KINDS.items() if not 10 <= kind.lease <= 45
    } == {}
