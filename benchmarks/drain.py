"""Events applied per second, beside one RQ job for each event that does the same work.

The events are text messages of many customers and ticks of messages that we sent, three to two. Ours: the drain of a
worker. The baseline: RQ's forking worker with everything imported before the fork, one event for each job.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import redis
import sqlalchemy as sa
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from chatport.context import Core
from chatport.db.tables import Contact, Conversation, Message, RawRequest
from chatport.db.types import utcnow
from chatport.plugins.registry import Registry
from chatport.runtime.valkey import EmbeddedValkey
from chatport.services.ingest import drain
from chatport.settings import Settings

from .ack import NUMBER, bodies, make_installation

OWN = f"{NUMBER[1:]}@s.whatsapp.net"


def ticks(count: int, first: int = 0) -> list[bytes]:
    """Delivered and read ticks of our messages, as GoWA sends them."""
    found = []
    for number in range(first, first + count):
        customer = f"54911{40_000_000 + number % 500}"
        event = {
            "event": "message.ack",
            "device_id": OWN,
            "payload": {
                "ids": [f"OURS{number // 2:016X}"],
                "chat_id": f"{customer}@s.whatsapp.net",
                "from": f"{customer}@s.whatsapp.net",
                "receipt_type": "delivered" if number % 2 == 0 else "read",
                "timestamp": "2026-01-05T10:00:00Z",
            },
        }
        found.append(json.dumps(event).encode())
    return found


def mixed(count: int, first: int = 0) -> list[bytes]:
    """Three messages, two ticks, and again."""
    texts, marks = bodies(count * 3 // 5, first), ticks(count * 2 // 5, first)
    found: list[bytes] = []
    while texts or marks:
        found += texts[:3] + marks[:2]
        texts, marks = texts[3:], marks[2:]
    return found


def prepare(core: Core, sent: int) -> None:
    """Messages of ours that the ticks belong to."""
    now = utcnow()
    with core.db.write("our messages") as connection:
        contact_id = connection.execute(
            sa.insert(Contact).values(account_id=1, name="Everybody").returning(Contact.id)
        ).scalar_one()
        chat_id = connection.execute(
            sa.insert(Conversation)
            .values(account_id=1, inbox_id=1, contact_id=contact_id, display_id=1, uuid="x")
            .returning(Conversation.id)
        ).scalar_one()
        connection.execute(sa.text("UPDATE accounts SET last_display_id = 1"))
        connection.execute(
            sa.insert(Message),
            [
                {
                    "account_id": 1,
                    "inbox_id": 1,
                    "conversation_id": chat_id,
                    "message_type": "outgoing",
                    "content": "hello",
                    "status": "sent",
                    "source_id": f"OURS{number:016X}",
                    "sent_at": now,
                }
                for number in range(sent)
            ],
        )


def store(core: Core, items: list[bytes]) -> None:
    """Requests as the receiver leaves them."""
    rows = [
        {
            "account_id": 1,
            "channel_id": 1,
            "received_at": utcnow(),
            "headers": {"content-type": "application/json"},
            "body": body,
        }
        for body in items
    ]
    for start in range(0, len(rows), 500):
        with core.db.write("store") as connection:
            connection.execute(sa.insert(RawRequest), rows[start : start + 500])


_core: Core | None = None
_plugins: Registry | None = None


def one_event(body: str) -> None:
    """The baseline's job."""
    global _core  # noqa: PLW0603 (a job has no other place to keep it)
    if _core is None:
        _core = Core.build(Settings.from_env(), plugins=_plugins, pool_size=2)
    store(_core, [body.encode()])
    drain(_core, budget_seconds=30)


