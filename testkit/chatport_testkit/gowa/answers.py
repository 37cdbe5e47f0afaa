"""Answers of the REST interface: the JSON envelope, the plain texts, and the errors that routes raise."""

from __future__ import annotations

from typing import Any

from flask import Response

from .eras import Version
from .wire import Struct, encode

_NOTHING = object()


class Refused(Exception):
    """A route cannot do what was asked; becomes the JSON envelope of an error."""

    def __init__(self, status: int, code: str, message: str, results: Any = _NOTHING) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.results = results


class Invalid(Refused):
    """400 with the text of a validation."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "VALIDATION_ERROR", message)


class Failed(Refused):
    """500: everything that GoWA has no better word for, mistakes of the client included."""

    def __init__(self, message: str, code: str = "INTERNAL_SERVER_ERROR") -> None:
        super().__init__(500, code, message)


class SessionDown(Refused):
    """401 in JSON: the WhatsApp session is not usable. The credentials were right."""

    def __init__(self, message: str) -> None:
        super().__init__(401, "AUTHENTICATION_ERROR", message)


def success(version: Version, message: str, results: Any = _NOTHING) -> Response:
    """200 with the envelope; without ``results`` the key is left out."""
    return enveloped(version, 200, "SUCCESS", message, results)


def refusal(version: Version, error: Refused) -> Response:
    return enveloped(version, error.status, error.code, error.message, error.results)


def enveloped(
    version: Version, status: int, code: str, message: str, results: Any = _NOTHING
) -> Response:
    body = Struct(code=code, message=message)
    if results is not _NOTHING:
        body["results"] = results
    charset = "; charset=utf-8" if version.since("v9.0.0") else ""
    return Response(encode(body), status, content_type=f"application/json{charset}")


def text(status: int, body: str, **headers: str) -> Response:
    """A plain-text answer, as the HTTP framework gives it."""
    response = Response(body, status, content_type="text/plain; charset=utf-8")
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def unauthorized(version: Version) -> Response:
    """The 401 of wrong credentials."""
    if not version.since("v9.0.0"):
        return text(401, "Unauthorized", Www_Authenticate="basic realm=Restricted")
    return text(
        401,
        "Unauthorized",
        Vary="Authorization",
        Cache_Control="no-store",
        Www_Authenticate='Basic realm="Restricted", charset="UTF-8"',
    )
