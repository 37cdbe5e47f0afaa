"""The messages of a conversation, loaded in a few queries and shaped for templates.

Owns: pages of a thread, single messages, and everything that belongs to them. Must not know: HTML, providers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.tables import (
    Attachment,
    Contact,
    Message,
    MessageRevision,
    MessageStatusRow,
    ReactionRow,
    User,
)
from chatport.services.outbox import NotFound
from chatport.services.replies import answered

from .bubbles import Bubble, Quote, Reaction, Revision, shape
from .excerpts import load_excerpts

_messages = Message.__table__
#: The order of display. Compared as one value, it is looked up in the index instead of walked to.
_order = sa.tuple_(_messages.c.sent_at, _messages.c.id)

PAGE_SIZE = 50
#: A page that was away catches up with at most this many.
MAX_CATCH_UP = 400


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Messages in display order; ``older`` tells whether there are more before them."""

    bubbles: list[Bubble]
    older: bool = False

    @property
    def digest(self) -> str:
        """Changes with everything that shows: an open page that has the same needs nothing."""
        seen = "".join(f"{bubble.id}:{bubble.version}," for bubble in self.bubbles)
        return hashlib.sha256(seen.encode()).hexdigest()[:16]


def load_latest(connection: Connection, conversation: Row[Any]) -> ThreadPage:
    """The end of a thread."""
    return _page(connection, conversation, [], PAGE_SIZE)


def load_before(connection: Connection, conversation: Row[Any], order: str) -> ThreadPage:
    """The messages before a place."""
    at, message_id = _place(order)
    return _page(connection, conversation, [_order < _literal(at, message_id)], PAGE_SIZE)


def load_from(connection: Connection, conversation: Row[Any], order: str) -> ThreadPage:
    """The messages from a place on, to bring an open page up to date."""
    at, message_id = _place(order)
    return _page(connection, conversation, [_order >= _literal(at, message_id)], MAX_CATCH_UP)


def load_around(connection: Connection, conversation: Row[Any], message_id: int) -> ThreadPage:
    """The end of a thread from a little before one message on, to jump there.

    :raises NotFound: the message is not in this conversation.
    """
    row = connection.execute(
        sa.select(_messages.c.sent_at).where(
            _messages.c.id == message_id, _messages.c.conversation_id == conversation.id
        )
    ).first()
    if row is None:
        raise NotFound("There is no such message.")
    start = connection.execute(
        sa.select(_messages.c.sent_at)
        .where(_messages.c.conversation_id == conversation.id, _messages.c.sent_at <= row.sent_at)
        .order_by(_messages.c.sent_at.desc())
        .offset(15)
        .limit(1)
    ).scalar_one_or_none()
    where = [] if start is None else [_messages.c.sent_at >= start]
    return _page(connection, conversation, where, MAX_CATCH_UP)


def load_some(connection: Connection, conversation: Row[Any], ids: Sequence[int]) -> list[Bubble]:
    """Single messages of a conversation."""
    rows = connection.execute(
        sa.select(_messages)
        .where(_messages.c.id.in_(list(ids)), _messages.c.conversation_id == conversation.id)
        .order_by(_messages.c.sent_at, _messages.c.id)
    ).all()
    return _shaped(connection, rows)


def _place(order: str) -> tuple[datetime, int]:
    at, _, message_id = order.rpartition("_")
    try:
        moment = datetime.fromisoformat(at)
        number = int(message_id)
    except ValueError:
        raise NotFound("This is no place in a conversation.") from None
    if moment.tzinfo is None or not 0 <= number < 2**63:
        raise NotFound("This is no place in a conversation.")
    return moment, number


def _literal(at: datetime, message_id: int) -> Any:
    return sa.tuple_(
        sa.literal(at, _messages.c.sent_at.type), sa.literal(message_id, _messages.c.id.type)
    )


