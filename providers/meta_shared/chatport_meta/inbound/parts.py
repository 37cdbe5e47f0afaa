"""The content of one message into parts.

Owns: every message type that shows something. Must not know: who wrote it, where.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from chatport.errors import AnomalousPayload
from chatport.events import (
    ContactPart,
    LocationPart,
    MediaPart,
    MediaRef,
    Part,
    StructuredPart,
    TextPart,
    UnsupportedPart,
)
from chatport.messages import ContactCard, Location, MediaKind
from chatport.reader import Tolerant, load_json

from . import reasons
from .source import Source

_MEDIA = {
    "image": MediaKind.IMAGE,
    "video": MediaKind.VIDEO,
    "audio": MediaKind.AUDIO,
    "voice": MediaKind.VOICE,
    "document": MediaKind.DOCUMENT,
    "sticker": MediaKind.STICKER,
}
Parts = tuple[Part, ...]


def parts_of(source: Source, message: Tolerant) -> Parts:
    """The parts of a message; what cannot be shown is a placeholder with the reason, never nothing.

    :raises AnomalousPayload: a part of the content has a wrong type.
    """
    kind = message.text("type")
    if kind in _MEDIA:
        return (_media(source, message, kind),)
    reader = _READERS.get(kind)
    if reader is None:
        return (_unsupported(source, message, kind),)
    if kind not in message:
        return (_empty(source, message, kind),)
    return reader(source, message)


def _empty(source: Source, message: Tolerant, kind: str) -> Part:
    """The type is named, its content is missing; the reason may stand in the message or beside it."""
    reason = reasons.first(source, message)
    if reason is None:
        found = (reasons.of(source, error) for error in source.errors)
        reason = next((one for one in found if one is not None), None)
    words = reason.message if reason else "WhatsApp handed over no content."
    return UnsupportedPart(f"A message of the type {kind[:40]!r}: {words}")


def _unsupported(source: Source, message: Tolerant, kind: str) -> Part:
    inner = message.value.get("unsupported")
    told = inner.get("type") if isinstance(inner, dict) else None
    reason = reasons.first(source, message)
    what = told if isinstance(told, str) and told else kind
    words = reason.message if reason else "WhatsApp's service does not hand over its content."
    if what in ("", "unsupported", "unknown"):
        return UnsupportedPart(words)
    return UnsupportedPart(f"A message of the type {what[:40]!r}: {words}")


# --- files ----------------------------------------------------------------------------------------


def _media(source: Source, message: Tolerant, kind: str) -> Part:
    if kind not in message:
        return _empty(source, message, kind)
    item = message.obj(kind)
    file_id = item.text("id")
    caption = item.text("caption")
    if not file_id:
        reason = reasons.first(source, message)
        gone = item.text("status") == "undownloaded"
        words = "The service could not fetch the file." if gone else "No file is named."
        if reason:
            words = reason.message
        return UnsupportedPart(" ".join(word for word in (words, caption) if word))
    voice = kind == "voice" or (kind == "audio" and item.flag("voice"))
    return MediaPart(
        MediaRef(
            MediaKind.VOICE if voice else _MEDIA[kind],
            {"id": file_id},
            filename=item.text("filename"),
            content_type=item.text("mime_type"),
            sha256=sha256_hex(item.text("sha256")),
        ),
        caption,
    )


def sha256_hex(value: str) -> str:
    """A hash that is written as hex in some places and as base64 in others, as lower-case hex; else empty."""
    text = value.strip()
    if len(text) == 64 and all(c in "0123456789abcdefABCDEF" for c in text):
        return text.lower()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == 32 else ""


# --- text, place, people --------------------------------------------------------------------------


def _text(source: Source, message: Tolerant) -> Parts:
    body = (
        message.strict().obj("text").text("body")
    )  # the message itself: never to be taken for empty
    return (TextPart(body) if body else UnsupportedPart("The message has no text."),)


def _location(source: Source, message: Tolerant) -> Parts:
    item = message.obj("location")
    if "latitude" not in item or "longitude" not in item:
        raise AnomalousPayload(f"{item.path} has no coordinates")
    exact = item.strict()
    place = Location(
        exact.number("latitude"), exact.number("longitude"), item.text("name"), item.text("address")
    )
    return (LocationPart(place, url=item.text("url")),)


def _contacts(source: Source, message: Tolerant) -> Parts:
    cards = tuple(ContactPart(_card(item)) for item in message.items("contacts"))
    return cards or (_empty(source, message, "contacts"),)


def _card(item: Tolerant) -> ContactCard:
    name, vcard = item.obj("name"), item.text("vcard")
    given = " ".join(
        word for word in (name.text("first_name"), name.text("last_name")) if word.strip()
    )
    phones = tuple(filter(None, (_phone(entry) for entry in item.items("phones"))))
    emails = tuple(filter(None, (entry.text("email") for entry in item.items("emails"))))
    company = item.obj("org").text("company")
    # A card that a person was asked for has no name, and one of a person without number not even that.
    known = (name.text("formatted_name").strip(), given, *phones, *emails, company.strip())
    return ContactCard(
        next(filter(None, known), "A contact without a name"),
        phones,
        emails,
        company,
        vcard or json.dumps(item.value, ensure_ascii=False, sort_keys=True),
    )


def _phone(entry: Tolerant) -> str:
    return entry.text("phone") or ("+" + entry.text("wa_id") if "wa_id" in entry else "")


# --- answers to buttons, lists, Flows -------------------------------------------------------------


def _button(source: Source, message: Tolerant) -> Parts:
    """A tap on a template's quick reply. The payload may be missing; then the text is all."""
    item = message.obj("button")
    text, payload = item.text("text"), item.text("payload")
    data = {"id": payload or text, "title": text, "template": True}
    return (StructuredPart("button_reply", text or payload, data),)


