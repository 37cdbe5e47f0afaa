"""Calling a provider's hook from a thread, with an end.

Owns: the time limit where the process's alarm cannot be used, since it interrupts only the main thread.
Must not know: which hook, what its failure means.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from ..errors import HookTimeout, ServiceUnreachable

logger = logging.getLogger(__name__)
T = TypeVar("T")


def limited(seconds: float, call: Callable[[], T]) -> T:
    """Run a call in a thread of its own and wait for it at most ``seconds``.

    A call that does not end is interrupted where Python can interrupt it, and left alone where it cannot: its thread
    ends with the process. Whoever waits goes on in any case.

    :raises HookTimeout: no answer in time.
    """
    answer: Future[T] = Future()
    thread = threading.Thread(target=_run, args=(call, answer), name="hook", daemon=True)
    thread.start()
    wait([answer], timeout=seconds)
    if not answer.done():
        _interrupt(thread)
        raise HookTimeout(f"more than {seconds:g} seconds")
    return answer.result()


def asked(seconds: float, call: Callable[[], T]) -> T:
    """:func:`limited` for a person who waits for the answer.

    :raises ServiceUnreachable: no answer in time.
    """
    try:
        return limited(seconds, call)
    except HookTimeout:
        raise ServiceUnreachable(
            f"The service gave no answer within {seconds:g} seconds.",
            action="See whether the service is running and not overloaded, then try again.",
            code="timeout",
        ) from None


def _run(call: Callable[[], T], answer: Future[T]) -> None:
    try:
        answer.set_result(call())
    except BaseException as error:  # noqa: BLE001 (handed to whoever waits)
        answer.set_exception(error)


def _interrupt(thread: threading.Thread) -> None:
    logger.error("a plugin's call did not end in time; it is interrupted")
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(HookTimeout)
        )
