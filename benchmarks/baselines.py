"""The named baselines: what others do with the same request on the same server.

``rq_enqueue``: a Flask view that verifies the signature and hands the body to RQ's plain ``enqueue``: one job for
each event.
``pywa``: the published library for the Cloud API, with its check of signatures on and a handler that does nothing.
It gets bodies of the Cloud API of the same length, since it answers others without work. Its queue is the process's
memory.
``empty_view``: a Flask view that verifies the signature and answers; it stores nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os

import redis
from flask import Flask, request
from rq import Queue

SECRET = b"benchmark-secret"


def job(body: bytes) -> int:
    """What a worker would do; it does nothing here."""
    return len(body)


def _is_signed() -> bool:
    given = request.headers.get("X-Hub-Signature-256", "")
    wanted = "sha256=" + hmac.new(SECRET, request.get_data(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(given, wanted)


def rq_enqueue() -> Flask:
    """The usual way: acknowledge once RQ has the job."""
    app = Flask(__name__)
    queue = Queue("baseline", connection=redis.Redis.from_url(os.environ["BENCHMARK_REDIS"]))

    @app.post("/webhook")
    def webhook() -> tuple[str, int]:
        if not _is_signed():
            return "", 401
        queue.enqueue(job, request.get_data())
        return "", 200

    return app


def pywa() -> Flask:
    """The library's own webhook in a Flask application."""
    from pywa import WhatsApp

    app = Flask(__name__)
    client = WhatsApp(
        phone_id="109870000333444",
        token="unused",
        server=app,
        webhook_endpoint="/webhook",
        verify_token="unused",
        app_secret=SECRET.decode(),
        validate_updates=True,
    )

    @client.on_message
    def nothing(_client: object, _message: object) -> None:
        return None

    return app


def empty_view() -> Flask:
    """The least that a Flask view can do."""
    app = Flask(__name__)

    @app.post("/webhook")
    def webhook() -> tuple[str, int]:
        return "", 200 if _is_signed() else 401

    return app
