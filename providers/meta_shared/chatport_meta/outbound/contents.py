"""Contents in the form of the Cloud API.

Owns: ``type`` and the object named like it. Must not know: recipients, HTTP. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatport.errors import UnsupportedFeature
from chatport.messages import (
    ContactCard,
    Contacts,
    Content,
    Interactive,
    Link,
    Location,
    Media,
    MediaKind,
    Reaction,
    Template,
    Text,
)

from ..addresses import digits
from .templates import template_object

#: The service's word for each kind of file. Recorded audio is audio with a mark.
MEDIA_TYPES: Mapping[MediaKind, str] = {
    MediaKind.IMAGE: "image",
    MediaKind.VIDEO: "video",
    MediaKind.AUDIO: "audio",
    MediaKind.VOICE: "audio",
    MediaKind.DOCUMENT: "document",
    MediaKind.STICKER: "sticker",
}


def content_fields(
    content: Content, file: Mapping[str, str] | None, service: str
) -> dict[str, Any]:
    """``type`` and its object.

    :param file: ``{"id": …}`` or ``{"link": …}`` of a file.
    :raises UnsupportedFeature: the Cloud API has no such message.
    :raises ContentRefused: a template's variables do not fit.
    """
    match content:
        case Text(body=body, preview_url=preview):
            return _typed("text", {"body": body, "preview_url": preview})
        case Link(url=url, caption=caption):
            text = f"{caption.strip()}\n{url}".strip()
            return _typed("text", {"body": text, "preview_url": True})
        case Media() if file is not None:
            return _file(content, file)
        case Location():
            return _typed("location", _place(content))
        case Contacts(cards=cards):
            return _typed("contacts", [_card(card) for card in cards])
        case Reaction(target=target, emoji=emoji):
            return _typed("reaction", {"message_id": target.source_id, "emoji": emoji})
        case Interactive():
            return _typed("interactive", _interactive(content))
        case Template():
            return _typed("template", template_object(content))
    raise UnsupportedFeature(
        f"{service} cannot send this kind of message ({type(content).__name__}).",
        action="Send it as text.",
        code="unsupported",
    )


def _typed(kind: str, content: Any) -> dict[str, Any]:
    return {"type": kind, kind: content}


def _file(media: Media, file: Mapping[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = dict(file)
    if media.caption:
        content["caption"] = media.caption
    if media.kind is MediaKind.DOCUMENT and media.filename:
        content["filename"] = media.filename
    if media.kind is MediaKind.VOICE:
        content["voice"] = True
    return _typed(MEDIA_TYPES[media.kind], content)


def _place(place: Location) -> dict[str, Any]:
    found: dict[str, Any] = {"latitude": place.latitude, "longitude": place.longitude}
    if place.name:
        found["name"] = place.name
    if place.address:
        found["address"] = place.address
    return found


def card_name(card: ContactCard) -> str:
    """Under what a card is shown; empty where it holds nothing to show."""
    known = (card.name, *card.phones, *card.emails, card.organization)
    return next((word.strip() for word in known if word.strip()), "")


def _card(card: ContactCard) -> dict[str, Any]:
    """A contact. Beside the whole name at least one part of it is obligatory."""
    shown = card_name(card)
    first, _, last = shown.partition(" ")
    name = {"formatted_name": shown, "first_name": first or shown}
    if last.strip():
        name["last_name"] = last.strip()
    found: dict[str, Any] = {"name": name}
    phones = [_phone(phone) for phone in card.phones if phone.strip()]
    if phones:
        found["phones"] = phones
    if card.emails:
        found["emails"] = [{"email": email, "type": "WORK"} for email in card.emails]
    if card.organization:
        found["org"] = {"company": card.organization}
    return found


def _phone(phone: str) -> dict[str, str]:
    found = {"phone": phone, "type": "CELL"}
    if phone.strip().startswith("+"):  # only a whole number can be opened as a WhatsApp chat
        found["wa_id"] = digits(phone)
    return found


def _interactive(content: Interactive) -> dict[str, Any]:
    kinds = {"buttons": "button", "list": "list", "cta_url": "cta_url"}
    found: dict[str, Any] = {"type": kinds[content.style], "body": {"text": content.body}}
    if content.header:
        found["header"] = {"type": "text", "text": content.header}
    if content.footer:
        found["footer"] = {"text": content.footer}
    found["action"] = _action(content)
    return found


def _action(content: Interactive) -> dict[str, Any]:
    match content.style:
        case "buttons":
            replies = [{"id": choice.id, "title": choice.title} for choice in content.choices]
            return {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
        case "list":
            rows = [
                {"id": choice.id, "title": choice.title}
                | ({"description": choice.description} if choice.description else {})
                for choice in content.choices
            ]
            return {"button": content.button, "sections": [{"rows": rows}]}
    parameters = {"display_text": content.button, "url": content.url}
    return {"name": "cta_url", "parameters": parameters}
