"""The provider against Chatport's conformance kit."""

from __future__ import annotations

import importlib.resources
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatport.events import MessageReceived, UnknownEvent
from chatport_testkit.conformance import (
    ProviderCase,
    ProviderConformance,
    Received,
    Reply,
    Webhook,
    json_reply,
    webhooks_in,
)
from chatport_whatsapp_cloud import plugin
from chatport_whatsapp_cloud.session import SCOPES

TOKEN = "EAAtokenOfTheConformanceKit"
NUMBER = {
    "id": "109870000333444",
    "display_phone_number": "+1 555-700-1234",
    "verified_name": "Kiosk am Park",
    "quality_rating": "GREEN",
    "status": "CONNECTED",
    "platform_type": "CLOUD_API",
    "code_verification_status": "VERIFIED",
    "webhook_configuration": {"application": "https://chat.example/webhooks/+15557001234"},
}
STRANGE = b"""{"object": "whatsapp_business_account", "entry": [{"id": "214700000111222", "changes": [
  {"field": "brand_new", "value": {"what": "nobody knows"}}]}]}"""
FOREIGN = b"""{"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value":
  {"metadata": {"display_phone_number": "15550000000", "phone_number_id": "42"}, "messages": [
  {"from": "4915112340001", "id": "wamid.FOREIGN", "timestamp": "1787000001", "type": "text", "text": {"body": "x"}}
  ]}}]}]}"""
#: Holds messages for two numbers, so that no channel is the addressee of all.
SEVERAL_CHANNELS = "batch_messages_and_statuses"


def config(address: str) -> Mapping[str, object]:
    return {
        "api_key": TOKEN,
        "phone_number_id": "109870000333444",
        "business_account_id": "214700000111222",
        "app_secret": "5ec5e7a0b1c2d3e4f5a6b7c8d9e0f1a2",
        "webhook_verify_token": "verify-token-of-the-shop",
        "api_base_url": address,
    }


def meta() -> Callable[[Received], Reply]:
    """Meta as it behaves on a good day."""
    numbers = itertools.count(1)

    def answer(request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_reply({"error": {"code": 190, "message": "Invalid token"}}, 401)
        path = request.path.removeprefix("/v23.0/")
        if request.method == "POST":
            return _post(path, request, next(numbers))
        if path == "109870000333444":
            return json_reply(NUMBER)
        if path == "214700000111222/phone_numbers":
            return json_reply({"data": [NUMBER]})
        if path == "214700000111222/subscribed_apps":
            return json_reply({"data": []})
        if path == "214700000111222/message_templates":
            return json_reply({"data": []})
        if path == "debug_token":
            return json_reply({"data": {"is_valid": True, "scopes": list(SCOPES)}})
        if path.isdigit():
            host = request.headers["host"]
            return json_reply(
                {"url": f"http://{host}/bytes/?mid={path}", "mime_type": "image/jpeg"}
            )
        return json_reply({"error": {"code": 100, "message": f"no {path}"}}, 400)

    return answer


def _post(path: str, request: Received, number: int) -> Reply:
    if path.endswith("/media"):
        return json_reply({"id": "1800100200300499"})
    body: Any = request.json()
    if path.endswith("/messages") and isinstance(body, dict) and "status" not in body:
        return json_reply({"messages": [{"id": f"wamid.{number}"}], "contacts": []})
    return json_reply({"success": True})


def is_message(request: Received) -> bool:
    body: Any = request.json()
    return request.path.endswith("/messages") and isinstance(body, dict) and "type" in body


def samples() -> tuple[Webhook, ...]:
    folder = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_cloud"
    stored = webhooks_in(Path(str(folder)), "[!_]*.json")
    # The recorded statuses are all about the same message.
    own = tuple(
        replace(webhook, repeats=webhook.name.startswith("status_"))
        for webhook in stored
        if webhook.name != SEVERAL_CHANNELS
    )
    return (
        *own,
        Webhook("strange", STRANGE, expect=(UnknownEvent,)),
        Webhook("foreign", FOREIGN, expect=(MessageReceived,), own=False),
    )


class TestWhatsAppCloud(ProviderConformance):
    case = ProviderCase(
        key="whatsapp_cloud",
        plugin=plugin,
        config=config,
        service=meta(),
        webhooks=samples(),
        phone_number="+15557001234",
        is_sending=is_message,
    )
