"""The content of a message into parts.

Owns: media values of every version, locations, contacts, lists, orders, interactive messages, and the placeholder for
what GoWA does not hand over. Must not know: who wrote, envelopes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

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
from chatport.messages import Location, MediaKind
from chatport.reader import Tolerant

from .cards import read_card
from .item import Item, pick

_MEDIA = (
    ("image", MediaKind.IMAGE),
    ("video", MediaKind.VIDEO),
    ("video_note", MediaKind.VIDEO_NOTE),
    ("audio", MediaKind.AUDIO),
    ("document", MediaKind.DOCUMENT),
    ("sticker", MediaKind.STICKER),
)
_CAPTIONED = (MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.VIDEO_NOTE, MediaKind.DOCUMENT)
#: GoWA's own spelling, and those of services that pass its events on.
_LATITUDE = ("degreesLatitude", "latitude", "lat")
_LONGITUDE = ("degreesLongitude", "longitude", "lng", "lon")
MAX_PATH = 2000
#: Files in WhatsApp's own store are encrypted; only GoWA has the key.
_ENCRYPTED_HOST = ".whatsapp.net"
EMPTY = (
    "WhatsApp has a message here that GoWA does not hand over: a poll, a choice of a button or list, a removed "
    "reaction, or a file that it could not download. Look at the phone."
)
UNREADABLE_TEXT = "A text that GoWA tells in a form that cannot be read. Look at the phone."
UNREADABLE_PLACE = "A place that GoWA tells in a form that cannot be read. Look at the phone."
UNREADABLE_CONTACT = "A contact that GoWA tells in a form that cannot be read. Look at the phone."
EMPTY_VIEW_ONCE = "A message that can be viewed once; look at it on the phone."


def read_parts(item: Item) -> tuple[Part, ...]:
    """All parts of a message, at least one; a placeholder for each that cannot be read."""
    content = item.content
    parts: list[Part] = [*_media(item), *_places(content)]
    parts += [*_contacts(content), *_structured(item)]
    if item.body and not _said(parts, item.body):
        parts.insert(0, TextPart(item.body))
    return tuple(parts) or (empty_part(item),)


def empty_part(item: Item) -> UnsupportedPart:
    """The placeholder; the service may have a file for it that it could not download at first."""
    reason = EMPTY_VIEW_ONCE if item.content.flag("view_once") else EMPTY
    if item.content.value.get("body") not in (None, ""):
        reason = UNREADABLE_TEXT
    return UnsupportedPart(reason, MediaRef(MediaKind.DOCUMENT, download_locator(item)))


def download_locator(item: Item) -> dict[str, Any]:
    """How the service is asked for a message's file; it wants the chat, not the sender."""
    return {"download": item.id, "chat": str(item.place.jid)}


def _said(parts: list[Part], body: str) -> bool:
    for part in parts:
        match part:
            case MediaPart(caption=text) | LocationPart(caption=text) | StructuredPart(body=text):
                if text == body:
                    return True
    return False


# --- media ------------------------------------------------------------------------------------------------------------


def _media(item: Item) -> Iterator[MediaPart]:
    for name, kind in _MEDIA:
        if name in item.content:
            yield _one_media(item, name, kind)
    for address in item.content.texts("interactive_media"):
        locator = {"path": address, **download_locator(item)}
        yield MediaPart(MediaRef(MediaKind.IMAGE, locator))


def _one_media(item: Item, name: str, kind: MediaKind) -> MediaPart:
    """A file: its path as text, or an object that tells path, encrypted address, type, caption, name."""
    value = item.content.value[name]
    told = Tolerant({"path": value}, name) if isinstance(value, str) else item.content.obj(name)
    content_type = pick(told, "mime_type", "MimeType")
    if kind is MediaKind.AUDIO and "codecs=opus" in content_type.replace(" ", "").lower():
        kind = MediaKind.VOICE  # the only sign of a voice note, and only in some versions
    path = pick(told, "path", "media_path", "MediaPath") or _plain_address(told.text("url"))
    locator = download_locator(item)
    if path and len(path) <= MAX_PATH:
        locator = {"path": path, **locator}
    caption = pick(told, "caption", "Caption")
    if kind in _CAPTIONED:
        caption = caption or item.body
    return MediaPart(
        MediaRef(
            kind,
            locator,
            filename=_base_name(told.text("filename")),
            content_type=content_type,
        ),
        caption=caption,
    )


