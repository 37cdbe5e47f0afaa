"""Delivery states of our messages.

Owns: one item of ``statuses`` into its event. Must not know: the envelope, HTTP.
"""

from __future__ import annotations

from typing import Any

from chatport.events import AnyEvent, Chat, StatusChanged
from chatport.messages import MessageStatus
from chatport.reader import Tolerant

from . import keys, people, reasons
from .messages import delivery_id
from .source import Source, ignored, moment, unknown

_STATES = {str(state): state for state in MessageStatus}
_WITHOUT_EFFECT = {
    "deleted": "the customer deleted the message on the own device",
    "warning": "the message was sent, but lacks an item of the catalogue",
    "accepted": "WhatsApp took the message; its delivery is told by itself",
}
#: What a status tells besides the state: price, conversation, security.
_DETAILS = ("pricing", "conversation", "recipient_identity_key_hash", "errors")


def read_status(source: Source, item: Tolerant) -> AnyEvent:
    """One state of one message for one recipient."""
    if item.text("type") == "call":
        return ignored(source, item, "the state of a call")
    message_id, word = item.require("id"), item.require("status")
    participant = ""
    group = item.text("recipient_type") == "group"
    if group:
        participant = item.text("recipient_participant_id") or item.text(
            "recipient_participant_user_id"
        )
    state = _STATES.get(word)
    if state is None:
        words = _WITHOUT_EFFECT.get(word)
        if words is None:
            return unknown(source, item, f"the delivery state {word[:40]!r} is not known")
        return ignored(source, item, words, keys.status(message_id, word, participant))
    party = people.recipient(item, source.contacts)
    chat = Chat(party.identities) if party else None
    if group:
        chat = people.group(item.text("recipient_id"))
    reason = _reason(source, item, state)
    return StatusChanged(
        key=keys.status(message_id, word, participant),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        source_id=message_id,
        status=state,
        recipient=party.identities if party else (),
        chat=chat,
        error_code=reason.code if reason else "",
        error_message=reason.message if reason else "",
        error_action=reason.action if reason else "",
        delivery_id=delivery_id(item.text("biz_opaque_callback_data")),
        details=_details(item),
    )


def _reason(source: Source, item: Tolerant, state: MessageStatus) -> reasons.Reason | None:
    if state is not MessageStatus.FAILED:
        return None
    return reasons.first(source, item) or reasons.Reason(
        "", "WhatsApp did not deliver the message and gives no reason.", "Send it again."
    )


def _details(item: Tolerant) -> dict[str, Any]:
    return {name: item.value[name] for name in _DETAILS if item.value.get(name) is not None}
