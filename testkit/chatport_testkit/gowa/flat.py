"""Webhook bodies before v8: one flat object per message. Also the flat "deleted for me" up to v8.1.1. Pure."""

from __future__ import annotations

from typing import Any

from .eras import Version
from .events import RECEIPT_TEXTS, Deletion, Message, Receipt
from .jids import user_part, with_device
from .media_value import media_value
from .times import stamp
from .wire import Struct

_PARTS = ("contact", "location", "live_location", "list", "order")


def message(event: Message, version: Version) -> dict[str, Any]:
    """A message, reaction, revocation or edit, v4.22.0 – v7.11.4."""
    body: dict[str, Any] = {
        "from": _from(event, version),
        "message": _inner(event, version),
        "timestamp": stamp(event.at),
    }
    if event.push_name:
        body["pushname"] = event.push_name
    if version.since("v6.0.3") and event.sender.lid:
        body["from_lid"] = with_device(event.sender.lid, event.device)
    if version.since("v7.2.0"):
        body["sender_id"] = user_part(event.sender.raw)
        body["chat_id"] = user_part(event.chat.raw)
    if event.action == "reaction" and event.emoji:
        body["reaction"] = _reaction(event, version)
    body |= {name: True for name in ("view_once", "forwarded") if getattr(event, name)}
    body |= {name: event.parts[name] for name in _PARTS if name in event.parts}
    if "contact" in body:
        body["contact"] = raw_contact(body["contact"])
    if event.media is not None:
        value = media_value(event.media, version)
        if value is not None:
            body[event.media.kind] = value
    if version.since("v6.1.1"):
        body |= _action(event, version)
    return body


def raw_contact(contact: dict[str, Any]) -> Struct:
    """A vCard without the phone number that later releases read out of it."""
    return Struct({name: contact[name] for name in contact if name != "phone_number"})


def deletion(event: Deletion, version: Version) -> dict[str, Any]:
    """A message that our phone deleted for itself, v7.2.1 – v8.1.1."""
    body: dict[str, Any] = {
        "action": "event.delete_for_me" if version.since("v7.3.0") else "message_deleted_for_me",
        "deleted_message_id": event.id,
        "sender_id": user_part(event.author.jid) if event.author else "",
        "timestamp": stamp(event.at),
    }
    if event.author is not None:
        body["from"] = event.author.jid
    if version.since("v8.0.0"):
        body.setdefault("from", "")
        body["device_id"] = event.account.jid
    original = event.original
    if original is not None:
        in_group = original.chat.endswith("@g.us")
        body |= {
            "chat_id": original.chat,
            "original_content": original.content,
            "original_sender": user_part(original.sender) if in_group else original.sender,
            "original_timestamp": stamp(original.at),
            "was_from_me": original.from_me,
        }
        if original.media_type:
            body["original_media_type"] = original.media_type
            body["original_filename"] = original.filename
    return body


def receipt(event: Receipt) -> dict[str, Any]:
    """``message.ack`` of v7.3.0 – v7.11.4; LIDs stay as they came."""
    sender = with_device(event.sender.raw, event.device)
    chat = event.chat.raw
    return {
        "event": "message.ack",
        "payload": {
            "ids": list(event.ids),
            "chat_id": chat,
            "sender_id": sender,
            "from": sender if sender == chat else f"{sender} in {chat}",
            "receipt_type": event.kind,
            "receipt_type_description": RECEIPT_TEXTS[event.kind],
        },
        "timestamp": stamp(event.at),
    }


def _from(event: Message, version: Version) -> str:
    resolved = event.sender.jid if version.since("v6.0.3") else event.sender.raw
    sender = with_device(resolved, event.device)
    if with_device(event.sender.raw, event.device) == event.chat.raw:
        return sender
    return f"{sender} in {event.chat.raw}"


def _text(event: Message) -> str:
    """Edits in the plain form and captions do not show here."""
    return "" if event.action == "edited" and not event.extended else event.text


def _inner(event: Message, version: Version) -> Struct:
    text = _text(event)
    if str(version) == "v7.2.0":
        return Struct(Text=text, ID=event.id, RepliedId=event.reply_to, QuotedMessage=event.quoted)
    if version.since("v7.2.1"):
        return Struct(
            text=text, id=event.id, replied_id=event.reply_to, quoted_message=event.quoted
        )
    pairs = {
        "id": event.id,
        "text": text,
        "replied_id": event.reply_to,
        "quoted_message": event.quoted,
    }
    return Struct({name: value for name, value in pairs.items() if value})


def _reaction(event: Message, version: Version) -> Struct:
    if str(version) == "v7.2.0":
        return Struct(Message=event.emoji, ID=event.target_id)
    if version.since("v7.2.1"):
        return Struct(message=event.emoji, id=event.target_id)
    return Struct(id=event.target_id, message=event.emoji)


def _action(event: Message, version: Version) -> dict[str, Any]:
    if event.action == "revoked":
        return {
            "action": "message_revoked",
            "revoked_message_id": event.target_id,
            "revoked_from_me": event.revoked_from_me,
            "revoked_chat": event.revoked_chat,
        }
    if event.action != "edited":
        return {}
    body = {"action": "message_edited"}
    if not event.caption_edit:
        body["edited_text"] = event.text
    if version.since("v7.9.0"):
        body["original_message_id"] = event.target_id
    return body
