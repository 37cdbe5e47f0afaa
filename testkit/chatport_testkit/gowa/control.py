"""The control interface below ``/_sim``: orders in JSON for programs that are not written in Python.

No authentication: the simulator listens on the loopback interface only. Owns reading the orders; what they do
is in the people's and groups' classes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from .customer import Customer
from .faults import REST_MODES, WEBHOOK_MODES
from .group_chat import Group
from .jids import person
from .kinds import Sender
from .overview import deliveries_shown, overview, sent_shown
from .own_phone import OwnPhone
from .service import Service
from .state import Device
from .writing import NoSession

Order = dict[str, Any]


class BadOrder(ValueError):
    """The order cannot be understood or carried out; becomes a 400."""


def control_routes(service: Service) -> Blueprint:
    blueprint = Blueprint("control", __name__, url_prefix="/_sim")

    @blueprint.errorhandler(BadOrder)
    def bad_order(error: BadOrder) -> tuple[Response, int]:
        return jsonify(error=str(error)), 400

    @blueprint.errorhandler(NoSession)
    def no_session(error: NoSession) -> tuple[Response, int]:
        return jsonify(error=str(error)), 409

    _add_people(blueprint, service)
    _add_groups(blueprint, service)
    _add_devices(blueprint, service)
    _add_faults(blueprint, service)

    @blueprint.get("/state")
    def state() -> Response:
        return jsonify(overview(service))

    @blueprint.get("/sent")
    def sent() -> Response:
        return jsonify(sent_shown(service))

    @blueprint.get("/deliveries")
    def deliveries() -> Response:
        return jsonify(deliveries_shown(service))

    @blueprint.get("/media/<source_id>")
    def media(source_id: str) -> Response:
        stored = service.state.message(source_id)
        if stored is None or not stored.media_type:
            return Response(status=404)
        response = Response(
            stored.data, content_type=stored.content_type or "application/octet-stream"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "max-age=3600"
        if not (stored.content_type or "").startswith(("image/", "audio/", "video/")):
            response.headers["Content-Disposition"] = "attachment"
        return response

    return blueprint


def _add_people(blueprint: Blueprint, service: Service) -> None:
    @blueprint.post("/customers/<phone>/<kind>")
    def customer(phone: str, kind: str) -> Response:
        order = _order()
        who = service.state.person(person(phone))
        who.name = _text(order, "name") or who.name
        return _done(_act(Customer(service, who, order.pop("device", None)), kind, order))

    @blueprint.post("/customers/<phone>")
    def introduce(phone: str) -> Response:
        order = _order()
        who = service.state.person(person(phone))
        who.name = _text(order, "name") or who.name
        return jsonify(jid=who.jid, name=who.name)

    @blueprint.post("/own-phone/<kind>")
    def own_phone(kind: str) -> Response:
        order = _order()
        to = (
            _required(order, "to")
            if kind not in {"react", "edit", "revoke", "read", "delete"}
            else ""
        )
        phone = OwnPhone(service, order.pop("device", None))
        if kind == "text":
            return _done(phone.text(to, _required(order, "text")))
        if kind in {"read", "delete"}:
            source_id = _required(order, "source_id")
            if kind == "read":
                phone.read(source_id)
            else:
                phone.delete_for_me(source_id)
            return _done(None)
        return _done(_write(phone, kind, order, {"to": to} if to else {}))


def _add_groups(blueprint: Blueprint, service: Service) -> None:
    @blueprint.post("/groups")
    def group() -> Response:
        order = _order()
        members = [service.state.person(person(phone)) for phone in order.get("members", [])]
        made = service.new_group(_required(order, "name"), members, us=order.get("us", True))
        return jsonify(jid=made.jid)

    @blueprint.post("/groups/<jid>/<change>")
    def change_group(jid: str, change: str) -> Response:
        known = service.state.groups.get(jid)
        if known is None:
            raise BadOrder(f"There is no group {jid}.")
        chat, order = Group(service, known), _order()
        if change in {"add_us", "remove_us"}:
            getattr(chat, change)()
        elif change in {"join", "leave", "promote", "demote"}:
            phones = order.get("phones", [])
            getattr(chat, change)(
                *(Customer(service, service.state.person(person(phone))) for phone in phones)
            )
        else:
            raise BadOrder(f"A group cannot {change!r}.")
        return _done(None)


def _add_devices(blueprint: Blueprint, service: Service) -> None:
    @blueprint.post("/scan_qr")
    def scan_qr() -> Response:
        order = _order()
        wanted = order.get("device")
        waiting = [
            one
            for one in service.state.devices.values()
            if one.state == "connected" and wanted in {None, one.id}
        ]
        if not waiting:
            raise BadOrder("No device waits to be paired; ask for a QR code first.")
        service.log_in(waiting[-1], order.get("phone"))
        return jsonify(device=waiting[-1].id, jid=waiting[-1].jid)

    changes: dict[str, Callable[[Device], None]] = {
        "logout": service.log_out,
        "disconnect": service.disconnect,
        "reconnect": service.reconnect,
    }

    @blueprint.post("/<any(logout, disconnect, reconnect):change>")
    def change_session(change: str) -> Response:
        found = service.state.active_device(_order().get("device"))
        if found is None:
            raise BadOrder("There is no such device, or no device has an account.")
        changes[change](found)
        return _done(None)

    @blueprint.post("/settings")
    def settings() -> Response:
        order, config = _order(), service.config
        if "webhook_url" in order:
            config.webhook_urls = order["webhook_url"] or ""
        config.webhook_secret = order.get("webhook_secret", config.webhook_secret)
        tick = order.get("tick", config.tick)
        if tick not in {"auto", "manual"}:
            raise BadOrder("tick must be auto or manual.")
        config.tick = tick
        with service.state.lock:
            service.state.unknown_numbers |= set(order.get("unknown_numbers", ()))
            service.state.lookup_fails = bool(order.get("lookup_fails", service.state.lookup_fails))
            service.state.lookup_hangs = bool(order.get("lookup_hangs", service.state.lookup_hangs))
        return _done(None)


def _add_faults(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/faults")
    def list_faults() -> Response:
        active = [
            {"path": one.path, "mode": one.mode, "count": one.count} | one.options
            for one in service.faults.active()
        ]
        return jsonify(active=active, modes=REST_MODES, webhook_modes=WEBHOOK_MODES)

    @blueprint.post("/faults")
    def set_fault() -> Response:
        order = _order()
        path, mode = _required(order, "path"), _required(order, "mode")
        options = {name: order[name] for name in order if name not in {"path", "mode", "count"}}
        try:
            service.faults.set(path, mode, order.get("count", 1), **options)
        except ValueError as error:
            raise BadOrder(str(error)) from error
        return _done(None)

    @blueprint.delete("/faults")
    def clear_faults() -> Response:
        service.faults.clear(request.args.get("path"))
        return _done(None)


def _act(customer: Customer, kind: str, order: Order) -> str | None:
    to = {"to": order["group"]} if order.get("group") else {}
    match kind:
        case "text":
            reply_to = order.get("reply_to") or ""
            return customer.write(_required(order, "text"), reply_to=reply_to, **to)
        case "delivered" | "read":
            ids = order.get("source_ids") or [_required(order, "source_id")]
            getattr(customer, kind)(*ids)
            return None
        case "typing":
            customer.typing(group=order.get("group"))
            return None
        case "call":
            return customer.call()
        case _:
            return _write(customer, kind, order, to)


def _write(writer: Sender, kind: str, order: Order, to: Order) -> str:
    """The kinds that a customer and our own phone share."""
    match kind:
        case "image" | "video":
            method = writer.image if kind == "image" else writer.video
            return method(_data(order), _text(order, "caption"), **_file_name(kind, order), **to)
        case "document":
            name = _text(order, "filename") or "document.pdf"
            return writer.document(name, _data(order), _text(order, "caption"), **to)
        case "voice":
            return writer.voice(_data(order), **to)
        case "sticker":
            return writer.sticker(_data(order), **to)
        case "location":
            place = _text(order, "name_of_place")
            return writer.location(float(order["latitude"]), float(order["longitude"]), place, **to)
        case "contact":
            return writer.contact(
                _required(order, "contact_name"), _required(order, "contact_phone"), **to
            )
        case "poll":
            return writer.poll(**to)
        case "react":
            return writer.react(_required(order, "source_id"), _text(order, "emoji"))
        case "edit":
            return writer.edit(_required(order, "source_id"), _required(order, "text"))
        case "revoke":
            return writer.revoke(_required(order, "source_id"))
    raise BadOrder(f"Nobody can send {kind!r}.")


def _file_name(kind: str, order: Order) -> Order:
    name = _text(order, "filename")
    return {"filename": name} if name and kind == "image" else {}


def _order() -> Order:
    """The JSON object of the request; nothing is an empty one."""
    if not request.get_data():
        return {}
    order = request.get_json(silent=True, force=True)
    if not isinstance(order, dict):
        raise BadOrder("The order must be a JSON object.")
    return order


def _text(order: Order, name: str) -> str:
    value = order.get(name) or ""
    if not isinstance(value, str):
        raise BadOrder(f"{name} must be a text.")
    return value


def _required(order: Order, name: str) -> str:
    value = _text(order, name)
    if not value:
        raise BadOrder(f"{name} is missing.")
    return value


def _data(order: Order) -> bytes | None:
    """The file in ``data`` (base64), or None for the sample."""
    text = _text(order, "data")
    try:
        return base64.b64decode(text, validate=True) if text else None
    except binascii.Error as error:
        raise BadOrder("data must be base64.") from error


def _done(source_id: str | None) -> Response:
    return jsonify({} if source_id is None else {"source_id": source_id})
