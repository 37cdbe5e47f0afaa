"""Configuration routes that exist in both generations: webhooks and the old template listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from ..cloud_shapes.catalogue import GraphError
from ..cloud_shapes.gate import json_answer
from .gateway import (
    GatewayRefusal,
    StackError,
    checked_destination,
    guarded,
    json_body,
    nested_error,
    simple_blueprint,
)

if TYPE_CHECKING:
    from .simulator import Dialog360Simulator

JSON = dict[str, Any]

NAMESPACE = "0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9"


def config_blueprint(sim: Dialog360Simulator) -> Blueprint:
    """``/v1/configs/…`` (yes, also in v2), ``/waba_webhook``, ``/multi_webhook``."""
    routes = simple_blueprint("d360_configs")
    _webhook_routes(routes, sim)
    _further_destinations(routes, sim)
    _template_routes(routes, sim)
    return routes


def _webhook_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.get("/v1/configs/webhook")
    @guarded(sim)
    def show() -> Response:
        return json_answer(sim.destination_json(sim.destination))

    @routes.post("/v1/configs/webhook")
    @guarded(sim)
    def store() -> Response:
        # Everything is replaced: a body without headers removes the earlier ones. Nothing is called.
        url, headers = checked_destination(sim, json_body())
        sim.set_webhook(url, headers)
        return json_answer(sim.destination_json(sim.destination))

    @routes.get("/waba_webhook")
    @guarded(sim, "v2")
    def show_waba() -> Response:
        return json_answer(sim.destination_json(sim.waba_destination))

    @routes.post("/waba_webhook")
    @guarded(sim, "v2")
    def store_waba() -> Response:
        body = json_body()
        url, headers = checked_destination(sim, body)
        sim.set_waba_webhook(url, headers, override_all=bool(body.get("override_all", False)))
        return json_answer(sim.destination_json(sim.waba_destination))


def _further_destinations(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.get("/multi_webhook")
    @guarded(sim, "v2")
    def show_further() -> Response:
        entries = [{"name": n, **sim.destination_json(d)} for n, d in sim.further.items()]
        return json_answer({"webhooks": entries})

    @routes.route("/multi_webhook", methods=["POST", "PUT", "PATCH"])
    @guarded(sim, "v2")
    def store_further() -> Response:
        body = json_body()
        name = str(body.get("name", ""))
        if not name or (name not in sim.further and len(sim.further) >= 3):
            raise GatewayRefusal(400, "A name is needed, and at most 3 destinations", "string")
        url, headers = checked_destination(sim, body)
        sim.add_destination(name, url, headers)
        return json_answer({"name": name, "url": url, "headers": headers})

    @routes.delete("/multi_webhook")
    @guarded(sim, "v2")
    def remove_further() -> Response:
        with sim.lock:
            gone = sim.further.pop(request.args.get("name", ""), None)
        if gone is None:
            raise GatewayRefusal(404, "There is no such destination", "string")
        return json_answer({"success": True})


def _template_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.get("/v1/configs/templates")
    @guarded(sim)
    def listing() -> Response:
        limit, offset = _whole("limit", 1000), _whole("offset", 0)
        with sim.lock:
            everything = sim.templates.of(sim.number_of().waba_id)
        chosen = everything[offset : offset + limit]
        shown = [
            {
                "category": t.category,
                "components": t.components,
                "language": t.language,
                "name": t.name,
                "namespace": NAMESPACE,
                "rejected_reason": t.rejected_reason or "NONE",
                "status": t.status.lower(),
            }
            for t in chosen
        ]
        body: JSON = {"count": len(shown), "filters": {}, "limit": limit, "offset": offset}
        body.update({"sort": ["id"], "total": len(everything), "waba_templates": shown})
        return json_answer(body)

    @routes.post("/v1/configs/templates")
    @guarded(sim)
    def create() -> Response:
        try:
            with sim.lock:
                template = sim.templates.create(sim.number_of().waba_id, json_body())
        except GraphError as error:
            raise nested_error(sim, error) from error
        answer = {"id": template.id, "name": template.name, "status": template.status.lower()}
        return json_answer({**answer, "namespace": NAMESPACE}, 201)

    @routes.delete("/v1/configs/templates/<name>")
    @guarded(sim)
    def delete(name: str) -> Response:
        with sim.lock:
            gone = sim.templates.delete(sim.number_of().waba_id, name=name)
        if not gone:
            raise StackError(1006, 404, "Resource not found", "unknown template")
        return json_answer({"meta": {"success": True, "http_code": 200}})


def _whole(name: str, default: int) -> int:
    raw = request.args.get(name, str(default))
    if not raw.isdigit():
        raise GraphError(131009, f"{name} must be a number")
    return int(raw)
