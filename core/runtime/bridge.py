"""A WSGI application under an ASGI server.

Owns: one request through a thread of a pool: body to a spooled file, answer back in pieces. Must not know: Flask,
routes.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any
from urllib.parse import unquote_to_bytes

Receive = Callable[[], Awaitable[dict[str, Any]]]
SendEvent = Callable[[dict[str, Any]], Awaitable[None]]

#: Bytes of a body that are kept in memory; more goes to a temporary file.
SPOOL = 1 << 20
#: Seconds that a client may let pieces of an answer wait.
STALL = 60.0


class WsgiBridge:
    """Runs a WSGI application in threads.

    :param threads: requests at once.
    :param max_body_bytes: the most that the application takes. It gets nothing of a longer body but the length, which
        tells it to refuse: the answer is then the application's own, as under a WSGI server.
    """

    def __init__(
        self, app: Callable[..., Iterable[bytes]], *, threads: int, max_body_bytes: int
    ) -> None:
        self._app = app
        self._limit = max_body_bytes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="web")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: SendEvent) -> None:
        with tempfile.SpooledTemporaryFile(max_size=SPOOL) as body:
            size = await self._read(receive, body)
            if size is None:
                return
            if size > self._limit:
                body.truncate(0)
            body.seek(0)
            loop = asyncio.get_running_loop()
            pieces: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
            running = loop.run_in_executor(self._pool, self._run, scope, body, size, loop, pieces)
            while (piece := await pieces.get()) is not None:
                await send(piece)
            await running

    async def _read(self, receive: Receive, body: IO[bytes]) -> int | None:
        """The body's length; ``None`` when the client left; more than the limit when it is too long."""
        size = 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return None
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                return size
            body.write(chunk)
            if not event.get("more_body", False):
                return size

    def _run(
        self,
        scope: dict[str, Any],
        body: IO[bytes],
        size: int,
        loop: asyncio.AbstractEventLoop,
        pieces: asyncio.Queue[dict[str, Any] | None],
    ) -> None:
        def put(piece: dict[str, Any] | None) -> None:
            asyncio.run_coroutine_threadsafe(pieces.put(piece), loop).result(STALL)

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            put(
                {
                    "type": "http.response.start",
                    "status": int(status.split(" ", 1)[0]),
                    "headers": [
                        (name.lower().encode("latin-1"), value.encode("latin-1"))
                        for name, value in headers
                    ],
                }
            )
            return lambda data: put({"type": "http.response.body", "body": data, "more_body": True})

        answer: Iterable[bytes] | None = None
        try:
            answer = self._app(environ(scope, body, size), start_response)
            for data in answer:
                if data:
                    put({"type": "http.response.body", "body": data, "more_body": True})
            put({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
            put(None)


def environ(scope: dict[str, Any], body: IO[bytes], size: int) -> dict[str, Any]:
    """WSGI's description of an ASGI request."""
    host, port = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    path = (
        unquote_to_bytes(scope["raw_path"]).decode("latin-1")
        if scope.get("raw_path")
        else (scope["path"].encode().decode("latin-1"))
    )
    found: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path.split("?", 1)[0],
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "CONTENT_LENGTH": str(size),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        if name == "CONTENT_TYPE":
            found[name] = value
        elif name not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            key = f"HTTP_{name}"
            found[key] = (
                f"{found[key]},{value}"
                if key in found and name != "COOKIE"
                else (f"{found[key]}; {value}" if key in found else value)
            )
    return found
