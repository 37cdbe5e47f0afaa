"""``/app/*``: pairing, connection state, and what the service says about itself."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, request

from ..answers import Failed, Invalid, Refused, SessionDown, text
from ..jids import PERSON
from ..service import QR_SECONDS, Service
from ..state import Device
from ..wire import Struct
from .context import about_device, answer, device


def routes(service: Service) -> Blueprint:
    blueprint = Blueprint("app", __name__)

    _add_pairing(blueprint, service)
    _add_status(blueprint, service)

    @blueprint.get("/")
    def root() -> Response:
        if not service.since("v9.0.0"):
            return Response("<!doctype html><title>WhatsApp API</title>", content_type="text/html")
        return answer(service, f"gowa {service.config.version} — UI disabled")

    @blueprint.get("/app/info")
    def info() -> Response:
        config = service.config
        results = {
            "base_path": config.base_path,
            "chatwoot_enabled": False,
            "max_file_size": config.max_file,
            "max_image_size": config.max_image,
            "max_video_size": config.max_video,
            "os": "Chrome",
            "version": str(config.version),
        }
        return answer(service, "Fetch app info success", results)

    return blueprint


def _add_pairing(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/app/login")
    def login() -> Response:
        return answer(service, "Login success", login_results(service, device()))

    @blueprint.get("/app/login-with-code")
    def login_with_code() -> Response:
        return answer(service, "Login with code success", code_results(service, device()))

    @blueprint.get("/app/passkey")
    def passkey() -> Response:
        return answer(
            service, "Passkey pairing status", {"device_id": device().id, "status": "none"}
        )

    @blueprint.get("/app/logout")
    def logout() -> Response:
        chosen = device()
        log_out(service, chosen)
        return answer(service, "Success logout", *_results_of(service, chosen))

    @blueprint.get("/app/reconnect")
    def reconnect() -> Response:
        chosen = device()
        reconnect_device(service, chosen)
        return answer(service, "Reconnect success", *_results_of(service, chosen))


def _add_status(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/app/devices")
    def devices() -> Response:
        return answer(service, "Fetch device success", _device_rows(service) or None)

    @blueprint.get("/app/status")
    def status() -> Response:
        chosen = device()
        results: dict[str, Any] = {
            "device_id": chosen.id,
            "is_connected": chosen.is_connected,
            "is_logged_in": chosen.is_logged_in,
        }
        if not service.since("v8.0.0"):
            results["device_id"] = (
                f"{chosen.phone}:{chosen.companion}{PERSON}" if chosen.phone else ""
            )
        if service.since("v8.8.0"):
            results["jid"] = chosen.jid
        return answer(service, "Connection status retrieved", results)

    @blueprint.get("/ws")
    def web_socket() -> Response:
        return text(426, "Upgrade Required")


def login_results(service: Service, chosen: Device) -> dict[str, Any]:
    """Begin pairing by QR code."""
    if chosen.is_logged_in:
        raise Refused(400, "ALREADY_LOGGED_IN", "you are already logged in.")
    path = service.start_qr(chosen)
    host = request.host if service.since("v9.0.1") else request.host.partition(":")[0]
    link = f"{request.scheme}://{host}{service.config.base_path}/{path}"
    first = chosen.login_number == 1
    return about_device(service, chosen, qr_duration=QR_SECONDS if first else 10, qr_link=link)


def code_results(service: Service, chosen: Device) -> dict[str, Any]:
    """Begin pairing by code; the phone comes in the query."""
    phone = request.args.get("phone", "")
    if not phone:
        raise Invalid("phone_number(): cannot be blank")
    if not re.fullmatch(r"\+?\d{1,15}", phone):
        raise Invalid(f"phone_number({phone}): must be in a valid format")
    if chosen.is_logged_in:
        raise Refused(400, "ALREADY_LOGGED_IN", "you are already logged in.")
    return about_device(service, chosen, pair_code=service.start_code(chosen, phone))


def log_out(service: Service, chosen: Device) -> None:
    """End the session; releases before v8.10 forget the slot as well."""
    service.log_out(chosen)
    if service.since("v8.0.0") and not service.since("v8.10.0"):
        with service.state.lock:
            service.state.devices.pop(chosen.id, None)


def reconnect_device(service: Service, chosen: Device) -> None:
    if not chosen.phone:
        if service.since("v8.0.0"):
            raise Failed(f"device {chosen.id} is not logged in (session deleted)")
        raise SessionDown("you are not logged in")
    service.reconnect(chosen)


def _results_of(service: Service, chosen: Device) -> tuple[dict[str, Any], ...]:
    return ({"device_id": chosen.id},) if service.since("v8.0.0") else ()


def _device_rows(service: Service) -> list[Struct]:
    with service.state.lock:
        known = [one for one in service.state.devices.values() if one.phone]
        if not service.since("v8.0.0"):
            return [
                Struct(name=one.name, device=f"{one.phone}:{one.companion}{PERSON}")
                for one in known
            ]
        rows = [Struct(name=one.name, device=one.id) for one in known]
        if service.since("v8.8.0"):
            for row, one in zip(rows, known, strict=True):
                row["jid"] = one.jid
        return rows
