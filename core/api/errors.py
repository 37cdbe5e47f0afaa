"""The one shape of an error, and which status each exception of the core becomes.

Owns: the JSON body of every failure under ``/api``. Must not know: routes, tables.

``error`` is a sentence; ``message`` the same again with field errors joined (Chatwoot's clients read one or the other);
``attributes`` the names of the refused fields; ``errors`` their messages; ``action`` what to do; ``code`` a word for
programs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, g, jsonify, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from ..errors import ChatportError, ConfigInvalid, ConfigurationError, PluginMissing, ProviderError
from ..services.outbox.errors import IdempotencyConflict, NotFound, NotPossible

logger = logging.getLogger(__name__)

_WORDS = {
    400: ("bad_request", "The request cannot be understood."),
    401: ("unauthorised", "A valid api_access_token is needed."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "Resource could not be found"),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("too_large", "The request is too large."),
    415: ("unsupported_media_type", "Send JSON or a form."),
    422: ("invalid", "The request cannot be carried out."),
    500: ("internal_error", "Something went wrong in Chatport."),
    503: ("unavailable", "The database is not available at the moment."),
}


class ApiError(Exception):
    """A failure with its status.

    :param errors: messages by field.
    """

    def __init__(
        self,
        status: int,
        error: str = "",
        *,
        code: str = "",
        action: str = "",
        errors: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        word, sentence = _WORDS.get(status, _WORDS[400])
        super().__init__(error or sentence)
        self.status = status
        self.error = error or sentence
        self.code = code or word
        self.action = action
        self.errors = {name: list(messages) for name, messages in (errors or {}).items()}

    def body(self) -> dict[str, Any]:
        """The JSON object."""
        told = [
            message if message in self.error else f"{name}: {message}"
            for name, messages in self.errors.items()
            for message in messages
            if message not in self.error
        ]
        return {
            "error": self.error,
            "message": " ".join([self.error, *told]),
            "attributes": list(self.errors),
            "errors": self.errors,
            "action": self.action,
            "code": self.code,
        }


def not_found() -> ApiError:
    """Not there, or of somebody else: both look the same."""
    return ApiError(404)


def from_exception(error: Exception) -> ApiError:
    """What an exception of the core is to a client."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ValidationError):
        return _from_validation(error)
    if isinstance(error, ChatportError):
        return _from_core(error)
    if isinstance(error, HTTPException):
        return ApiError(error.code or 500)
    if isinstance(error, sa.exc.TimeoutError) or (
        isinstance(error, sa.exc.DBAPIError)
        and isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError))
    ):
        logger.error("database not available: %s", type(error).__name__, exc_info=error)
        return ApiError(503, action="Try again in a moment.")
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return ApiError(500, action="Try again; if it stays, the server's log says more.")


def _from_core(error: ChatportError) -> ApiError:
    code = str(getattr(error, "code", "") or "")
    if isinstance(error, NotFound):
        return ApiError(404)
    if isinstance(error, ConfigInvalid):
        first = next((m for messages in error.fields.values() for m in messages), str(error))
        return ApiError(
            422,
            first,
            code=code or "config_invalid",
            action=error.action or "Correct the named fields.",
            errors=error.fields,
        )
    if isinstance(error, IdempotencyConflict):
        return ApiError(422, str(error), code="idempotency_conflict", action=error.action)
    if isinstance(error, NotPossible):
        return ApiError(422, error.message, code=code, action=error.action)
    if isinstance(error, ProviderError):
        return ApiError(
            422,
            error.message,
            code=code or error.error_class,
            action=error.action,
            errors=error.fields,
        )
    if isinstance(error, PluginMissing):
        return ApiError(422, _sentence(str(error)), code="provider_missing", action=error.action)
    if isinstance(error, ConfigurationError):
        logger.error("configuration error: %s", error)
        return ApiError(500, _sentence(str(error)), code="configuration", action=error.action)
    return ApiError(422, _sentence(str(error)), code=code, action=error.action)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _from_validation(error: ValidationError) -> ApiError:
    fields = flatten(error.messages)
    first = next(((name, messages[0]) for name, messages in fields.items() if messages), None)
    sentence = f"{first[0]}: {first[1]}" if first else ""
    return ApiError(
        422, sentence, errors=fields, action="Correct the named fields." if fields else ""
    )


def flatten(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages as one level: ``channel.provider`` to its messages."""
    if isinstance(messages, Mapping):
        found: dict[str, list[str]] = {}
        for key, value in messages.items():
            # "_schema" of a nested object is the object itself.
            parts = [prefix] if prefix else []
            name = ".".join(parts if key == "_schema" and prefix else [*parts, str(key)])
            found |= flatten(value, name)
        return found
    listed = messages if isinstance(messages, list) else [messages]
    return {prefix or "_schema": [str(message) for message in listed]}


def answer(error: ApiError) -> Response:
    """The response of a failure."""
    response = jsonify(error.body())
    response.status_code = error.status
    return response


def handle(error: Exception) -> Response:
    """The error handler of the API."""
    if isinstance(error, HTTPException) and error.response is not None:
        return answer(ApiError(error.response.status_code))
    failure = from_exception(error)
    g.api_error = failure.code
    return answer(failure)


def register(app: Flask) -> None:
    """Answer failures outside any route (unknown addresses, wrong methods) under ``/api`` in the same shape."""

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Any:
        return handle(error) if request.path.startswith("/api/") else error

    @app.errorhandler(Exception)
    def _other(error: Exception) -> Any:
        if request.path.startswith("/api/"):
            return handle(error)
        failure = from_exception(error)
        return Response(failure.error, failure.status, mimetype="text/plain")