def measure(folder: Path, database_url: str, *, rounds: int, events: int) -> dict[str, object]:
    """Both in turn, several times."""
    valkey = EmbeddedValkey(folder / "data")
    redis_url = valkey.start()
    try:
        settings = Settings.from_env(
            {}, data_dir=str(folder / "data"), database_url=database_url, redis_url=redis_url
        )
        make_installation(settings)
        core = Core.build(settings, pool_size=4)
        ours, theirs, cpu = [], [], []
        slow = max(events // 60, 50)
        prepare(core, (events + slow) * rounds + events)
        first = 0
        for _ in range(rounds):
            store(core, mixed(events, first))
            first += events
            used = resource.getrusage(resource.RUSAGE_SELF)
            began = time.perf_counter()
            _drain_all(core)
            seconds = time.perf_counter() - began
            after = resource.getrusage(resource.RUSAGE_SELF)
            ours.append(events / seconds)
            spent = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
            cpu.append(spent / events * 1e6)
            theirs.append(_baseline(settings, redis_url, mixed(slow, first)))
            first += slow
        store(core, mixed(events, first))
        shares = profile(lambda: _drain_all(core))
        core.close()
    finally:
        valkey.stop()
    return {
        "per_second": {
            "chatport": round(median(ours)),
            "rq_job_per_event": round(median(theirs), 1),
        },
        "ratio_to_rq_job_per_event": round(
            median(a / b for a, b in zip(ours, theirs, strict=True)), 1
        ),
        "cpu_us_per_event": round(median(cpu)),
        "share_of_time": shares,
    }


def _drain_all(core: Core) -> None:
    while drain(core, budget_seconds=10).more:
        pass


#: Where a function of the profile belongs, by a part of its file's path or of its name; the first that fits.
_BELONGS = (
    ("the database's driver: running statements, commits", ("sqlite3.", "psycopg")),
    ("SQLAlchemy: statements, parameters, rows, transactions", ("/sqlalchemy/",)),
    ("waiting for the interpreter or the network", ("_socket", "select.", "flock", "'acquire'")),
    ("Redis client: telling pages, ringing", ("/redis/",)),
    ("JSON", ("/json/", "_json")),
    ("reading the service's bodies (the plugin)", ("chatport_whatsapp_web", "/whatsapp_web/")),
    ("other libraries", ("/site-packages/",)),
    ("Chatport itself", ("chatport", str(Path(__file__).parent.parent))),
)


def profile(run: Callable[[], None]) -> dict[str, float]:
    """Shares of the time by whose function it was spent in; profiling itself makes Python's part look larger."""
    profiler = cProfile.Profile()
    profiler.runcall(run)
    spent: dict[str, float] = defaultdict(float)
    found: Any = pstats.Stats(profiler)
    for (file, _, name), (_, _, own, _, _) in found.stats.items():
        place = f"{file}:{name}"
        spent[next((to for to, parts in _BELONGS if any(p in place for p in parts)), "Python")] += (
            own
        )
    whole = sum(spent.values())
    return {
        to: round(seconds / whole, 3)
        for to, seconds in sorted(spent.items(), key=lambda item: -item[1])
    }


def _baseline(settings: Settings, redis_url: str, items: list[bytes]) -> float:
    connection = redis.Redis.from_url(redis_url)
    queue = Queue("baseline-drain", connection=connection, serializer=JSONSerializer)
    for body in items:
        queue.enqueue(one_event, body.decode(), result_ttl=0)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.drain"],
        env={**os.environ, **settings.as_environment(), "BENCHMARK_REDIS": redis_url},
        cwd=Path(__file__).parent.parent,
        check=True,
    )
    return len(items) / (time.perf_counter() - began)


def _work() -> None:
    """The baseline's worker: works until the queue is empty. Its start is a small part of its time."""
    global _plugins  # noqa: PLW0603 (made before the first fork, as in a good installation)
    _plugins = Registry.load(Settings.from_env())
    connection = redis.Redis.from_url(os.environ["BENCHMARK_REDIS"])
    queue = Queue("baseline-drain", connection=connection, serializer=JSONSerializer)
    Worker([queue], connection=connection, serializer=JSONSerializer).work(
        burst=True, logging_level="ERROR"
    )


if __name__ == "__main__":
    # Under its own name, so that the jobs find what was imported before the fork.
    from benchmarks.drain import _work as work

    work()
