"""What agents do with a conversation: start it, change its status, assign, label, mark as read, mute.

Owns: the rules of each, its rows and notices. Must not know: HTTP, pages, providers.

Ids are row ids; the caller has checked that the user may see the inbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import (
    Contact,
    ContactIdentity,
    ContactInbox,
    Conversation,
    ConversationLabel,
    Inbox,
    Membership,
    Message,
    User,
)
from ..db.types import storable, storable_json, utcnow
from ..db.upsert import insert, insert_if_absent
from ..errors import ConfigInvalid
from ..notices import Notice, NoticeKind
from . import conversations
from .contacts import ensure_contact_inbox
from .outbox.errors import NotFound
from .outbox.recipients import ordered
from .tasks.queue import request_read_receipt, request_typing

if TYPE_CHECKING:
    from ..context import Core

STATUSES = ("open", "resolved", "pending", "snoozed")
_conversations = Conversation.__table__
_STATUS_WORDS = {
    "open": "reopened",
    "resolved": "resolved",
    "pending": "marked as pending",
    "snoozed": "snoozed",
}


def start(
    core: Core,
    *,
    account_id: int,
    inbox_id: int,
    contact_id: int,
    status: str = "open",
    assignee_id: int | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> int:
    """The conversation in which a contact is written to: a new one, or the last one where the inbox keeps a single one.

    :returns: the row's id.
    :raises NotFound: no such contact or inbox in the account.
    :raises ConfigInvalid: the contact cannot be reached on WhatsApp.
    """
    now = utcnow()
    with core.db.write("start conversation") as connection:
        inbox = connection.execute(
            sa.select(Inbox.__table__).where(
                Inbox.id == inbox_id, Inbox.account_id == account_id, Inbox.deleted_at.is_(None)
            )
        ).first()
        contact = connection.execute(
            sa.select(Contact.__table__)
            .where(
                Contact.id == contact_id,
                Contact.account_id == account_id,
                Contact.merged_into_id.is_(None),
            )
            .with_for_update()
        ).first()
        if inbox is None or contact is None:
            raise NotFound("There is no such contact or inbox.")
        ensure_contact_inbox(connection, contact_id, inbox_id, _address(connection, contact))
        found = (
            conversations.select(connection, contact_id, inbox)
            if inbox.lock_to_single_conversation
            else None
        )
        if found is None:
            found = conversations.create(
                connection,
                account_id=account_id,
                inbox_id=inbox_id,
                contact_id=contact_id,
                at=now,
                status=status,
            )
            if attributes:
                connection.execute(
                    sa.update(_conversations)
                    .where(_conversations.c.id == found.id)
                    .values(
                        **{key: storable_json(dict(value)) for key, value in attributes.items()}
                    )
                )
    _tell(core, found, NoticeKind.CONVERSATION_CREATED)
    if assignee_id is not None:
        assign(core, account_id=account_id, conversation_id=found.id, assignee_id=assignee_id)
    return int(found.id)


def discard_empty(core: Core, *, account_id: int, conversation_id: int) -> bool:
    """Take a conversation back in which nobody has said anything, because its first message was refused.

    :returns: whether it was taken back; one with any word in it stays.
    """
    with core.db.write("discard conversation") as connection:
        row = _lock(connection, account_id, conversation_id)
        said = connection.execute(
            sa.select(Message.id)
            .where(Message.conversation_id == row.id, Message.message_type != "activity")
            .limit(1)
        ).first()
        if said is not None:
            return False
        for model in (ConversationLabel, Message):
            connection.execute(sa.delete(model).where(model.conversation_id == row.id))
        connection.execute(sa.delete(_conversations).where(_conversations.c.id == row.id))
    return True


def _address(connection: Connection, contact: Row[Any]) -> str:
    rows: list[Row[Any]] = list(
        connection.execute(
            sa.select(ContactIdentity.kind, ContactIdentity.value).where(
                ContactIdentity.contact_id == contact.id
            )
        )
    )
    identities = ordered(contact.phone_number, rows)
    if not identities:
        raise ConfigInvalid(
            {"contact_id": ["This contact has no phone number or other WhatsApp address."]},
            action="Add the phone number to the contact.",
        )
    return identities[0].value


def set_status(
    core: Core,
    *,
    account_id: int,
    conversation_id: int,
    status: str | None,
    snoozed_until: datetime | None = None,
    user_id: int | None = None,
) -> Row[Any]:
    """Change the status; ``None`` toggles between open and resolved. Leaves an activity line.

    :returns: the conversation as it is now.
    :raises NotFound: no such conversation.
    """
    now = utcnow()
    with core.db.write("set status") as connection:
        row = _lock(connection, account_id, conversation_id)
        wanted = status or ("open" if row.status == "resolved" else "resolved")
        until = snoozed_until if wanted == "snoozed" else None
        changed = wanted != row.status or until != row.snoozed_until
        if changed:
            connection.execute(
                sa.update(_conversations)
                .where(_conversations.c.id == row.id)
                .values(status=wanted, snoozed_until=until, updated_at=now)
            )
            line = f"Conversation was {_STATUS_WORDS[wanted]}"
            _activity(connection, row, line, {"kind": f"status_{wanted}"}, user_id, now)
        current = _lock(connection, account_id, conversation_id)
    if changed:
        _tell(core, current, NoticeKind.CONVERSATION_STATUS_CHANGED)
    return current


def wake_snoozed(core: Core) -> int:
    """Open conversations whose time of sleep is over.

    :returns: how many.
    """
    now = utcnow()
    with core.db.read("snoozed conversations") as connection:
        due = connection.execute(
            sa.select(_conversations.c.id, _conversations.c.account_id)
            .where(_conversations.c.status == "snoozed", _conversations.c.snoozed_until <= now)
            .order_by(_conversations.c.snoozed_until)
            .limit(500)
        ).all()
    for row in due:
        set_status(core, account_id=row.account_id, conversation_id=row.id, status="open")
    return len(due)


def assign(
    core: Core,
    *,
    account_id: int,
    conversation_id: int,
    assignee_id: int | None,
    user_id: int | None = None,
) -> Any:
    """Give a conversation to an agent; ``None`` or 0 takes the assignment back.

    :returns: the agent's row (id, name, email, role), if any.
    :raises NotFound: no such conversation, or no such agent in the account.
    """
    now = utcnow()
    with core.db.write("assign") as connection:
        row = _lock(connection, account_id, conversation_id)
        agent = None
        if assignee_id:
            agent = connection.execute(
                sa.select(User.id, User.name, User.email, Membership.role)
                .join(Membership, Membership.user_id == User.id)
                .where(User.id == assignee_id, Membership.account_id == account_id, User.active)
            ).first()
            if agent is None:
                raise NotFound("There is no such agent.")
        if row.assignee_id != (agent.id if agent else None):
            connection.execute(
                sa.update(_conversations)
                .where(_conversations.c.id == row.id)
                .values(assignee_id=agent.id if agent else None, updated_at=now)
            )
            if agent:
                told = {"kind": "assigned", "who": agent.name}
                _activity(connection, row, f"Assigned to {agent.name}", told, user_id, now)
            else:
                told = {"kind": "unassigned"}
                _activity(connection, row, "Conversation was unassigned", told, user_id, now)
    _tell(core, row, NoticeKind.CONVERSATION_UPDATED)
    return agent


def set_labels(
    core: Core, *, account_id: int, conversation_id: int, labels: Sequence[str]
) -> list[str]:
    """Replace the labels of a conversation.

    :returns: the labels as stored, in order.
    """
    wanted = sorted({storable(label.strip().lower(), 64) for label in labels if label.strip()})
    with core.db.write("set labels") as connection:
        row = _lock(connection, account_id, conversation_id)
        connection.execute(
            sa.delete(ConversationLabel).where(
                ConversationLabel.conversation_id == row.id, ConversationLabel.label.not_in(wanted)
            )
        )
        for label in wanted:
            values = {"account_id": account_id, "conversation_id": row.id, "label": label}
            insert_if_absent(connection, ConversationLabel.__table__, values)
    _tell(core, row, NoticeKind.CONVERSATION_UPDATED)
    return wanted


def set_priority(
    core: Core, *, account_id: int, conversation_id: int, priority: str | None
) -> None:
    """Set or clear the priority."""
    _update(core, account_id, conversation_id, priority=priority or None)


def set_custom_attributes(
    core: Core, *, account_id: int, conversation_id: int, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Replace the attributes of one's own."""
    stored: dict[str, Any] = storable_json(dict(attributes))
    _update(core, account_id, conversation_id, custom_attributes=stored)
    return stored


