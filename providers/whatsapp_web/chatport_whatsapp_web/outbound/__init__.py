"""Outbound messages to GoWA.

Owns: which call each content becomes, and the answer. Must not know: retries, storage.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from chatport import Channel, OutboundMessage, Sent
from chatport.errors import ContentRefused, OutcomeUnknown, UnsupportedFeature
from chatport.messages import (
    Contacts,
    Edit,
    Link,
    Location,
    Media,
    Poll,
    Reaction,
    Revoke,
    Text,
)

from ..client import Gowa, Result, segment
from ..people import chat_of
from .files import send_file

__all__ = ["degrees", "send"]

#: Ids that GoWA answers where there was no message.
_PSEUDO_IDS = frozenset({"presence", "chat-presence-start", "chat-presence-stop"})


def send(channel: Channel, message: OutboundMessage) -> Sent:
    """Send one message.

    :raises ProviderError: of the class that says what happened.
    """
    service = Gowa(channel)
    chat = chat_of(message.recipient)
    content = message.content
    if isinstance(content, Reaction | Edit | Revoke):
        return _change(service, chat, content)
    result = _send(service, _common(message, chat), content)
    source_id = result.mapping().get("message_id")
    if not isinstance(source_id, str) or not source_id or source_id in _PSEUDO_IDS:
        raise OutcomeUnknown(
            "GoWA says that it sent the message, but not under which id.",
            action="Look at the phone or wait for a tick before you send again.",
            code="no_id",
        )
    return Sent(source_id, {"message_id": source_id, "status": result.message[:300]})


def _common(message: OutboundMessage, chat: str) -> dict[str, Any]:
    """Fields of every send. A reply to a message that GoWA does not know becomes an ordinary one there."""
    fields: dict[str, Any] = {"phone": chat}
    if message.forwarded:
        fields["is_forwarded"] = True
    if message.reply_to is not None:
        fields["reply_message_id"] = message.reply_to.source_id
    return fields


def _send(service: Gowa, common: dict[str, Any], content: Any) -> Result:
    match content:
        case Text(body=body):
            return service.post("send/message", {**common, "message": body}, sending=True)
        case Media():
            plain = {key: "true" if value is True else str(value) for key, value in common.items()}
            return send_file(service, plain, content)
        case Location(latitude=latitude, longitude=longitude):
            place = {"latitude": degrees(latitude), "longitude": degrees(longitude)}
            return service.post("send/location", {**common, **place}, sending=True)
        case Contacts():
            return service.post("send/contact", {**common, **_card(content)}, sending=True)
        case Link(url=url, caption=caption):
            link = {"link": url, "caption": caption.strip() or url}
            return service.post("send/link", {**common, **link}, sending=True)
        case Poll(question=question, options=options, max_answers=most):
            poll = {"question": question, "options": list(options), "max_answer": most}
            return service.post("send/poll", {**common, **poll}, sending=True)
    raise UnsupportedFeature(
        f"WhatsApp Web cannot send this kind of message ({type(content).__name__}).",
        action="Send it as text.",
        code="unsupported",
    )


def degrees(value: float) -> str:
    """Degrees as text, which GoWA insists on, without an exponent."""
    return format(Decimal(repr(float(value))), "f")


def _card(contacts: Contacts) -> dict[str, str]:
    """GoWA sends one contact with one number, and writes the vCard itself."""
    if len(contacts.cards) != 1:
        raise UnsupportedFeature(
            "WhatsApp Web sends one contact per message.",
            action="Send the contacts one by one.",
            code="contacts",
        )
    card = contacts.cards[0]
    phone = "".join(
        c for c in (card.phones[0] if card.phones else "") if c.isascii() and c.isdigit()
    )
    if not phone or not card.name.strip():
        raise ContentRefused(
            "A shared contact needs a name and a phone number.",
            action="Add what is missing.",
            code="contact",
        )
    return {"contact_name": card.name, "contact_phone": phone}


def _change(service: Gowa, chat: str, content: Reaction | Edit | Revoke) -> Sent:
    """A change of an existing message. Twice is as good as once, so that a broken call may be repeated."""
    target = content.target.source_id
    body: dict[str, Any] = {"phone": chat}
    match content:
        case Reaction(emoji=emoji):
            action, body = "reaction", {**body, "emoji": emoji}
        case Edit(body=text):
            action, body = "update", {**body, "message": text}
        case Revoke():
            action = "revoke"
    result = service.post(f"message/{segment(target)}/{action}", body)
    source_id = result.mapping().get("message_id")
    return Sent(
        source_id if isinstance(source_id, str) and source_id else target,
        {"target": target, "status": result.message[:300]},
    )
