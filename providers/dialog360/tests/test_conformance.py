"""The provider against Chatport's conformance kit, in the newer generation, which can do all that is declared."""

from __future__ import annotations

import importlib.resources
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatport_dialog360 import plugin
from chatport_testkit.conformance import (
    ProviderCase,
    ProviderConformance,
    Received,
    Reply,
    Webhook,
    json_reply,
    webhooks_in,
)

KEY = "d360-key-of-the-conformance-kit"
FOREIGN = b"""{"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value":
  {"metadata": {"display_phone_number": "15550000000", "phone_number_id": "42"}, "messages": [
  {"from": "4915112340001", "id": "wamid.FOREIGN", "timestamp": "1787000001", "type": "text", "text": {"body": "x"}}
  ]}}]}]}"""
#: Recorded statuses are about the same messages; the body of a batch holds the message of the plainest body twice.
REPEATING = ("v1_status_", "v2_status_")
TWICE = "v1_message_text"


def config(address: str) -> Mapping[str, object]:
    return {
        "api_key": KEY,
        "api_base_url": address,
        "webhook_verify_token": "webhook-secret-of-the-shop",
    }


def dialog() -> Callable[[Received], Reply]:
    """360dialog as it behaves on a good day."""
    numbers = itertools.count(1)

    def answer(request: Received) -> Reply:
        if request.headers.get("d360-api-key") != KEY:
            return json_reply({"meta": {"success": False, "developer_message": "Invalid key"}}, 401)
        body: Any = request.json()
        if request.method == "POST":
            if request.path == "/media":
                return json_reply({"id": "1800100200300499"})
            if request.path == "/messages" and "status" not in body:
                return json_reply({"messages": [{"id": f"wamid.{next(numbers)}"}]})
            return json_reply(body if "url" in body else {"success": True})
        return _read(request)

    return answer


def _read(request: Received) -> Reply:
    path = request.path.strip("/")
    if path in ("v1/configs/webhook", "waba_webhook"):
        return json_reply({"url": "", "headers": {}})
    if path == "health_status":
        return json_reply({"health_status": {"can_send_message": "AVAILABLE", "entities": []}})
    if path == "message_templates":
        return json_reply({"data": []})
    return json_reply(
        {"url": f"https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid={path}&hash=a%2Fb"}
    )


def is_message(request: Received) -> bool:
    body: Any = request.json()
    return request.path == "/messages" and isinstance(body, dict) and "type" in body


def samples() -> tuple[Webhook, ...]:
    folder = importlib.resources.files("chatport_testkit") / "payloads" / "dialog360"
    stored = webhooks_in(Path(str(folder)), "*.json")
    return (
        *(replace(one, repeats=_repeats(one.name)) for one in stored),
        Webhook("foreign", FOREIGN, own=False),
    )


def _repeats(name: str) -> bool:
    return name == TWICE or name.startswith(REPEATING)


class TestDialog360(ProviderConformance):
    case = ProviderCase(
        key="dialog360",
        plugin=plugin,
        config=config,
        service=dialog(),
        webhooks=samples(),
        phone_number="+4930700001234",
        state={"phone_number_id": "109870000333444", "business_account_id": "214700000111222"},
        is_sending=is_message,
    )
