"""What agents change about conversations and contacts.

Owns: status, assignment, labels, muting, what was seen, new conversations, edits and merges of contacts, each in one
transaction and told to open pages afterwards. Must not know: HTTP. Who may do it has been checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport import phones
from chatport.db.tables import Contact, Conversation, ConversationLabel, Inbox
from chatport.db.types import storable, utcnow
from chatport.db.upsert import insert_if_absent
from chatport.errors import PluginMissing
from chatport.identities import phone as phone_identity
from chatport.notices import Notice, NoticeKind
from chatport.services import contacts, conversations
from chatport.services.outbox import NotFound, NotPossible
from chatport.services.tasks.queue import request_read_receipt, request_typing

if TYPE_CHECKING:
    from chatport.channels import Features
    from chatport.context import Core

_conversations = Conversation.__table__
_contacts = Contact.__table__
STATUSES = ("open", "pending", "snoozed", "resolved")
MAX_LABELS = 20
MAX_LABEL = 64


def features_of(core: Core, provider: str) -> Features | None:
    """What a provider can do; ``None`` while its plugin is missing."""
    try:
        return core.plugins.provider(provider).info.features
    except PluginMissing:
        return None


def _told(kind: NoticeKind, row: Row[Any], **data: Any) -> Notice:
    return Notice(kind, row.account_id, inbox_id=row.inbox_id, conversation_id=row.id, data=data)


def _update(core: Core, name: str, row: Row[Any], **values: Any) -> None:
    with core.db.write(name) as connection:
        connection.execute(
            sa.update(_conversations)
            .where(_conversations.c.id == row.id)
            .values(**values, updated_at=utcnow())
        )


def set_status(
    core: Core, row: Row[Any], status: str, *, snoozed_until: datetime | None = None
) -> None:
    """Resolve, reopen, snooze or put aside a conversation.

    :param snoozed_until: for ``snoozed``; none means until the customer writes.
    :raises NotPossible: an unknown status.
    """
    if status not in STATUSES:
        raise NotPossible("There is no such status.", action="Reload the page and try again.")
    until = snoozed_until if status == "snoozed" else None
    _update(core, "set status", row, status=status, snoozed_until=until)
    core.publish([_told(NoticeKind.CONVERSATION_STATUS_CHANGED, row)])


def assign(core: Core, row: Row[Any], user_id: int | None) -> None:
    """Say who answers; ``None`` for nobody."""
    _update(core, "assign conversation", row, assignee_id=user_id)
    core.publish([_told(NoticeKind.CONVERSATION_UPDATED, row)])


def set_labels(core: Core, row: Row[Any], labels: Sequence[str]) -> None:
    """Replace all labels of a conversation."""
    cleaned = (storable(" ".join(label.split()), MAX_LABEL) for label in labels)
    wanted = list(dict.fromkeys(label for label in cleaned if label))[:MAX_LABELS]
    table = ConversationLabel.__table__
    with core.db.write("set labels") as connection:
        connection.execute(
            sa.delete(table).where(table.c.conversation_id == row.id, table.c.label.not_in(wanted))
        )
        for label in wanted:
            insert_if_absent(
                connection,
                table,
                {"account_id": row.account_id, "conversation_id": row.id, "label": label},
            )
        connection.execute(
            sa.update(_conversations)
            .where(_conversations.c.id == row.id)
            .values(updated_at=utcnow())
        )
    core.publish([_told(NoticeKind.CONVERSATION_UPDATED, row)])


def set_muted(core: Core, row: Row[Any], muted: bool) -> None:
    """Mute a conversation, or let it speak again: muted ones do not call for attention."""
    with core.db.write("mute conversation") as connection:
        attributes: dict[str, Any] = (
            connection.execute(
                sa.select(_conversations.c.additional_attributes)
                .where(_conversations.c.id == row.id)
                .with_for_update()
            ).scalar_one()
            or {}
        )
        connection.execute(
            sa.update(_conversations)
            .where(_conversations.c.id == row.id)
            .values(additional_attributes={**attributes, "muted": muted}, updated_at=utcnow())
        )
    core.publish([_told(NoticeKind.CONVERSATION_UPDATED, row)])


def mark_seen(core: Core, row: Row[Any], provider: str) -> None:
    """An agent has looked at a conversation: nothing is unread, and the customer is told where the inbox wants that."""
    if row.unread_count == 0 and row.agent_last_seen_at is not None:
        return
    features = features_of(core, provider)
    receipts = features is not None and features.read_receipts
    now, asked = utcnow(), False
    with core.db.write("mark seen") as connection:
        connection.execute(
            sa.update(_conversations)
            .where(_conversations.c.id == row.id)
            .values(unread_count=0, agent_last_seen_at=now)
        )
        if receipts:
            asked = request_read_receipt(connection, row.id, on="on_open")
    core.publish([_told(NoticeKind.CONVERSATION_READ, row)])
    if asked:
        core.bells.ring_calls()


def tell_typing(core: Core, row: Row[Any], provider: str, state: str) -> None:
    """Show the customer that an agent writes, where the provider can."""
    features = features_of(core, provider)
    if features is None or not features.typing:
        return
    with core.db.write("typing") as connection:
        request_typing(connection, row.id, state)
    core.bells.ring_calls()


# --- new conversations ------------------------------------------------------------------------------------------------


def start_conversation(
    core: Core, account_id: int, inbox_id: int, *, number: str = "", contact_id: int = 0
) -> int:
    """The conversation with somebody in an inbox, made where there is none that a new message would join.

    :param number: E.164 with plus, for somebody new.
    :param contact_id: somebody known.
    :returns: the account's number of the conversation.
    :raises NotPossible: neither gives a person to write to.
    """
    notices: list[Notice] = []
    with core.db.write("start conversation") as connection:
        inbox = connection.execute(
            sa.select(Inbox.__table__).where(
                Inbox.id == inbox_id, Inbox.account_id == account_id, Inbox.deleted_at.is_(None)
            )
        ).first()
        if inbox is None:
            raise NotFound("There is no such inbox.")
        if not contact_id:
            contact_id = _contact_of_number(connection, account_id, number, notices)
        contact = _locked(connection, account_id, contact_id)
        source = (contact.phone_number or "").lstrip("+")
        contacts.ensure_contact_inbox(connection, contact.id, inbox.id, source)
        row, created = conversations.get_or_create(
            connection, account_id=account_id, inbox=inbox, contact_id=contact.id, at=utcnow()
        )
        if created:
            notices.append(_told(NoticeKind.CONVERSATION_CREATED, row))
    core.publish(notices)
    return int(row.display_id)


def _contact_of_number(
    connection: Connection, account_id: int, number: str, notices: list[Notice]
) -> int:
    known = phones.e164(number)
    if known is None:
        raise NotPossible(
            "This is not a telephone number.",
            action="Write it with country code, for example +49 1511 2340001.",
            code="number",
        )
    found = contacts.resolve(connection, account_id, [phone_identity(known)])
    if found.created:
        notices.append(
            Notice(NoticeKind.CONTACT_CREATED, account_id, data={"contact_id": found.id})
        )
    return found.id


def _locked(connection: Connection, account_id: int, contact_id: int) -> Row[Any]:
    row = connection.execute(
        sa.select(_contacts)
        .where(_contacts.c.id == contact_id, _contacts.c.account_id == account_id)
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no such contact.")
    return row


# --- contacts ---------------------------------------------------------------------------------------------------------


def edit_contact(core: Core, account_id: int, contact_id: int, *, name: str, email: str) -> None:
    """Change a contact's name and mail address.

    :raises NotPossible: an empty name, or no mail address.
    """
    name, email = storable(" ".join(name.split()), 255), storable(email.strip(), 320)
    if not name:
        raise NotPossible("A contact needs a name.", action="Write a name.")
    if email and ("@" not in email or any(c.isspace() for c in email)):
        raise NotPossible("This is not a mail address.", action="Correct it, or leave it empty.")
    _change_contact(core, account_id, contact_id, name=name, email=email or None)


def set_blocked(core: Core, account_id: int, contact_id: int, blocked: bool) -> None:
    """Ignore what a contact writes, or listen again."""
    _change_contact(core, account_id, contact_id, blocked=blocked)


def _change_contact(core: Core, account_id: int, contact_id: int, **values: Any) -> None:
    with core.db.write("change contact") as connection:
        _locked(connection, account_id, contact_id)
        connection.execute(
            sa.update(_contacts)
            .where(_contacts.c.id == contact_id)
            .values(**values, updated_at=utcnow())
        )
    core.publish([Notice(NoticeKind.CONTACT_UPDATED, account_id, data={"contact_id": contact_id})])


def merge_contacts(
    core: Core, account_id: int, winner_id: int, loser_id: int, user_id: int
) -> None:
    """Make one contact of two; what belonged to the second belongs to the first.

    :raises NotPossible: they cannot be merged.
    """
    try:
        with core.db.write("merge contacts") as connection:
            contacts.merge(
                connection, account_id, winner_id, loser_id, reason="by hand", user_id=user_id
            )
    except ValueError as error:
        raise NotPossible(
            f"These contacts cannot be merged: {error}.", action="Choose another contact."
        ) from None
    core.publish([Notice(NoticeKind.CONTACT_MERGED, account_id, data={"contact_id": winner_id})])


def undo_merge(core: Core, account_id: int, merge_id: int) -> None:
    """Take a merge back.

    :raises NotPossible: it is taken back already.
    """
    try:
        with core.db.write("undo merge") as connection:
            winner_id, loser_id = contacts.undo_merge(connection, account_id, merge_id)
    except ValueError:
        raise NotPossible(
            "This merge cannot be undone: it is undone already.", action="Reload the page."
        ) from None
    core.publish(
        [
            Notice(NoticeKind.CONTACT_UPDATED, account_id, data={"contact_id": contact_id})
            for contact_id in (winner_id, loser_id)
        ]
    )
