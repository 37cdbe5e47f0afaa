"""A small web server for tests of fetching files: answers what a test prepared, and counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class FileServer:
    """``answers`` by path; ``requests`` are (path, headers) as they came."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def file(self, path: str, data: bytes, content_type: str = "image/png", **more: Any) -> None:
        """Serve bytes. ``length`` says another length than there is; ``status`` another status."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(more.get("status", 200))
            handler.send_header("Content-Type", content_type)
            handler.send_header("Content-Length", str(more.get("length", len(data))))
            for name, value in more.get("headers", {}).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)

        self.answers[path] = answer


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A server on the loopback address, ended with the block."""
    state = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            answer = state.answers.get(self.path)
            if answer is None:
                self.send_error(404)
            else:
                answer(self)
            self.close_connection = True

        def log_message(self, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
