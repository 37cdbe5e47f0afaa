"""Messages, and changes of messages: reactions, edits, revokes.

Owns: the events made of an ``Item``. Must not know: how a version spells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatport.events import (
    AnyEvent,
    Chat,
    Direction,
    Ignored,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    Party,
    ReactionChanged,
    UnknownEvent,
    UnsupportedPart,
)
from chatport.reader import Tolerant

from .. import jids
from . import keys
from .item import Item, Source, read_chat, read_jid
from .parts import read_parts

_NOT_CHATS = {
    jids.NEWSLETTER: "a post of a WhatsApp channel is no conversation",
    jids.BROADCAST: "statuses and broadcast lists are no conversations",
}


def not_a_chat(item: Item) -> Ignored | None:
    """Where what happened happened in no conversation."""
    reason = _NOT_CHATS.get(item.place.jid.server)
    if reason is None:
        return None
    source = item.source
    return Ignored(
        **source.base(keys.hashed(source.raw)),
        reason=reason,
    )


def received(item: Item) -> AnyEvent:
    """A message."""
    ignored = not_a_chat(item)
    if ignored is not None:
        return ignored
    place, source = item.place, item.source
    parts = read_parts(item)
    if _is_leaked(item, parts):
        return _ignore(source, "a message between our own devices, without content")
    return MessageReceived(
        **source.base(keys.message(place.chat, place.sender, place.from_me, item.id)),
        source_id=item.id,
        direction=place.direction,
        chat=place.chat,
        sender=place.sender,
        parts=parts,
        reply_to=item.reply_to or None,
        quoted_text=item.quoted,
        forwarded=item.content.flag("forwarded"),
        view_once=item.content.flag("view_once"),
        referral=_referral(item),
    )


def _is_leaked(item: Item, parts: tuple[Any, ...]) -> bool:
    """Versions 6.1.1 to 7 tell key shares and history notices, which a phone sends to itself, as empty messages."""
    empty = len(parts) == 1 and isinstance(parts[0], UnsupportedPart)
    return item.flat and empty and item.place.from_me and item.place.jid.user in item.source.own


def _referral(item: Item) -> Mapping[str, Any] | None:
    """The advertisement that led here: its plain values."""
    if "referral" not in item.content:
        return None
    told = item.content.obj("referral").value
    return {k: v for k, v in told.items() if isinstance(v, str | bool | int | float)} or None


def reaction(item: Item, target: str, emoji: str) -> AnyEvent:
    """A reaction; the empty emoji removes it."""
    ignored = not_a_chat(item)
    if ignored is not None:
        return ignored
    place, source = item.place, item.source
    return ReactionChanged(
        **source.base(keys.reaction(place.chat, place.sender, place.from_me, item.id)),
        target=target,
        chat=place.chat,
        sender=place.sender,
        direction=place.direction,
        emoji=emoji,
    )


def edited(item: Item, target: str, body: str) -> AnyEvent:
    """An edit. Versions before 7.9 do not tell which message it is; an edited caption has no text."""
    ignored = not_a_chat(item)
    if ignored is not None:
        return ignored
    place, source = item.place, item.source
    key = keys.edit(place.chat, place.sender, place.from_me, item.id)
    if not target:
        return UnknownEvent(
            **source.base(key),
            reason="an edit that does not say which message it changes; GoWA tells it from 7.9 on",
        )
    return MessageEdited(
        **source.base(key),
        target=target,
        chat=place.chat,
        sender=place.sender,
        direction=place.direction,
        body=body or None,
    )


def revoked(item: Item, target: str) -> AnyEvent:
    """Deleted for everyone."""
    ignored = not_a_chat(item)
    if ignored is not None:
        return ignored
    place, source = item.place, item.source
    return MessageRevoked(
        **source.base(keys.revoke(place.chat, place.sender, place.from_me, item.id)),
        target=target,
        chat=place.chat,
        sender=place.sender,
        direction=place.direction,
    )


def deleted_for_me(source: Source, told: Tolerant) -> AnyEvent:
    """Our own phone forgot a message. The chat is told only where GoWA had stored the message."""
    target = told.require("deleted_message_id")
    where = read_chat(told.text("chat_id"), f"{told.path}.chat_id")
    if where is not None and where.server in _NOT_CHATS:
        return _ignore(source, _NOT_CHATS[where.server])
    chat = None
    if where is not None:
        chat = Chat(jids.identities([where]), is_group=where.is_group)
    author = read_jid(told.text("original_sender") or told.text("from"))
    return MessageRevoked(
        **source.base(keys.forgotten(chat, target)),
        target=target,
        chat=chat,
        sender=None if author is None else Party(jids.identities([author])),
        direction=Direction.OUTGOING if told.flag("was_from_me") else Direction.INCOMING,
        for_everyone=False,
    )


def _ignore(source: Source, reason: str) -> Ignored:
    return Ignored(
        **source.base(keys.hashed(source.raw)),
        reason=reason,
    )
