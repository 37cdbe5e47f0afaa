"""A receiver of webhooks for tests: keeps every request and answers as told. Knows nothing of the sender."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Hook:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


def _accepted(number: int) -> Reply:
    return 200, {}


@dataclass(slots=True)
class Receiver:
    """``reply`` gets the number of requests so far and returns status and headers; 200 if not replaced."""

    url: str = ""
    hooks: list[Hook] = field(default_factory=list)
    reply: Callable[[int], Reply] = _accepted

    def bodies(self) -> list[dict[str, Any]]:
        return [hook.json for hook in self.hooks]

    def payloads(self) -> list[dict[str, Any]]:
        return [body["payload"] for body in self.bodies()]


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    """Listen on a free port of the loopback interface; ``url`` of the result is the address."""
    got = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(got))
    server.daemon_threads = True
    serve = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="receiver", daemon=True
    )
    serve.start()
    got.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield got
    finally:
        server.shutdown()
        server.server_close()


def _handler(got: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            got.hooks.append(Hook(self.command, self.path, dict(self.headers), self._body()))
            status, headers = got.reply(len(got.hooks))
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = _take  # noqa: N815 - the base class asks for these names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
            """Silent: the requests are kept."""

    return Handler
