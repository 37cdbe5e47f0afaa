"""Echoes: outgoing messages that a service tells, and which of them are our own sends.

Owns: recognising our own send, and what is learned of it. Must not know: what is done with a message that was written
elsewhere.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.partial import written
from ...db.tables import UNRESOLVED_SENDS, Conversation, Message, Send
from ...db.types import storable
from ...events import MessageReceived
from ...messages import MessageStatus
from ...notices import NoticeKind
from ..statuses import StatusFact, record_status
from . import targets
from .followups import wait_for
from .parts import describe
from .scope import Outcome, Scope, applied, duplicate

_messages = Message.__table__
_sends = Send.__table__

#: A message of ours whose outcome is unknown is recognised in an echo within this time.
ECHO_WINDOW = timedelta(minutes=15)


def own_send(scope: Scope, event: MessageReceived) -> Outcome | None:
    """Whether an outgoing message is one that we sent through Chatport; ``None`` when it was written elsewhere."""
    rows, _ = targets.in_chat(scope, event.source_id, event.chat)
    own = [
        row
        for row in rows
        if row.message_type in ("outgoing", "template") and not row.external_echo
    ]
    if own:
        return duplicate(own[0].id, "our own message")
    if event.delivery_id:
        row = targets.by_delivery_id(scope, event.delivery_id)
        if row is not None:
            return _adopt(scope, row, event)
    contact = targets.chat_contact(scope, event.chat)
    if contact is None:
        return None
    open_sends = scope.connection.execute(
        sa.select(_sends.c.state, _sends.c.started_at, _messages)
        .join(_messages, _messages.c.id == _sends.c.message_id)
        .join(Conversation.__table__, Conversation.id == _sends.c.conversation_id)
        .where(
            Conversation.contact_id == contact.id,
            _sends.c.channel_id == scope.channel.id,
            _sends.c.operation == "message",
            written(_sends.c.state, UNRESOLVED_SENDS),
            _sends.c.state != "queued",
        )
        .order_by(_sends.c.id)
    ).all()
    if any(row.state == "sending" for row in open_sends):
        return wait_for(scope, event, event.source_id, "a message to this chat is just being sent")
    at = scope.moment(event.time)
    for row in open_sends:
        if _same_content(row, event) and abs(at - (row.started_at or at)) <= ECHO_WINDOW:
            return _adopt(scope, row, event)
    return None


def _same_content(message: Row[Any], event: MessageReceived) -> bool:
    if len(event.parts) != 1:
        return False
    content_type, content, _ = describe(event.parts[0])
    is_media = message.content_type == "media"
    return (message.content or "").strip() == content.strip() and is_media == (
        content_type == "media"
    )


def _adopt(scope: Scope, message: Row[Any], event: MessageReceived) -> Outcome:
    """An echo tells the source id of our own send."""
    settle_send(scope, message.id, event.source_id)
    record_status(
        scope.connection, message.id, StatusFact(MessageStatus.SENT, scope.moment(event.time))
    )
    scope.tell(
        NoticeKind.MESSAGE_UPDATED, conversation_id=message.conversation_id, message_id=message.id
    )
    scope.made.add(event.source_id[:255])
    return applied(message.id, "recognised as our own message")


def settle_send(scope: Scope, message_id: int, source_id: str) -> None:
    """What we learn later may always be stored: the source id of a send whose answer we missed."""
    scope.connection.execute(
        sa.update(_messages)
        .where(_messages.c.id == message_id, _messages.c.source_id.is_(None))
        .values(source_id=storable(source_id, 255), updated_at=scope.now)
    )
    scope.connection.execute(
        sa.update(_sends)
        .where(
            _sends.c.message_id == message_id,
            _sends.c.operation == "message",
            _sends.c.state.in_(("sending", "unknown")),
        )
        .values(state="sent", source_id=storable(source_id, 255), finished_at=scope.now)
    )
