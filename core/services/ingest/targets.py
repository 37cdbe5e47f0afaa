"""Finding the message that an event speaks of.

Owns: lookup by source id inside one inbox and one chat. Must not know: what is done with it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import Conversation, Message, Send
from ...events import Chat
from .. import contacts
from .scope import Scope

_messages = Message.__table__


#: Made once: making a statement takes several times as long as running it.
_BY_SOURCE_ID = (
    sa.select(_messages, Conversation.contact_id)
    .join(Conversation.__table__, Conversation.id == _messages.c.conversation_id)
    .where(
        _messages.c.inbox_id == sa.bindparam("inbox"),
        _messages.c.source_id == sa.bindparam("source"),
    )
    .order_by(_messages.c.part)
)


def chat_contact(scope: Scope, chat: Chat) -> Row[Any] | None:
    """The known contact of a chat; nothing is created."""
    found = contacts.find(
        scope.connection, scope.account_id, chat.identities
    ) or contacts.find_by_variant(scope.connection, scope.account_id, chat.identities)
    return found[0] if found else None


def by_source_id(scope: Scope, source_id: str) -> list[Row[Any]]:
    """Messages of this inbox with a source id: parts of one message, or several where ids are unique only per chat."""
    return list(
        scope.connection.execute(
            _BY_SOURCE_ID, {"inbox": scope.inbox.id, "source": source_id[:255]}
        )
    )


def in_chat(scope: Scope, source_id: str, chat: Chat | None) -> tuple[list[Row[Any]], bool]:
    """Messages with a source id in one chat.

    :returns: the messages, and whether some exist in another chat only.
    """
    rows = by_source_id(scope, source_id)
    if chat is None or not chat.identities or not rows:
        return rows, False
    contact = chat_contact(scope, chat)
    inside = [row for row in rows if contact is not None and row.contact_id == contact.id]
    return inside, bool(rows) and not inside


def by_delivery_id(scope: Scope, delivery_id: str) -> Row[Any] | None:
    """Our own message by the id that we gave to the provider."""
    return scope.connection.execute(
        sa.select(_messages)
        .join(Send.__table__, Send.message_id == _messages.c.id)
        .where(
            Send.delivery_id == delivery_id,
            Send.channel_id == scope.channel.id,
            Send.operation == "message",
        )
    ).first()
