"""The provider against Chatport's conformance kit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from chatport.events import MessageReceived, StatusChanged, UnknownEvent
from chatport_echo import plugin
from chatport_testkit.conformance import (
    ProviderCase,
    ProviderConformance,
    Received,
    Reply,
    Webhook,
    json_reply,
    webhooks_in,
)

TOKEN = "token-of-the-shop"
STRANGE = b'{"line": "6281100000009", "events": [{"type": "poke", "id": "e-3001"}]}'
FOREIGN = b"""{"line": "6281100000777", "events": [
  {"type": "message", "id": "e-4001", "at": 1772600767, "from": "6281290001122", "text": "hi"}]}"""


def config(address: str) -> Mapping[str, object]:
    return {"url": address, "token": TOKEN, "webhook_secret": "secret-of-the-webhook"}


def echo() -> Callable[[Received], Reply]:
    """Echo as it behaves on a good day."""
    numbers = itertools.count(1)

    def answer(request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_reply({"error": "who are you?"}, 401)
        if request.method == "GET" and request.path == "/line":
            return json_reply({"number": "+6281100000009"})
        if request.method == "POST" and request.path == "/messages":
            return json_reply({"id": f"e-{next(numbers)}"}, 201)
        return json_reply({"error": "not found"}, 404)

    return answer


def samples() -> tuple[Webhook, ...]:
    expected = {
        "message": (MessageReceived,),
        "photo": (MessageReceived,),
        "statuses": (StatusChanged, StatusChanged, StatusChanged),
    }
    stored = webhooks_in(Path(__file__).parent / "webhooks")
    return (
        *(replace(webhook, expect=expected[webhook.name]) for webhook in stored),
        Webhook("strange", STRANGE, expect=(UnknownEvent,)),
        Webhook("foreign", FOREIGN, expect=(MessageReceived,), own=False),
    )


class TestEcho(ProviderConformance):
    case = ProviderCase(
        key="echo", plugin=plugin, config=config, service=echo(), webhooks=samples()
    )
