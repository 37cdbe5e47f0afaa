"""The Flask application: webhooks, API, page, liveness.

Owns: putting the surfaces together, headers of every answer. Must not know: what the surfaces do.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from typing import Any

import redis
from flask import Flask, Response
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

import chatport_dashboard
from chatport_webhooks.receiver import Receiver
from chatport_webhooks.wsgi import ReceiverMiddleware

from . import api
from .context import Core
from .db import migrate
from .db.flask import db
from .errors import ConfigurationError
from .services import first_start
from .services.current import EXTENSION, AppState
from .settings import Settings

logger = logging.getLogger(__name__)

#: Beyond the largest file: the other fields of a form.
FORM_ALLOWANCE = 10 << 20
#: With less room on the disk than this the installation is not ready.
ENOUGH_ROOM = 16 << 20


def create_app(core: Core | None = None) -> Flask:
    """Build the application.

    :param core: the process's parts where they exist already; left out, they are built from the environment when the
        first request needs them, after any fork.
    """
    settings = core.settings if core is not None else Settings.from_env()
    app = Flask("chatport", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_media_bytes + FORM_ALLOWANCE,
        MAX_FORM_MEMORY_SIZE=2 << 20,
        JSON_SORT_KEYS=False,
    )
    state = AppState(settings, lambda: _begin(settings), core)
    app.extensions[EXTENSION] = state
    db.init_app(app, lambda: state.core.db)
    api.register(app)
    chatport_dashboard.register(app, lambda: state.core, demo_url=lambda: settings.demo_url or "")
    _add_liveness(app, state)
    app.after_request(_harden)
    receiver = _Once(lambda: Receiver(state.core))
    app.wsgi_app = ReceiverMiddleware(app.wsgi_app, receiver)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    return app


def _begin(settings: Settings) -> Core:
    core = Core.build(settings)
    first_start.begin(core)
    return core


class _Once:
    """Makes a thing when it is first asked for, once in each process."""

    def __init__(self, make: Any) -> None:
        self._make, self._made, self._pid = make, None, 0
        self._lock = threading.Lock()

    def __call__(self) -> Any:
        pid = os.getpid()
        if self._pid != pid:
            with self._lock:
                if self._pid != pid:
                    self._made, self._pid = self._make(), pid
        return self._made


def _add_liveness(app: Flask, state: AppState) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        """Everything that this process needs works; 503 with reasons otherwise."""
        reasons = not_ready(state.core)
        return {"ready": not reasons, "reasons": reasons}, 503 if reasons else 200


def not_ready(core: Core) -> list[str]:
    """What does not work, in sentences; empty when everything does."""
    reasons = []
    try:
        migrate.require_current(core.db)
    except ConfigurationError as error:
        reasons.append(f"{error} {error.action}".strip())
    except SQLAlchemyError as error:
        reasons.append(f"The database does not answer ({type(error).__name__}).")
    reasons += _no_room(core)
    try:
        core.bells.client().ping()
    except redis.RedisError as error:
        reasons.append(
            f"Redis does not answer ({type(error).__name__}). Webhooks are stored and applied a little later."
        )
    return reasons


def _no_room(core: Core) -> list[str]:
    folder = core.settings.data_dir
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [f"The data folder {folder} cannot be read ({type(error).__name__})."]
    if free >= ENOUGH_ROOM:
        return []
    return [f"The disk of {folder} is full: {free >> 20} MB are left. Make room; nothing is lost."]


def _harden(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    if response.mimetype == "application/json":
        headers.setdefault("Cache-Control", "no-store")
    return response
