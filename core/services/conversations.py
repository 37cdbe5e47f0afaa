"""Which conversation something belongs to, and how a conversation's state follows from its messages.

Owns: selection, creation, reopening, unread counts. Must not know: providers, HTTP.
All functions work inside the caller's transaction.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Account, Conversation
from ..db.types import utcnow
from ..db.upsert import insert, update

_conversations = Conversation.__table__

#: Statements of every message are made once: making one takes several times as long as running it.
_OF_CONTACT = (
    sa.select(_conversations)
    .where(
        _conversations.c.contact_id == sa.bindparam("contact"),
        _conversations.c.inbox_id == sa.bindparam("inbox"),
    )
    .order_by(_conversations.c.id.desc())
    .limit(1)
)
_NOT_RESOLVED = _OF_CONTACT.where(_conversations.c.status != "resolved")
_BY_ID = sa.select(_conversations).where(_conversations.c.id == sa.bindparam("row_id"))
_NEXT_NUMBER = (
    sa.update(Account)
    .where(Account.id == sa.bindparam("account"))
    .values(last_display_id=Account.last_display_id + 1)
    .returning(Account.last_display_id)
)
#: Further columns come with the execution.
_COUNT_UNREAD = (
    sa.update(_conversations)
    .where(_conversations.c.id == sa.bindparam("row_id"))
    .values(unread_count=_conversations.c.unread_count + 1)
)


def latest(connection: Connection, contact_id: int, inbox_id: int) -> Row[Any] | None:
    """The contact's last conversation in an inbox, whatever its status."""
    return connection.execute(_OF_CONTACT, {"contact": contact_id, "inbox": inbox_id}).first()


def select(connection: Connection, contact_id: int, inbox: Row[Any]) -> Row[Any] | None:
    """The conversation that a new message joins: the last one, where the inbox keeps a single conversation, else the
    last one that is not resolved."""
    query = _OF_CONTACT if inbox.lock_to_single_conversation else _NOT_RESOLVED
    return connection.execute(query, {"contact": contact_id, "inbox": inbox.id}).first()


def create(
    connection: Connection,
    *,
    account_id: int,
    inbox_id: int,
    contact_id: int,
    at: datetime,
    status: str = "open",
) -> Row[Any]:
    """A new conversation with the account's next number."""
    display_id = connection.execute(_NEXT_NUMBER, {"account": account_id}).scalar_one()
    now = utcnow()
    conversation_id = insert(
        connection,
        _conversations,
        {
            "account_id": account_id,
            "inbox_id": inbox_id,
            "contact_id": contact_id,
            "display_id": display_id,
            "uuid": str(uuid.uuid4()),
            "status": status,
            "unread_count": 0,
            "last_activity_at": at,
            "additional_attributes": {},
            "custom_attributes": {},
            "created_at": now,
            "updated_at": now,
        },
    )
    return connection.execute(_BY_ID, {"row_id": conversation_id}).one()


def get_or_create(
    connection: Connection, *, account_id: int, inbox: Row[Any], contact_id: int, at: datetime
) -> tuple[Row[Any], bool]:
    """The conversation that a new message joins, made where there is none. The caller holds the contact's row lock, so
    that parallel first messages make one conversation."""
    found = select(connection, contact_id, inbox)
    if found is not None:
        return found, False
    made = create(
        connection, account_id=account_id, inbox_id=inbox.id, contact_id=contact_id, at=at
    )
    return made, True


def after_incoming(
    connection: Connection, conversation: Row[Any], at: datetime, *, quiet: bool
) -> str | None:
    """Note an incoming message: unread count, activity, waiting time; reopens what was resolved or snoozed.

    :param quiet: history that nobody needs to answer: counts nothing, reopens nothing.
    :returns: the new status, when it changed.
    """
    values: dict[str, Any] = {"updated_at": utcnow()}
    if at > conversation.last_activity_at:
        values["last_activity_at"] = at
    reopened = None
    if not quiet:
        if conversation.waiting_since is None:
            values["waiting_since"] = at
        if conversation.status in ("resolved", "snoozed"):
            reopened = values["status"] = "open"
            values["snoozed_until"] = None
        connection.execute(_COUNT_UNREAD, {"row_id": conversation.id, **values})
    else:
        update(connection, _conversations, conversation.id, values)
    return reopened


def after_outgoing(connection: Connection, conversation: Row[Any], at: datetime) -> None:
    """Note a message of ours: activity, end of the waiting time, first reply."""
    values: dict[str, Any] = {"updated_at": utcnow(), "waiting_since": None}
    if at > conversation.last_activity_at:
        values["last_activity_at"] = at
    if conversation.first_reply_at is None:
        values["first_reply_at"] = at
    update(connection, _conversations, conversation.id, values)
