"""Bells: telling the workers that there is work, at most once at a time.

Owns: the flag protocol (``SET wake NX EX`` and then one job; the job deletes the flag first and works until nothing is
left). Must not know: what the work is; the database. A bell may fail: the sweeper finds the work by its state.
"""

from __future__ import annotations

import logging
import time

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from ..guards import forbid_in_transaction

logger = logging.getLogger(__name__)

#: Seconds after which a flag whose job was lost no longer keeps the bell silent.
FLAG_SECONDS = 30
#: Seconds that RQ gives one job; the jobs' own budget is far below.
JOB_TIMEOUT = 180
#: Seconds of silence after Redis did not answer, so that callers are not held up again and again.
SILENCE = 2.0

EVENTS, CALLS = "events", "calls"
_JOBS = {EVENTS: "chatport.jobs.work.run_events", CALLS: "chatport.jobs.work.run_calls"}


class Bells:
    """One bell for all inbound work, one for all calls.

    :param redis_url: ``None`` makes silent bells.
    :param prefix: of queue names and keys, so that two installations can share a Redis.
    """

    def __init__(self, redis_url: str | None, prefix: str = "chatport") -> None:
        self._url = redis_url
        self._prefix = prefix
        self._client: redis.Redis | None = None
        self._silent_until = 0.0

    def queue_name(self, kind: str) -> str:
        """Name of the RQ queue for ``events`` or ``calls``."""
        return f"{self._prefix}-{kind}"

    def flag(self, kind: str) -> str:
        """Key of the flag that is set while a job waits."""
        return f"{self._prefix}:wake:{kind}"

    def ring_events(self) -> bool:
        """There are pending requests. ``False`` when the bell could not be rung; never raises."""
        return self._ring(EVENTS)

    def ring_calls(self) -> bool:
        """There are sends, media or tasks. ``False`` when the bell could not be rung; never raises."""
        return self._ring(CALLS)

    def ring_past(self, kind: str) -> bool:
        """Ring although a flag stands: its job was lost. ``False`` when nobody will hear it; never raises."""
        try:
            self.lower(kind)
        except (redis.RedisError, OSError):
            return False
        return self._ring(kind)

    def lower(self, kind: str) -> None:
        """Delete the flag: the first act of a job, before it looks for work."""
        forbid_in_transaction("a Redis call")
        self.client().delete(self.flag(kind))

    def works(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        """The connection, with short time limits.

        :raises redis.RedisError: no address is configured.
        """
        if self._client is None:
            if self._url is None:
                raise redis.ConnectionError("no Redis is configured")
            self._client = redis.Redis.from_url(
                self._url, socket_timeout=2.0, socket_connect_timeout=1.0
            )
        return self._client

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ring(self, kind: str) -> bool:
        forbid_in_transaction("a Redis call")
        if self._url is None or time.monotonic() < self._silent_until:
            return False
        try:
            client = self.client()
            if not client.set(self.flag(kind), "1", nx=True, ex=FLAG_SECONDS):
                return True
            queue = Queue(self.queue_name(kind), connection=client, serializer=JSONSerializer)
            queue.enqueue(
                _JOBS[kind],
                job_timeout=JOB_TIMEOUT,
                result_ttl=0,
                failure_ttl=3600,
                ttl=FLAG_SECONDS * 4,
            )
        except (redis.RedisError, OSError) as error:
            self._silent_until = time.monotonic() + SILENCE
            logger.warning(
                "bell %s cannot be rung (%s); the sweeper will see to it",
                kind,
                type(error).__name__,
            )
            return False
        return True
