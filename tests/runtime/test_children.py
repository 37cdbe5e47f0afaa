"""Child processes: kept alive, ended in time, gone with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatport.runtime import children as module
from chatport.runtime.children import Children
from support import eventually

pytestmark = pytest.mark.processes


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    made = Children()
    yield made
    made.stop(5)


def sleeper() -> None:
    time.sleep(60)


def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_children_start_and_end(children: Children) -> None:
    children.add("one", sleeper)
    children.add("two", sleeper)
    children.tend()
    pids = children.pids()

    assert sorted(pids) == ["one", "two"]
    children.stop(5)
    assert children.pids() == {}
    assert not any(is_running(pid) for pid in pids.values())


def test_a_child_that_was_killed_is_started_again(children: Children) -> None:
    children.add("one", sleeper)
    children.tend()
    first = children.pids()["one"]
    os.kill(first, signal.SIGKILL)

    def another() -> bool:
        children.tend()
        return children.pids().get("one", first) != first

    eventually(another)


def test_a_child_that_keeps_failing_is_not_started_again_and_again(children: Children) -> None:
    children.add("broken", lambda: sys.exit(3))
    started = set()
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        children.tend()
        started |= set(children.pids().values())
        time.sleep(0.005)

    assert 2 <= len(started) <= 8


def test_a_child_that_does_not_end_is_killed(children: Children) -> None:
    children.add("stubborn", stubborn)
    children.tend()
    pid = children.pids()["stubborn"]
    time.sleep(0.2)

    children.stop(0.3)

    assert not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of a parent's end on Linux")
def test_children_end_when_their_parent_is_killed() -> None:
    script = (
        "import time; from chatport.runtime.children import Children\n"
        "c = Children(); c.add('one', lambda: time.sleep(60)); c.tend()\n"
        "print(c.pids()['one'], flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()

    eventually(lambda: not is_running(pid))
