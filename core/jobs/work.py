"""The two jobs, and the process that they run in.

Owns: what a ring of a bell leads to. Must not know: who rang. Each job lowers its flag, works within its budget, and
rings again when work is left.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from ..services import ingest
from ..services.bells import CALLS, EVENTS
from ..services.media.fetch import fetch_due
from ..services.outbox import deliver_due
from ..services.tasks.run import run_due

if TYPE_CHECKING:
    from ..context import Core

logger = logging.getLogger(__name__)

#: Seconds that one job works before it gives the worker back.
BUDGET = 10.0

_core: Core | None = None


def use(core: Core | None) -> None:
    """Give this process its parts. The worker calls it after the fork, before the job."""
    global _core  # noqa: PLW0603 (a job is a function without arguments: its process is its context)
    _core = core


def current() -> Core:
    """The parts of this process."""
    if _core is None:
        raise RuntimeError("jobs run in a Chatport worker only: start one with 'chatport worker'")
    return _core


def run_events() -> None:
    """Work through pending webhook requests."""
    core = current()
    core.bells.lower(EVENTS)
    if events_once(core):
        core.bells.ring_events()


def run_calls() -> None:
    """Send, fetch media, run tasks."""
    core = current()
    core.bells.lower(CALLS)
    if calls_once(core):
        core.bells.ring_calls()


def events_once(core: Core, budget: float = BUDGET) -> bool:
    """One turn of inbound work; whether more is left. A database that does not work is waited for."""
    try:
        return ingest.drain(core, budget_seconds=budget).more
    except DBAPIError as error:
        logger.warning("the database does not work (%s); trying again", type(error.orig).__name__)
        time.sleep(random.uniform(0.5, 1.5))
        return True


def calls_once(core: Core, budget: float = BUDGET) -> bool:
    """One turn of calls: sends first, then media, then tasks; whether more is left."""
    end = time.monotonic() + budget
    more = False
    try:
        more = deliver_due(core, budget).more
        more = fetch_due(core, max((end - time.monotonic()) * 0.7, 0.5)).more or more
        more = run_due(core, max(end - time.monotonic(), 0.5)).more or more
    except DBAPIError as error:
        logger.warning("the database does not work (%s); trying again", type(error.orig).__name__)
        time.sleep(random.uniform(0.5, 1.5))
        return True
    return more
