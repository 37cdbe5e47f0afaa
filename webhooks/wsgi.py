"""The receiver in front of a WSGI application.

Owns: WSGI's side of a request: path, headers, bounded reading. Must not know: what the receiver decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from .receiver import NOT_ALLOWED, TOO_LARGE, Receiver, Reply

PREFIX = "/webhooks/whatsapp/"


class ReceiverMiddleware:
    """Answers ``/webhooks/whatsapp/{phone_number}`` and passes everything else on.

    :param receiver: makes the receiver on first use, after any fork.
    """

    def __init__(
        self, app: Callable[..., Iterable[bytes]], receiver: Callable[[], Receiver]
    ) -> None:
        self._app = app
        self._receiver = receiver

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._app(environ, start_response)
        reply = self._answer(environ, path.removeprefix(PREFIX))
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body
        phrase = HTTPStatus(reply.status).phrase
        start_response(
            f"{reply.status} {phrase}",
            [
                ("Content-Type", reply.content_type),
                ("Content-Length", str(len(body))),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )
        return [body]

    def _answer(self, environ: dict[str, Any], phone: str) -> Reply:
        receiver = self._receiver()
        method = environ["REQUEST_METHOD"]
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        if method in ("GET", "HEAD"):
            return receiver.challenge(phone, query)
        if method != "POST":
            return NOT_ALLOWED
        body = read_bounded(environ, receiver.limit)
        if body is None:
            return TOO_LARGE
        headers = {
            key[5:].replace("_", "-").lower(): value
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        return receiver.receive(phone, headers, query, body)


def read_bounded(environ: dict[str, Any], limit: int) -> bytes | None:
    """The whole body, or ``None`` when it is longer than ``limit``. A chunked body has no length to trust."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > limit:
        return None
    stream = environ["wsgi.input"]
    wanted = int(length) if length.isdigit() else limit + 1
    chunks: list[bytes] = []
    size = 0
    while size < min(wanted, limit + 1):
        chunk = stream.read(min(wanted, limit + 1) - size)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return None if size > limit else b"".join(chunks)
