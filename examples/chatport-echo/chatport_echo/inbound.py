"""Echo's webhooks into events.

Owns: the shape of the body and the form of keys. Must not know: HTTP, storage. Pure.

A body is ``{"line": NUMBER, "events": [{"type", "id", "at", …}, …]}``.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from chatport.errors import AnomalousPayload
from chatport.events import (
    AnyEvent,
    Chat,
    Direction,
    MediaPart,
    MediaRef,
    MessageReceived,
    Part,
    Party,
    StatusChanged,
    TextPart,
    UnknownEvent,
)
from chatport.identities import phone
from chatport.messages import MediaKind, MessageStatus
from chatport.reader import Reader, parse_unix

_STATUSES = {status.value: status for status in MessageStatus}


def read(body: bytes) -> list[AnyEvent]:
    """All events of a body.

    :raises AnomalousPayload: not a body of Echo.
    """
    try:
        whole = Reader(json.loads(body))
    except (ValueError, RecursionError):
        raise AnomalousPayload("the body is not JSON") from None
    line = whole.require("line")
    found: dict[str, AnyEvent] = {}
    for item in whole.items("events"):
        event = _event(line, item)
        found.setdefault(event.key, event)
    if not found:
        raise AnomalousPayload("the body holds no events")
    return list(found.values())


def _event(line: str, item: Reader) -> AnyEvent:
    try:
        kind = item.text("type")
        if kind == "message":
            return _message(line, item)
        if kind == "status" and item.text("status") in _STATUSES:
            return _status(line, item)
        reason = f"Echo's type {kind[:40]!r} is not known"
    except AnomalousPayload as error:
        # One item that cannot be read must not hide the others of the same body.
        reason = str(error)
    return UnknownEvent(key=_key("u", item), time=None, raw=item.value, reason=reason)


def _message(line: str, item: Reader) -> MessageReceived:
    sender = Party((_phone(item, "from"),), name=item.text("name"))
    return MessageReceived(
        key=_key("m", item, item.require("id")),
        time=_time(item),
        raw=item.value,
        addressees=(line,),
        source_id=item.require("id"),
        direction=Direction.INCOMING,
        chat=Chat(sender.identities),
        sender=sender,
        parts=(_part(item),),
        reply_to=item.text("reply_to") or None,
    )


def _part(item: Reader) -> Part:
    if "file" in item:
        locator = {"file": item.require("file")}
        return MediaPart(MediaRef(MediaKind.IMAGE, locator), caption=item.text("text"))
    return TextPart(item.text("text"))


def _status(line: str, item: Reader) -> StatusChanged:
    status = _STATUSES[item.text("status")]
    reason = item.text("reason") if status is MessageStatus.FAILED else ""
    return StatusChanged(
        key=_key("s", item, item.require("id"), status),
        time=_time(item),
        raw=item.value,
        addressees=(line,),
        source_id=item.require("id"),
        status=status,
        error_message=reason or ("Echo gives no reason." if status == "failed" else ""),
        delivery_id=item.text("reference") or None,
    )


def _phone(item: Reader, key: str) -> Any:
    identity = phone(item.require(key))
    if not identity.value:
        raise AnomalousPayload(f"{item.path}.{key} is not a phone number")
    return identity


def _time(item: Reader) -> datetime | None:
    return parse_unix(item.number("at"))


def _key(prefix: str, item: Reader, *facts: str) -> str:
    """A key of plain facts where they make one that can be stored, else of a digest."""
    key = ":".join((prefix, *facts))
    if facts and len(key) <= 200 and key.isascii() and key.isprintable():
        return key
    told = "\0".join(facts) if facts else json.dumps(item.value, sort_keys=True)
    return f"{prefix}#{hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()}"
