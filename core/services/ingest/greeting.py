"""The greeting of an inbox: an answer by itself to the first message of a new conversation.

Owns: when a greeting is due, and its rows. Must not know: how it is sent.

Its rows are stored in the transaction that stores the message and its conversation, so there is one greeting for each
conversation, however often a delivery is repeated or its processing begun again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import Conversation, Message
from ...db.upsert import insert
from ...events import MessageReceived
from ...notices import NoticeKind
from ..markup import to_whatsapp
from ..sends import insert_send
from .scope import Scope

#: A message that reaches us later than this needs an answer by a person; WhatsApp might not take ours any more.
LATEST = timedelta(hours=24)


def greet(scope: Scope, event: MessageReceived, conversation: Row[Any], at: datetime) -> None:
    """Answer the message that began a conversation, where the inbox is set up so. Not in groups, not for history.

    :param conversation: made in this transaction.
    :param at: the message's time.
    """
    text = (scope.inbox.greeting_message or "").strip()
    due = scope.inbox.greeting_enabled and text and scope.origin == "webhook"
    if not due or event.history or event.chat.is_group or scope.now - at > LATEST:
        return
    # Below the message that it answers, also where the service's clock is ahead.
    sent_at = max(scope.now, at + timedelta(milliseconds=1))
    message_id = insert(
        scope.connection,
        Message.__table__,
        {
            "account_id": scope.account_id,
            "inbox_id": scope.inbox.id,
            "conversation_id": conversation.id,
            "message_type": "template",
            "content_type": "text",
            "content": text,
            "private": False,
            "status": "queued",
            "part": 0,
            "external_echo": False,
            "sent_at": sent_at,
            "created_at": scope.now,
            "updated_at": scope.now,
            "content_attributes": {},
        },
    )
    payload = {"kind": "text", "text": to_whatsapp(text), "preview_url": True}
    insert_send(
        scope.connection,
        conversation,
        message_id,
        payload,
        None,
        scope.now,
        channel_id=scope.channel.id,
    )
    # No answer of a person: the customer still waits for one.
    scope.connection.execute(
        sa.update(Conversation)
        .where(Conversation.id == conversation.id, Conversation.last_activity_at < sent_at)
        .values(last_activity_at=sent_at)
    )
    scope.tell(NoticeKind.MESSAGE_CREATED, conversation_id=conversation.id, message_id=message_id)
    scope.calls = True
