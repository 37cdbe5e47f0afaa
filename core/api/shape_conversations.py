"""Conversations as the API answers them.

Owns: their JSON with contact, assignee, labels, last messages and window. Must not know: routes, who may see what.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import (
    Channel,
    Contact,
    ContactInbox,
    Conversation,
    ConversationLabel,
    Inbox,
    Message,
)
from ..db.types import utcnow
from ..errors import PluginMissing
from .shape_common import CHANNEL_TYPE, seconds
from .shape_messages import messages
from .shape_people import contacts, load_agents

if TYPE_CHECKING:
    from ..context import Core

_messages = Message.__table__
_contacts = Contact.__table__


def conversations(
    core: Core, connection: Connection, rows: Sequence[Row[Any]]
) -> list[dict[str, Any]]:
    """Conversations with contact, assignee, labels and their last messages, in the order of ``rows``."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    display_ids = {row.id: row.display_id for row in rows}
    people = connection.execute(
        sa.select(_contacts).where(_contacts.c.id.in_({row.contact_id for row in rows}))
    ).all()
    by_contact = {one["id"]: one for one in contacts(core, connection, people)}
    account_id = rows[0].account_id
    assignees = {
        one["id"]: one
        for one in load_agents(
            connection, account_id, {row.assignee_id for row in rows if row.assignee_id}
        )
    }
    labels: dict[int, list[str]] = {}
    for one in connection.execute(
        sa.select(ConversationLabel.conversation_id, ConversationLabel.label)
        .where(ConversationLabel.conversation_id.in_(ids))
        .order_by(ConversationLabel.label)
    ):
        labels.setdefault(one.conversation_id, []).append(one.label)
    latest = last_messages(connection, ids)
    spoken = last_messages(connection, ids, activity=False)
    flat = list({row.id: row for row in (*latest.values(), *spoken.values())}.values())
    shown = {one["id"]: one for one in messages(core, connection, flat, display_ids)}
    windows = _windows(core, connection, rows)
    return [
        _conversation(
            row,
            by_contact[row.contact_id],
            assignees.get(row.assignee_id),
            labels.get(row.id, []),
            shown[latest[row.id].id] if row.id in latest else None,
            shown[spoken[row.id].id] if row.id in spoken else None,
            windows[row.id],
        )
        for row in rows
    ]


def last_messages(
    connection: Connection, ids: Sequence[int], *, activity: bool = True
) -> dict[int, Row[Any]]:
    """The last message of each conversation: one index look-up each, in one query."""
    parts = []
    for conversation_id in ids:
        query = sa.select(_messages.c.id).where(_messages.c.conversation_id == conversation_id)
        if not activity:
            query = query.where(_messages.c.message_type != "activity")
        query = query.order_by(_messages.c.sent_at.desc(), _messages.c.id.desc()).limit(1)
        parts.append(sa.select(query.subquery().c.id))
    if not parts:
        return {}
    rows = connection.execute(
        sa.select(_messages).where(_messages.c.id.in_(sa.union_all(*parts)))
    ).all()
    return {row.conversation_id: row for row in rows}


def _windows(
    core: Core, connection: Connection, rows: Sequence[Row[Any]]
) -> dict[int, tuple[bool, datetime | None]]:
    """Whether each conversation can be answered freely now, and until when."""
    hours: dict[int, int | None] = {}
    sending: dict[int, bool] = {}
    for one in connection.execute(
        sa.select(Inbox.id, Inbox.deleted_at, Channel.provider)
        .join(Channel, Channel.id == Inbox.channel_id)
        .where(Inbox.id.in_({row.inbox_id for row in rows}))
    ):
        sending[one.id] = one.deleted_at is None
        try:
            hours[one.id] = core.plugins.provider(one.provider).info.features.window_hours
        except PluginMissing:
            hours[one.id] = None
    opened = {
        (one.contact_id, one.inbox_id): one.window_from
        for one in connection.execute(
            sa.select(
                ContactInbox.contact_id, ContactInbox.inbox_id, ContactInbox.window_from
            ).where(ContactInbox.contact_id.in_({row.contact_id for row in rows}))
        )
    }
    found: dict[int, tuple[bool, datetime | None]] = {}
    for row in rows:
        limit = hours.get(row.inbox_id)
        if limit is None:
            found[row.id] = (sending.get(row.inbox_id, False), None)
            continue
        since = opened.get((row.contact_id, row.inbox_id))
        until = None if since is None else since + timedelta(hours=limit)
        found[row.id] = (until is not None and until > utcnow(), until)
    return found


def _conversation(
    row: Row[Any],
    contact: dict[str, Any],
    assignee: dict[str, Any] | None,
    labels: list[str],
    latest: dict[str, Any] | None,
    spoken: dict[str, Any] | None,
    window: tuple[bool, datetime | None],
) -> dict[str, Any]:
    activity = seconds(row.last_activity_at)
    return {
        "id": row.display_id,
        "uuid": row.uuid,
        "account_id": row.account_id,
        "inbox_id": row.inbox_id,
        "status": row.status,
        "can_reply": window[0],
        "can_reply_until": seconds(window[1]),
        "muted": contact["blocked"],
        "labels": labels,
        "priority": row.priority,
        "snoozed_until": seconds(row.snoozed_until),
        "unread_count": row.unread_count,
        "waiting_since": seconds(row.waiting_since) or 0,
        "first_reply_created_at": seconds(row.first_reply_at) or 0,
        "agent_last_seen_at": seconds(row.agent_last_seen_at) or 0,
        "assignee_last_seen_at": seconds(row.assignee_last_seen_at) or 0,
        "contact_last_seen_at": seconds(row.contact_last_seen_at) or 0,
        "last_activity_at": activity,
        "timestamp": activity,
        "created_at": seconds(row.created_at),
        "updated_at": seconds(row.updated_at),
        "additional_attributes": row.additional_attributes or {},
        "custom_attributes": row.custom_attributes or {},
        "messages": [latest] if latest else [],
        "last_non_activity_message": spoken,
        "meta": {
            "sender": contact,
            "channel": CHANNEL_TYPE,
            "assignee": assignee,
            "assignee_type": "User" if assignee else None,
            "team": None,
            "hmac_verified": False,
        },
    }


def conversation_row(connection: Connection, account_id: int, display_id: int) -> Row[Any] | None:
    """A conversation by the account's own number."""
    return connection.execute(
        sa.select(Conversation.__table__).where(
            Conversation.account_id == account_id, Conversation.display_id == display_id
        )
    ).first()
