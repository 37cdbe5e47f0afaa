"""What observers are told after a commit.

Owns: the notice record and its kinds. Must not know: who publishes it, how pages and webhooks receive it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class NoticeKind(StrEnum):
    """Kinds of notice; also the event names of the live stream."""

    MESSAGE_CREATED = "message.created"
    MESSAGE_UPDATED = "message.updated"
    CONVERSATION_CREATED = "conversation.created"
    CONVERSATION_UPDATED = "conversation.updated"
    CONVERSATION_STATUS_CHANGED = "conversation.status_changed"
    CONVERSATION_READ = "conversation.read"
    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_MERGED = "contact.merged"
    TYPING_ON = "conversation.typing_on"
    TYPING_OFF = "conversation.typing_off"
    CHANNEL_HEALTH_CHANGED = "channel.health_changed"
    EVENT_RECEIVED = "event.received"
    DEAD_LETTER_CREATED = "dead_letter.created"
    ALERT_CREATED = "alert.created"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. ``data`` holds ids and, for typing, the state; no bodies, no secrets."""

    kind: NoticeKind
    account_id: int
    inbox_id: int | None = None
    conversation_id: int | None = None
    message_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
