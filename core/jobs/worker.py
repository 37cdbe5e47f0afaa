"""The worker process: waits for a job, forks, and lets the child do it.

Owns: RQ's worker with our rules: the parent opens no database connection, imports everything before the first fork, and
waits for Redis instead of ending; the child builds its own parts. Must not know: what jobs do.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from ..context import Core
from ..plugins.registry import Registry
from ..services.bells import Bells
from . import work

if TYPE_CHECKING:
    from ..settings import Settings

logger = logging.getLogger(__name__)

#: Niceness of the processes that apply events: at full load what is acknowledged comes first, and they get a tenth.
NICE = 10
#: Seconds between two looks for Redis while it is away.
RETRY = 1.0


class ChatportWorker(Worker):
    """An RQ worker whose jobs find their process's parts."""

    def __init__(self, *args: Any, settings: Settings, plugins: Registry, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = settings
        self._plugins = plugins

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Build this child's parts after the fork, then perform the job."""
        random.seed()
        work.use(Core.build(self._settings, plugins=self._plugins))
        super().main_work_horse(job, queue)


def run_worker(settings: Settings, kind: str, plugins: Registry | None = None) -> None:
    """Work on one queue until SIGTERM or SIGINT.

    :param kind: ``events`` or ``calls``: one queue per process, since a killed worker loses jobs of several.
    :param plugins: when they are loaded already.
    """
    # Imported before the first fork: every job would pay for it otherwise.
    plugins = plugins or Registry.load(settings)
    if kind == "events":
        os.nice(NICE)
    # Each job is a fork: looking for garbage in what it shares with us would copy all of it.
    gc.freeze()
    stopping = _Stop()
    while not stopping.asked:
        try:
            _work(settings, kind, plugins)
            return
        except redis.RedisError as error:
            logger.warning("Redis does not answer (%s); waiting for it", type(error).__name__)
            time.sleep(RETRY)


def _work(settings: Settings, kind: str, plugins: Registry) -> None:
    bells = Bells(settings.redis_url, settings.queue_prefix)
    connection = redis.Redis.from_url(settings.redis_url or "", socket_connect_timeout=2.0)
    connection.ping()
    queue = Queue(bells.queue_name(kind), connection=connection, serializer=JSONSerializer)
    # A worker that begins looks for work of its own accord: a ring may have been lost with its predecessor.
    connection.delete(bells.flag(kind))
    (bells.ring_events if kind == "events" else bells.ring_calls)()
    ChatportWorker(
        [queue],
        connection=connection,
        serializer=JSONSerializer,
        settings=settings,
        plugins=plugins,
    ).work(logging_level="WARNING")


class _Stop:
    """Whether a signal asked to end while Redis was awaited."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        raise SystemExit(0)
