"""What routes share: the device of the request and the short forms of the envelope."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from ..answers import success
from ..service import Service
from ..state import Device

# First release that has a route, by its rule; what is not listed is older than every simulated release.
SINCE = {
    "/app/info": "v9.0.0",
    "/app/status": "v7.1.0",
    "/app/passkey": "v8.10.0",
    "/health": "v8.4.0",
    "/send/presence": "v5.0.0",
    "/send/chat-presence": "v7.1.0",
    "/send/sticker": "v7.7.0",
    "/message/<message_id>/forward": "v8.11.0",
    "/message/<message_id>/download": "v7.5.1",
    "/user/check": "v6.0.3",
    "/user/my/contacts": "v5.3.0",
    "/user/business-profile": "v7.1.0",
    "/group/info": "v7.2.0",
    "/group/participants/export": "v7.6.0",
    "/group/invite-link": "v7.5.0",
    "/chats": "v7.2.0",
    "/chat/<path:chat_jid>/messages": "v7.2.0",
    "/chat/<path:chat_jid>/<any(pin, archive, disappearing):change>": "v7.2.0",
    "/call/reject": "v8.9.0",
    "/newsletter/messages": "v8.10.0",
    "/devices/<device_id>/webhook": "v8.10.0",
}
DEVICES_SINCE = "v8.0.0"


def since_rule(rule: str) -> str:
    """The first release with this rule."""
    if rule in SINCE:
        return SINCE[rule]
    return DEVICES_SINCE if rule.startswith("/devices") else "v4.22.0"


def device() -> Device:
    """The device that the request is about; chosen before the route runs."""
    chosen: Device = g.device
    return chosen


def answer(service: Service, message: str, *results: Any) -> Response:
    """200 with the envelope; leave ``results`` out to leave the key out."""
    return success(service.config.version, message, *results)


def about_device(service: Service, chosen: Device, **more: Any) -> dict[str, Any]:
    """Results with the slot id, where the release names it."""
    return ({"device_id": chosen.id} if service.since("v8.0.0") else {}) | more
