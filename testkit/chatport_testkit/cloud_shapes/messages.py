"""Elements of ``value.messages`` in the Cloud shape, key order included. Pure functions."""

from __future__ import annotations

from typing import Any

from .people import Person

JSON = dict[str, Any]

#: Types that Meta writes with the content before ``type``.
_CONTENT_FIRST = {"text", "location", "contacts", "system"}


def message(
    person: Person,
    wamid: str,
    timestamp: int,
    kind: str,
    content: Any = None,
    *,
    context: JSON | None = None,
    referral: JSON | None = None,
    group_id: str | None = None,
    before: JSON | None = None,
    after: JSON | None = None,
) -> JSON:
    """A message of ``person``. ``content`` None leaves the content object out (``request_welcome``)."""
    element: JSON = {}
    if context is not None:
        element["context"] = context
    element.update(person.author())
    if group_id is not None:
        element["group_id"] = group_id
    element["id"] = wamid
    element["timestamp"] = str(timestamp)
    if referral is not None:
        element["referral"] = referral
    element.update(before or {})
    content_keys = {} if content is None else {kind: content}
    if kind in _CONTENT_FIRST and referral is None and not person.hide_phone:
        element.update(content_keys)
        element["type"] = kind
    else:
        element["type"] = kind
        element.update(content_keys)
    element.update(after or {})
    return element


def media_content(
    *,
    media_id: str,
    mime: str,
    sha256_base64: str,
    url: str | None,
    caption: str | None = None,
    filename: str | None = None,
    flags: JSON | None = None,
) -> JSON:
    """Content of image, video, audio, document, sticker. The digest is base64 here, hex in the media look-up."""
    content: JSON = {}
    if caption is not None:
        content["caption"] = caption
    if filename is not None:
        content["filename"] = filename
    content.update({"mime_type": mime, "sha256": sha256_base64, "id": media_id})
    if url is not None:
        content["url"] = url
    content.update(flags or {})
    return content


def quote(author: str, wamid: str, product: JSON | None = None) -> JSON:
    """``context`` of a reply; ``author`` wrote the quoted message."""
    context: JSON = {"from": author, "id": wamid}
    if product:
        context["referred_product"] = product
    return context


def forwarded(*, often: bool) -> JSON:
    return {"frequently_forwarded": True} if often else {"forwarded": True}


def location_content(
    latitude: float,
    longitude: float,
    *,
    name: str | None = None,
    address: str | None = None,
    url: str | None = None,
) -> JSON:
    chosen = {"name": name, "address": address, "url": url}
    content: JSON = {"latitude": latitude, "longitude": longitude}
    content.update({key: value for key, value in chosen.items() if value is not None})
    return content


def card(name: str, phone: str, wa_id: str | None = None) -> JSON:
    """One simple element of ``contacts`` content."""
    entry: JSON = {"phone": phone}
    if wa_id is not None:
        entry["wa_id"] = wa_id
    entry["type"] = "CELL"
    return {"name": {"first_name": name, "formatted_name": name}, "phones": [entry]}


def number_change(person: Person, new: Person, *, legacy: bool = False) -> JSON:
    """``system`` content of a number change: ``person`` before, ``new`` after."""
    body = f"User {person.name} changed from {person.wa_id} to {new.wa_id}"
    if legacy:
        return {
            "body": body,
            "new_wa_id": new.wa_id,
            "identity": "0",
            "type": "customer_changed_number",
            "customer": person.wa_id,
        }
    if person.hide_phone and new.bsuid and person.bsuid:
        return {
            "body": f"User {person.name} changed their user id",
            "user_id": new.bsuid,
            "previous_user_id": person.bsuid,
            "type": "user_changed_user_id",
        }
    content: JSON = {"body": body, "wa_id": new.wa_id}
    if new.bsuid and person.bsuid:
        content.update({"user_id": new.bsuid, "previous_user_id": person.bsuid})
    content["type"] = "user_changed_number"
    return content
