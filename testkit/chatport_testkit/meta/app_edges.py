"""The app as a Graph object: its own webhook subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cloud_shapes.catalogue import GraphError
from .nodes import Call, required

if TYPE_CHECKING:
    from .simulator import GraphSimulator

JSON = dict[str, Any]


def show(sim: GraphSimulator, app_id: str, call: Call) -> JSON:
    return {"link": _link(app_id), "name": sim.app_name, "id": app_id}


def _link(app_id: str) -> str:
    return f"https://www.facebook.com/games/?app_id={app_id}"


def subscribe(sim: GraphSimulator, app_id: str, call: Call) -> JSON:
    """Set the app's own callback address; Meta verifies it at once."""
    if required(call.body, "object") != "whatsapp_business_account":
        raise GraphError(100, message="Param object must be whatsapp_business_account")
    url = str(required(call.body, "callback_url"))
    callback = sim.checked_callback(url, str(required(call.body, "verify_token")))
    with sim.lock:
        sim.app_callback = callback
    return {"success": True}


def show_subscriptions(sim: GraphSimulator, app_id: str, call: Call) -> JSON:
    callback = sim.app_callback
    if callback is None:
        return {"data": []}
    entry = {
        "object": "whatsapp_business_account",
        "callback_url": callback.url,
        "active": True,
        "fields": [{"name": "messages", "version": "v26.0"}],
    }
    return {"data": [entry]}


def unsubscribe(sim: GraphSimulator, app_id: str, call: Call) -> JSON:
    with sim.lock:
        sim.app_callback = None
    return {"success": True}


HANDLERS = {
    ("GET", ""): (show, ""),
    ("GET", "subscriptions"): (show_subscriptions, ""),
    ("POST", "subscriptions"): (subscribe, ""),
    ("DELETE", "subscriptions"): (unsubscribe, ""),
}
