"""Durable acknowledgements per second, beside RQ's plain ``enqueue`` and an empty view, on the same server.

One round measures all of them in turn; ratios are taken within a round, the median of the rounds counts. Nobody has a
worker beside it, except for ``chatport_with_drain``, whose 99th percentile has a bar of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import redis
from sqlalchemy.engine import Connection

from chatport.context import Core
from chatport.db import migrate
from chatport.db.tables import Account, Channel, Inbox
from chatport.db.upsert import insert
from chatport.runtime.valkey import EmbeddedValkey
from chatport.settings import Settings

from . import load
from .ports import answers, free_port

SECRET = "benchmark-secret"
NUMBER = "+5491100000001"
CONNECTIONS = 32
PROCESSES = 2
#: A text message as GoWA sends it is shorter; bodies of the Cloud API are about this long.
BODY_BYTES = 900


def bodies(count: int, first: int = 0) -> list[bytes]:
    """Different text messages of about ``BODY_BYTES`` from many customers, as a GoWA service sends them."""
    found = []
    for number in range(first, first + count):
        customer = f"54911{40_000_000 + number % 5000}"
        event = {
            "event": "message",
            "device_id": f"{NUMBER[1:]}@s.whatsapp.net",
            "payload": {
                "id": f"3EB0{number:016X}",
                "chat_id": f"{customer}@s.whatsapp.net",
                "from": f"{customer}@s.whatsapp.net",
                "from_name": f"Customer {number % 5000}",
                "timestamp": "2026-01-05T10:00:00Z",
                "is_from_me": False,
                "body": "",
            },
        }
        text = json.dumps(event)
        event["payload"]["body"] = "x" * (BODY_BYTES - len(text))  # type: ignore[index]
        found.append(json.dumps(event).encode())
    return found


def cloud_bodies(count: int, first: int = 0) -> list[bytes]:
    """The same messages as the Cloud API sends them."""
    found = []
    for number in range(first, first + count):
        customer = f"54911{40_000_000 + number % 5000}"
        message = {
            "from": customer,
            "from_user_id": f"AR.{customer}",
            "id": f"wamid.{number:016X}",
            "timestamp": "1767607200",
            "type": "text",
            "text": {"body": ""},
        }
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": NUMBER[1:],
                "phone_number_id": "109870000333444",
            },
            "contacts": [
                {
                    "profile": {"name": f"Customer {number % 5000}"},
                    "wa_id": customer,
                    "user_id": f"AR.{customer}",
                },
            ],
            "messages": [message],
        }
        entry = {"id": "214700000111222", "changes": [{"field": "messages", "value": value}]}
        event = {"object": "whatsapp_business_account", "entry": [entry]}
        message["text"]["body"] = "x" * (BODY_BYTES - len(json.dumps(event)))  # type: ignore[index]
        found.append(json.dumps(event).encode())
    return found


def requests_for(path: str, port: int, items: list[bytes]) -> list[bytes]:
    """Signed requests."""
    made = []
    for body in items:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": f"sha256={digest}",
        }
        made.append(load.request(f"127.0.0.1:{port}", path, headers, body))
    return made


def make_installation(settings: Settings) -> None:
    """A database with one channel."""
    core = Core.build(settings, pool_size=2)
    migrate.upgrade(core.db)
    with core.db.write("benchmark") as connection:
        account_id = insert(connection, Account.__table__, {"name": "Benchmark"})
        add_channel(core, connection, account_id, NUMBER, "http://127.0.0.1:9")
    core.close()


def add_channel(
    core: Core, connection: Connection, account_id: int, number: str, base_url: str
) -> int:
    """A connected channel of GoWA with its inbox; nothing asks the service about it.

    :returns: the inbox's id.
    """
    config = {"api_base_url": base_url, "basic_auth_username": "admin"}
    secrets = {"webhook_verify_token": SECRET, "basic_auth_password": "secret"}
    channel_id = insert(
        connection,
        Channel.__table__,
        {
            "account_id": account_id,
            "phone_number": number,
            "provider": "whatsapp_web",
            "provider_config": config,
            "provider_secrets": core.vault.seal(secrets),
            "auth_secrets": core.vault.seal({"webhook": [SECRET]}),
            "auth_scheme": {
                "kind": "hmac_sha256",
                "header": "X-Hub-Signature-256",
                "prefix": "sha256=",
            },
            "content_types": ["application/json"],
            "connection": "connected",
        },
    )
    return insert(
        connection,
        Inbox.__table__,
        {"account_id": account_id, "channel_id": channel_id, "name": f"Benchmark {number}"},
    )


@contextmanager
def server(target: str, port: int, interface: str, environment: dict[str, str]) -> Iterator[None]:
    """granian with two processes."""
    command = [
        *(sys.executable, "-m", "granian", "--factory", "--interface", interface),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(PROCESSES)),
        *("--http", "1", "--no-ws", "--log-level", "error", target),
    ]
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, cwd=Path(__file__).parent.parent
    )
    try:
        deadline = time.monotonic() + 30
        while not answers(port):
            assert process.poll() is None, f"{target} ended"
            assert time.monotonic() < deadline, f"{target} does not answer"
            time.sleep(0.05)
        time.sleep(0.3)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def drain(environment: dict[str, str]) -> Iterator[None]:
    """The worker of incoming events."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chatport.cli", "worker", "events"],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@dataclass(slots=True)
