"""Receipts: who received or read which messages.

Owns: ``message.ack`` of every version. Must not know: other events.
"""

from __future__ import annotations

from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent, ChatRead, Ignored, StatusChanged, UnknownEvent
from chatport.messages import MessageStatus
from chatport.reader import Tolerant

from . import keys
from .item import Place, Source, locate, pick, read_chat, read_jid

_STATES = {
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "played": MessageStatus.PLAYED,
}
_READ_BY_US = ("read", "read-self", "played", "played-self")


def read_receipt(source: Source, told: Tolerant) -> list[AnyEvent]:
    """One event for each message id and recipient; one for all ids where we read ourselves.

    :raises AnomalousPayload: without ids or recipient.
    """
    ids = list(dict.fromkeys(text for text in told.texts("ids") if text))
    if not ids:
        raise AnomalousPayload(f"{told.path}.ids is missing")
    kind = told.text("receipt_type")
    place = _place(source, told)
    if kind in ("read-self", "played-self") or (place.from_me and kind in _READ_BY_US):
        return [
            ChatRead(
                **source.base(keys.hashed(source.raw)),
                chat=place.chat,
                source_ids=tuple(ids),
            )
        ]
    if place.from_me:
        reason = "a receipt of another device of ours"
        return [
            Ignored(
                **source.base(keys.hashed(source.raw)),
                reason=reason,
            )
        ]
    state = _STATES.get(kind)
    if state is None:
        return [
            UnknownEvent(
                **source.base(keys.hashed(source.raw)),
                reason=f"a receipt of the unknown kind {kind[:80]!r}",
            )
        ]
    return [_status(source, place, message_id, state) for message_id in ids]


def _status(source: Source, place: Place, message_id: str, state: MessageStatus) -> StatusChanged:
    recipient = place.sender.identities if place.sender is not None else ()
    return StatusChanged(
        **source.base(keys.status(message_id, state, keys.user_of(recipient))),
        source_id=message_id,
        status=state,
        recipient=recipient,
        chat=place.chat,
    )


def _place(source: Source, told: Tolerant) -> Place:
    """Version 7 says ``sender in chat`` and has a sender with device; later ones name the recipient alone."""
    first, _, second = told.text("from").partition(" in ")
    sender = read_jid(first) or read_jid(told.text("sender_id")) or read_jid(told.text("from_lid"))
    chat = read_chat(told.text("chat_id") or second, f"{told.path}.chat_id")
    if sender is None and (chat is None or not chat.is_person):
        raise AnomalousPayload(f"{told.path}.from is missing")
    return locate(
        sender=sender,
        sender_lid=read_jid(told.text("from_lid")),
        chat=chat,
        chat_lid=read_jid(told.text("chat_lid")),
        from_me=None,
        own=source.own,
        name=pick(told, "sender_display_name"),
    )
