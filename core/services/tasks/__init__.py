"""Work at providers that is neither a send nor a file: provisioning, read receipts, polling, templates, history.

``queue`` adds tasks, ``run`` runs those that are due; the modules named ``kinds_…`` hold what each kind does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .queue import add_task, hurry_task, request_read_receipt, request_typing

if TYPE_CHECKING:
    from ...context import Core
    from .run import RunResult

__all__ = ["add_task", "hurry_task", "request_read_receipt", "request_typing", "run_due"]


def run_due(
    core: Core, budget_seconds: float = 10.0, stop: Callable[[], bool] = lambda: False
) -> RunResult:
    """Run tasks that are due; see :func:`chatport.services.tasks.run.run_due`."""
    # Imported here: the kinds use services that add tasks, so that they cannot be imported together with the queue.
    from .run import run_due as run

    return run(core, budget_seconds, stop)
