"""Runs every API request through the fault board, and keeps the list of requests. Shared by both HTTP APIs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request

from .catalogue import GraphError
from .faults import Fault
from .records import RequestRecord
from .serving import cut_connection
from .wire import answer_json

if TYPE_CHECKING:
    from .simulation import Simulation

ErrorAnswer = Callable[[GraphError], Response]

_BAD_GATEWAY = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>502 Bad Gateway</h1></body></html>"
)


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer as Graph writes it."""
    response = Response(answer_json(value), status=status)
    response.headers["Content-Type"] = "application/json; charset=UTF-8"
    for name, text in (headers or {}).items():
        response.headers[name] = text
    return response


class Gate:
    """Applies faults before and after a request, and records it."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        error_answer: ErrorAnswer,
        gateway_answer: Callable[[Fault], Response] | None = None,
    ) -> None:
        self._sim = simulation
        self._error_answer = error_answer
        self._gateway_answer = gateway_answer
        self.closing = threading.Event()

    def install(self, app: Flask, path_of: Callable[[], str]) -> None:
        """Guard every route of ``app`` but the control interface. ``path_of`` gives the path to compare."""

        @app.before_request
        def before() -> Response | None:
            g.fault = None
            if request.path.startswith("/_sim"):
                return None
            fault = self._sim.faults.take(path_of())
            g.fault = fault
            return self._before(fault) if fault else None

        @app.after_request
        def after(response: Response) -> Response:
            if request.path.startswith("/_sim"):
                return response
            fault: Fault | None = g.get("fault")
            if fault is not None:
                response = self._after(fault, response)
            self._record(response)
            return response

    def _before(self, fault: Fault) -> Response | None:
        match fault.mode:
            case "down":
                return cut_connection()
            case "hang":
                self.closing.wait(fault.number("seconds", 30.0))
                return cut_connection()
            case "slow":
                time.sleep(fault.number("seconds", 1.0))
            case "status":
                return _plain(fault)
            case "html":
                return Response(_BAD_GATEWAY, status=502, content_type="text/html")
            case "graph_error":
                return self._error_answer(_error_of(fault))
            case "expired_token":
                message = "Error validating access token: Session has expired"
                return self._error_answer(GraphError(190, subcode=463, message=message))
            case "rate_limited":
                default = 130429 if request.path.rstrip("/").endswith("messages") else 80007
                code = int(fault.number("code", default))
                status = fault.options.get("http_status", self._sim.throttle_status)
                return self._error_answer(GraphError(code, http_status=int(status)))
            case "gateway_error" if self._gateway_answer is not None:
                return self._gateway_answer(fault)
        return None

    def _after(self, fault: Fault, response: Response) -> Response:
        match fault.mode:
            case "cut_after_accept":
                return cut_connection()
            case "ok_error_body":
                error = GraphError(int(fault.number("code", 131000)))
                return json_answer(error.body(self._sim.ids.trace()))
            case "ok_without_messages":
                body = json.loads(response.get_data())
                body.pop("messages", None)
                return json_answer(body, response.status_code)
        return response

    def _record(self, response: Response) -> None:
        record = RequestRecord(
            request.method,
            request.path,
            response.status_code,
            self._sim.clock.now(),
            {k: v for k, v in request.args.items() if k not in {"access_token", "input_token"}},
            "Authorization" in request.headers or "D360-API-KEY" in request.headers,
        )
        with self._sim.lock:
            self._sim.requests.append(record)


def _plain(fault: Fault) -> Response:
    status = int(fault.number("code", 500))
    body = fault.options.get("body", "")
    headers = {str(k): str(v) for k, v in fault.options.get("headers", {}).items()}
    if isinstance(body, dict | list):
        return json_answer(body, status, headers)
    return Response(str(body), status=status, content_type="text/plain", headers=headers)


def _error_of(fault: Fault) -> GraphError:
    options = fault.options
    subcode, status = options.get("subcode"), options.get("http_status")
    return GraphError(
        int(options.get("code", 1)),
        str(options.get("details", "")),
        subcode=int(subcode) if subcode is not None else None,
        http_status=int(status) if status is not None else None,
        message=str(options.get("message", "")),
    )
