"""Edges of a business account: numbers, templates, subscribed apps; and a template as an object."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import request

from ..cloud_shapes.accounts import Waba
from ..cloud_shapes.answers import page_size, template_listing
from ..cloud_shapes.catalogue import GraphError
from ..cloud_shapes.templates import Template
from .nodes import MANAGEMENT, Call, required, selected
from .number_edges import node as number_node

if TYPE_CHECKING:
    from .simulator import GraphSimulator

JSON = dict[str, Any]

_NUMBER_FIELDS = [
    "verified_name", "code_verification_status", "display_phone_number", "quality_rating", "platform_type",
    "throughput",
]  # fmt: skip


def show(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    numbers = [n for n in sim.numbers.values() if n.waba_id == waba.id]
    health = numbers[0].health() if numbers else {"can_send_message": "BLOCKED", "entities": []}
    full = {
        "id": waba.id,
        "name": waba.name,
        "timezone_id": "1",
        "message_template_namespace": "0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9",
        "account_review_status": "APPROVED",
        "currency": "EUR",
        "health_status": health,
    }
    return selected(full, call.fields, ["name", "timezone_id", "message_template_namespace"])


def list_numbers(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    numbers = [n for n in sim.numbers.values() if n.waba_id == waba.id]
    limit = page_size(call.query.get("limit"))
    start = _position(call.query.get("after"))
    chosen = numbers[start : start + limit]
    if not chosen:
        return {"data": []}
    data = [selected(number_node(sim, n), call.fields, _NUMBER_FIELDS) for n in chosen]
    end = start + len(chosen)
    cursors = {"before": _cursor(start), "after": _cursor(end)}
    paging: JSON = {"cursors": cursors}
    if end < len(numbers):
        paging["next"] = _neighbour(sim, call, "after", cursors["after"])
    return {"data": data, "paging": paging}


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"n{position}".encode()).decode()


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("n"))
    except (ValueError, binascii.Error) as error:
        raise GraphError(131059, "The cursor is not one of this listing.") from error


def _neighbour(sim: GraphSimulator, call: Call, key: str, cursor: str) -> str:
    """Address of a neighbouring page. Like the real one it repeats a token that was in the query."""
    kept = {k: v for k, v in call.query.items() if k not in {"after", "before"}}
    return f"{sim.url}{request.path}?{urlencode({**kept, key: cursor})}"


def list_templates(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    with sim.lock:
        page = sim.templates.page(
            waba.id,
            limit=page_size(call.query.get("limit")),
            after=call.query.get("after", ""),
            before=call.query.get("before", ""),
            filters=call.query,
        )
    return template_listing(page, call.fields, lambda key, at: _neighbour(sim, call, key, at))


def create_template(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    body = dict(call.body)
    if isinstance(body.get("components"), str):
        body["components"] = json.loads(body["components"])
    with sim.lock:
        template = sim.templates.create(waba.id, body)
    return {"id": template.id, "status": template.status, "category": template.category}


def delete_template(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    """By name (all languages), by ``hsm_id`` (one), or by ``hsm_ids``."""
    name = str(call.body.get("name", ""))
    ids = [str(call.body["hsm_id"])] if call.body.get("hsm_id") else []
    if call.body.get("hsm_ids"):
        raw = call.body["hsm_ids"]
        ids = [str(i) for i in (json.loads(raw) if isinstance(raw, str) else raw)]
    if not name and not ids:
        required(call.body, "name")
    with sim.lock:
        gone = sim.templates.delete(waba.id, name=name, ids=ids)
    if not gone:
        raise GraphError(
            100,
            subcode=2593002,
            message="Invalid parameter",
            user_title="Message Template Not Found",
        )
    return {"success": True}


def show_template(sim: GraphSimulator, template: Template, call: Call) -> JSON:
    return template.node(call.fields)


def edit_template(sim: GraphSimulator, template: Template, call: Call) -> JSON:
    with sim.lock:
        sim.templates.edit(template, call.body)
    return {"success": True}


def list_subscribed(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    if not waba.subscribed:
        return {"data": []}
    data: JSON = {
        "whatsapp_business_api_data": {
            "link": f"https://www.facebook.com/games/?app_id={sim.app_id}",
            "name": sim.app_name,
            "id": sim.app_id,
        }
    }
    if waba.callback is not None:
        data["override_callback_uri"] = waba.callback.url
    return {"data": [data]}


def subscribe(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    """Subscribe the app; without an address in the body an earlier override is cleared."""
    url = str(call.body.get("override_callback_uri", ""))
    callback = None
    if url:
        callback = sim.checked_callback(url, str(required(call.body, "verify_token")))
    with sim.lock:
        waba.subscribed, waba.callback = True, callback
    return {"success": True}


def unsubscribe(sim: GraphSimulator, waba: Waba, call: Call) -> JSON:
    with sim.lock:
        waba.subscribed, waba.callback = False, None
    return {"success": True}


HANDLERS = {
    ("GET", ""): (show, MANAGEMENT),
    ("GET", "phone_numbers"): (list_numbers, MANAGEMENT),
    ("GET", "message_templates"): (list_templates, MANAGEMENT),
    ("POST", "message_templates"): (create_template, MANAGEMENT),
    ("DELETE", "message_templates"): (delete_template, MANAGEMENT),
    ("GET", "subscribed_apps"): (list_subscribed, MANAGEMENT),
    ("POST", "subscribed_apps"): (subscribe, MANAGEMENT),
    ("DELETE", "subscribed_apps"): (unsubscribe, MANAGEMENT),
}
TEMPLATE_HANDLERS = {
    ("GET", ""): (show_template, MANAGEMENT),
    ("POST", ""): (edit_template, MANAGEMENT),
}
