"""Which send is next, and taking it so that nobody else does.

Owns: the order of sends, the claim, what a crash leaves behind. Must not know: providers' code, errors of sending.

A send is taken by a compare-and-set that is committed before anything leaves. Of two workers that look at the same row
one wins, whatever locks say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...db.partial import written
from ...db.tables import (
    OPEN_SENDS,
    UNRESOLVED_SENDS,
    Account,
    Attachment,
    Channel,
    Contact,
    ContactIdentity,
    ContactInbox,
    Send,
)
from ...db.types import utcnow
from .scenes import conversations, messages

sends = Send.__table__
_earlier = sends.alias("earlier")
_channels = Channel.__table__

#: A send that stands before the later ones of its conversation.
_open = written(sends.c.state, OPEN_SENDS)
#: Words of a channel's ``connection`` with which sending fails until a person does something.
NEEDS_A_PERSON = ("unauthorised", "disconnected", "login_required")


@dataclass(frozen=True, slots=True)
class Job:
    """A send that is ours, with every row that is needed to carry it out, read in one transaction."""

    send: Row[Any]
    message: Row[Any]
    conversation: Row[Any]
    channel: Row[Any]
    contact: Row[Any]
    identities: tuple[Row[Any], ...]
    attachments: tuple[Row[Any], ...]
    sender_identities: tuple[
        Row[Any], ...
    ]  #: of the contact who wrote the message that is reacted or replied to
    reply: Row[Any] | None
    account_active: bool
    window_from: datetime | None


def due_channels(connection: Connection, now: datetime) -> list[int]:
    """Channels with something to do, the one that sent longest ago first."""
    due = sa.and_(sends.c.state == "queued", sends.c.next_try_at <= now)
    query = (
        sa.select(sends.c.channel_id)
        .join(_channels, _channels.c.id == sends.c.channel_id)
        .where(
            _open,
            sa.or_(
                # Left behind by a process that is gone, or on its way in one that holds the channel's lock.
                sends.c.state == "sending",
                sends.c.give_up_at <= now,
                # Messages of a channel that only a person can mend fail without waiting for the pause to end.
                sa.and_(due, _channels.c.connection.in_(NEEDS_A_PERSON)),
                sa.and_(
                    due,
                    sa.or_(_channels.c.paused_until.is_(None), _channels.c.paused_until <= now),
                    ~_has_earlier(),
                ),
            ),
        )
        .group_by(sends.c.channel_id, _channels.c.last_send_at)
        .order_by(_channels.c.last_send_at.is_not(None), _channels.c.last_send_at)
    )
    return [row[0] for row in connection.execute(query)]


def due_heads(
    connection: Connection, channel_id: int, now: datetime, busy: Sequence[int], limit: int
) -> list[Row[Any]]:
    """Sends that may leave now: the first open one of each conversation, if its time has come.

    :param busy: conversations in which this process sends already.
    """
    query = (
        sa.select(sends.c.id, sends.c.conversation_id, sends.c.tries)
        .where(
            sends.c.channel_id == channel_id,
            _open,
            sends.c.state == "queued",
            sends.c.next_try_at <= now,
            sends.c.conversation_id.not_in(list(busy)) if busy else sa.true(),
            ~_has_earlier(),
        )
        .order_by(sends.c.next_try_at, sends.c.id)
        .limit(limit)
    )
    return list(connection.execute(query))


def _has_earlier() -> sa.Exists:
    return (
        sa.select(_earlier.c.id)
        .where(
            _earlier.c.conversation_id == sends.c.conversation_id,
            written(_earlier.c.state, UNRESOLVED_SENDS),
            _earlier.c.state != "unknown",
            _earlier.c.id < sends.c.id,
        )
        .correlate(sends)
        .exists()
    )


def claim(connection: Connection, send_id: int, tries: int) -> Job | None:
    """Take a send: after the commit it is ``sending`` and ours.

    :param tries: attempts at the time of looking.
    :returns: ``None`` when somebody else has it, it is done, or it is not its turn.
    """
    now = utcnow()
    taken = connection.execute(
        sa.update(sends)
        .where(
            sends.c.id == send_id,
            sends.c.state == "queued",
            sends.c.tries == tries,
            ~_has_earlier(),
        )
        .values(state="sending", tries=tries + 1, started_at=now)
        .returning(sends)
    ).first()
    if taken is None:
        return None
    if taken.operation == "message":
        connection.execute(
            sa.update(messages)
            .where(messages.c.id == taken.message_id, messages.c.status.in_(("queued", "retrying")))
            .values(status="sending", updated_at=now)
        )
    return _load(connection, taken)


def _load(connection: Connection, send: Row[Any]) -> Job:
    message = connection.execute(sa.select(messages).where(messages.c.id == send.message_id)).one()
    conversation = connection.execute(
        sa.select(conversations).where(conversations.c.id == send.conversation_id)
    ).one()
    contact = connection.execute(
        sa.select(Contact.__table__).where(Contact.id == conversation.contact_id)
    ).one()
    reply = None
    if message.reply_to_id is not None:
        reply = connection.execute(
            sa.select(messages).where(messages.c.id == message.reply_to_id)
        ).first()
    author = reply if send.operation == "message" else message
    author_id = None if author is None else author.sender_contact_id
    window_from = connection.execute(
        sa.select(ContactInbox.window_from).where(
            ContactInbox.contact_id == contact.id, ContactInbox.inbox_id == conversation.inbox_id
        )
    ).scalar_one_or_none()
    return Job(
        send=send,
        message=message,
        conversation=conversation,
        channel=connection.execute(
            sa.select(_channels).where(_channels.c.id == send.channel_id)
        ).one(),
        contact=contact,
        identities=_identities(connection, contact.id),
        attachments=tuple(
            connection.execute(
                sa.select(Attachment.__table__)
                .where(Attachment.message_id == message.id)
                .order_by(Attachment.id)
            )
        ),
        sender_identities=() if author_id is None else _identities(connection, author_id),
        reply=reply,
        account_active=connection.execute(
            sa.select(Account.active).where(Account.id == send.account_id)
        ).scalar_one(),
        window_from=window_from,
    )


def _identities(connection: Connection, contact_id: int) -> tuple[Row[Any], ...]:
    return tuple(
        connection.execute(
            sa.select(ContactIdentity.kind, ContactIdentity.value)
            .where(ContactIdentity.contact_id == contact_id)
            .order_by(ContactIdentity.id)
        )
    )


def load_job(connection: Connection, send_id: int) -> Job | None:
    """A send with its rows, without taking it."""
    send = connection.execute(sa.select(sends).where(sends.c.id == send_id)).first()
    return None if send is None else _load(connection, send)


def left_behind(connection: Connection, channel_id: int) -> list[int]:
    """Sends that a process which is gone left as ``sending``. Only the holder of the channel's lock may ask."""
    return [
        row[0]
        for row in connection.execute(
            sa.select(sends.c.id).where(
                sends.c.channel_id == channel_id, _open, sends.c.state == "sending"
            )
        )
    ]


def overdue(connection: Connection, channel_id: int, now: datetime) -> list[int]:
    """Queued sends whose time is up."""
    return [
        row[0]
        for row in connection.execute(
            sa.select(sends.c.id).where(
                sends.c.channel_id == channel_id,
                _open,
                sends.c.state == "queued",
                sends.c.give_up_at <= now,
            )
        )
    ]
