"""The provider against Chatport's conformance kit, with the simulated GoWA behind the kit's own server."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from werkzeug.test import Client

from chatport.events import MessageReceived, UnknownEvent
from chatport_testkit.conformance import (
    ProviderCase,
    ProviderConformance,
    Received,
    Reply,
    Webhook,
    webhooks_in,
)
from chatport_testkit.gowa import GowaSimulator
from chatport_testkit.gowa.application import create_application
from chatport_testkit.gowa.state import StoredMessage
from chatport_whatsapp_web import plugin

NUMBER = "6281100000009"
DEVICE = "sales-1"
USER, PASSWORD = "alice", "pässword-of-the-kit"
GROUP = "120363000000000001@g.us"
#: Edits of versions that do not say what they edit.
NAMELESS_EDITS = ("v6_message_edited", "v6_message_edited_extended")
#: One body for each fact; the same facts in the words of older versions have the same keys.
NEWEST = "v9_"
STRANGE = (
    b'{"event": "brand.new", "device_id": "6281100000009@s.whatsapp.net", "payload": {"what": 1}}'
)
FOREIGN = json.dumps(
    {
        "event": "message",
        "device_id": "4915112340001@s.whatsapp.net",
        "session_id": "somebody-else",
        "payload": {
            "id": "3A7F1C2B9D4E5F60FFFF",
            "chat_id": "6281290001122@s.whatsapp.net",
            "from": "6281290001122@s.whatsapp.net",
            "is_from_me": False,
            "body": "x",
            "timestamp": "2026-08-22T10:00:00Z",
        },
    }
).encode()


def config(address: str) -> Mapping[str, object]:
    return {
        "api_base_url": address,
        "basic_auth_username": USER,
        "basic_auth_password": PASSWORD,
        "phone_number": f"+{NUMBER}",
        "device_id": DEVICE,
        "webhook_verify_token": "webhook-secret-of-the-kit",
    }


class Gowa:
    """The simulator's application, asked request by request; no webhook goes out."""

    def __init__(self) -> None:
        self._simulator: GowaSimulator | None = None

    def renew(self) -> None:
        """As it was at the beginning, when it is asked the next time."""
        self._simulator = None

    def _started(self) -> GowaSimulator:
        """One linked device, one group."""
        if self._simulator is None:
            self._simulator = GowaSimulator(
                username=USER, password=PASSWORD, own_phone=NUMBER, device_id=DEVICE, tick="manual"
            )
            self._simulator.group(GROUP)
            self._client = Client(create_application(self._simulator.service))
        return self._simulator

    def answer(self, request: Received) -> Reply:
        """What GoWA answers."""
        simulator = self._started()
        if request.path.startswith("/app/login"):
            simulator.logout_from_phone()  # a phone is linked only where none is
        if request.path.endswith("/download"):
            self._remember(simulator, request.path.split("/")[2], request.query["phone"])
        answer = self._client.open(
            request.path,
            method=request.method,
            query_string=dict(request.query),
            headers=dict(request.headers),
            data=request.body,
        )
        headers = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
        return Reply(answer.status_code, answer.get_data(), headers)

    def _remember(self, simulator: GowaSimulator, message_id: str, chat: str) -> None:
        """The samples name messages that the chat store would hold."""
        simulator.state.messages.append(
            StoredMessage(
                unquote(message_id),
                DEVICE,
                chat,
                chat,
                simulator.clock.now(),
                media_type="image",
                data=b"\xff\xd8\xff",
                content_type="image/jpeg",
            )
        )


GOWA = Gowa()


def is_message(request: Received) -> bool:
    return request.method == "POST" and request.path.startswith(("/send/", "/message/"))


def samples() -> tuple[Webhook, ...]:
    folder = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_web" / "wire"
    stored = webhooks_in(Path(str(folder)))
    return (
        *map(_described, stored),
        Webhook("strange", STRANGE, expect=(UnknownEvent,)),
        Webhook("foreign", FOREIGN, expect=(MessageReceived,), own=False),
    )


def _described(webhook: Webhook) -> Webhook:
    expect = (UnknownEvent,) if webhook.name in NAMELESS_EDITS else ()
    return replace(webhook, expect=expect, repeats=not webhook.name.startswith(NEWEST))


class TestWhatsAppWeb(ProviderConformance):
    case = ProviderCase(
        key="whatsapp_web",
        plugin=plugin,
        config=config,
        service=GOWA.answer,
        webhooks=samples(),
        phone_number=f"+{NUMBER}",
        state={"device_id": DEVICE, "jid": f"{NUMBER}@s.whatsapp.net"},
        is_sending=is_message,
    )

    @pytest.fixture(autouse=True)
    def _renewed(self) -> None:
        GOWA.renew()
