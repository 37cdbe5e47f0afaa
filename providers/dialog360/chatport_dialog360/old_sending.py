"""Sending in the older generation, whose messages differ in details from the Cloud API's.

Owns: those differences, the upload of raw bytes, looking a recipient up. Must not know: the newer generation's calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatport import OutboundMessage, Sent
from chatport.errors import (
    ContentRefused,
    RecipientInvalid,
    TemporarilyRefused,
    UnsupportedFeature,
)
from chatport.identities import Identity, IdentityKind
from chatport.messages import Interactive, Media, MessageRef, Template
from chatport_meta import outbound
from chatport_meta.addresses import digits
from chatport_meta.service import SENDING, segment

from .errors import UNKNOWN_CONTACT
from .features import OLD_FEATURES
from .gateway import SERVICE, Gateway


def send(gateway: Gateway, message: OutboundMessage) -> Sent:
    """Send one message; a recipient who was never looked up is, and then the message is sent once more.

    :raises ProviderError: of the class that says what happened.
    """
    _check(message)
    outbound.check(message.content, OLD_FEATURES, SERVICE)
    to = _recipient(outbound.receiver(message))
    file = outbound.file_of(message.content, lambda media: upload(gateway, media))
    body = old_body(outbound.message_body(message, to, file, SERVICE), message)
    try:
        return outbound.sent(gateway.send("messages", body), SERVICE)
    except RecipientInvalid as error:
        if error.code != UNKNOWN_CONTACT:
            raise
    # Refused, so surely not sent. The answer need not name the recipient; what the look-up told is handed on.
    wa_id = _looked_up(gateway, to["to"])
    found = outbound.sent(gateway.send("messages", {**body, "to": wa_id}), SERVICE)
    known = Identity(IdentityKind.WA_ID, wa_id)
    if known in found.recipient or not (wa_id.isascii() and wa_id.isdigit()):
        return found
    return replace(found, recipient=(known, *found.recipient))


def _check(message: OutboundMessage) -> None:
    content = message.content
    if isinstance(content, Interactive) and content.style == "cta_url":
        raise UnsupportedFeature(
            "360dialog's older generation has no link buttons.",
            action="Write the link into the text.",
            code="unsupported",
        )
    if message.recipient.is_group:
        raise RecipientInvalid(
            "360dialog's older generation does not write to groups.",
            action="Write to the person.",
            code="groups",
        )


def _recipient(to: Mapping[str, str]) -> dict[str, str]:
    if "to" not in to:
        raise RecipientInvalid(
            "360dialog's older generation needs a phone number, and only a user id is known.",
            action="Ask the customer for the phone number.",
            code="phone_needed",
        )
    return {**to, "to": digits(to["to"])}


def old_body(body: Mapping[str, Any], message: OutboundMessage) -> dict[str, Any]:
    """The Cloud API's request in the older form."""
    new = ("messaging_product", "biz_opaque_callback_data")
    old = {key: value for key, value in body.items() if key not in new}
    match body["type"]:
        case "text":
            old["text"] = {"body": body["text"]["body"]}
            old["preview_url"] = body["text"]["preview_url"]
        case "audio":
            old["audio"] = {key: v for key, v in body["audio"].items() if key != "voice"}
        case "template" if isinstance(message.content, Template):
            namespace = message.content.namespace or message.content.definition.get("namespace")
            if namespace:
                old["template"] = {"namespace": namespace, **body["template"]}
    return old


def upload(gateway: Gateway, media: Media) -> str:
    """Upload a file's bytes as they are.

    :raises ProviderError: it was not taken.
    """
    headers = {"Content-Type": outbound.upload_type(media)}
    try:
        with media.open() as file:
            body = outbound.StreamBody(b"", file, media.size, b"")
            answer = gateway.call("POST", "media", data=body, headers=headers, deadline=SENDING)
    except FileNotFoundError:
        raise ContentRefused(
            "The file is not stored any more.", action="Attach it again.", code="file_missing"
        ) from None
    entries = answer.get("media")
    first = entries[0] if isinstance(entries, list) and entries else None
    found = first.get("id") if isinstance(first, dict) else None
    if not isinstance(found, str) or not found:
        raise TemporarilyRefused(
            f"{SERVICE} took the file, but does not say under which id.",
            action="Nothing to do; it is tried again.",
            code="no_media_id",
        )
    return found


def _looked_up(gateway: Gateway, number: str) -> str:
    """WhatsApp's id of a number.

    :raises RecipientInvalid: it has none.
    :raises TemporarilyRefused: it is not known yet.
    """
    body = {"blocking": "wait", "contacts": [f"+{number}"], "force_check": True}
    contacts = gateway.post("contacts", body).get("contacts")
    first = contacts[0] if isinstance(contacts, list) and contacts else None
    entry = first if isinstance(first, dict) else {}
    wa_id, status = entry.get("wa_id"), entry.get("status")
    if status == "valid" and isinstance(wa_id, str) and wa_id:
        return wa_id
    if status == "invalid":
        raise RecipientInvalid(
            f"The number +{number} is not on WhatsApp.", action="Check the number.", code="invalid"
        )
    raise TemporarilyRefused(
        f"WhatsApp is still looking up the number +{number}.",
        action="Nothing to do; it is tried again.",
        code="processing",
        retry_after=5.0,
    )


def mark_read(gateway: Gateway, messages: tuple[MessageRef, ...]) -> bool:
    """Tell the customer that we read these messages: the last one, which includes all before it.

    :raises ProviderError: it was not taken.
    """
    if not messages:
        return False
    path = f"messages/{segment(messages[-1].source_id)}"
    gateway.call("PUT", path, json={"status": "read"}, empty=True)
    return True
