"""Versions 4.22 to 7: one flat object, without event name and without device.

Owns: the spelling of flat bodies, the capitalised keys of 7.2.0 among them. Must not know: what is made of an ``Item``.
"""

from __future__ import annotations

from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent
from chatport.reader import Tolerant

from .. import jids, own
from ..jids import Jid
from . import messages
from .item import Item, Place, Source, locate, pick, read_chat, read_jid, read_time
from .others import unknown

_DELETED = ("message_deleted_for_me", "event.delete_for_me")


def read_flat(
    body: Tolerant, own_users: frozenset[str], addressees: tuple[str, ...] = ()
) -> list[AnyEvent]:
    """All events of a flat body.

    :param addressees: as told around the body.
    :raises AnomalousPayload: it has not that shape.
    """
    source = Source(
        raw=body.value,
        own=own_users,
        addressees=addressees or own.addressees(body.text("device_id"), body.text("session_id")),
        time=read_time(body.text("timestamp")),
    )
    action = body.text("action")
    if action in _DELETED:
        return [messages.deleted_for_me(source, body)]
    if not action and not isinstance(body.value.get("message"), dict):
        raise AnomalousPayload("neither an event of GoWA nor a message")
    if action not in ("", "message_revoked", "message_edited"):
        return [unknown(source, f"the action {action[:80]!r} is not known")]
    item = _item(source, body)
    if action == "message_revoked":
        return [messages.revoked(item, body.require("revoked_message_id"))]
    if action == "message_edited":
        text = body.text("edited_text") or item.body
        return [messages.edited(item, body.text("original_message_id"), text)]
    if "reaction" in body:
        told = body.obj("reaction")
        target = pick(told, "id", "ID")
        if not target:
            raise AnomalousPayload(f"{told.path}.id is missing")
        return [messages.reaction(item, target, pick(told, "message", "Message"))]
    return [messages.received(item)]


def _item(source: Source, body: Tolerant) -> Item:
    told = body.obj("message")
    message_id = pick(told, "id", "ID")
    if not message_id:
        raise AnomalousPayload(f"{told.path}.id is missing")
    return Item(
        source=source,
        id=message_id,
        place=_place(source, body),
        content=body,
        body=pick(told, "text", "Text"),
        reply_to=pick(told, "replied_id", "RepliedId"),
        quoted=pick(told, "quoted_message", "QuotedMessage"),
        flat=True,
    )


def _place(source: Source, body: Tolerant) -> Place:
    """``from`` is ``sender in chat``, or the sender alone where sender and chat are one."""
    first, _, second = body.text("from").partition(" in ")
    lid = read_jid(body.text("from_lid"))
    sender = read_jid(first)
    chat = read_chat(second, "body.from")
    if chat is None and sender is None:
        chat = _from_digits(body, lid)
        sender = chat if chat is not None and chat.is_person else None
    return locate(
        sender=sender,
        sender_lid=lid,
        chat=chat,
        chat_lid=lid if chat is None else None,
        from_me=_from_me(source, sender, lid, chat),
        own=source.own,
        name=body.text("pushname"),
    )


def _from_me(source: Source, sender: Jid | None, lid: Jid | None, chat: Jid | None) -> bool | None:
    """Flat bodies have no flag. Of two people in a chat, who is not the customer is ourselves; that decides where our
    own address is told as a LID that nobody knows."""
    unknown_lid = sender is not None and sender.server == jids.LID
    if unknown_lid and chat is not None and chat.is_person and chat not in (sender, lid):
        return True
    return None


def _from_digits(body: Tolerant, lid: Jid | None) -> Jid | None:
    """The chat from its digits alone, where ``from`` is missing."""
    text = body.text("chat_id")
    if lid is not None and text == lid.user:
        return lid
    return read_chat(text, "body.chat_id")
