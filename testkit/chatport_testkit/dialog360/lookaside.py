"""A listener in the place of Meta's media host, where no request with a 360dialog key may ever arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, request

from ..cloud_shapes.records import RequestRecord

if TYPE_CHECKING:
    from .simulator import Dialog360Simulator


def build_lookaside(sim: Dialog360Simulator) -> Flask:
    """Answers everything with 401, as Meta does without a token of its own, and records it."""
    app = Flask("simulated_media_host")

    @app.route("/", defaults={"path": ""})
    @app.route("/<path:path>")
    def refuse(path: str) -> Response:
        keyed = "D360-API-KEY" in request.headers
        record = RequestRecord("GET", request.path, 401, sim.clock.now(), {}, keyed)
        with sim.lock:
            sim.elsewhere.append(record)
        return Response("", status=401)

    return app
