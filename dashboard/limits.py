"""How often somebody may try a password.

Owns: counting attempts, in Redis for all processes, in this process where there is no Redis. Must not know: passwords.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from chatport.context import Core

#: Attempts within this many seconds: from one place, for one name, and for one name from one place. The last is small;
#: the second is generous, so that a stranger cannot easily lock somebody out.
WINDOW = 900
PER_PLACE = 30
PER_NAME = 60
PER_BOTH = 8

_lock = threading.Lock()
_local: dict[str, list[float]] = {}
_MAX_LOCAL = 10_000


def attempts_left(core: Core, place: str, name: str) -> bool:
    """Note an attempt; whether it may be made.

    :param place: the visitor's address.
    """
    who = _name(name)
    allowed = [
        _count(core, f"place:{place}") <= PER_PLACE,
        _count(core, f"name:{who}") <= PER_NAME,
        _count(core, f"both:{place}:{who}") <= PER_BOTH,
    ]
    return all(allowed)


def forgive(core: Core, place: str, name: str) -> None:
    """A right password: forget the attempts for the name, and this one of the place."""
    who = _name(name)
    keys = [_key(core, f"name:{who}"), _key(core, f"both:{place}:{who}")]
    here = _key(core, f"place:{place}")
    with _lock:
        for key in keys:
            _local.pop(key, None)
        if _local.get(here):
            _local[here].pop()
    client = _client(core)
    if client is not None:
        try:
            client.delete(*keys)
            client.decr(here)
        except redis.RedisError:
            return  # the counts end by themselves


def _name(name: str) -> str:
    return name.strip().lower()[:320]


def _key(core: Core, subject: str) -> str:
    digest = hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:32]
    return f"{core.settings.queue_prefix}:login:{digest}"


def _client(core: Core) -> redis.Redis | None:
    return core.bells.client() if core.settings.redis_url else None


def _count(core: Core, subject: str) -> int:
    key = _key(core, subject)
    client = _client(core)
    if client is not None:
        try:
            with client.pipeline(transaction=True) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, WINDOW, nx=True)
                return int(pipeline.execute()[0])
        except redis.RedisError:
            pass  # counted in this process instead
    return _count_here(key)


def _count_here(key: str) -> int:
    now = time.monotonic()
    with _lock:
        if len(_local) > _MAX_LOCAL:
            _local.clear()
        recent = [at for at in _local.get(key, []) if now - at < WINDOW]
        recent.append(now)
        _local[key] = recent
        return len(recent)
