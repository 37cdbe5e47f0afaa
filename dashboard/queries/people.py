"""Contacts as the side panel and the search show them.

Owns: reading contacts, identities, merges. Must not know: how they are changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.tables import (
    Attachment,
    Contact,
    ContactIdentity,
    ContactInbox,
    ContactMerge,
    Conversation,
    Inbox,
    Message,
)
from chatport.services.auth import Principal
from chatport.services.outbox import NotFound

from .conversations import visible

_contacts = Contact.__table__
SEARCH_SIZE = 12


@dataclass(frozen=True, slots=True)
class Profile:
    """A contact with what is known of it."""

    contact: Row[Any]
    identities: list[Row[Any]]
    inboxes: list[Row[Any]]
    conversations: list[Row[Any]]
    merges: list[Row[Any]]
    files: list[Row[Any]]


def _seen_by(who: Principal) -> sa.ColumnElement[bool]:
    """The contacts that somebody may see: an agent sees those of the agent's inboxes."""
    own = _contacts.c.account_id == who.account_id
    if who.inbox_ids is None:
        return own
    mine = sorted(who.inbox_ids)
    known = sa.select(ContactInbox.contact_id).where(ContactInbox.inbox_id.in_(mine))
    talked = sa.select(Conversation.contact_id).where(Conversation.inbox_id.in_(mine))
    return sa.and_(own, sa.or_(_contacts.c.id.in_(known), _contacts.c.id.in_(talked)))


def find(connection: Connection, who: Principal, contact_id: int) -> Row[Any]:
    """A contact.

    :raises NotFound: there is none that this visitor may see.
    """
    row = connection.execute(
        sa.select(_contacts).where(_seen_by(who), _contacts.c.id == contact_id)
    ).first()
    if row is None:
        raise NotFound("There is no such contact.")
    return row


def load_profile(connection: Connection, who: Principal, contact_id: int) -> Profile:
    """A contact with identities, inboxes, conversations, merges and the last files.

    :raises NotFound: there is none that this visitor may see.
    """
    contact = find(connection, who, contact_id)
    identities: Sequence[Any] = connection.execute(
        sa.select(ContactIdentity.kind, ContactIdentity.value)
        .where(ContactIdentity.contact_id == contact_id)
        .order_by(ContactIdentity.id)
    ).all()
    inboxes: Sequence[Any] = connection.execute(
        sa.select(Inbox.name, ContactInbox.window_from)
        .join(Inbox, Inbox.id == ContactInbox.inbox_id)
        .where(ContactInbox.contact_id == contact_id)
        .order_by(Inbox.name)
    ).all()
    table = Conversation.__table__
    talks = connection.execute(
        sa.select(table.c.display_id, table.c.status, table.c.last_activity_at, Inbox.name)
        .join(Inbox, Inbox.id == table.c.inbox_id)
        .where(visible(who), table.c.contact_id == contact_id)
        .order_by(table.c.id.desc())
        .limit(10)
    ).all()
    loser = _contacts.alias("loser")
    merges = connection.execute(
        sa.select(ContactMerge.id, ContactMerge.reason, ContactMerge.created_at, loser.c.name)
        .join(loser, loser.c.id == ContactMerge.loser_id)
        .where(ContactMerge.winner_id == contact_id, ContactMerge.undone_at.is_(None))
        .order_by(ContactMerge.id.desc())
        .limit(10)
    ).all()
    return Profile(
        contact,
        list(identities),
        list(inboxes),
        list(talks),
        list(merges),
        _files(connection, who, contact_id),
    )


def _files(connection: Connection, who: Principal, contact_id: int) -> list[Row[Any]]:
    """The last files of the contact's latest conversations."""
    table = Conversation.__table__
    recent = (
        sa.select(table.c.id)
        .where(visible(who), table.c.contact_id == contact_id)
        .order_by(table.c.id.desc())
        .limit(3)
    )
    ids = list(connection.execute(recent).scalars())
    if not ids:
        return []
    last = (
        sa.select(Message.id)
        .where(Message.conversation_id.in_(ids), Message.content_type == "media")
        .where(Message.deleted_at.is_(None), Message.private.is_(False))
        .order_by(Message.sent_at.desc())
        .limit(12)
    )
    return list(
        connection.execute(
            sa.select(Attachment.__table__)
            .where(
                Attachment.message_id.in_(list(connection.execute(last).scalars())),
                Attachment.state == "ready",
            )
            .order_by(Attachment.id.desc())
            .limit(9)
        )
    )


def search(
    connection: Connection, who: Principal, wanted: str, *, but: int = 0, kind: str = ""
) -> list[Row[Any]]:
    """Contacts whose name or number contains a text.

    :param but: a contact that is left out.
    :param kind: ``person`` or ``group``; empty for both.
    """
    wanted = wanted.strip()[:100]
    if not wanted:
        return []
    digits = "".join(c for c in wanted if c.isdigit() and c.isascii())
    same = [
        _contacts.c.name.icontains(wanted, autoescape=True),
        _contacts.c.email.icontains(wanted, autoescape=True),
    ]
    if digits:
        same.append(_contacts.c.phone_number.contains(digits, autoescape=True))
    where = [_seen_by(who), _contacts.c.merged_into_id.is_(None), _contacts.c.id != but]
    if kind:
        where.append(_contacts.c.kind == kind)
    return list(
        connection.execute(
            sa.select(_contacts)
            .where(*where, sa.or_(*same))
            .order_by(_contacts.c.last_activity_at.desc().nulls_last(), _contacts.c.id.desc())
            .limit(SEARCH_SIZE)
        )
    )
