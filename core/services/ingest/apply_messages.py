"""Messages into rows.

Owns: direction, contact, conversation, reply links, and what is done with a message that is told again. Must not know:
requests, batches, providers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import (
    Attachment,
    Contact,
    ContactInbox,
    Conversation,
    Message,
    Task,
)
from ...db.types import storable, storable_json
from ...db.upsert import insert_if_absent
from ...events import (
    Chat,
    Direction,
    MessageReceived,
    Part,
    UnsupportedPart,
)
from ...messages import MessageStatus
from ...notices import NoticeKind
from .. import contacts, conversations
from ..statuses import StatusFact, record_status
from .echoes import own_send
from .greeting import greet
from .parts import describe, insert_attachment
from .scope import Outcome, Scope, applied, duplicate, ignored, parked

_messages = Message.__table__

#: What says of a message that it is a placeholder.
_PLACEHOLDER = ("is_unsupported", "unsupported_reason")
#: Length that a database column and a page bear; WhatsApp's own limit is far below.
MAX_CONTENT = 250_000


#: Statements of every message are made once: making one takes several times as long as running it.
_KEY_MATCHES = sa.select(_messages.c.id).where(
    _messages.c.inbox_id == sa.bindparam("known_inbox_id"),
    _messages.c.item_key == sa.bindparam("known_item_key"),
)
_SOURCE_MATCHES = sa.select(_messages.c.id).where(
    _messages.c.inbox_id == sa.bindparam("known_inbox_id"),
    _messages.c.source_id == sa.bindparam("known_source_id"),
)


def _known(ids: Any) -> Any:
    return (
        sa.select(
            _messages.c.id,
            _messages.c.item_key,
            _messages.c.sender_contact_id,
            _messages.c.content_type,
            _messages.c.deleted_at,
            Conversation.contact_id,
        )
        .join(Conversation.__table__, Conversation.id == _messages.c.conversation_id)
        .where(_messages.c.id.in_(ids))
        .order_by(_messages.c.part)
    )


_SAME_KEY = _known(_KEY_MATCHES)
#: A union, since SQLite answers "this key or that source id" by reading the whole inbox.
_SAME_SOURCE = _known(sa.union(_KEY_MATCHES, _SOURCE_MATCHES))
_presence = ContactInbox.__table__
_OPEN_WINDOW = (
    sa.update(_presence)
    .where(
        _presence.c.contact_id == sa.bindparam("contact"),
        _presence.c.inbox_id == sa.bindparam("inbox"),
        sa.or_(_presence.c.window_from.is_(None), _presence.c.window_from < sa.bindparam("at")),
    )
    .values(window_from=sa.bindparam("at"))
)
_NOTE_CONTACT = (
    sa.update(Contact)
    .where(
        Contact.id == sa.bindparam("contact"),
        sa.or_(Contact.last_activity_at.is_(None), Contact.last_activity_at < sa.bindparam("at")),
    )
    .values(last_activity_at=sa.bindparam("at"))
)


def apply_message(scope: Scope, event: MessageReceived) -> Outcome:
    """A message in a chat: the customer's, or one that we wrote on another device."""
    if event.direction is Direction.OUTGOING:
        known = own_send(scope, event)
        if known is not None:
            return known
    if not event.parts:
        return ignored("the message has no content")
    chat_name = event.chat.name if event.chat.is_group else _chat_name(event)
    contact = contacts.resolve(
        scope.connection,
        scope.account_id,
        event.chat.identities,
        name=chat_name,
        username="" if event.chat.is_group or event.sender is None else event.sender.username,
        kind="group" if event.chat.is_group else "person",
    )
    told = _told_by_former_address(scope, event) if contact.created else None
    if told is not None:
        contacts.discard(scope.connection, contact.id)
        return told
    tell_contact(scope, contact)
    sender = _sender(scope, event, contact)
    incoming = event.direction is Direction.INCOMING
    if incoming and (contact.blocked or (sender is not None and sender.blocked)):
        return ignored("the contact is blocked")
    at = scope.moment(event.time)
    stored = _stored_already(scope, event, contact.id, sender)
    if stored is not None:
        return stored
    conversation, created = conversations.get_or_create(
        scope.connection,
        account_id=scope.account_id,
        inbox=scope.inbox,
        contact_id=contact.id,
        at=at,
    )
    backfill = event.history and scope.origin == "webhook"
    note_presence(scope, event.chat, contact.id, at if incoming and not backfill else None)
    ids = [
        _insert_part(scope, event, number, part, conversation.id, sender, at)
        for number, part in enumerate(event.parts)
    ]
    if not any(ids):
        return duplicate()
    if created:
        scope.tell(NoticeKind.CONVERSATION_CREATED, conversation_id=conversation.id)
        if event.chat.is_group:
            scope.made.add(event.chat.identities[0].value[:255])  # what waits for the group
    _note_activity(scope, event, conversation, at, incoming)
    for message_id in ids:
        scope.tell(
            NoticeKind.MESSAGE_CREATED, conversation_id=conversation.id, message_id=message_id
        )
    if created and incoming:
        greet(scope, event, conversation, at)
    scope.made.add(event.source_id[:255])
    return applied(next(i for i in ids if i))


