"""The live stream: what changed, for pages that are open now.

Owns: one capped Redis stream per account. Best effort by design: pages refetch when they missed something, so losing
the stream loses nothing. Must not know: HTTP, who listens.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import redis

from ..guards import forbid_in_transaction
from ..notices import Notice

logger = logging.getLogger(__name__)

#: Entries kept per account; older ones are gone and a page that asks for them gets ``reset``.
STREAM_LENGTH = 10_000


class Live:
    """Publishes and reads notices.

    :param redis_url: ``None`` switches the stream off.
    """

    def __init__(self, redis_url: str | None, prefix: str = "chatport") -> None:
        self._url = redis_url
        self._prefix = prefix
        self._client: redis.Redis | None = None
        self._silent_until = 0.0

    def key(self, account_id: int) -> str:
        """The Redis key of an account's stream."""
        return f"{self._prefix}:live:{account_id}"

    def publish(self, notices: Sequence[Notice]) -> None:
        """Append notices. Never raises; while Redis is away it is asked at most once in five seconds."""
        forbid_in_transaction("a Redis call")
        if self._url is None or not notices or time.monotonic() < self._silent_until:
            return
        try:
            with self._connection().pipeline(transaction=False) as pipeline:
                for notice in notices:
                    pipeline.xadd(
                        self.key(notice.account_id),
                        {"n": json.dumps(to_json(notice))},
                        maxlen=STREAM_LENGTH,
                        approximate=True,
                    )
                pipeline.execute()
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + 5.0
            logger.warning(
                "live stream not reachable (%s); pages will refetch", type(error).__name__
            )

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connection(self) -> redis.Redis:
        if self._client is None:
            assert self._url is not None
            self._client = redis.Redis.from_url(
                self._url, socket_timeout=1.0, socket_connect_timeout=1.0
            )
        return self._client


def to_json(notice: Notice) -> dict[str, Any]:
    """A notice as JSON."""
    return {
        "event": str(notice.kind),
        "account_id": notice.account_id,
        "inbox_id": notice.inbox_id,
        "conversation_id": notice.conversation_id,
        "message_id": notice.message_id,
        "data": dict(notice.data),
    }
