"""Webhook bodies of every GoWA version into events. Versions are told apart by shape, never by date.

Owns: reading the JSON and choosing the version's module. Must not know: HTTP, the clock, storage.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from chatport import Channel
from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent
from chatport.reader import Reader, kind_of

from .. import own
from .envelope import read_envelope
from .flat import read_flat

__all__ = ["read_body"]


def read_body(channel: Channel, body: bytes) -> list[AnyEvent]:
    """All events of a webhook body.

    :raises AnomalousPayload: it is not a body of GoWA.
    """
    value = _load(body)
    if not isinstance(value, dict):
        raise AnomalousPayload(f"the body should be an object, it is {kind_of(value)}")
    reader, own_users = Reader(value), own.users(channel)
    if isinstance(value.get("event"), str) and value["event"]:
        return read_envelope(reader, own_users)
    return read_flat(reader, own_users)


def _load(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise AnomalousPayload("the body is not JSON") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