def _chat_name(event: MessageReceived) -> str:
    if event.direction is Direction.OUTGOING or event.sender is None:
        return event.chat.name
    return event.sender.name


def _sender(
    scope: Scope, event: MessageReceived, chat: contacts.Resolved
) -> contacts.Resolved | None:
    """The contact who wrote; ``None`` for ourselves."""
    if event.direction is Direction.OUTGOING:
        return None
    if not event.chat.is_group:
        if event.sender is None or not event.sender.identities:
            return chat
        if set(event.sender.identities) <= set(event.chat.identities):
            return chat  # resolved a moment ago, by the same identities and name
        # In a chat with one person the sender's identities are that person's too.
        return contacts.resolve(
            scope.connection,
            scope.account_id,
            [*event.chat.identities, *event.sender.identities],
            name=event.sender.name,
        )
    if event.sender is None or not event.sender.identities:
        return None
    return contacts.resolve(
        scope.connection, scope.account_id, event.sender.identities, name=event.sender.name
    )


def tell_contact(scope: Scope, contact: contacts.Resolved) -> None:
    if contact.created:
        scope.tell(NoticeKind.CONTACT_CREATED, data={"contact_id": contact.id})
        if contact.kind == "group":
            _group_facts_later(scope, contact.id)
    elif contact.merged:
        scope.tell(NoticeKind.CONTACT_MERGED, data={"contact_id": contact.id})
    elif contact.changed:
        scope.tell(NoticeKind.CONTACT_UPDATED, data={"contact_id": contact.id})


def _group_facts_later(scope: Scope, contact_id: int) -> None:
    row = {
        "account_id": scope.account_id,
        "channel_id": scope.channel.id,
        "kind": "group_info",
        "dedupe_key": str(contact_id),
        "payload": {"contact_id": contact_id},
        "state": "pending",
        "tries": 0,
        "next_try_at": scope.now,
        "error": "",
        "action": "",
        "created_at": scope.now,
    }
    insert_if_absent(scope.connection, Task.__table__, row)


def note_presence(scope: Scope, chat: Chat, contact_id: int, opens_at: datetime | None) -> None:
    """The contact is known in this inbox.

    :param opens_at: from when the customer-service window counts, if this opens it.
    """
    new = contacts.ensure_contact_inbox(
        scope.connection, contact_id, scope.inbox.id, chat.identities[0].value, opens_at
    )
    if opens_at is not None and not new:
        scope.connection.execute(
            _OPEN_WINDOW, {"contact": contact_id, "inbox": scope.inbox.id, "at": opens_at}
        )


def _note_activity(
    scope: Scope, event: MessageReceived, conversation: Row[Any], at: Any, incoming: bool
) -> None:
    backfill = event.history and scope.origin == "webhook"
    if incoming:
        reopened = conversations.after_incoming(scope.connection, conversation, at, quiet=backfill)
        if reopened:
            scope.tell(NoticeKind.CONVERSATION_STATUS_CHANGED, conversation_id=conversation.id)
    elif not backfill:
        conversations.after_outgoing(scope.connection, conversation, at)
    scope.connection.execute(_NOTE_CONTACT, {"contact": conversation.contact_id, "at": at})


def _told_by_former_address(scope: Scope, event: MessageReceived) -> Outcome | None:
    """Whether a message of nobody we know is one that we hold: its sender has another number since, and it comes again.
    Key, time and words are the same then; with other words it is kept for a person to look at."""
    row = scope.connection.execute(
        sa.select(_messages.c.id, _messages.c.content, _messages.c.sent_at)
        .where(_messages.c.inbox_id == scope.inbox.id, _messages.c.item_key == event.key)
        .order_by(_messages.c.part)
        .limit(1)
    ).first()
    if row is None or row.sent_at != scope.moment(event.time):
        return None
    same = row.content == storable(describe(event.parts[0])[1], MAX_CONTENT)
    return duplicate(row.id) if same else None


