"""The control interface under ``/_sim``: drive customers, statuses, faults and time over HTTP, without auth.

For people and for test programs in other processes. Knows no provider's API.
"""

from __future__ import annotations

import base64
import dataclasses
from importlib import resources
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from .customers import Customer
from .records import SentMessage

if TYPE_CHECKING:
    from .simulation import Simulation

JSON = dict[str, Any]

#: Customer methods that may be called over HTTP.
ACTIONS = frozenset(
    {
        "text", "reply", "image", "video", "audio", "voice", "document", "sticker", "location", "contacts",
        "share_phone", "button_reply", "list_reply", "flow_reply", "template_button", "react", "unreact",
        "edit", "revoke", "order", "referral", "unsupported", "welcome", "unknown", "change_number",
        "stop_marketing", "resume_marketing", "block_business", "open_window",
    }
)  # fmt: skip


def control_blueprint(sim: Simulation) -> Blueprint:
    """Routes of the control interface."""
    routes = Blueprint("simulator_control", __name__, url_prefix="/_sim")

    @routes.errorhandler(LookupError)
    @routes.errorhandler(TypeError)
    @routes.errorhandler(ValueError)
    def refuse(error: Exception) -> tuple[Response, int]:
        return jsonify({"error": str(error) or type(error).__name__}), 400

    _state_routes(routes, sim)
    _customer_routes(routes, sim)
    _fault_routes(routes, sim)
    return routes


def _body() -> JSON:
    given = request.get_json(silent=True)
    if given is None:
        given = request.form.to_dict()
    if not isinstance(given, dict):
        raise TypeError("The body must be a JSON object.")
    return given


def _state_routes(routes: Blueprint, sim: Simulation) -> None:
    @routes.get("/state")
    def state() -> Response:
        numbers = [
            {
                "id": n.id,
                "waba_id": n.waba_id,
                "display_phone_number": n.display,
                "registered": n.registered,
            }
            for n in sim.numbers.values()
        ]
        counts = {"sent": len(sim.sent), "received": len(sim.inbound), "now": sim.clock.now()}
        return jsonify({"numbers": numbers, **counts, "undelivered": len(sim.undelivered)})

    @routes.get("/sent")
    def sent() -> Response:
        return jsonify([_sent(m) for m in sim.sent])

    @routes.get("/receipts")
    def receipts() -> Response:
        return jsonify([dataclasses.asdict(r) for r in sim.receipts])

    @routes.get("/deliveries")
    def deliveries() -> Response:
        return jsonify(
            [
                {
                    "number": d.number,
                    "fields": d.fields,
                    "state": d.state,
                    "copy_of": d.copy_of,
                    "attempts": [dataclasses.asdict(a) for a in d.attempts],
                    "body": d.json,
                }
                for d in sim.deliveries
            ]
        )

    @routes.post("/status")
    def status() -> Response:
        body = _body()
        wamid, name = str(body["wamid"]), str(body["status"])
        code = body.get("code")
        sim.status(wamid, name, error=int(code) if code is not None else None)
        return jsonify({"ok": True})

    @routes.post("/flush")
    def flush() -> Response:
        return jsonify({"ok": sim.flush(float(_body().get("timeout", 10)))})

    @routes.post("/clock")
    def clock() -> Response:
        sim.advance(float(_body().get("advance", 0)))
        return jsonify({"now": sim.clock.now()})

    @routes.get("/conversation")
    def conversation() -> Response:
        return jsonify(sim.conversation(request.args.get("phone", "")))

    @routes.get("/phone")
    def phone() -> Response:
        page = resources.files(__package__).joinpath("phone.html").read_text("utf-8")
        return Response(page, content_type="text/html; charset=utf-8")


def _customer_routes(routes: Blueprint, sim: Simulation) -> None:
    @routes.get("/customers")
    def customers() -> Response:
        return jsonify([dataclasses.asdict(c.person) for c in sim.customers])

    @routes.post("/customers")
    def add() -> tuple[Response, int]:
        body = _body()
        customer = sim.customer(
            str(body["phone"]),
            str(body.get("name", "")),
            bsuid=body.get("bsuid"),
            username=body.get("username"),
            hide_phone=bool(body.get("hide_phone", False)),
        )
        return jsonify(dataclasses.asdict(customer.person)), 201

    @routes.post("/customers/<phone>/<action>")
    def act(phone: str, action: str) -> tuple[Response, int]:
        if action not in ACTIONS:
            raise LookupError(f"A customer cannot {action!r}. Known: {', '.join(sorted(ACTIONS))}.")
        wamid = _perform(sim.customer(phone), action, _arguments())
        return jsonify({"wamid": wamid}), 201

    @routes.post("/webhook")
    def webhook() -> Response:
        sim.set_webhook(str(_body()["url"]))
        return jsonify({"ok": True})

    @routes.post("/echo")
    def echo() -> tuple[Response, int]:
        body = _body()
        return jsonify({"wamid": sim.echo(str(body["to"]), str(body.get("text", "")))}), 201


def _arguments() -> JSON:
    """Arguments of a customer's method; a picture comes as ``data_base64`` or as an uploaded ``file``."""
    arguments = dict(_body())
    if "data_base64" in arguments:
        arguments["data"] = base64.b64decode(arguments.pop("data_base64"))
    upload = request.files.get("file")
    if upload is not None:
        arguments["data"] = upload.read()
        arguments.setdefault("mime", upload.mimetype)
    return arguments


def _perform(customer: Customer, action: str, arguments: JSON) -> str | None:
    result: str | None = getattr(customer, action)(**arguments)
    return result


def _fault_routes(routes: Blueprint, sim: Simulation) -> None:
    @routes.get("/faults")
    def faults() -> Response:
        return jsonify([dataclasses.asdict(f) for f in sim.faults.active()])

    @routes.post("/faults")
    def set_fault() -> tuple[Response, int]:
        body = _body()
        target, mode = str(body.pop("target", "*")), str(body.pop("mode"))
        count = body.pop("count", 1)
        fault = sim.faults.set(target, mode, None if count is None else int(count), **body)
        return jsonify(dataclasses.asdict(fault)), 201

    @routes.delete("/faults")
    def clear() -> Response:
        sim.faults.clear(request.args.get("target"))
        return jsonify({"ok": True})


def _sent(message: SentMessage) -> JSON:
    return {**dataclasses.asdict(message), "text": message.text}
