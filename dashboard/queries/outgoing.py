"""The log of what left: messages, reactions, edits and deletions, with the service's answer and the ticks.

Owns: reading. Must not know: how a send is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.tables import Contact, Conversation, Inbox, Message, MessageStatusRow, Send

PAGE = 50
STATES = ("queued", "sending", "sent", "failed", "unknown", "cancelled")
#: Sends that one page looks through for a filter, so that a rare state does not read the whole table.
WINDOW = 5_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A page of sends.

    :param ticks: delivery states of each message, oldest first, by message id.
    :param before: where the next page begins; 0 where there is none.
    """

    rows: Sequence[Row[Any]]
    ticks: dict[int, list[Row[Any]]]
    before: int


def load(
    connection: Connection,
    account_id: int,
    *,
    inbox_id: int | None = None,
    state: str = "",
    before: int = 0,
) -> Outgoing:
    """Sends, the newest first.

    :param before: a send's id; older ones follow.
    """
    seen = sa.select(Send.id).where(Send.account_id == account_id)
    if before:
        seen = seen.where(Send.id < before)
    narrowed = inbox_id is not None or state in STATES
    window = seen.order_by(Send.id.desc()).limit(WINDOW if narrowed else PAGE + 1).subquery()
    query = (
        sa.select(
            Send.__table__,
            Conversation.display_id,
            Contact.name.label("contact_name"),
            Inbox.id.label("inbox_id"),
            Inbox.name.label("inbox_name"),
            Message.content,
            Message.content_type,
            Message.deleted_at,
        )
        .join(window, window.c.id == Send.id)
        .join(Message, Message.id == Send.message_id)
        .join(Conversation, Conversation.id == Send.conversation_id)
        .join(Contact, Contact.id == Conversation.contact_id)
        .join(Inbox, Inbox.id == Conversation.inbox_id)
    )
    if inbox_id is not None:
        query = query.where(Inbox.id == inbox_id)
    if state in STATES:
        query = query.where(Send.state == state)
    rows = connection.execute(query.order_by(Send.id.desc()).limit(PAGE + 1)).all()
    shown = rows[:PAGE]
    following = shown[-1].id if len(rows) > PAGE else 0
    if narrowed and not following:
        looked = connection.execute(sa.select(sa.func.count(), sa.func.min(window.c.id))).one()
        following = looked[1] if looked[0] == WINDOW else 0
    return Outgoing(shown, _ticks(connection, [row.message_id for row in shown]), following)


def _ticks(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    columns: list[Any] = [
        MessageStatusRow.message_id,
        MessageStatusRow.status,
        MessageStatusRow.at,
        MessageStatusRow.received_at,
    ]
    query = sa.select(*columns).where(MessageStatusRow.message_id.in_(ids))
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.message_id, []).append(row)
    for ticks in found.values():
        ticks.sort(key=lambda tick: tick.at or tick.received_at)
    return found
