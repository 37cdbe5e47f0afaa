"""Graph's HTTP surface: version prefix, authentication, objects, errors. What objects do is in ``nodes``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from ..cloud_shapes.catalogue import GraphError, unknown_object
from ..cloud_shapes.control import control_blueprint
from ..cloud_shapes.gate import Gate, json_answer
from .debug import debug_token
from .lookaside import media_blueprint
from .nodes import Call, answer

if TYPE_CHECKING:
    from .simulator import GraphSimulator

_VERSION = re.compile(r"^/v\d+\.\d+(?=/|$)")
#: Graph answers those that an object does not have with an error of its own, never with a page.
_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]
_MANAGEMENT = frozenset({"message_templates", "phone_numbers", "subscribed_apps"})


def build_app(sim: GraphSimulator) -> Flask:
    """The Graph API as a Flask application."""
    app = Flask("simulated_graph")
    gate = Gate(sim, error_answer=lambda error: _refusal(sim, error))
    gate.install(app, plain_path)
    app.register_blueprint(control_blueprint(sim))
    app.register_blueprint(media_blueprint(sim))

    @app.route("/", defaults={"path": ""}, methods=_METHODS)
    @app.route("/<path:path>", methods=_METHODS)
    def graph(path: str) -> Response:
        try:
            return _answer(sim)
        except GraphError as error:
            return _refusal(sim, error)

    return app


def plain_path() -> str:
    """The path of the current request without the version."""
    return _VERSION.sub("", request.path) or "/"


def _refusal(sim: GraphSimulator, error: GraphError) -> Response:
    trace = sim.ids.trace()
    headers = _trace_headers(sim, trace)
    if error.code == 80007:
        headers["X-Business-Use-Case-Usage"] = _usage(next(iter(sim.wabas)))
    if error.code == 4:
        headers["X-App-Usage"] = '{"call_count":100,"total_cputime":14,"total_time":22}'
    if error.code in {104, 190}:
        headers["WWW-Authenticate"] = f'OAuth "Facebook Platform" "invalid_token" "{error.title}"'
    return json_answer(error.body(trace), error.http_status, headers)


def _trace_headers(sim: GraphSimulator, trace: str) -> dict[str, str]:
    return {
        "x-fb-trace-id": trace,
        "x-fb-request-id": sim.ids.trace(),
        "facebook-api-version": request.path.split("/")[1]
        if _VERSION.match(request.path)
        else "v26.0",
    }


def _usage(account: str) -> str:
    return (
        f'{{"{account}":[{{"type":"whatsapp_business_management","call_count":100,"total_cputime":14,'
        '"total_time":22,"estimated_time_to_regain_access":7}]}'
    )


def _answer(sim: GraphSimulator) -> Response:
    parts = [part for part in plain_path().split("/") if part]
    if parts == ["debug_token"] and request.method == "GET":
        return json_answer(debug_token(sim))
    token = sim.check_token(_bearer(), _parameter("appsecret_proof"))
    if not parts or len(parts) > 2:
        raise GraphError(
            2500,
            message=f"Unknown path components: /{'/'.join(parts)}",
        )
    edge = parts[1] if len(parts) == 2 else ""
    if edge in _MANAGEMENT and not sim.rates.management_allowed(parts[0], sim.clock.now()):
        raise sim.throttle(80007)
    body = _body()
    call = Call(request.method, parts[0], edge, body, dict(request.args.items()), token)
    value = answer(sim, call)
    if value is None:
        raise unknown_object(parts[0], request.method)
    if sim.ticks.before_answer and edge == "messages":
        sim.flush(2.0)
    return json_answer(value, headers=_trace_headers(sim, sim.ids.trace()))


def _bearer() -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() in {"bearer", "oauth"} and value:
        return value.strip()
    return _parameter("access_token")


def _parameter(name: str) -> str | None:
    value = request.args.get(name) or request.form.get(name)
    return value or None


def _body() -> dict[str, Any]:
    """Parameters of the call from JSON, a form, or the query; Graph takes all three."""
    if request.method == "GET":
        return {}
    if request.mimetype == "application/json":
        value = request.get_json(silent=True)
        if value is None and request.get_data():
            raise GraphError(100, message="Invalid JSON in the request body")
        if value is not None and not isinstance(value, dict):
            raise GraphError(100, message="The request body must be a JSON object")
        given: dict[str, Any] = value or {}
    else:
        given = dict(request.form.items())
    hidden = {"access_token", "appsecret_proof"}
    return {k: v for k, v in {**request.args, **given}.items() if k not in hidden}
