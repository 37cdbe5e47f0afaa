"""The WSGI application: the order in which GoWA looks at a request before any route does.

Static files, /health, then basic authentication, then the device, then the routes. The control interface
below ``/_sim`` stands before all that.
"""

from __future__ import annotations

import mimetypes
from base64 import b64decode
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_plus

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from .answers import Refused, refusal, text, unauthorized
from .control import control_routes
from .phone_page import page_routes
from .rest import add_routes
from .rest.context import since_rule
from .service import Service
from .state import Device, StaticFile
from .times import http_date

_UNSCOPED = ("/devices", "/app/info")
_LONGEST_CREDENTIALS = 8192


def create_application(service: Service) -> Flask:
    """Return the Flask application around ``service``."""
    flask = Flask(
        "chatport_testkit.gowa", static_folder=None, root_path=str(__file__).rpartition("/")[0]
    )
    flask.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    flask.url_map.strict_slashes = False
    flask.url_map.merge_slashes = False
    add_routes(flask, service)
    flask.register_blueprint(control_routes(service))
    flask.register_blueprint(page_routes())
    flask.before_request(lambda: _before(service))
    flask.register_error_handler(Refused, lambda error: refusal(service.config.version, error))
    flask.register_error_handler(HTTPException, lambda error: _http_error(service, error))

    @flask.after_request
    def allow_origin(response: Response) -> Response:
        if "Origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return flask


def _before(service: Service) -> Response | None:
    path = request.path
    if path.startswith("/_sim"):
        return None
    if (request.content_length or 0) > service.config.max_body:
        return text(413, "Request Entity Too Large", Connection="close")
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return _preflight()
    found = _static(service, path)
    if found is not None:
        return found
    if path == "/health" and service.since("v8.4.0") and not request.script_root:
        return text(200, "OK")
    refused = _authenticate(service)
    if refused is not None:
        return refused
    rule = request.url_rule
    known = rule is not None and service.since(since_rule(rule.rule))
    wrong_method = isinstance(request.routing_exception, MethodNotAllowed)
    # Who asks for a route that this release does not have is asked for a device first, wherever the route would be.
    if path != "/" and not (path.startswith(_UNSCOPED) and (known or wrong_method)):
        g.device = _choose_device(service)
    if rule is not None and not known:
        raise NotFound
    return None


def _preflight() -> Response:
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, HEAD, PUT, PATCH, DELETE"
    response.headers["Access-Control-Allow-Headers"] = (
        "Origin, Content-Type, Accept, Authorization, X-Device-Id"
    )
    return response


def _static(service: Service, path: str) -> Response | None:
    """An existing file needs no credentials; for a missing one the request goes on."""
    name = path.lstrip("/")
    with service.state.lock:
        file = service.state.files.get(name)
        if file is not None and file.expires is not None and file.expires <= service.clock.now():
            del service.state.files[name]
            file = None
    if file is None or request.method not in {"GET", "HEAD"}:
        return None
    if _unchanged(file):
        return Response(status=304)
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = Response(file.data, content_type=content_type)
    response.headers["Last-Modified"] = http_date(file.modified)
    return response


def _unchanged(file: StaticFile) -> bool:
    known = request.headers.get("If-Modified-Since")
    if not known:
        return False
    try:
        return file.modified.replace(microsecond=0) <= parsedate_to_datetime(known).astimezone(UTC)
    except ValueError:
        return False


def _authenticate(service: Service) -> Response | None:
    users = service.config.users
    if not users:
        return None
    given = request.headers.get("Authorization", "")
    if len(given) > _LONGEST_CREDENTIALS:
        return text(431, "Request Header Fields Too Large")
    scheme, _, rest = given.partition(" ")
    if scheme.lower() != "basic":
        return unauthorized(service.config.version)
    try:
        user, colon, password = b64decode(rest, validate=True).decode().partition(":")
    except ValueError:
        colon = user = password = ""
    if not colon:
        malformed = text(400, "Bad Request")
        return malformed if service.since("v9.0.0") else unauthorized(service.config.version)
    if users.get(user) != password:
        return unauthorized(service.config.version)
    return None


def _choose_device(service: Service) -> Device:
    """Header, then query, then the only device.

    Raises:
        Refused: 404 for an unknown device; 400 if none is named and there is not exactly one.
    """
    with service.state.lock:
        devices = list(service.state.devices.values())
        if not service.since("v8.0.0"):
            return devices[0]
        header = request.headers.get("X-Device-Id", "")
        if service.since("v8.1.0"):
            header = unquote_plus(header)
        name = header or request.args.get("device_id", "")
        if name:
            found = service.state.find_device(name)
            if found is None:
                raise Refused(
                    404,
                    "DEVICE_NOT_FOUND",
                    "device not found; create a device first from /api/devices "
                    "or provide a valid X-Device-Id",
                    {"device_id": name},
                )
            return found
        if len(devices) != 1:
            raise Refused(
                400,
                "DEVICE_ID_REQUIRED",
                "device_id is required via X-Device-Id header or device_id query",
            )
        return devices[0]


def _http_error(service: Service, error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed):
        allowed = set(error.valid_methods or ()) - {"OPTIONS", "HEAD"}
        return text(405, "Method Not Allowed", Allow=", ".join(sorted(allowed)))
    if isinstance(error, NotFound):
        message = (
            "Not Found" if service.since("v9.0.0") else f"Cannot {request.method} {request.path}"
        )
        return text(404, message)
    return text(error.code or 500, error.name)
