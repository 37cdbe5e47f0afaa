"""The web process's application: webhooks and event streams natively, everything else through the Flask app.

Owns: which part answers a path. Must not know: what the parts do.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from chatport_webhooks.asgi import receive_webhook
from chatport_webhooks.receiver import Receiver
from chatport_webhooks.wsgi import PREFIX

from ..app import FORM_ALLOWANCE, create_app
from ..context import Core
from ..settings import Settings
from . import logs
from .bridge import WsgiBridge
from .children import end_with_parent
from .stream import PATH as STREAM_PATH
from .stream import EventStream

Receive = Callable[[], Awaitable[dict[str, Any]]]
SendEvent = Callable[[dict[str, Any]], Awaitable[None]]


class Server:
    """An ASGI application."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._receiver = Receiver(core)
        self._stream = EventStream(core)
        self._flask = WsgiBridge(
            create_app(core),
            threads=core.settings.web_threads,
            max_body_bytes=core.settings.max_media_bytes + FORM_ALLOWANCE,
        )

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: SendEvent) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
        elif scope["path"].startswith(PREFIX):
            await receive_webhook(self._receiver, scope, receive, send)
        elif STREAM_PATH.fullmatch(scope["path"]):
            await self._stream(scope, receive, send)
        else:
            await self._flask(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: SendEvent) -> None:
        while True:
            event = await receive()
            ends = event["type"] == "lifespan.shutdown"
            if ends:
                await self._stream.close()
            await send({"type": f"{event['type']}.complete"})
            if ends:
                return


def application() -> Server:
    """Build the application in a web process; granian calls it there."""
    # Not getppid(): a parent that ended while we were starting has been replaced already.
    parent = multiprocessing.parent_process()
    pid = os.getppid() if parent is None or parent.pid is None else parent.pid
    # Not SIGTERM: until the server has set its own handlers, those inherited from its parent would swallow it, and
    # a process that nobody knows of would go on serving. A request that is cut off here was not acknowledged.
    end_with_parent(pid, signal.SIGKILL)
    settings = Settings.from_env()
    logs.configure(settings, "web")
    server = Server(Core.build(settings, pool_size=settings.web_threads + 8))
    # What is loaded stays. Looking through it for garbage takes a tenth of a second, in which nothing is answered.
    gc.freeze()
    return server


def serve(host: str, port: int, processes: int = 1) -> None:
    """Serve on one address until told to stop. The processes read their settings from the environment."""
    from granian import Granian  # heavy, and only a web process needs it
    from granian.constants import HTTPModes, Interfaces

    Granian(
        "chatport.runtime.server:application",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=processes,
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=10,
        log_enabled=False,
    ).serve()
