"""Webhook bodies of every GoWA version into events. Versions are told apart by shape, never by date.

Owns: reading the JSON and choosing the version's module. Must not know: HTTP, the clock, storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatport import Channel
from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent
from chatport.reader import Tolerant, kind_of, load_json

from .. import own
from .envelope import read_envelope
from .flat import read_flat
from .item import Source
from .others import unknown

__all__ = ["read_body"]

#: A body with none of these keys is of somebody else.
_KEYS = ("event", "payload", "message", "action", "from", "chat_id", "sender_id", "device_id")


def read_body(channel: Channel, body: bytes) -> list[AnyEvent]:
    """All events of a webhook body. What lacks an id or a chat is an ``UnknownEvent`` that says so.

    :raises AnomalousPayload: it is not a body of GoWA.
    """
    value = load_json(body)
    if not isinstance(value, dict):
        raise AnomalousPayload(f"the body should be an object, it is {kind_of(value)}")
    reader, own_users = Tolerant(value), own.users(channel)
    try:
        if reader.text("event") or _is_receipt(reader):
            return read_envelope(reader, own_users)
        return read_flat(reader, own_users)
    except AnomalousPayload as error:
        if not _is_ours(value):
            raise
        return [unknown(_source(reader, own_users), str(error))]


def _is_receipt(body: Tolerant) -> bool:
    """Some relays leave out the name of the event; only receipts are of a type of receipt."""
    return bool(body.text("receipt_type") or body.obj("payload").text("receipt_type"))


def _is_ours(value: Mapping[str, Any]) -> bool:
    return any(value.get(key) is not None for key in _KEYS)


def _source(body: Tolerant, own_users: frozenset[str]) -> Source:
    addressees = own.addressees(body.text("device_id"), body.text("session_id"))
    return Source(raw=body.value, own=own_users, addressees=addressees)
