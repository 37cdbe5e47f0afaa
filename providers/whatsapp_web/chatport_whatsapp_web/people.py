"""Groups, persons, and small signs to them: names, members, pictures, read receipts, typing.

Owns: these calls. Must not know: messages' content, events.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from chatport import Channel, ContactInfo, GroupInfo, Identity, MediaRequest, Recipient
from chatport.errors import (
    AuthenticationFailed,
    NotConnected,
    ProviderError,
    RecipientInvalid,
    ServiceUnreachable,
    UnsupportedFeature,
)
from chatport.messages import MessageRef

from . import jids
from .client import QUICK, Gowa, segment

#: Pictures lie at WhatsApp itself, readable without credentials.
AVATAR_HOST = ".whatsapp.net"
#: WhatsApp marks message by message; nobody notices the older ones.
MAX_READ = 20
_TYPING = {"composing": "start", "recording": "start", "paused": "stop"}


def chat_of(recipient: Recipient) -> str:
    """The address of a recipient, complete, so that GoWA has nothing to guess.

    :raises RecipientInvalid: nothing is known by which GoWA reaches it.
    """
    jid = jids.of_chat(recipient.identities)
    if jid is None or jid.is_group != recipient.is_group:
        raise RecipientInvalid(
            "Neither a phone number nor another WhatsApp address of this contact is known.",
            action="Add the phone number to the contact.",
            code="no_address",
        )
    return str(jid)


# --- facts ------------------------------------------------------------------------------------------------------------


def group_info(channel: Channel, group: Identity) -> GroupInfo:
    """Name and members of a group.

    :raises ProviderError: the service does not tell.
    """
    service = Gowa(channel)
    params = {"group_id": group.value}
    try:
        told = service.get("group/participants", params).mapping()
    except UnsupportedFeature:
        told = service.get("group/info", params).mapping()
    members = told.get("participants") or told.get("Participants")
    listed = members if isinstance(members, list) else []
    return GroupInfo(
        name=_text(told, "name", "Name").strip(),
        members=tuple(_member(entry) for entry in listed if isinstance(entry, dict)),
    )


def _member(entry: dict[str, Any]) -> tuple[tuple[Identity, ...], str, bool]:
    found = [
        jids.complete(text)
        for key in ("jid", "JID", "phone_number", "PhoneNumber", "lid", "LID")
        if (text := _text(entry, key))
    ]
    admin = any(
        entry.get(key) is True for key in ("is_admin", "is_super_admin", "IsAdmin", "IsSuperAdmin")
    )
    return jids.identities(found), _text(entry, "display_name", "DisplayName"), admin


def contact_info(channel: Channel, contact: tuple[Identity, ...]) -> ContactInfo:
    """Name, picture and further identities of a person.

    :raises ProviderError: the service cannot be asked at all.
    """
    jid = jids.of_chat(contact)
    if jid is None:
        raise RecipientInvalid("No WhatsApp address of this contact is known.", code="no_address")
    service = Gowa(channel)
    avatar = _avatar(service, str(jid))
    if jid.is_group:
        return ContactInfo(avatar=avatar)
    told = _user_info(service, str(jid))
    entries = told.get("data")
    first = entries[0] if isinstance(entries, list) and entries else {}
    first = first if isinstance(first, dict) else {}
    resolved = [_text(told, key) for key in ("resolved_phone", "resolved_lid")]
    return ContactInfo(
        name=_text(first, "name", "verified_name").strip(),
        avatar=avatar,
        identities=jids.identities([jid, *(jids.complete(text) for text in resolved if text)]),
    )


def _avatar(service: Gowa, jid: str) -> MediaRequest | None:
    params = {"phone": jid, "is_preview": "true"}
    try:
        url = service.get("user/avatar", params, deadline=QUICK).mapping().get("url")
    except (NotConnected, AuthenticationFailed, ServiceUnreachable):
        raise
    except ProviderError:  # none, hidden, or WhatsApp was slow: the contact goes without
        return None
    return _avatar_request(service, url)


def _avatar_request(service: Gowa, url: Any) -> MediaRequest | None:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host = (parts.hostname or "").lower()
        port = parts.port
    except ValueError:
        return None
    address = f"{host}:{port}" if port else host
    if parts.scheme == "https" and host.endswith(AVATAR_HOST):
        return MediaRequest(url=url, allowed_hosts=(address,))
    if parts.scheme in ("http", "https") and address == service.host:
        return MediaRequest(url=url, headers=service.authorization(), allowed_hosts=(address,))
    return None


def _user_info(service: Gowa, jid: str) -> dict[str, Any]:
    try:
        return service.get("user/info", {"phone": jid}, deadline=QUICK).mapping()
    except (NotConnected, AuthenticationFailed, ServiceUnreachable):
        raise
    except ProviderError:  # not on WhatsApp, or unknown: nothing to add
        return {}


def _text(entry: dict[str, Any], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := entry.get(key), str) and value), "")


# --- signs ------------------------------------------------------------------------------------------------------------


def mark_read(channel: Channel, recipient: Recipient, messages: tuple[MessageRef, ...]) -> bool:
    """Mark messages of the customer as read.

    :raises ProviderError: one could not be marked.
    """
    service, chat = Gowa(channel), chat_of(recipient)
    theirs = [message for message in messages if not message.from_me]
    for message in theirs[-MAX_READ:]:
        service.post(f"message/{segment(message.source_id)}/read", {"phone": chat})
    return bool(theirs)


def send_typing(channel: Channel, recipient: Recipient, state: str) -> bool:
    """Show or end the typing sign; GoWA has none of its own for recording.

    :raises ProviderError: it was not shown.
    """
    body = {"phone": chat_of(recipient), "action": _TYPING.get(state, "stop")}
    Gowa(channel).post("send/chat-presence", body)
    return True
