"""``/devices*`` (v8.0.0+): the slots of the service and the webhook of each."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, request

from ..answers import Failed, Refused
from ..binding import Form, bind
from ..service import Service
from ..state import Device, WebhookConfig
from ..times import stamp
from ..wire import Struct
from .app import code_results, log_out, login_results, reconnect_device
from .context import answer

_WEBHOOK_FIELDS = {
    "webhook_url": "text?",
    "webhook_secret": "text?",
    "webhook_events": "text?",
    "webhook_insecure_skip_verify": "bool?",
}


def routes(service: Service) -> Blueprint:
    blueprint = Blueprint("devices", __name__)

    _add_sessions(blueprint, service)
    _add_webhook(blueprint, service)

    @blueprint.get("/devices")
    def list_devices() -> Response:
        with service.state.lock:
            rows = [_shown(one) for one in service.state.devices.values()]
        return answer(service, "List devices", rows or None)

    @blueprint.post("/devices")
    def add_device() -> Response:
        form = _bind(service, {"device_id": "text", **_WEBHOOK_FIELDS})
        name = form["device_id"] or str(uuid.uuid4())
        with service.state.lock:
            if name in service.state.devices:
                raise Failed(f"device {name} already exists")
            made = service.add_device(name)
            results: dict[str, Any] = {
                "created_at": stamp(made.created_at),
                "display_name": made.name,
                "id": made.id,
                "jid": made.jid,
                "state": made.state,
            }
            if service.since("v8.10.0") and any(
                form[field] is not None for field in _WEBHOOK_FIELDS
            ):
                made.webhook = _webhook(form)
                results |= _webhook_shown(made.webhook)
        return answer(service, "Device added", results)

    @blueprint.get("/devices/<device_id>")
    def get_device(device_id: str) -> Response:
        return answer(service, "Device info", _shown(_find(service, device_id)))

    @blueprint.delete("/devices/<device_id>")
    def delete_device(device_id: str) -> Response:
        with service.state.lock:
            service.state.devices.pop(device_id, None)
        return answer(service, "Device removed")

    return blueprint


def _add_sessions(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/devices/<device_id>/login")
    def login(device_id: str) -> Response:
        return answer(service, "Login success", login_results(service, _find(service, device_id)))

    @blueprint.post("/devices/<device_id>/login/code")
    def login_code(device_id: str) -> Response:
        results = code_results(service, _find(service, device_id))
        return answer(service, "Login with code started", results)

    @blueprint.post("/devices/<device_id>/logout")
    def logout(device_id: str) -> Response:
        log_out(service, _find(service, device_id))
        return answer(service, "Logout requested")

    @blueprint.post("/devices/<device_id>/reconnect")
    def reconnect(device_id: str) -> Response:
        reconnect_device(service, _find(service, device_id))
        return answer(service, "Reconnect requested")

    @blueprint.get("/devices/<device_id>/status")
    def status(device_id: str) -> Response:
        found = _find(service, device_id)
        results = {
            "device_id": found.id,
            "is_connected": found.is_connected,
            "is_logged_in": found.is_logged_in,
        }
        return answer(service, "Device status", results)


def _add_webhook(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/devices/<device_id>/webhook")
    def get_webhook(device_id: str) -> Response:
        found = _find_for_webhook(service, device_id)
        results = {"device_id": found.id} | _webhook_shown(found.webhook)
        return answer(service, "Device webhook retrieved", results)

    @blueprint.patch("/devices/<device_id>/webhook")
    def set_webhook(device_id: str) -> Response:
        found = _find_for_webhook(service, device_id)
        form = _bind(service, _WEBHOOK_FIELDS)
        if form["webhook_url"] is None:
            raise Refused(400, "BAD_REQUEST", "webhook_url is required")
        with service.state.lock:
            found.webhook = _webhook(form)
        results = {"device_id": found.id} | _webhook_shown(found.webhook)
        return answer(service, "Device webhook updated", results)


def _bind(service: Service, fields: dict[str, str]) -> Form:
    """Here an unreadable body is 400, unlike everywhere else. An empty body is fine."""
    if not request.get_data():
        return Form({name: None if kind.endswith("?") else "" for name, kind in fields.items()}, {})
    try:
        return bind(request, "DeviceRequest", fields, service.config.version)
    except Failed as error:
        raise Refused(400, "BAD_REQUEST", "Invalid request body") from error


def _find(service: Service, device_id: str) -> Device:
    """The id is taken literally: only slot ids fit.

    Raises:
        Failed: 500 ``device … not found``.
    """
    with service.state.lock:
        found = service.state.devices.get(device_id)
    if found is None:
        raise Failed(f"device {device_id} not found")
    return found


def _find_for_webhook(service: Service, device_id: str) -> Device:
    with service.state.lock:
        found = service.state.devices.get(device_id)
    if found is None:
        raise Refused(404, "NOT_FOUND", "device not found")
    return found


def _shown(device: Device) -> Struct:
    shown = Struct(id=device.id)
    if device.name:
        shown["display_name"] = device.name
    shown["state"] = device.state
    if device.jid:
        shown["jid"] = device.jid
    shown["created_at"] = stamp(device.created_at)
    return shown


def _webhook(form: Form) -> WebhookConfig:
    return WebhookConfig(
        url=form["webhook_url"] or "",
        secret=form["webhook_secret"] or "",
        events=form["webhook_events"] or "",
        insecure=bool(form["webhook_insecure_skip_verify"]),
    )


def _webhook_shown(webhook: WebhookConfig) -> dict[str, Any]:
    return {
        "webhook_url": webhook.url,
        "webhook_secret": webhook.secret,
        "webhook_events": webhook.events,
        "webhook_insecure_skip_verify": webhook.insecure,
    }
