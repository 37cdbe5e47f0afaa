"""A provider that misbehaves when it is told to: what it is given says how.

A webhook is ``{"line", "id", "from", "text", "do"}``; a message's text is ``DO id``. ``do`` is one of ``ok``,
``raise``, ``hang``, ``hang_stubbornly`` (also inside its own ``except Exception``), ``rubbish``, ``exit``.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any

from marshmallow import fields

from chatport import (
    HOOK_API,
    AuthScheme,
    Channel,
    Connection,
    Features,
    InboundRequest,
    MediaRequest,
    OutboundMessage,
    ProviderInfo,
    ProviderSchema,
    Secret,
    Sent,
    hookimpl,
)
from chatport.events import Chat, Direction, MediaRef, MessageReceived, Party, TextPart
from chatport.identities import phone
from chatport.messages import Text


class TroubleSchema(ProviderSchema):
    """A name for the number, and a secret."""

    line = fields.String(metadata={"label": "Line"})
    webhook_secret = Secret(metadata={"label": "Webhook secret"})


PROVIDER = ProviderInfo(
    title="Trouble",
    hook_api=HOOK_API,
    schema=TroubleSchema,
    features=Features(max_text=2000),
    authentication=AuthScheme(
        kind="hmac_sha256",
        secret_keys=("webhook_secret",),
        header="X-Trouble-Signature",
        prefix="sha256=",
    ),
    description="Misbehaves when it is told to.",
)


def _misbehave(how: str) -> Any:
    match how:
        case "raise":
            raise KeyError("an ordinary bug")
        case "hang":
            time.sleep(3600)
        case "hang_stubbornly":
            while True:
                with suppress(Exception):
                    time.sleep(3600)
        case "rubbish":
            return 42
        case "exit":
            os._exit(3)
    return None


@hookimpl
def validate_config(channel: Channel) -> Connection:
    return Connection(True)


@hookimpl
def channel_addresses(channel: Channel) -> frozenset[str]:
    return frozenset({channel.phone_digits})


@hookimpl
def media_url(channel: Channel, media: MediaRef) -> MediaRequest:
    raise NotImplementedError


@hookimpl
def send_message(channel: Channel, message: OutboundMessage) -> Any:
    assert isinstance(message.content, Text)
    how, _, name = message.content.body.partition(" ")
    if how != "ok":
        return _misbehave(how)
    return Sent(f"sent-{name}")


@hookimpl
def handle_event(request: InboundRequest) -> Any:
    body = json.loads(request.body)
    if body["do"] != "ok":
        return _misbehave(body["do"])
    sender = Party((phone(body["from"]),), name="Customer")
    return [
        MessageReceived(
            key=f"m:{body['id']}",
            time=request.received_at,
            raw=body,
            addressees=(body["line"],),
            source_id=body["id"],
            direction=Direction.INCOMING,
            chat=Chat(sender.identities),
            sender=sender,
            parts=(TextPart(body["text"]),),
        )
    ]
