"""The gateway in front of both generations: API key, error shapes, routes that both share."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, request

from ..cloud_shapes.catalogue import GraphError
from ..cloud_shapes.control import control_blueprint
from ..cloud_shapes.faults import Fault
from ..cloud_shapes.gate import Gate, json_answer

if TYPE_CHECKING:
    from .simulator import Dialog360Simulator

JSON = dict[str, Any]
View = Callable[..., Response]

META = {"api_status": "stable", "version": "2.41.3"}

#: Codes of the on-premise stack for the Cloud code: code, HTTP status, title.
V1_ERRORS: dict[int, tuple[int, int, str]] = {
    100: (1008, 400, "Required parameter is missing"),
    130429: (1015, 429, "Too many requests"),
    131000: (1000, 500, "Generic error"),
    131008: (1008, 400, "Required parameter is missing"),
    131009: (1009, 400, "Parameter value is not valid"),
    131016: (1016, 503, "System overloaded"),
    131021: (1009, 400, "Parameter value is not valid"),
    131030: (1007, 400, "Recipient is not allowed"),
    131047: (470, 400, "Message failed to send because the 24-hour window has passed"),
    131051: (501, 400, "Unsupported message type"),
    131056: (1015, 429, "Too many requests"),
    132000: (2000, 400, "Template params count mismatch"),
    132001: (2001, 404, "Template name does not exist"),
    132012: (2012, 400, "Parameter format does not match"),
    133010: (1011, 500, "Not ready"),
}


class StackError(Exception):
    """An error of the on-premise stack: ``{meta, errors[]}``."""

    def __init__(self, code: int, status: int, title: str, details: str = "") -> None:
        super().__init__(f"{code}: {title}")
        self.code = code
        self.status = status
        self.title = title
        self.details = details


class GatewayRefusal(Exception):
    """An error of 360dialog itself: ``{meta: {success: false, …}}`` or another of its shapes."""

    def __init__(self, status: int, message: str, shape: str = "snake") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.shape = shape


def gateway_answer(
    sim: Dialog360Simulator, status: int, message: str, shape: str = "snake"
) -> Response:
    """An error of the gateway in one of the shapes that it has had.

    ``snake``, ``camel``, ``says_404`` (the body contradicts the status), ``string``, ``message``,
    ``errors`` (of the on-premise stack), ``error`` (Meta's, passed through), ``nested`` (Meta's as text inside),
    ``html``.
    """
    match shape:
        case "errors":
            return stack_answer(StackError(1000, status, message))
        case "error":
            return json_answer(_metas(sim, status, message), status)
        case "nested":
            return gateway_answer(sim, status, _nested(_metas(sim, status, message)))
        case "camel":
            body: JSON = {
                "meta": {"success": False, "httpCode": status, "developerMessage": message}
            }
        case "says_404":
            body = {"meta": {"success": False, "http_code": 404, "developer_message": message}}
        case "string":
            body = {"error": message}
        case "message":
            body = {"message": message}
        case "html":
            page = f"<html><body><h1>{status}</h1></body></html>"
            return Response(page, status=status, content_type="text/html")
        case _:
            meta: JSON = {"success": False, "http_code": status, "developer_message": message}
            meta["360dialog_trace_id"] = sim.ids.uuid()
            body = {"meta": meta}
    return json_answer(body, status)


def _metas(sim: Dialog360Simulator, status: int, message: str) -> JSON:
    return GraphError(100, http_status=status, message=message).body(sim.ids.trace())


def _nested(body: JSON) -> str:
    return f"Invalid payload ({json.dumps(body, separators=(',', ':'))})"


def stack_answer(error: StackError) -> Response:
    entry: JSON = {"code": error.code, "title": error.title}
    if error.details:
        entry["details"] = error.details
    return json_answer({"meta": META, "errors": [entry]}, error.status)


def cloud_refusal(sim: Dialog360Simulator, error: GraphError) -> Response:
    """Meta's error as the current generation writes it: passed through, or in the old stack's words."""
    if sim.generation == "v1":
        known = V1_ERRORS.get(error.code, (1025, error.http_status, "Bad request"))
        return stack_answer(StackError(known[0], known[1], known[2], error.details or error.title))
    return json_answer(error.body(sim.ids.trace()), error.http_status)


def build_app(sim: Dialog360Simulator) -> Flask:
    """Both generations on one port; which routes answer is decided per request."""
    # Imported here: these modules need the helpers of this one.
    from .configs import config_blueprint
    from .v1 import v1_blueprint
    from .v2 import v2_blueprint

    app = Flask("simulated_dialog360")
    gate = Gate(
        sim,
        error_answer=lambda error: cloud_refusal(sim, error),
        gateway_answer=lambda fault: _fault_answer(sim, fault),
    )
    gate.install(app, lambda: request.path)
    app.register_blueprint(control_blueprint(sim))
    app.register_blueprint(config_blueprint(sim))
    app.register_blueprint(v1_blueprint(sim))
    app.register_blueprint(v2_blueprint(sim))

    @app.errorhandler(404)
    @app.errorhandler(405)
    def unknown(error: Exception) -> Response:
        return gateway_answer(sim, 404, f"There is nothing at {request.path}")

    return app


def _fault_answer(sim: Dialog360Simulator, fault: Fault) -> Response:
    options = fault.options
    return gateway_answer(
        sim,
        int(options.get("status", 500)),
        str(options.get("message", "Internal error")),
        str(options.get("shape", "snake")),
    )


def guarded(sim: Dialog360Simulator, *generations: str) -> Callable[[View], View]:
    """Decorator of a view: API key first, then the generation, and errors in their shapes."""

    def decorate(view: View) -> View:
        @wraps(view)
        def run(*arguments: Any, **named: Any) -> Response:
            given = request.headers.get("D360-API-KEY", "")
            if not hmac.compare_digest(given.encode(), sim.api_key.encode()):
                return gateway_answer(sim, 401, "Invalid api_key", sim.error_shape)
            if generations and sim.generation not in generations:
                return gateway_answer(sim, 404, f"There is nothing at {request.path}")
            try:
                return view(*arguments, **named)
            except GraphError as error:
                return cloud_refusal(sim, error)
            except StackError as error:
                return stack_answer(error)
            except GatewayRefusal as error:
                return gateway_answer(sim, error.status, error.message, error.shape)

        return run

    return decorate


def json_body() -> JSON:
    """The request's JSON object.

    Raises:
        GraphError: 100 when it is none.
    """
    value = request.get_json(silent=True, force=True)
    if not isinstance(value, dict):
        raise GraphError(100, message="The request body must be a JSON object")
    return value


def checked_destination(sim: Dialog360Simulator, body: JSON) -> tuple[str, dict[str, str]]:
    """Address and headers of a webhook configuration.

    Raises:
        GatewayRefusal: the address or a header breaks 360dialog's rules.
    """
    url = body.get("url")
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or not parts.hostname:
        raise GatewayRefusal(400, "Invalid webhook url", "string")
    local = parts.hostname in {"127.0.0.1", "localhost"} and not sim.strict_webhook_urls
    bad_form = parts.scheme != "https" or parts.port is not None or "_" in parts.hostname
    if bad_form and not local:
        raise GatewayRefusal(
            400, "Webhook url must be https, without a port and without _ in the host", "string"
        )
    headers = body.get("headers") or {}
    if not isinstance(headers, dict) or any("_" in str(name) for name in headers):
        raise GatewayRefusal(400, "Header names must not contain _", "string")
    return str(url), {str(k): str(v) for k, v in headers.items()} if sim.keeps_headers else {}


def nested_error(sim: Dialog360Simulator, error: GraphError) -> GatewayRefusal:
    """Meta's error as text inside the gateway's message, as template creation answers it."""
    return GatewayRefusal(error.http_status, _nested(error.body(sim.ids.trace())))


def simple_blueprint(name: str) -> Blueprint:
    return Blueprint(name, __name__)