def _page(
    connection: Connection,
    conversation: Row[Any],
    where: Iterable[sa.ColumnElement[bool]],
    size: int,
) -> ThreadPage:
    rows = connection.execute(
        sa.select(_messages)
        .where(_messages.c.conversation_id == conversation.id, *where)
        .order_by(_messages.c.sent_at.desc(), _messages.c.id.desc())
        .limit(size + 1)
    ).all()
    shown = list(reversed(rows[:size]))
    older = len(rows) > size
    if shown and not older:
        first = shown[0]
        older = (
            connection.execute(
                sa.select(_messages.c.id)
                .where(
                    _messages.c.conversation_id == conversation.id,
                    _messages.c.sent_at < first.sent_at,
                )
                .limit(1)
            ).first()
            is not None
        )
    return ThreadPage(_shaped(connection, shown), older)


# --- what belongs to messages -----------------------------------------------------------------------------------------


def _shaped(connection: Connection, rows: Sequence[Row[Any]]) -> list[Bubble]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    attachments = _grouped(
        connection.execute(
            sa.select(Attachment.__table__)
            .where(Attachment.message_id.in_(ids))
            .order_by(Attachment.id)
        ).all()
    )
    reactions = _reactions(connection, ids)
    targets = answered(connection, rows)
    quotes = _quotes(connection, set(targets.values()))
    people = _names(connection, Contact, {r.sender_contact_id for r in rows})
    users = _names(connection, User, {r.sender_user_id for r in rows})
    return [
        shape(
            row,
            attachments=attachments.get(row.id, []),
            reactions=reactions.get(row.id, []),
            quote=quotes.get(targets[row.id]) if row.id in targets else None,
            contact_name=people.get(row.sender_contact_id, ""),
            user_name=users.get(row.sender_user_id, ""),
        )
        for row in rows
    ]


def _grouped(rows: Iterable[Row[Any]]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.message_id, []).append(row)
    return found


def _names(connection: Connection, table: Any, ids: set[int | None]) -> dict[int | None, str]:
    wanted = [i for i in ids if i is not None]
    if not wanted:
        return {}
    return {
        row.id: row.name
        for row in connection.execute(sa.select(table.id, table.name).where(table.id.in_(wanted)))
    }


def _reactions(connection: Connection, ids: list[int]) -> dict[int, list[Reaction]]:
    found: dict[int, list[Reaction]] = {}
    for row in connection.execute(
        sa.select(ReactionRow.message_id, ReactionRow.emoji, ReactionRow.reactor, Contact.name)
        .outerjoin(Contact, Contact.id == ReactionRow.contact_id)
        .where(ReactionRow.message_id.in_(ids), ReactionRow.emoji != "")
        .order_by(ReactionRow.at, ReactionRow.id)
    ):
        found.setdefault(row.message_id, []).append(
            Reaction(row.emoji, row.reactor == "us", row.name or "")
        )
    return found


def _quotes(connection: Connection, ids: set[int]) -> dict[int, Quote]:
    rows = load_excerpts(connection, ids)
    return {
        row.id: Quote(
            row.id,
            author=row.contact_name or row.user_name or "",
            ours=row.message_type != "incoming",
            author_id=row.sender_contact_id or 0,
            text="" if row.deleted_at else row.content or "",
            kind="deleted" if row.deleted_at else row.attachment_kind or row.content_type,
        )
        for row in rows
    }


def load_revisions(connection: Connection, message_id: int) -> list[Revision]:
    """What a message said before, oldest first."""
    rows = connection.execute(
        sa.select(MessageRevision.content, MessageRevision.at)
        .where(MessageRevision.message_id == message_id)
        .order_by(MessageRevision.at, MessageRevision.id)
    )
    return [Revision(row.content or "", row.at) for row in rows]


def load_statuses(connection: Connection, message_id: int) -> list[Row[Any]]:
    """All that was told about a message of ours: recipient, status, at, error."""
    return list(
        connection.execute(
            sa.select(MessageStatusRow.__table__)
            .where(MessageStatusRow.message_id == message_id)
            .order_by(MessageStatusRow.received_at, MessageStatusRow.id)
        )
    )