def mark_seen(
    core: Core, *, account_id: int, conversation_id: int, user_id: int | None = None
) -> Row[Any]:
    """An agent has read the conversation: no unread messages, and a read receipt where the inbox sends them.

    :returns: the conversation as it is now.
    """
    now = utcnow()
    with core.db.write("mark seen") as connection:
        row = _lock(connection, account_id, conversation_id)
        values: dict[str, Any] = {"agent_last_seen_at": now, "unread_count": 0}
        if user_id is not None and row.assignee_id == user_id:
            values["assignee_last_seen_at"] = now
        connection.execute(
            sa.update(_conversations).where(_conversations.c.id == row.id).values(**values)
        )
        receipt = bool(row.unread_count) and request_read_receipt(connection, row.id, on="on_open")
        current = _lock(connection, account_id, conversation_id)
    if row.unread_count:
        _tell(core, current, NoticeKind.CONVERSATION_READ)
    if receipt:
        core.bells.ring_calls()
    return current


def mark_unread(core: Core, *, account_id: int, conversation_id: int) -> Row[Any]:
    """Count the last incoming message as unread again."""
    with core.db.write("mark unread") as connection:
        row = _lock(connection, account_id, conversation_id)
        connection.execute(
            sa.update(_conversations)
            .where(_conversations.c.id == row.id)
            .values(
                unread_count=sa.case(
                    (_conversations.c.unread_count > 0, _conversations.c.unread_count), else_=1
                )
            )
        )
        current = _lock(connection, account_id, conversation_id)
    _tell(core, current, NoticeKind.CONVERSATION_UPDATED)
    return current


