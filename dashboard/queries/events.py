"""The log of what services delivered, and the way of each item to a message and its ticks.

Owns: reading. Must not know: how requests are applied.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.tables import (
    Attachment,
    Conversation,
    DeadLetter,
    FollowUp,
    Inbox,
    Message,
    MessageStatusRow,
    RawRequest,
    Send,
)
from chatport.services.event_log import of_account
from chatport.services.outbox import NotFound

_requests = RawRequest.__table__
PAGE = 50
STATES = ("pending", "done", "parked", "dead", "held")
#: Items of one request that are followed up to their messages.
TRACED = 100


@dataclass(frozen=True, slots=True)
class Traced:
    """A message that an item made or changed, with what became of it.

    :param statuses: ticks, oldest first.
    """

    message: Row[Any]
    number: int
    attachments: list[Row[Any]]
    sends: list[Row[Any]]
    statuses: list[Row[Any]]


def _query(*more: Any) -> sa.Select[Any]:
    columns = [column for column in _requests.c if column.name not in ("body", "secret_hash")]
    return (
        sa.select(
            *columns,
            *more,
            Inbox.id.label("inbox_id"),
            Inbox.name.label("inbox_name"),
            _requests.c.body.is_not(None).label("has_body"),
        )
        .select_from(_requests)
        .outerjoin(Inbox, Inbox.channel_id == _requests.c.channel_id)
    )


def newest(
    connection: Connection,
    account_id: int,
    *,
    inbox_id: int | None = None,
    state: str = "",
    before: int = 0,
) -> list[Row[Any]]:
    """Requests, the newest first; ``before`` an id, older ones. One more than a page tells that there are more."""
    query = _query().where(of_account(account_id, state if state in STATES else None))
    if inbox_id is not None:
        query = query.where(Inbox.id == inbox_id)
    if before:
        query = query.where(_requests.c.id < before)
    return list(connection.execute(query.order_by(_requests.c.id.desc()).limit(PAGE + 1)))


def one(connection: Connection, account_id: int, event_id: int) -> Row[Any]:
    """A request with its body.

    :raises NotFound: there is none in the account.
    """
    row = connection.execute(
        _query(_requests.c.body).where(
            _requests.c.id == event_id, _requests.c.account_id == account_id
        )
    ).first()
    if row is None:
        raise NotFound("There is no such event.")
    return row


def letters_of(connection: Connection, account_id: int, event_id: int) -> list[Row[Any]]:
    """Dead letters of a request."""
    return list(
        connection.execute(
            sa.select(
                DeadLetter.id,
                DeadLetter.kind,
                DeadLetter.item_key,
                DeadLetter.state,
                DeadLetter.error,
                DeadLetter.created_at,
            ).where(
                DeadLetter.account_id == account_id,
                DeadLetter.kind.in_(("request", "item")),
                DeadLetter.subject_id == event_id,
            )
        )
    )


def waiting(connection: Connection, account_id: int, event_id: int) -> dict[str, Row[Any]]:
    """Follow-ups of a request that wait for their message, by item key."""
    columns: list[Any] = [FollowUp.item_key, FollowUp.target, FollowUp.state, FollowUp.expires_at]
    query = sa.select(*columns).where(
        FollowUp.account_id == account_id, FollowUp.request_id == event_id
    )
    return {row.item_key: row for row in connection.execute(query)}


def trace(connection: Connection, account_id: int, ids: list[int]) -> list[Traced]:
    """Messages with their files, sends and ticks."""
    wanted = list(dict.fromkeys(ids))[:TRACED]
    if not wanted:
        return []
    messages = connection.execute(
        sa.select(Message.__table__, Conversation.display_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.account_id == account_id, Message.id.in_(wanted))
        .order_by(Message.id)
    ).all()
    known = [row.id for row in messages]
    files = _by_message(
        connection, sa.select(Attachment.__table__).where(Attachment.message_id.in_(known))
    )
    sends = _by_message(connection, sa.select(Send.__table__).where(Send.message_id.in_(known)))
    ticks = _by_message(
        connection,
        sa.select(MessageStatusRow.__table__).where(MessageStatusRow.message_id.in_(known)),
    )
    return [
        Traced(
            row,
            row.display_id,
            files.get(row.id, []),
            sends.get(row.id, []),
            sorted(ticks.get(row.id, []), key=lambda tick: tick.at or tick.received_at),
        )
        for row in messages
    ]


def _by_message(connection: Connection, query: sa.Select[Any]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.message_id, []).append(row)
    return found


def pretty(body: bytes | None, limit: int = 200_000) -> str:
    """A body for reading: JSON with line breaks, anything else as it came."""
    if body is None:
        return ""
    text = bytes(body[:limit]).decode("utf-8", "replace")
    if len(body) > limit:
        return text + "\n…"
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def age(since: datetime, until: datetime | None) -> float | None:
    """Seconds between two moments."""
    return None if until is None else max(0.0, (until - since).total_seconds())
