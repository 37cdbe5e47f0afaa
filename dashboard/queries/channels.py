"""Inboxes with their channels as the administrators' screens show them.

Owns: reading. Must not know: how channels are changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.partial import written
from chatport.db.tables import (
    UNRESOLVED_SENDS,
    Account,
    Alert,
    Channel,
    Conversation,
    DeadLetter,
    Inbox,
    InboxMember,
    Membership,
    Message,
    RawRequest,
    Send,
    User,
)
from chatport.services.outbox import NotFound


@dataclass(frozen=True, slots=True)
class Place:
    """An inbox and its channel."""

    inbox: Row[Any]
    channel: Row[Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows of a channel tell about it.

    :param error: the last message that could not be sent, if any.
    """

    waiting_sends: int
    unknown_sends: int
    pending_requests: int
    open_letters: int
    alerts: list[Row[Any]]
    error: Row[Any] | None


def allowed_providers(connection: Connection, account_id: int) -> list[str] | None:
    """Keys of the providers that an account may use; ``None``: all."""
    found: list[str] | None = connection.execute(
        sa.select(Account.providers_allowed).where(Account.id == account_id)
    ).scalar_one()
    return found


def all_places(connection: Connection, account_id: int) -> list[Place]:
    """The live inboxes of an account, by name."""
    inboxes = connection.execute(
        sa.select(Inbox.__table__)
        .where(Inbox.account_id == account_id, Inbox.deleted_at.is_(None))
        .order_by(Inbox.name, Inbox.id)
    ).all()
    rows = connection.execute(
        sa.select(Channel.__table__).where(Channel.id.in_([row.channel_id for row in inboxes]))
    ).all()
    by_id = {row.id: row for row in rows}
    return [Place(inbox, by_id[inbox.channel_id]) for inbox in inboxes]


def place(connection: Connection, account_id: int, inbox_id: int) -> Place:
    """A live inbox.

    :raises NotFound: there is none in the account.
    """
    inbox = connection.execute(
        sa.select(Inbox.__table__).where(
            Inbox.id == inbox_id, Inbox.account_id == account_id, Inbox.deleted_at.is_(None)
        )
    ).first()
    if inbox is None:
        raise NotFound("There is no such inbox.")
    channel = connection.execute(
        sa.select(Channel.__table__).where(Channel.id == inbox.channel_id)
    ).one()
    return Place(inbox, channel)


def evidence(connection: Connection, channel: Row[Any]) -> Evidence:
    """What happened on a channel lately."""

    def count(query: sa.Select[Any]) -> int:
        return int(
            connection.execute(
                sa.select(sa.func.count()).select_from(query.subquery())
            ).scalar_one()
        )

    def sends(*states: str) -> sa.Select[Any]:
        return (
            sa.select(Send.id)
            .where(
                Send.channel_id == channel.id,
                written(Send.state, UNRESOLVED_SENDS),
                Send.state.in_(states),
            )
            .limit(1000)
        )

    requests = sa.select(RawRequest.id).where(
        RawRequest.channel_id == channel.id, RawRequest.state == "pending"
    )
    letters = sa.select(DeadLetter.id).where(
        DeadLetter.account_id == channel.account_id,
        DeadLetter.channel_id == channel.id,
        DeadLetter.state.in_(("dead", "parked")),
    )
    alerts = connection.execute(
        sa.select(Alert.__table__)
        .where(
            Alert.account_id == channel.account_id,
            Alert.channel_id == channel.id,
            Alert.resolved_at.is_(None),
        )
        .order_by(Alert.id.desc())
        .limit(5)
    ).all()
    recent = (
        sa.select(Send.id, Send.message_id, Send.state, Send.error, Send.finished_at)
        .where(Send.channel_id == channel.id)
        .order_by(Send.id.desc())
        .limit(200)
        .subquery()
    )
    failed: sa.Select[Any] = (
        sa.select(recent.c.error, recent.c.finished_at, recent.c.message_id)
        .where(recent.c.state == "failed")
        .order_by(recent.c.id.desc())
        .limit(1)
    )
    return Evidence(
        waiting_sends=count(sends("queued", "sending")),
        unknown_sends=count(sends("unknown")),
        pending_requests=count(requests.limit(1000)),
        open_letters=count(letters.limit(1000)),
        alerts=list(alerts),
        error=connection.execute(failed).first(),
    )


def last_request(connection: Connection, channel: Row[Any]) -> Row[Any] | None:
    """The newest delivery that was kept, without its body."""
    newest = (
        sa.select(RawRequest.id, RawRequest.verdict, RawRequest.state, RawRequest.items)
        .add_columns(RawRequest.received_at)
        .where(
            RawRequest.account_id == channel.account_id,
            RawRequest.channel_id == channel.id,
            RawRequest.verdict != "reconciled",
        )
        .order_by(RawRequest.id.desc())
        .limit(1)
    )
    return connection.execute(newest).first()


def agents(connection: Connection, account_id: int, inbox_id: int) -> list[Row[Any]]:
    """The people of an account: id, name, email, role, and whether each is a member of the inbox."""
    member = sa.exists(
        sa.select(InboxMember.id).where(
            InboxMember.inbox_id == inbox_id, InboxMember.user_id == User.id
        )
    )
    return list(
        connection.execute(
            sa.select(User.id, User.name, User.email, Membership.role, member.label("member"))
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.account_id == account_id, User.active)
            .order_by(User.name, User.id)
        )
    )


def message_place(connection: Connection, account_id: int, message_id: int) -> Row[Any] | None:
    """Where a message is: the conversation's number."""
    columns: list[Any] = [Message.id, Message.inbox_id, Conversation.display_id]
    query = (
        sa.select(*columns)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.id == message_id, Message.account_id == account_id)
    )
    return connection.execute(query).first()
