"""The parts of the process that serve the current web request.

Owns: building them once per process, after any fork, and finding them from a Flask context. Must not know: routes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from ..context import Core
    from ..settings import Settings

EXTENSION = "chatport"


class AppState:
    """What hangs on ``app.extensions["chatport"]``.

    :param build: makes the parts; called at most once in each process, when they are first needed.
    :param core: ready-made parts (tests, ``chatport up``).
    """

    def __init__(
        self, settings: Settings, build: Callable[[], Core], core: Core | None = None
    ) -> None:
        self.settings = settings
        self._build = build
        self._core = core
        self._pid = os.getpid()
        self._lock = threading.Lock()

    @property
    def core(self) -> Core:
        """The parts of this process."""
        pid = os.getpid()
        if self._core is None or self._pid != pid:
            if self._pid != pid:
                # Of the parent: neither its connections nor its lock may be used here.
                self._core, self._pid, self._lock = None, pid, threading.Lock()
            with self._lock:
                if self._core is None:
                    self._core = self._build()
        return self._core


def state() -> AppState:
    """The state of the application that serves this request."""
    return cast("AppState", current_app.extensions[EXTENSION])


def current_core() -> Core:
    """The parts of the application that serves this request."""
    return state().core
