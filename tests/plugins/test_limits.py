"""The timer: nested, repeated, and gone when it is not needed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chatport.errors import HookTimeout
from chatport.plugins.limits import time_limit


@pytest.fixture(autouse=True)
def _no_alarm_is_left() -> Iterator[None]:
    """The test runner's own alarm rests meanwhile."""
    handler = signal.getsignal(signal.SIGALRM)
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    still = signal.setitimer(signal.ITIMER_REAL, left, interval)
    assert still == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is handler


def test_block_that_ends_in_time_is_left_alone() -> None:
    with time_limit(5):
        time.sleep(0.01)


def test_no_limit_is_set_for_zero() -> None:
    with time_limit(0):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_block_that_takes_too_long_is_interrupted() -> None:
    with pytest.raises(HookTimeout, match=r"more than 0\.05 seconds"), time_limit(0.05):
        time.sleep(10)


def test_error_of_the_block_passes() -> None:
    with pytest.raises(KeyError), time_limit(5):
        raise KeyError("x")


def test_inner_limit_ends_only_the_inner_block() -> None:
    with time_limit(10):
        with pytest.raises(HookTimeout, match=r"0\.05"), time_limit(0.05):
            time.sleep(10)
        left, _ = signal.getitimer(signal.ITIMER_REAL)

    assert 8 < left < 10


def test_outer_limit_ends_the_inner_block_too() -> None:
    began = time.monotonic()

    def inner_and_more() -> None:
        # The inner timer hides the outer one; that is due as soon as the inner block ends.
        with time_limit(0.2):
            time.sleep(0.1)
        time.sleep(10)

    with pytest.raises(HookTimeout, match=r"0\.05 seconds"), time_limit(0.05):
        inner_and_more()

    assert time.monotonic() - began < 5


def test_alarm_of_somebody_else_is_put_back() -> None:
    rang: list[Any] = []
    former = signal.signal(signal.SIGALRM, lambda number, frame: rang.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with time_limit(5):
            time.sleep(0.05)
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        time.sleep(0.5)
    finally:
        signal.signal(signal.SIGALRM, former)

    assert 0.1 < left <= 0.26
    assert rang == [signal.SIGALRM]
