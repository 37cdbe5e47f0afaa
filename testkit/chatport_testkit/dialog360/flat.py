"""Flat webhook bodies of the on-premise generation, translated from the Cloud form. Pure functions."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from ..cloud_shapes.envelope import Change

JSON = dict[str, Any]

_MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
#: Types that the on-premise stack knows; the others arrive as unsupported.
_KNOWN = _MEDIA | {
    "text",
    "location",
    "contacts",
    "interactive",
    "button",
    "reaction",
    "order",
    "system",
}
_ERROR_HREF = "https://developers.facebook.com/docs/whatsapp/api/errors/"
_UNSUPPORTED = {
    "code": 501,
    "title": "Unsupported message type",
    "details": "Message type is not currently supported",
}

#: Codes of failed statuses: Cloud to on-premise, with the title there.
STATUS_CODES: dict[int, tuple[int, str]] = {
    130472: (472, "User is part of an experiment"),
    131009: (1009, "Parameter value is not valid"),
    131026: (1013, "User is not valid"),
    131047: (470, "Message failed to send because the 24-hour window has passed"),
    131048: (471, "Spam rate limit hit"),
    131050: (1013, "User has stopped marketing messages"),
    131053: (1014, "Internal error"),
    137000: (480, "User identity has changed"),
}


def flat_bodies(changes: Sequence[Change], media_base: str) -> list[JSON]:
    """Bodies for these changes: one with all messages, one with all statuses."""
    contacts: list[JSON] = []
    messages: list[JSON] = []
    statuses: list[JSON] = []
    errors: list[JSON] = []
    for change in changes:
        for contact in change.value.get("contacts", []):
            shown = {
                "profile": {"name": contact["profile"]["name"]},
                "wa_id": contact.get("wa_id", ""),
            }
            if shown not in contacts and "messages" in change.value:
                contacts.append(shown)
        messages += [flat_message(m, media_base) for m in change.value.get("messages", [])]
        statuses += [flat_status(s) for s in change.value.get("statuses", [])]
        errors += [flat_error(e) for e in change.value.get("errors", [])]
    bodies: list[JSON] = []
    if messages:
        bodies.append(
            {"contacts": contacts, "messages": messages} if contacts else {"messages": messages}
        )
    if statuses:
        bodies.append({"statuses": statuses})
    if errors:
        bodies.append({"errors": errors})
    return bodies


def flat_message(message: JSON, media_base: str) -> JSON:
    """One message. No business-scoped ids, content before the type, voice notes as a type of their own."""
    kind = message["type"]
    element: JSON = {"from": message.get("from", ""), "id": message["id"]}
    element["timestamp"] = message["timestamp"]
    context = message.get("context")
    if context is not None:
        plain_reply = "id" in context and kind == "text"
        element["context"] = {**context, "mentions": []} if plain_reply else dict(context)
    if "referral" in message:
        element["referral"] = {k: v for k, v in message["referral"].items() if k != "ctwa_clid"}
    if kind not in _KNOWN:
        element["errors"] = [dict(_UNSUPPORTED)]
        element["type"] = "ephemeral" if kind == "ephemeral" else "unsupported"
        return element
    content = message.get(kind)
    if kind in _MEDIA and isinstance(content, dict):
        kind, content = _media(kind, content, media_base)
    elif kind == "reaction" and isinstance(content, dict):
        content = {"message_id": content["message_id"], "emoji": content.get("emoji", "")}
    elif kind == "system" and isinstance(content, dict):
        content = _system(content)
    if content is not None:
        element[kind] = content
    element["type"] = kind
    return element


def _media(kind: str, content: JSON, media_base: str) -> tuple[str, JSON]:
    identity = content["id"]
    shown: JSON = {
        "file": f"/usr/local/wamedia/shared/{identity}",
        "id": identity,
        "link": f"{media_base}/{identity}",
        "mime_type": content["mime_type"],
        "sha256": base64.b64decode(content["sha256"]).hex(),
    }
    for key in ("caption", "filename"):
        if key in content:
            shown[key] = content[key]
    if kind == "sticker":
        shown["metadata"] = {
            "sticker-pack-id": "pack-01",
            "emojis": [],
            "is-first-party-sticker": 0,
        }
    return ("voice" if content.get("voice") else kind), shown


def _system(content: JSON) -> JSON:
    new = content.get("new_wa_id") or content.get("wa_id")
    return {
        "body": content["body"],
        "identity": content.get("identity", "0"),
        "new_wa_id": new,
        "type": "customer_changed_number",
    }


def flat_status(status: JSON) -> JSON:
    """One status, with the conversation prices of that time."""
    element: JSON = {
        "id": status["id"],
        "recipient_id": status.get("recipient_id", ""),
        "status": status["status"],
        "timestamp": status["timestamp"],
        "type": "message",
    }
    if "pricing" in status:
        category = (
            "user_initiated" if status["pricing"]["category"] == "service" else "business_initiated"
        )
        conversation: JSON = {"id": f"conv-{status.get('recipient_id', '')}"}
        if status["status"] == "sent":
            conversation["expiration_timestamp"] = int(status["timestamp"]) + 86400
        conversation["origin"] = {"type": category}
        element["conversation"] = conversation
        element["pricing"] = {"billable": True, "pricing_model": "CBP", "category": category}
    if status["status"] == "sent":
        element["message"] = {"recipient_id": status.get("recipient_id", "")}
    if "errors" in status:
        element["errors"] = [_status_error(e) for e in status["errors"]]
    return element


def _status_error(error: JSON) -> JSON:
    code, title = STATUS_CODES.get(error["code"], (500, "Message failed to send"))
    return {"code": code, "title": title, "href": _ERROR_HREF}


def flat_error(error: JSON) -> JSON:
    details = error.get("error_data", {}).get("details", error.get("title", ""))
    return {"code": error["code"], "title": error["title"], "details": details}
