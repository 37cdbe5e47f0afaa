"""From an event to the body of its webhook, by release.

Owns which releases tell which event at all; the two shapes live in ``flat`` and ``envelope``.
"""

from __future__ import annotations

from typing import Any

from . import envelope, flat
from .eras import Version
from .events import Deletion, Event, GroupChange, Message, Notice, Receipt
from .wire import encode


def build(event: Event, version: Version) -> dict[str, Any] | None:
    """Return the body that ``version`` posts for ``event``, or None where it posts nothing."""
    match event:
        case Message():
            return _message(event, version)
        case Deletion():
            return _deletion(event, version)
        case Receipt():
            return _receipt(event, version)
        case GroupChange():
            return envelope.group_change(event, version) if version.since("v7.4.0") else None
        case Notice():
            return envelope.notice(event, version) if version.since(event.since) else None


def render(event: Event, version: Version) -> bytes | None:
    """The bytes of :func:`build`."""
    body = build(event, version)
    return None if body is None else encode(body)


def _message(event: Message, version: Version) -> dict[str, Any] | None:
    if event.chat.jid.endswith("@broadcast"):
        return None
    if event.from_me and not (
        version.since("v8.3.0") or (version.since("v6.1.1") and not version.since("v8.0.0"))
    ):
        return None
    if event.media is not None and event.media.failed and not version.since("v8.8.0"):
        return None
    return (
        envelope.message(event, version)
        if version.since("v8.0.0")
        else flat.message(event, version)
    )


def _deletion(event: Deletion, version: Version) -> dict[str, Any] | None:
    if not version.since("v7.2.1"):
        return None
    return (
        envelope.deletion(event, version)
        if version.since("v8.1.2")
        else flat.deletion(event, version)
    )


def _receipt(event: Receipt, version: Version) -> dict[str, Any] | None:
    if not version.since("v7.3.0"):
        return None
    if version.since("v8.0.0"):
        # Companions of the recipient are ignored since there are several devices per service.
        return None if event.device else envelope.receipt(event, version)
    return flat.receipt(event)
