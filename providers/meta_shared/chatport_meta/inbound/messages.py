"""Messages of customers, and copies of messages that the business wrote on another surface.

Owns: one item of ``messages`` or ``message_echoes`` into its event. Must not know: the envelope, HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatport.errors import AnomalousPayload
from chatport.events import (
    AnyEvent,
    Chat,
    Direction,
    IdentityChanged,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    Party,
    ReactionChanged,
)
from chatport.reader import Tolerant

from ..addresses import digits
from . import keys, people
from .parts import parts_of
from .source import Source, ignored, moment

#: Changes that WhatsApp tells as unsupported messages: a bubble for each would only confuse.
_SILENT = {
    "edit": "the customer edited a message; WhatsApp does not tell which one, nor the new text",
    "pin": "somebody pinned a message",
    "keep_in_chat": "somebody kept a disappearing message",
}
_DELIVERY_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Place:
    """In which chat an item stands, and who wrote it."""

    chat: Chat
    sender: Party | None
    direction: Direction


def read_message(source: Source, item: Tolerant) -> AnyEvent:
    """An item of ``messages``: the customer's, or in a history also ours."""
    if item.text("type") == "system":
        return _system(source, item)
    if source.history and _is_ours(source, item):
        return _read(source, item, _outgoing(source, item))
    return _read(source, item, _incoming(source, item))


def read_echo(source: Source, item: Tolerant) -> AnyEvent:
    """An item of ``message_echoes``: what the business wrote in its app or through another program."""
    return _read(source, item, _outgoing(source, item))


def read_placed(source: Source, item: Tolerant, place: Place) -> AnyEvent:
    """An item whose chat and author are known from elsewhere."""
    return _read(source, item, place)


def _is_ours(source: Source, item: Tolerant) -> bool:
    author = digits(item.text("from"))
    return bool(author) and author == source.own_number


def _incoming(source: Source, item: Tolerant) -> Place:
    sender = people.author(item, source.contacts)
    chat = people.group(item.text("group_id")) if "group_id" in item else None
    return Place(chat or Chat(sender.identities), sender, Direction.INCOMING)


def _outgoing(source: Source, item: Tolerant) -> Place:
    if "group_id" in item:
        group = people.group(item.text("group_id"))
        if group is not None:
            return Place(group, None, Direction.OUTGOING)
    to = people.addressee(item, source.contacts)
    return Place(Chat(to.identities, name=to.name), None, Direction.OUTGOING)


def _read(source: Source, item: Tolerant, place: Place) -> AnyEvent:
    kind = item.text("type")
    message_id = item.require("id")
    if kind == "reaction":
        return _reaction(source, item, place, message_id)
    if kind == "edit" and "edit" in item:
        return _edit(source, item, place, message_id)
    if kind == "revoke" and "revoke" in item:
        return _revoke(source, item, place, message_id)
    if kind == "request_welcome":
        reason = "the customer opened the chat for the first time and has not written yet"
        return ignored(source, item, reason, keys.message(message_id))
    silent = _silent(item, kind)
    if silent:
        return ignored(source, item, silent, keys.message(message_id))
    return _message(source, item, place, message_id)


def _silent(item: Tolerant, kind: str) -> str:
    inner = item.value.get("unsupported") if kind == "unsupported" else None
    told = inner.get("type") if isinstance(inner, dict) else None
    return _SILENT.get(told, "") if isinstance(told, str) else ""


def _message(source: Source, item: Tolerant, place: Place, message_id: str) -> MessageReceived:
    context = item.obj("context")
    referral = _referral(item, context)
    callback = item.text("biz_opaque_callback_data")
    return MessageReceived(
        key=keys.message(message_id),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        source_id=message_id,
        direction=place.direction,
        chat=place.chat,
        sender=place.sender,
        parts=parts_of(source, item),
        reply_to=context.text("id") or None,
        forwarded=context.flag("forwarded") or context.flag("frequently_forwarded"),
        referral=referral,
        history=source.history,
        delivery_id=delivery_id(callback),
    )


def delivery_id(callback: str) -> str | None:
    """Our own delivery id, where the opaque callback data is one."""
    return callback if _DELIVERY_ID.fullmatch(callback) else None


def _referral(item: Tolerant, context: Tolerant) -> Mapping[str, Any] | None:
    """The advertisement or the product that a customer came from."""
    found: dict[str, Any] = dict(item.obj("referral").value)
    product = context.obj("referred_product").value
    if product:
        found["referred_product"] = product
    return found or None


# --- changes of messages --------------------------------------------------------------------------


def _reaction(source: Source, item: Tolerant, place: Place, own_id: str) -> ReactionChanged:
    reaction = item.obj("reaction")
    return ReactionChanged(
        key=keys.reaction(own_id),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        target=reaction.require("message_id"),
        chat=place.chat,
        sender=place.sender,
        direction=place.direction,
        emoji=reaction.strict().text(
            "emoji"
        ),  # removed: the key is missing, or empty in older versions
    )


def _edit(source: Source, item: Tolerant, place: Place, own_id: str) -> MessageEdited:
    edit = item.obj("edit")
    message = edit.obj("message")
    return MessageEdited(
        key=keys.edit(own_id),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        target=edit.require("original_message_id"),
        chat=place.chat,
        sender=place.sender,
        direction=place.direction,
        body=_edited_text(message),
    )


def _edited_text(message: Tolerant) -> str | None:
    exact = message.strict()  # a text of a wrong type is none that the customer wrote
    kind = exact.text("type")
    if kind == "text":
        return exact.obj("text").text("body")
    content = exact.obj(kind) if kind in exact else None
    return content.text("caption") if content is not None and "caption" in content else None


def _revoke(source: Source, item: Tolerant, place: Place, own_id: str) -> MessageRevoked:
    return MessageRevoked(
        key=keys.revoke(own_id),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        target=item.obj("revoke").require("original_message_id"),
        chat=place.chat,
        sender=place.sender,
        direction=place.direction,
    )


# --- system messages ------------------------------------------------------------------------------

_NUMBER_CHANGES = ("user_changed_number", "customer_changed_number", "user_changed_user_id")
_SECURITY_CHANGES = ("customer_identity_changed", "user_identity_changed")


def _system(source: Source, item: Tolerant) -> AnyEvent:
    """What WhatsApp itself says: no message of the customer, and no reason to open a conversation."""
    message_id, system = item.require("id"), item.obj("system")
    kind = system.text("type")
    if kind in _SECURITY_CHANGES:
        reason = "the customer's security code changed"
        return ignored(source, item, reason, keys.system(message_id))
    if kind not in _NUMBER_CHANGES:
        reason = f"a notice of WhatsApp: {system.text('body') or kind or 'without words'}"
        return ignored(source, item, reason, keys.system(message_id))
    old = people.person(
        item.text("from") or system.text("customer"),
        system.text("previous_user_id") or item.text("from_user_id"),
        system.text("previous_parent_user_id") or item.text("from_parent_user_id"),
    )
    new = people.person(
        system.text("wa_id") or system.text("new_wa_id"),
        system.text("user_id"),
        system.text("parent_user_id"),
    )
    if not old or not new:
        raise AnomalousPayload(f"{item.path}.system does not say who changed to whom")
    return IdentityChanged(
        key=keys.system(message_id),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        old=tuple(one for one in old if one not in new),
        new=new,
        body=system.text("body"),
    )