def _plain_address(url: str) -> str:
    """An address of a readable file; GoWA's own are kept, WhatsApp's encrypted ones are of no use."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
    return "" if not host or host.endswith(_ENCRYPTED_HOST) else url


def _base_name(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].strip()


# --- places, contacts -------------------------------------------------------------------------------------------------


def _places(content: Tolerant) -> Iterator[LocationPart | UnsupportedPart]:
    for name, live in (("location", False), ("live_location", True)):
        if name not in content:
            continue
        place = content.obj(name)
        latitude, longitude = _degrees(place, _LATITUDE), _degrees(place, _LONGITUDE)
        if latitude is None or longitude is None or not _has_any(place, _LATITUDE + _LONGITUDE):
            said = ", ".join(filter(None, (place.text("name"), place.text("address"))))
            yield UnsupportedPart(
                f"{UNREADABLE_PLACE} It says: {said}" if said else UNREADABLE_PLACE
            )
            continue
        yield LocationPart(
            Location(
                latitude,
                longitude,
                place.text("name"),
                place.text("address"),
            ),
            live=live,
            url=_web(place.text("URL")),
            caption=place.text("caption"),
        )


def _degrees(place: Tolerant, names: tuple[str, ...]) -> float | None:
    """Degrees; ``None`` where they cannot be read. The plain JSON encoder leaves out what is zero."""
    name = next((name for name in names if name in place), "")
    value = place.number(name, math.inf) if name else 0.0
    return value if abs(value) <= 360 else None


def _has_any(place: Tolerant, names: tuple[str, ...]) -> bool:
    return any(name in place for name in names)


def _web(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""


def _contacts(content: Tolerant) -> Iterator[ContactPart | UnsupportedPart]:
    told = [content.value["contact"]] if "contact" in content else []
    several = content.value.get("contacts_array")
    for one in [*told, *(several if isinstance(several, list) else [])]:
        if isinstance(one, dict) and one:
            yield ContactPart(read_card(Tolerant(one, f"{content.path}.contact")))
        else:
            yield UnsupportedPart(UNREADABLE_CONTACT)


# --- what has a readable summary --------------------------------------------------------------------------------------


def _structured(item: Item) -> Iterator[StructuredPart]:
    content = item.content
    if content.obj("list").value:
        yield _list(content.obj("list"))
    if content.obj("order").value:
        yield _order(content.obj("order"))
    if text := content.text("interactive"):
        yield StructuredPart("interactive", text, {})


def _list(told: Tolerant) -> StructuredPart:
    rows = [
        {
            "id": row.text("rowID"),
            "title": row.text("title"),
            "description": row.text("description"),
        }
        for section in told.items("sections")
        for row in section.items("rows")
    ]
    lines = [told.text("title"), told.text("description")]
    lines += [" – ".join(filter(None, (row["title"], row["description"]))) for row in rows]
    lines.append(told.text("footerText"))
    data = {"title": told.text("title"), "button": told.text("buttonText"), "rows": rows}
    return StructuredPart("list", "\n".join(line for line in lines if line), data)


def _order(told: Tolerant) -> StructuredPart:
    amount, currency = told.number("totalAmount1000") / 1000, told.text("totalCurrencyCode")
    count = int(told.number("itemCount"))
    price = f"{amount:,.2f} {currency}".strip() if amount else ""
    counted = f"{count} item{'' if count == 1 else 's'}" if count else ""
    first = ", ".join(text for text in (f"Order {told.text('orderID')}", counted, price) if text)
    lines = [first.strip(), told.text("orderTitle"), told.text("message")]
    data = {
        "id": told.text("orderID"),
        "item_count": count,
        "total": amount,
        "currency": currency,
        "seller": told.text("sellerJID"),
    }
    return StructuredPart("order", "\n".join(line for line in lines if line), data)