def mute(core: Core, *, account_id: int, conversation_id: int, muted: bool) -> None:
    """Block a contact: what he writes is kept in the event log and makes no message; the conversation is resolved."""
    now = utcnow()
    with core.db.write("mute") as connection:
        row = _lock(connection, account_id, conversation_id)
        connection.execute(
            sa.update(Contact)
            .where(Contact.id == row.contact_id)
            .values(blocked=muted, updated_at=now)
        )
        if muted:
            connection.execute(
                sa.update(_conversations)
                .where(_conversations.c.id == row.id)
                .values(status="resolved", snoozed_until=None, updated_at=now)
            )
    _tell(core, row, NoticeKind.CONVERSATION_STATUS_CHANGED)


def typing(
    core: Core, *, account_id: int, conversation_id: int, state: str, private: bool = False
) -> None:
    """An agent types (``on``, ``recording``) or stopped (``off``): told to colleagues, and to the customer unless it is
    a note."""
    with core.db.write("typing") as connection:
        row = _lock(connection, account_id, conversation_id)
        if not private:
            word = {"on": "composing", "recording": "recording"}.get(state, "paused")
            request_typing(connection, row.id, word)
    kind = NoticeKind.TYPING_OFF if state == "off" else NoticeKind.TYPING_ON
    core.publish(
        [Notice(kind, account_id, row.inbox_id, row.id, data={"private": private, "by": "agent"})]
    )
    core.bells.ring_calls()


def _update(core: Core, account_id: int, conversation_id: int, **values: Any) -> None:
    with core.db.write("update conversation") as connection:
        row = _lock(connection, account_id, conversation_id)
        connection.execute(
            sa.update(_conversations)
            .where(_conversations.c.id == row.id)
            .values(**values, updated_at=utcnow())
        )
    _tell(core, row, NoticeKind.CONVERSATION_UPDATED)


def _lock(connection: Connection, account_id: int, conversation_id: int) -> Row[Any]:
    row = connection.execute(
        sa.select(_conversations)
        .where(_conversations.c.id == conversation_id, _conversations.c.account_id == account_id)
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no such conversation.")
    return row


def _activity(
    connection: Connection,
    row: Row[Any],
    line: str,
    told: dict[str, str],
    user_id: int | None,
    now: datetime,
) -> None:
    """A line about what happened: in English, and as facts for whoever has other words for them."""
    name = (
        connection.execute(sa.select(User.name).where(User.id == user_id)).scalar()
        if user_id
        else None
    )
    insert(
        connection,
        Message.__table__,
        {
            "account_id": row.account_id,
            "inbox_id": row.inbox_id,
            "conversation_id": row.id,
            "message_type": "activity",
            "content": storable(f"{line} by {name}" if name else line),
            "content_attributes": {"activity": storable_json({**told, "by": name or ""})},
            "status": "sent",
            "sent_at": now,
        },
    )


def contact_inbox(connection: Connection, account_id: int, source_id: str) -> Any:
    """Contact and inbox that a ``source_id`` names in an account; the newest where several have it."""
    return connection.execute(
        sa.select(ContactInbox.contact_id, ContactInbox.inbox_id)
        .join(Inbox, Inbox.id == ContactInbox.inbox_id)
        .where(
            ContactInbox.source_id == source_id,
            Inbox.account_id == account_id,
            Inbox.deleted_at.is_(None),
        )
        .order_by(ContactInbox.id.desc())
    ).first()


def _tell(core: Core, row: Row[Any], kind: NoticeKind) -> None:
    core.publish([Notice(kind, row.account_id, inbox_id=row.inbox_id, conversation_id=row.id)])