def _stored_already(
    scope: Scope, event: MessageReceived, contact_id: int, sender: contacts.Resolved | None
) -> Outcome | None:
    """Whether the message is known: by its key, or by its source id in the same chat from the same sender (the same
    message told twice under different identities, or once by a webhook and once by the history)."""
    known = {"inbox_id": scope.inbox.id, "item_key": event.key}
    if event.source_id:
        known["source_id"] = event.source_id[:255]
    rows = scope.connection.execute(
        _SAME_SOURCE if event.source_id else _SAME_KEY, {f"known_{k}": v for k, v in known.items()}
    ).all()
    sender_id = None if sender is None else sender.id
    for row in rows:
        same_sender = row.contact_id == contact_id and row.sender_contact_id == sender_id
        if row.item_key == event.key and not same_sender:
            return parked(
                "another message has the same key but another sender or chat; kept for a person to look at",
                row.id,
            )
        if same_sender:
            gives_more = not isinstance(event.parts[0], UnsupportedPart)
            if row.content_type == "unsupported" and gives_more and row.deleted_at is None:
                return _fill_in(scope, event, row.id, sender)
            return duplicate(row.id)
    return None


def _fill_in(
    scope: Scope, event: MessageReceived, message_id: int, sender: contacts.Resolved | None
) -> Outcome:
    """A message that stood as a placeholder, and is told again with its content: the content takes its place."""
    row = scope.connection.execute(sa.select(_messages).where(_messages.c.id == message_id)).one()
    first, *more = event.parts
    content_type, content, attributes = describe(first)
    kept = {k: v for k, v in row.content_attributes.items() if k not in _PLACEHOLDER}
    values: dict[str, Any] = {
        "content_type": content_type,
        "content_attributes": storable_json({**kept, **_attributes(event), **attributes}),
        "updated_at": scope.now,
    }
    if row.edited_at is None:
        values["content"] = storable(content, MAX_CONTENT)
    scope.connection.execute(sa.update(_messages).where(_messages.c.id == row.id).values(**values))
    # What was to be asked for in its place is here.
    scope.connection.execute(sa.delete(Attachment).where(Attachment.message_id == row.id))
    insert_attachment(scope, row.id, first)
    for number, part in enumerate(more, start=1):
        _insert_part(scope, event, number, part, row.conversation_id, sender, row.sent_at)
    scope.tell(NoticeKind.MESSAGE_UPDATED, conversation_id=row.conversation_id, message_id=row.id)
    return applied(row.id, "takes the place of a placeholder")


def _insert_part(
    scope: Scope,
    event: MessageReceived,
    number: int,
    part: Part,
    conversation_id: int,
    sender: contacts.Resolved | None,
    at: Any,
) -> int | None:
    incoming = event.direction is Direction.INCOMING
    content_type, content, attributes = describe(part)
    reply = _reply_target(scope, event, conversation_id)
    message_id = insert_if_absent(
        scope.connection,
        _messages,
        {
            "account_id": scope.account_id,
            "inbox_id": scope.inbox.id,
            "conversation_id": conversation_id,
            "message_type": "incoming" if incoming else "outgoing",
            "content_type": content_type,
            "content": storable(content, MAX_CONTENT),
            "private": False,
            "status": "received" if incoming else MessageStatus.SENT,
            "source_id": storable(event.source_id, 255) or None,
            "item_key": event.key,
            "part": number,
            "sender_contact_id": None if sender is None else sender.id,
            "external_echo": not incoming,
            "sent_at": at,
            "created_at": scope.now,
            "updated_at": scope.now,
            "content_attributes": storable_json({**_attributes(event), **attributes}),
            "reply_to_id": reply,
            "reply_to_source_id": storable(event.reply_to, 255) if event.reply_to else None,
            "request_id": scope.request_id,
        },
    )
    if message_id is None:
        return None
    insert_attachment(scope, message_id, part)
    if not incoming:
        record_status(scope.connection, message_id, StatusFact(MessageStatus.SENT, at))
    return message_id


def _attributes(event: MessageReceived) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if event.forwarded:
        found["forwarded"] = True
    if event.view_once:
        found["view_once"] = True
    if event.referral:
        found["referral"] = dict(event.referral)
    if event.quoted_text:
        found["quoted_text"] = event.quoted_text
    if event.direction is Direction.OUTGOING:
        found["external_echo"] = True
    if event.history:
        found["history"] = True
    return found


def _reply_target(scope: Scope, event: MessageReceived, conversation_id: int) -> int | None:
    if not event.reply_to:
        return None
    row = scope.connection.execute(
        sa.select(_messages.c.id)
        .where(
            _messages.c.inbox_id == scope.inbox.id,
            _messages.c.source_id == event.reply_to[:255],
            _messages.c.conversation_id == conversation_id,
        )
        .limit(1)
    ).first()
    return None if row is None else int(row[0])
