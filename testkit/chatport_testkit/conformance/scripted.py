"""A service on this machine that answers what it is told and writes down what it was asked.

Owns: the loopback server, its answers, its faults. Must not know: any provider, what requests mean.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

#: Seconds between two bytes of a dripping answer.
DRIP = 0.05


@dataclass(frozen=True, slots=True)
class Received:
    """A request that the service got. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON, or ``None`` where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    :param delay: seconds before its first byte.
    :param cut: ``before``: the connection is reset instead of an answer; ``inside``: after half of the body.
    :param drip: its body is sent byte by byte, slowly.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: str = ""
    drip: bool = False


Answering = Callable[[Received], Reply]


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer with a JSON body."""
    return Reply(
        status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}
    )


class ScriptedService:
    """An HTTP server at ``127.0.0.1`` on a free port, to be used as a context manager.

    Each request is kept in :attr:`received` and answered by :attr:`answer`. :meth:`fail_when` puts a fault before it.
    """

    def __init__(self, answer: Answering = lambda request: Reply(404)) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self._fault: Reply | None = None
        self._applies: Callable[[Received], bool] = lambda request: True
        self._ended = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port; requests that wait for a slow answer end at once."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"http://{self.host}"

    def fail_when(
        self, fault: Reply, applies: Callable[[Received], bool] = lambda request: True
    ) -> None:
        """Answer with ``fault`` from now on, where ``applies`` says so."""
        self._fault, self._applies = fault, applies

    def reply_to(self, request: Received) -> Reply:
        """Keep a request and decide on its answer. Called by the server's threads."""
        self.received.append(request)
        if self._fault is not None and self._applies(request):
            return self._fault
        return self.answer(request)

    def wait(self, seconds: float) -> None:
        """Sleep, but not longer than the service lives."""
        self._ended.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, service: ScriptedService) -> None:
        self.service = service
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def handle_any(self) -> None:
        """Any method: read, keep, answer, close."""
        service = self.server.service
        reply = service.reply_to(self._request())
        service.wait(reply.delay)
        self.close_connection = True
        if reply.cut != "before":
            self._head(reply)
            if self.command != "HEAD":
                self._content(reply)
        if reply.cut:
            self._reset()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815

    def _request(self) -> Received:
        parts = urlsplit(self.path)
        return Received(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
        )

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()

    def _content(self, reply: Reply) -> None:
        body = reply.body[: len(reply.body) // 2] if reply.cut else reply.body
        step = 1 if reply.drip else max(len(body), 1)
        for position in range(0, len(body), step):
            self.wfile.write(body[position : position + step])
            self.server.service.wait(DRIP if reply.drip else 0)

    def _reset(self) -> None:
        time.sleep(
            0.01
        )  # what was sent must arrive first: a reset throws away what is still on the way
        # With a linger time of zero the kernel sends a reset instead of a proper end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Silent."""
