"""The event stream as a server of its own, beside web processes that are plain WSGI servers.

Owns: its small ASGI application and the server around it. Must not know: Flask, what the stream tells.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from ..context import Core
from ..plugins.registry import Registry
from ..settings import Settings
from . import logs
from .children import end_with_parent
from .stream import PATH as STREAM_PATH
from .stream import EventStream

#: Connections to the database for one process: rights are checked in a few threads.
POOL_SIZE = 8

Receive = Callable[[], Awaitable[dict[str, Any]]]
SendEvent = Callable[[dict[str, Any]], Awaitable[None]]


class StreamServer:
    """An ASGI application: the event stream, and ``/healthz``."""

    def __init__(self, core: Core) -> None:
        self._stream = EventStream(core)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: SendEvent) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
        elif STREAM_PATH.fullmatch(scope["path"]):
            await self._stream(scope, receive, send)
        elif scope["path"] == "/healthz":
            await _answer(send, 200, {"status": "ok"})
        else:
            await _answer(send, 404, {"error": "only event streams are served here"})


async def _live(receive: Receive, send: SendEvent) -> None:
    ended = False
    while not ended:
        event = await receive()
        ended = event["type"] == "lifespan.shutdown"
        await send({"type": f"{event['type']}.complete"})


async def _answer(send: SendEvent, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def application() -> StreamServer:
    """Build the application in a server process; granian calls it there."""
    end_with_parent(os.getppid())
    settings = Settings.from_env()
    logs.configure(settings, "stream")
    # The stream calls no provider, so no plugin's code is loaded.
    return StreamServer(Core.build(settings, plugins=Registry(), pool_size=POOL_SIZE))


def serve_stream(settings: Settings, host: str, port: int, processes: int = 1) -> None:
    """Serve on one address until told to stop."""
    from granian import Granian  # heavy, and only this process needs it
    from granian.constants import Interfaces

    # The server makes processes of its own, which read their settings from the environment.
    os.environ.update(settings.as_environment())
    Granian(
        f"{__name__}:application",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=processes,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        log_enabled=False,
    ).serve()