def _interactive(source: Source, message: Tolerant) -> Parts:
    item = message.obj("interactive")
    kind = item.text("type")
    reader = _REPLIES.get(kind)
    if reader is None or kind not in item:
        # Not an answer but a question: what the business itself sent through another program.
        asked = item.obj("body").text("text")
        return (TextPart(asked) if asked else _unsupported(source, message, kind or "interactive"),)
    return (reader(item.obj(kind)),)


def _button_reply(reply: Tolerant) -> Part:
    return StructuredPart(
        "button_reply", reply.text("title"), {"id": reply.text("id"), "title": reply.text("title")}
    )


def _list_reply(reply: Tolerant) -> Part:
    title, description = reply.text("title"), reply.text("description")
    data = {"id": reply.text("id"), "title": title, "description": description}
    return StructuredPart("list_reply", title, data)


def _flow_reply(reply: Tolerant) -> Part:
    """The answer to a Flow: JSON as text. What is no JSON, or is JSON already, is kept as it came."""
    given = reply.text("response_json") or reply.value.get("response_json")
    try:
        response = load_json(given) if given and isinstance(given, str) else given or {}
    except AnomalousPayload:
        response = given
    answers = response if isinstance(response, dict) else {}
    lines = [f"{key}: {_plain(value)}" for key, value in answers.items() if key != "flow_token"]
    body = "\n".join(lines) or reply.text("body") or "Form sent"
    token = answers.get("flow_token")
    data = {
        "name": reply.text("name") or "flow",
        "response": response,
        "flow_token": token if isinstance(token, str) else "",
    }
    return StructuredPart("flow_reply", body, data)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _call_permission(reply: Tolerant) -> Part:
    answer = reply.text("response")
    words = {"accept": "May be called", "reject": "May not be called"}.get(answer, answer)
    data = {
        "response": answer,
        "is_permanent": reply.flag("is_permanent"),
        "expiration_timestamp": reply.text("expiration_timestamp"),
        "response_source": reply.text("response_source"),
    }
    return StructuredPart("call_permission_reply", words or "Call permission", data)


_REPLIES: Mapping[str, Callable[[Tolerant], Part]] = {
    "button_reply": _button_reply,
    "list_reply": _list_reply,
    "nfm_reply": _flow_reply,
    "call_permission_reply": _call_permission,
}


# --- orders ---------------------------------------------------------------------------------------


def _order(source: Source, message: Tolerant) -> Parts:
    item = message.obj("order")
    lines, products = [], []
    for product in item.items("product_items"):
        quantity, price = product.number("quantity", 1.0), product.number("item_price")
        name, currency = product.text("product_retailer_id"), product.text("currency")
        lines.append(f"{quantity:g} × {name} ({price:g} {currency})".replace(" )", ")"))
        products.append(
            {
                "product_retailer_id": name,
                "quantity": int(quantity) if quantity.is_integer() else quantity,
                "item_price": price,
                "currency": currency,
            }
        )
    text = item.text("text")
    body = "\n".join([*lines, *([text] if text else [])]) or "Order"
    data = {"catalog_id": item.text("catalog_id"), "text": text, "product_items": products}
    return (StructuredPart("order", body, data),)


_READERS: Mapping[str, Callable[[Source, Tolerant], Parts]] = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
}
