"""Version 8 and later: ``{event, device_id, payload}``; and the first enveloped events of version 7.

Owns: the spelling of enveloped events. Must not know: what is made of an ``Item``.
"""

from __future__ import annotations

from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent
from chatport.reader import Tolerant

from .. import own
from . import messages
from .flat import read_flat
from .item import Item, Source, locate, read_chat, read_jid, read_time
from .others import read_other
from .receipts import read_receipt


def read_envelope(body: Tolerant, own_users: frozenset[str]) -> list[AnyEvent]:
    """All events of an enveloped body; without a name it is a receipt.

    :raises AnomalousPayload: it has not that shape.
    """
    told = _payload(body)
    name = body.text("event") or "message.ack"
    source = Source(
        raw=body.value,
        own=own_users,
        addressees=own.addressees(body.text("device_id"), body.text("session_id")),
        time=read_time(told.text("timestamp")) or read_time(body.text("timestamp")),
    )
    if name == "message.ack":
        return read_receipt(source, told)
    if name == "message.deleted":
        return [messages.deleted_for_me(source, told)]
    if name not in ("message", "message.reaction", "message.revoked", "message.edited"):
        return [read_other(name, source, told)]
    if name == "message" and "id" not in told and "message" in told:
        # Relayed by something that wrapped an older body; it tells the account outside.
        return read_flat(told, own_users, source.addressees)
    item = _item(source, told)
    if name == "message.reaction":
        return [messages.reaction(item, told.require("reacted_message_id"), _emoji(told))]
    if name == "message.revoked":
        return [messages.revoked(item, told.require("revoked_message_id"))]
    if name == "message.edited":
        return [messages.edited(item, told.text("original_message_id"), item.body)]
    return [messages.received(item)]


def _payload(body: Tolerant) -> Tolerant:
    """The payload; some relays nest it twice, or leave it out.

    :raises AnomalousPayload: it is no object.
    """
    if "payload" not in body:
        return body
    if not isinstance(body.value["payload"], dict):
        raise AnomalousPayload(f"{body.path}.payload is not an object")
    told = body.obj("payload")
    return told.obj("payload") if isinstance(told.value.get("payload"), dict) else told


def _item(source: Source, told: Tolerant) -> Item:
    place = locate(
        sender=read_jid(told.text("from")),
        sender_lid=read_jid(told.text("from_lid")),
        chat=read_chat(told.text("chat_id"), f"{told.path}.chat_id"),
        chat_lid=read_jid(told.text("chat_lid")),
        from_me=told.told_flag("is_from_me"),
        own=source.own,
        # The push name is the person's own word; the display name may be digits.
        name=told.text("from_name") or _display_name(told),
    )
    return Item(
        source=source,
        id=told.require("id"),
        place=place,
        content=told,
        body=told.text("body"),
        reply_to=told.text("replied_to_id"),
        quoted=told.text("quoted_body"),
    )


def _emoji(told: Tolerant) -> str:
    """The emoji; the empty one removes a reaction, so it must really be told.

    :raises AnomalousPayload: it is not told.
    """
    if not isinstance(told.value.get("reaction"), str):
        raise AnomalousPayload(f"{told.path}.reaction is missing")
    return told.text("reaction")


def _display_name(told: Tolerant) -> str:
    name = told.text("sender_display_name")
    return "" if name.isascii() and name.isdigit() else name
