"""Webhook bodies since v8, and v7's group changes: ``{event, device_id, payload}``. Pure."""

from __future__ import annotations

from typing import Any

from .eras import Version
from .events import RECEIPT_TEXTS, Deletion, GroupChange, Message, Notice, Receipt
from .flat import raw_contact
from .media_value import CAPTIONED, media_value
from .times import stamp

_RAW_PARTS = ("location", "live_location", "list", "order")
_SINCE = {
    "referral": "v8.4.0",
    "interactive": "v9.1.0",
    "interactive_media": "v9.1.0",
    "contacts_array": "v8.3.2",
}


def message(event: Message, version: Version) -> dict[str, Any]:
    """``message``, ``message.reaction``, ``message.revoked`` or ``message.edited``."""
    payload: dict[str, Any] = {
        "id": event.id,
        "timestamp": stamp(event.at),
        "from": event.sender.jid,
        "chat_id": event.chat.raw,
    }
    if event.sender.lid:
        payload["from_lid"] = event.sender.lid
    if version.since("v8.3.0"):
        payload["is_from_me"] = event.from_me
        payload["chat_id"] = event.chat.jid
        if event.chat.lid:
            payload["chat_lid"] = event.chat.lid
    if event.push_name:
        payload["from_name"] = event.push_name
    if version.since("v9.0.1") and event.display_name:
        payload["sender_display_name"] = event.display_name
    payload |= {name: True for name in ("view_once", "forwarded") if getattr(event, name)}
    payload |= _texts(event, version) | _parts(event, version) | _action(event)
    name = "message" if event.action == "message" else f"message.{event.action}"
    return _wrap(name, event, version, payload) | {"device_id": event.account.jid}


def deletion(event: Deletion, version: Version) -> dict[str, Any]:
    """``message.deleted``: our own phone deleted a message for itself (v8.1.2+)."""
    payload: dict[str, Any] = {
        "deleted_message_id": event.id,
        "timestamp": stamp(event.at),
        "from": event.author.jid if event.author else "",
    }
    if event.author is not None and version.since("v9.0.1"):
        payload["sender_display_name"] = event.author_name
    original = event.original
    if original is not None:
        payload |= {
            "chat_id": original.chat,
            "original_content": original.content,
            "original_sender": original.sender,
            "original_timestamp": stamp(original.at),
            "was_from_me": original.from_me,
        }
        if original.media_type:
            payload["original_media_type"] = original.media_type
            payload["original_filename"] = original.filename
    return _wrap("message.deleted", event, version, payload) | {"device_id": event.account.jid}


def receipt(event: Receipt, version: Version) -> dict[str, Any]:
    """``message.ack``. Its ``chat_id`` is never resolved from a LID."""
    payload: dict[str, Any] = {
        "ids": list(event.ids),
        "chat_id": event.chat.raw,
        "from": event.sender.jid,
        "receipt_type": event.kind,
        "receipt_type_description": RECEIPT_TEXTS[event.kind],
    }
    if event.sender.lid:
        payload["from_lid"] = event.sender.lid
    if version.since("v9.0.1") and event.display_name:
        payload["sender_display_name"] = event.display_name
    return _wrap("message.ack", event, version, payload) | {"timestamp": stamp(event.at)}


def group_change(event: GroupChange, version: Version) -> dict[str, Any]:
    """``group.participants``; v7 shows LIDs as they came."""
    resolved = version.since("v8.0.0")
    payload = {
        "chat_id": event.group,
        "type": event.kind,
        "jids": [person.jid if resolved else person.raw for person in event.people],
    }
    body = _wrap("group.participants", event, version, payload)
    return body | {"timestamp": stamp(event.at)}


def notice(event: Notice, version: Version) -> dict[str, Any]:
    """Every other event; its payload was written by whoever reported it."""
    payload = dict(event.payload)
    if event.party is not None:
        resolved = version.since(event.lid_since)
        payload["from"] = event.party.jid if resolved else event.party.raw
        if resolved and event.party.lid:
            payload["from_lid"] = event.party.lid
        if version.since("v9.0.1") and event.display_name:
            payload["sender_display_name"] = event.display_name
    return _wrap(event.event, event, version, payload) | {"timestamp": stamp(event.at)}


def _wrap(
    name: str,
    event: Message | Deletion | Receipt | GroupChange | Notice,
    version: Version,
    payload: dict[str, Any],
) -> dict[str, Any]:
    body: dict[str, Any] = {"event": name, "payload": payload}
    if version.since("v8.0.0") and event.account.jid:
        body["device_id"] = event.account.jid
    if version.since("v8.8.0") and event.account.session_id:
        body["session_id"] = event.account.session_id
    return body


def _texts(event: Message, version: Version) -> dict[str, Any]:
    text = event.text
    if event.media is not None and event.media.kind in CAPTIONED and version.since("v8.3.1"):
        text = text or event.media.caption
    if event.caption_edit:
        text = ""
    pairs = {"body": text, "replied_to_id": event.reply_to, "quoted_body": event.quoted}
    return {name: value for name, value in pairs.items() if value}


def _parts(event: Message, version: Version) -> dict[str, Any]:
    parts = {name: event.parts[name] for name in _RAW_PARTS if name in event.parts}
    parts |= {
        name: event.parts[name]
        for name, since in _SINCE.items()
        if name in event.parts and version.since(since)
    }
    if "contact" in event.parts:
        parts["contact"] = event.parts["contact"]
    if not version.since("v8.5.0"):
        if "contact" in parts:
            parts["contact"] = raw_contact(parts["contact"])
        if "contacts_array" in parts:
            parts["contacts_array"] = [raw_contact(one) for one in parts["contacts_array"]]
    if event.media is not None:
        value = media_value(event.media, version)
        if value is not None:
            parts[event.media.kind] = value
    return parts


def _action(event: Message) -> dict[str, Any]:
    match event.action:
        case "reaction":
            return {"reaction": event.emoji, "reacted_message_id": event.target_id}
        case "revoked":
            return {
                "revoked_message_id": event.target_id,
                "revoked_from_me": event.revoked_from_me,
                "revoked_chat": event.revoked_chat,
            }
        case "edited":
            return {"original_message_id": event.target_id}
        case _:
            return {}
