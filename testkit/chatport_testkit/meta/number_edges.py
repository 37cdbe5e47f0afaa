"""Edges of a phone number: messages, media, registration, profile, blocked users, the node itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import request

from ..cloud_shapes.accounts import Number
from ..cloud_shapes.answers import checked_upload, send_answer
from ..cloud_shapes.catalogue import GraphError
from ..cloud_shapes.numbers import digits_of
from ..cloud_shapes.validation import check_product
from .nodes import MANAGEMENT, MESSAGING, Call, required, selected

if TYPE_CHECKING:
    from .simulator import GraphSimulator

JSON = dict[str, Any]

_DEFAULT_FIELDS = [
    "verified_name", "code_verification_status", "display_phone_number", "quality_rating", "platform_type",
    "throughput",
]  # fmt: skip
_PROFILE_FIELDS = {
    "about", "address", "description", "email", "profile_picture_url", "websites", "vertical",
    "messaging_product", "profile_picture_handle",
}  # fmt: skip
_REGISTRATIONS = 10
_REGISTRATION_WINDOW = 72 * 3600


def send(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    """A message, or a read receipt when the body has a ``status``."""
    if "status" in call.body:
        sim.outbox.mark_read(number, call.body)
        return {"success": True}
    return send_answer(sim.outbox.accept(number, call.body))


def upload(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    """Multipart upload; the part's own content type counts."""
    check_product(call.body)
    part = request.files.get("file")
    mime, data = checked_upload(part)
    name = part.filename if part else None
    with sim.lock:
        medium = sim.media.add(number.id, mime, data, sim.clock.now(), filename=name)
    return {"id": medium.id}


def show(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    return selected(node(sim, number), call.fields, _DEFAULT_FIELDS)


def node(sim: GraphSimulator, number: Number) -> JSON:
    """All fields of a number."""
    return {
        "id": number.id,
        "verified_name": number.verified_name,
        "code_verification_status": number.code_verification_status,
        "display_phone_number": number.pretty,
        "quality_rating": number.quality_rating,
        "platform_type": number.platform_type if number.registered else "NOT_APPLICABLE",
        "throughput": {"level": number.throughput},
        "status": number.status if number.registered else "DISCONNECTED",
        "name_status": number.name_status,
        "is_pin_enabled": number.pin is not None,
        "account_mode": "LIVE",
        "health_status": number.health(),
        "webhook_configuration": _callbacks(sim, number),
    }


def _callbacks(sim: GraphSimulator, number: Number) -> JSON:
    found = {
        "phone_number": number.callback,
        "whatsapp_business_account": sim.wabas[number.waba_id].callback,
        "application": sim.app_callback,
    }
    return {name: callback.url for name, callback in found.items() if callback is not None}


def configure(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    """The number's own callback override; an empty address removes it."""
    given = call.body.get("webhook_configuration")
    if not isinstance(given, dict):
        raise GraphError(100, message="The parameter webhook_configuration is required.")
    url = str(given.get("override_callback_uri", ""))
    callback = None
    if url:
        callback = sim.checked_callback(url, str(required(given, "verify_token")))
    with sim.lock:
        number.callback = callback
    return {"success": True}


def register(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    check_product(call.body)
    pin = str(required(call.body, "pin"))
    if not re.fullmatch(r"\d{6}", pin):
        raise GraphError(100, message="Param pin must be 6 characters long.")
    now = sim.clock.now()
    with sim.lock:
        recent = [at for at in number.registrations if now - at < _REGISTRATION_WINDOW]
        if len(recent) >= _REGISTRATIONS:
            raise sim.throttle(133016, "Ten registrations in 72 hours")
        if number.pin_failures >= 5:
            raise GraphError(133008, "Wait before trying a PIN again")
        number.registrations = [*recent, now]
        if number.code_verification_status != "VERIFIED":
            raise GraphError(133006, "Verify the number with a code first")
        if number.pin is not None and number.pin != pin:
            number.pin_failures += 1
            raise GraphError(133005, "The PIN is not the one that was set")
        number.pin, number.pin_failures, number.registered = pin, 0, True
    return {"success": True}


def deregister(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    with sim.lock:
        number.registered = False
    return {"success": True}


def set_pin(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    """``POST /{pnid}`` with a pin sets the two-step PIN; with ``webhook_configuration`` the override."""
    if "pin" not in call.body:
        return configure(sim, number, call)
    pin = str(call.body["pin"])
    if not re.fullmatch(r"\d{6}", pin):
        raise GraphError(100, message="Param pin must be 6 characters long.")
    with sim.lock:
        number.pin = pin
    return {"success": True}


def show_profile(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    profile = {"messaging_product": "whatsapp", **number.profile}
    fields = call.fields or ["messaging_product"]
    shown = {k: v for k, v in profile.items() if k in fields or k == "messaging_product"}
    return {"data": [shown]}


def edit_profile(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    check_product(call.body)
    unknown = set(call.body) - _PROFILE_FIELDS
    if unknown:
        raise GraphError(100, message=f'Unexpected key "{sorted(unknown)[0]}"')
    if len(str(call.body.get("about", ""))) > 139:
        raise GraphError(100, message="Param about must be at most 139 characters long.")
    with sim.lock:
        given = {k: v for k, v in call.body.items() if k != "messaging_product"}
        number.profile.update(given)
    return {"success": True}


def show_blocked(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    users = [{"messaging_product": "whatsapp", "wa_id": wa_id} for wa_id in number.blocked]
    return {"data": users} if users else {"data": []}


def block(sim: GraphSimulator, number: Number, call: Call) -> JSON:
    """Block or unblock; only people who wrote within 24 hours can be blocked."""
    check_product(call.body)
    users = call.body.get("block_users")
    if not isinstance(users, list) or not users:
        raise GraphError(100, message="The parameter block_users is required.")
    done: list[JSON] = []
    failed: list[JSON] = []
    with sim.lock:
        for entry in users:
            given = str(entry.get("user", "")) if isinstance(entry, dict) else ""
            person = sim.person_at(given, "to") if digits_of(given).isdigit() else None
            shown = {"input": given, "wa_id": person.wa_id if person else given}
            if person is None or (call.method == "POST" and not sim.window_open(number, person)):
                reason = {"message": "Re-engagement required", "code": 131047}
                failed.append({**shown, "errors": [reason]})
                continue
            if call.method == "POST" and person.wa_id not in number.blocked:
                number.blocked.append(person.wa_id)
            elif call.method == "DELETE" and person.wa_id in number.blocked:
                number.blocked.remove(person.wa_id)
            done.append(shown)
    key = "added_users" if call.method == "POST" else "removed_users"
    result: JSON = {key: done}
    if failed:
        result["failed_users"] = failed
    return {"messaging_product": "whatsapp", "block_users": result}


HANDLERS = {
    ("GET", ""): (show, ""),
    ("POST", ""): (set_pin, MANAGEMENT),
    ("POST", "messages"): (send, MESSAGING),
    ("POST", "media"): (upload, MESSAGING),
    ("POST", "register"): (register, MANAGEMENT),
    ("POST", "deregister"): (deregister, MANAGEMENT),
    ("GET", "whatsapp_business_profile"): (show_profile, ""),
    ("POST", "whatsapp_business_profile"): (edit_profile, MESSAGING),
    ("GET", "block_users"): (show_blocked, MESSAGING),
    ("POST", "block_users"): (block, MESSAGING),
    ("DELETE", "block_users"): (block, MESSAGING),
}
