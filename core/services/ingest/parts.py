"""Parts of a message as columns and attachments.

Owns: what of a part stands in which column. Must not know: contacts, conversations, whether the message is new.
"""

from __future__ import annotations

from typing import Any

from ...db.tables import Attachment
from ...db.types import storable_json
from ...db.upsert import insert
from ...events import (
    ContactPart,
    LocationPart,
    MediaPart,
    MediaRef,
    Part,
    StructuredPart,
    TextPart,
    UnsupportedPart,
)
from .codec import to_json
from .scope import Scope


def describe(part: Part) -> tuple[str, str, dict[str, Any]]:
    """Content type, text and attributes of a part."""
    match part:
        case TextPart(body=body):
            return "text", body, {}
        case MediaPart(caption=caption):
            return "media", caption, {}
        case LocationPart(location=place, caption=caption):
            named = ", ".join(text for text in (place.name, place.address) if text)
            return "location", caption or named[:255], {"live": True} if part.live else {}
        case ContactPart(card=card):
            return "contact", card.name or ", ".join(card.phones), {}
        case StructuredPart(kind=kind, body=body, data=data):
            return "structured", body, {"structured": {"kind": kind, "data": dict(data)}}
        case UnsupportedPart(reason=reason):
            return "unsupported", "", {"is_unsupported": True, "unsupported_reason": reason}
    raise TypeError(f"unknown part {type(part).__name__}")


def insert_attachment(scope: Scope, message_id: int, part: Part) -> None:
    values: dict[str, Any] | None = None
    match part:
        case MediaPart(media=media):
            values = _file_values(scope, media)
        case UnsupportedPart(media=MediaRef() as media):
            values = _file_values(scope, media)
        case LocationPart(location=place):
            values = {
                "kind": "location",
                "state": "none",
                "meta": {
                    "latitude": place.latitude,
                    "longitude": place.longitude,
                    "name": place.name,
                    "address": place.address,
                    "url": part.url,
                    "live": part.live,
                },
            }
        case ContactPart(card=card):
            values = {
                "kind": "contact",
                "state": "none",
                "meta": {
                    "name": card.name,
                    "phones": list(card.phones),
                    "emails": list(card.emails),
                    "organization": card.organization,
                    "raw": card.raw,
                },
            }
    if values is not None:
        base = {
            "account_id": scope.account_id,
            "message_id": message_id,
            "filename": "",
            "content_type": "",
            "meta": {},
            "tries": 0,
            "error": "",
            "error_action": "",
            "created_at": scope.now,
        }
        insert(scope.connection, Attachment.__table__, {**base, **_storable_columns(values)})
        if values["state"] == "pending":
            scope.calls = True


def _storable_columns(values: dict[str, Any]) -> dict[str, Any]:
    """Column values with texts and JSON made storable; times and numbers as they are."""
    return {
        key: storable_json(value) if isinstance(value, str | dict | list) else value
        for key, value in values.items()
    }


def _file_values(scope: Scope, media: MediaRef) -> dict[str, Any]:
    return {
        "kind": str(media.kind),
        "state": "pending",
        "filename": media.filename.replace("\\", "/").rsplit("/", 1)[-1][:255],
        "content_type": media.content_type[:127],
        "size": media.size,
        "sha256": media.sha256 or None,
        "media_ref": to_json(media),
        "next_try_at": scope.now,
    }
