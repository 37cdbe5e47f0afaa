"""The HTTP server: threads, kept connections, and the failures that only a socket can show.

Owns connections. Must not know what a request means; orders of failure come from ``faults``.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import sys
import threading
from typing import Any

from flask import Response
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from .answers import enveloped, text, unauthorized
from .faults import Fault
from .records import Request
from .service import Service

CONTROL = "/_sim"
_TEXTS: dict[int, tuple[str, str]] = {
    429: (
        "WA_REACHOUT_TIMELOCK",
        "WhatsApp rejected this send with error 463 (reach-out timelock)",
    ),
    500: ("INTERNAL_SERVER_ERROR", "server returned error 500"),
    503: ("DEVICE_MANAGER_UNAVAILABLE", "Device manager is not initialized"),
    504: ("GATEWAY_TIMEOUT", "Request timed out waiting for WhatsApp server response"),
}
_LOST = "<!doctype html><title>Welcome</title><p>It works!</p>"


class Cut(Exception):
    """The connection is to be reset now."""


class Server(ThreadedWSGIServer):
    """Serves ``app`` for ``service`` on the loopback interface."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, service: Service, app: Any, port: int) -> None:
        self.service = service
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__("127.0.0.1", port, app, handler=Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that went away is no error; anything else is shown as usual."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def close_all(self) -> None:
        """Stop listening and drop every connection."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._guard:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(WSGIRequestHandler):
    """One connection. Keeps it open between requests as GoWA's framework does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and a body are two small packets
    server: Server

    def run_wsgi(self) -> None:
        service = self.server.service
        path = self.path.partition("?")[0].removeprefix(service.config.base_path)
        fault = None if path.startswith(CONTROL) else service.faults.take(path)
        try:
            if fault is not None and fault.mode == "down":
                raise Cut
            status, headers, data = self._work(fault)
            cut = fault is not None and fault.mode.startswith("cut_")
            self._record(path, None if cut else int(status.split()[0]))
            self._answer(status, headers, data, fault)
        except Cut:
            if fault is not None and fault.mode != "cut_in_answer":
                self._record(path, None)
            self._reset()

    def _work(self, fault: Fault | None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Read the request and let the application, or what an order puts in its place, answer it."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        self._read_body(environ)
        stand_in = _before_work(self.server, fault) if fault is not None else None
        app = _with_base_path(
            self.server.service, self.server.app if stand_in is None else stand_in
        )
        body, status, headers = run_wsgi_app(app, environ, buffered=True)
        data = b"".join(body)
        if fault is not None and fault.mode == "cut_after_accept":
            raise Cut
        if fault is not None and fault.mode == "slow_answer":
            self.server.stopping.wait(fault.seconds(1))
        if fault is not None and fault.mode == "slow_whatsapp":
            late = _wait_for_whatsapp(self.server, fault)
            if late is not None:
                return late.status, list(late.headers), late.get_data()
        return status, list(headers), data

    def _record(self, path: str, status: int | None) -> None:
        """Before the answer goes out, so that who got it finds it recorded."""
        if not path.startswith(CONTROL):
            with self.server.service.state.lock:
                self.server.service.state.requests.append(Request(self.command, path, status))

    def _read_body(self, environ: dict[str, Any]) -> None:
        """Read all of it, so that the next request on the connection starts where it should."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > self.server.service.config.max_body:
            self.close_connection = True  # the answer will be 413; nobody reads the rest
            return
        if environ.get("wsgi.input_terminated"):
            data = environ["wsgi.input"].read()
            environ["CONTENT_LENGTH"] = str(len(data))
        else:
            data = self.rfile.read(length)
        environ["wsgi.input"] = io.BytesIO(data)

    def _answer(
        self, status: str, headers: list[tuple[str, str]], data: bytes, fault: Fault | None
    ) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        chunked = fault is not None and fault.mode == "chunked"
        for name, value in headers:
            if not (chunked and name.lower() == "content-length"):
                self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if fault is not None and fault.mode == "cut_in_answer":
            self.wfile.write(data[: len(data) // 2])
            raise Cut
        if self.command == "HEAD" or code in {"204", "304"}:
            return
        if not chunked:
            self.wfile.write(data)
            return
        for start in range(0, len(data), 16):
            part = data[start : start + 16]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without the ``Server`` header, which GoWA does not send."""
        self.send_response_only(code, message)
        self.send_header("Date", self.date_time_string())

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an orderly end."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Silent: what was asked is in the simulator's records."""


def _before_work(server: Server, fault: Fault) -> Response | None:
    """Carry out an order that comes before the work; returns an answer that replaces the work."""
    version = server.service.config.version
    match fault.mode:
        case "cut_before_accept":
            raise Cut
        case "hang":
            server.stopping.wait(fault.seconds(30))
            raise Cut
        case "slow":
            server.stopping.wait(fault.seconds(1))
        case "status":
            answer = _ordered_status(server.service, fault)
            answer.headers.update(fault.options.get("headers", {}))
            return answer
        case "unauthorized_basic":
            return unauthorized(version)
        case "unauthorized_session":
            return enveloped(version, 401, "AUTHENTICATION_ERROR", "you are not logged in")
        case "garbage":
            return Response(_LOST, content_type="text/html")
    return None


def _wait_for_whatsapp(server: Server, fault: Fault) -> Response | None:
    """The service's own answer where it does not wait any longer; what it asked for is done all the same."""
    config = server.service.config
    seconds = fault.seconds(config.rest_timeout + 1)
    gives_up = config.version.since("v8.1.0") and seconds > config.rest_timeout
    server.stopping.wait((config.rest_timeout if gives_up else seconds) * config.time_scale)
    return enveloped(config.version, 504, *_TEXTS[504]) if gives_up else None


def _ordered_status(service: Service, fault: Fault) -> Response:
    status = int(fault.options.get("status", 500))
    body = fault.options.get("body")
    if isinstance(body, str | bytes):
        kind = fault.options.get("content_type", "text/plain; charset=utf-8")
        return Response(body, status, content_type=kind)
    if isinstance(body, dict):
        code, message = body.get("code", "INTERNAL_SERVER_ERROR"), body.get("message", "")
        results = (body["results"],) if "results" in body else ()
        return enveloped(service.config.version, status, code, message, *results)
    if status in _TEXTS:
        return enveloped(service.config.version, status, *_TEXTS[status])
    return text(status, Response(status=status).status.partition(" ")[2].title())


def _with_base_path(service: Service, app: Any) -> Any:
    """Hide the base path from the application, except where the service does not look for it."""
    base = service.config.base_path
    if not base:
        return app

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path == base or path.startswith(f"{base}/"):
            environ["SCRIPT_NAME"] = base
            environ["PATH_INFO"] = path[len(base) :] or "/"
        elif path != "/health" and not path.startswith(CONTROL):
            return text(404, "Not Found")(environ, start_response)
        return app(environ, start_response)

    return wrapped