class Contestant:
    """One way to acknowledge."""

    name: str
    target: str
    interface: str
    path: str
    environment: dict[str, str]
    bodies: Callable[[int, int], list[bytes]] = bodies
    drain: bool = False


def measure(folder: Path, database_url: str, *, rounds: int, seconds: float) -> dict[str, object]:
    """Run all contestants in turn, several times."""
    with ExitStack() as stack:
        valkey = EmbeddedValkey(folder / "data")
        redis_url = valkey.start()
        stack.callback(valkey.stop)
        settings = Settings.from_env(
            {}, data_dir=str(folder / "data"), database_url=database_url, redis_url=redis_url
        )
        make_installation(settings)
        ours = settings.as_environment()
        contestants = [
            Contestant(
                "chatport",
                "chatport.runtime.server:application",
                "asgi",
                f"/webhooks/whatsapp/{NUMBER[1:]}",
                ours,
            ),
            Contestant(
                "chatport_with_drain",
                "chatport.runtime.server:application",
                "asgi",
                f"/webhooks/whatsapp/{NUMBER[1:]}",
                ours,
                drain=True,
            ),
            Contestant(
                "rq_enqueue",
                "benchmarks.baselines:rq_enqueue",
                "wsgi",
                "/webhook",
                {"BENCHMARK_REDIS": redis_url},
            ),
            Contestant("empty_view", "benchmarks.baselines:empty_view", "wsgi", "/webhook", {}),
            Contestant("pywa", "benchmarks.baselines:pywa", "wsgi", "/webhook", {}, cloud_bodies),
        ]
        results: dict[str, list[load.Result]] = {one.name: [] for one in contestants}
        first = 0
        count = int(12_000 * seconds)
        for _ in range(rounds):
            for one in contestants:
                port = free_port()
                items = requests_for(one.path, port, one.bodies(count, first))
                first += count
                with (
                    server(one.target, port, one.interface, one.environment),
                    ExitStack() as beside,
                ):
                    if one.drain:
                        beside.enter_context(drain(ours))
                    load.run("127.0.0.1", port, items[:500], connections=CONNECTIONS, seconds=1)
                    result = load.run(
                        "127.0.0.1", port, items[500:], connections=CONNECTIONS, seconds=seconds
                    )
                results[one.name].append(result)
                redis.Redis.from_url(redis_url).flushall()
        return _summary(results)


def _summary(results: dict[str, list[load.Result]]) -> dict[str, object]:
    def over(find: Callable[[load.Result], float], name: str) -> float:
        return median(find(result) for result in results[name])

    def ratio(base: str) -> float:
        pairs = zip(results["chatport"], results[base], strict=True)
        return median(ours.rate / theirs.rate for ours, theirs in pairs)

    errors = {
        name: sum(n for r in runs for status, n in r.statuses.items() if not 200 <= status < 300)
        for name, runs in results.items()
    }
    return {
        "per_second": {name: round(over(lambda r: r.rate, name)) for name in results},
        "p99_ms": {
            name: round(over(lambda r: r.percentile(0.99) * 1000, name), 1) for name in results
        },
        "ratio_to_rq_enqueue": round(ratio("rq_enqueue"), 2),
        "ratio_to_empty_view": round(ratio("empty_view"), 2),
        "errors": errors,
    }
