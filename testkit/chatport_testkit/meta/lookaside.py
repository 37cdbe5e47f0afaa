"""Media downloads as ``lookaside.fbsbx.com`` serves them, and the stranger that a redirect leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from ..cloud_shapes.catalogue import GraphError
from ..cloud_shapes.faults import Fault
from ..cloud_shapes.gate import Gate, json_answer
from ..cloud_shapes.records import RequestRecord

if TYPE_CHECKING:
    from .simulator import GraphSimulator


def build_lookaside(sim: GraphSimulator) -> Flask:
    """The media host as an application of its own."""
    app = Flask("simulated_lookaside")
    gate = Gate(sim, error_answer=lambda error: graph_answer(sim, error))
    gate.install(app, lambda: request.path)
    app.register_blueprint(media_blueprint(sim))
    return app


def graph_answer(sim: GraphSimulator, error: GraphError) -> Response:
    """An error in Graph's form."""
    return json_answer(error.body(sim.ids.trace()), error.http_status)


def media_blueprint(sim: GraphSimulator) -> Blueprint:
    routes = Blueprint("simulated_media", __name__)

    @routes.get("/whatsapp_business/attachments/")
    def download() -> BaseResponse:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or value not in sim.tokens or not sim.tokens[value].valid:
            return Response("", status=401)
        agent = request.headers.get("User-Agent", "")
        if sim.refuse_default_user_agent and (not agent or agent.startswith("python-requests/")):
            return Response("", status=403)
        with sim.lock:
            medium = sim.media.at_address(
                request.args.get("mid", ""), request.args.get("hash", ""), sim.clock.now()
            )
        if medium is None:
            return Response("", status=404)
        fault: Fault | None = g.get("fault")
        mode = fault.mode if fault else ""
        data = medium.data
        if mode == "redirect":
            return redirect(f"{sim.other_host_url}/elsewhere/{medium.id}", code=302)
        if mode == "wrong_sha256":
            data = data[:-1] + bytes([data[-1] ^ 1]) if data else b"x"
        elif mode == "oversize" and fault is not None:
            data = data.ljust(int(fault.number("size", 30 * 1024 * 1024)), b"\0")
        elif mode == "truncated":
            data = data[: len(data) // 2]
        return Response(data, content_type=medium.mime)

    @routes.get("/elsewhere/<media_id>")
    def elsewhere(media_id: str) -> Response:
        authorized = "Authorization" in request.headers
        sim.elsewhere.append(
            RequestRecord("GET", request.path, 200, sim.clock.now(), {}, authorized)
        )
        medium = sim.media.get(media_id, sim.clock.now())
        if medium is None:
            return Response("", status=404)
        return Response(medium.data, content_type=medium.mime)

    return routes
