"""Changes to messages that exist: statuses, edits, revokes, reactions, reads.

Owns: what each does to its target, and that it waits where the target is not known. Must not know: requests, batches.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import Conversation, Message, MessageRevision, ReactionRow
from ...db.types import storable
from ...db.upsert import insert_if_absent
from ...events import (
    ChatRead,
    Direction,
    MessageEdited,
    MessageRevoked,
    Party,
    ReactionChanged,
    StatusChanged,
)
from ...notices import NoticeKind
from .. import contacts
from ..statuses import StatusFact, record_status
from . import targets
from .echoes import settle_send
from .followups import wait_for
from .scope import Outcome, Scope, applied, duplicate, ignored, parked

_messages = Message.__table__
_conversations = Conversation.__table__
_revisions = MessageRevision.__table__
_reactions = ReactionRow.__table__
OUTGOING_TYPES = ("outgoing", "template")


def apply_status(scope: Scope, event: StatusChanged) -> Outcome:
    """A delivery state of one of our messages."""
    rows, elsewhere = _own_targets(scope, event)
    if not rows and event.delivery_id:
        row = targets.by_delivery_id(scope, event.delivery_id)
        if row is not None:
            settle_send(scope, row.id, event.source_id)
            rows = [row]
    if not rows:
        if elsewhere:
            return ignored("a receipt for a message that is not ours")
        return wait_for(scope, event, event.source_id, "the message has not been seen yet")
    at = event.time if event.time is None else scope.moment(event.time)
    fact = StatusFact(event.status, at, event.error_code, event.error_message, event.error_action)
    recipient = _recipient(event)
    changed = [
        row
        for row in rows
        if record_status(scope.connection, row.id, fact, recipient=recipient, details=event.details)
    ]
    for row in changed:
        scope.tell(
            NoticeKind.MESSAGE_UPDATED, conversation_id=row.conversation_id, message_id=row.id
        )
    return applied(rows[0].id) if changed else applied(rows[0].id, "the shown status stays")


def _own_targets(scope: Scope, event: StatusChanged) -> tuple[list[Row[Any]], bool]:
    """Our own messages with this source id. The chat only decides between several: receipts may name the chat by an
    identity that is not known yet."""
    rows = targets.by_source_id(scope, event.source_id)
    own = [row for row in rows if row.message_type in OUTGOING_TYPES]
    if len({row.conversation_id for row in own}) > 1 and event.chat is not None:
        own, _ = targets.in_chat(scope, event.source_id, event.chat)
        own = [row for row in own if row.message_type in OUTGOING_TYPES]
    return own, bool(rows) and not own


def _recipient(event: StatusChanged) -> str:
    if event.chat is None or not event.chat.is_group or not event.recipient:
        return ""
    first = sorted(event.recipient)[0]
    return f"{first.kind}:{first.value}"


def apply_edit(scope: Scope, event: MessageEdited) -> Outcome:
    """The sender changed a message."""
    found = _target(scope, event, event.target, event.sender, event.direction)
    if isinstance(found, Outcome):
        return found
    row = found
    at = scope.moment(event.time)
    # Whatever the order in which they come: of several edits the latest counts.
    values: dict[str, Any] = {
        "edited_at": at if row.edited_at is None else max(at, row.edited_at),
        "updated_at": scope.now,
    }
    if event.body is None:
        _update(scope, row, values)
        return applied(row.id, "the provider does not tell the new text; the old one stays")
    _keep_original(scope, row)
    revision = {
        "message_id": row.id,
        "item_key": event.key,
        "content": storable(event.body),
        "at": at,
    }
    if insert_if_absent(scope.connection, _revisions, revision) is None:
        return duplicate(row.id)
    if row.deleted_at is None:
        values["content"] = scope.connection.execute(
            sa.select(_revisions.c.content)
            .where(_revisions.c.message_id == row.id, _revisions.c.item_key != "original")
            .order_by(_revisions.c.at.desc(), _revisions.c.item_key.desc())
            .limit(1)
        ).scalar_one()
    _update(scope, row, values)
    return applied(row.id)


def apply_revoke(scope: Scope, event: MessageRevoked) -> Outcome:
    """A message was deleted for everyone, or only forgotten by our own phone."""
    if not event.for_everyone:
        return _forgotten(scope, event)
    found = _target(scope, event, event.target, event.sender, event.direction)
    if isinstance(found, Outcome):
        return found
    if found.deleted_at is not None:
        return duplicate(found.id)
    by = "contact" if event.direction is Direction.INCOMING else "agent"
    for row in targets.by_source_id(scope, event.target):
        if row.conversation_id != found.conversation_id:
            continue
        _keep_original(scope, row)
        _update(
            scope,
            row,
            {
                "content": None,
                "deleted_at": scope.moment(event.time),
                "deleted_by": by,
                "updated_at": scope.now,
            },
        )
    return applied(found.id)


def _forgotten(scope: Scope, event: MessageRevoked) -> Outcome:
    rows, elsewhere = targets.in_chat(scope, event.target, event.chat)
    if elsewhere:
        return ignored("our phone deleted a message for itself that is stored in another chat here")
    if not rows:
        return wait_for(scope, event, event.target, "the message has not been seen yet")
    for row in rows:
        attributes = {**row.content_attributes, "deleted_on_phone": True}
        _update(scope, row, {"content_attributes": attributes, "updated_at": scope.now})
    return applied(rows[0].id, "deleted on our own phone only; the customer still has it")


def _target(
    scope: Scope,
    event: MessageEdited | MessageRevoked,
    source_id: str,
    sender: Party | None,
    direction: Direction,
) -> Row[Any] | Outcome:
    """The message that a sender changes: in the same chat, and the sender's own."""
    rows, elsewhere = targets.in_chat(scope, source_id, event.chat)
    if elsewhere:
        return parked("the message belongs to another chat")
    if not rows:
        return wait_for(scope, event, source_id, "the message has not been seen yet")
    row = rows[0]
    outgoing = row.message_type in OUTGOING_TYPES
    if (direction is Direction.OUTGOING) != outgoing:
        return parked("only the sender may change a message", row.id)
    if direction is Direction.INCOMING and sender is not None and sender.identities:
        known = contacts.find(scope.connection, scope.account_id, sender.identities)
        if row.sender_contact_id not in {contact.id for contact in known} and known:
            return parked("only the sender may change a message", row.id)
        if not known and row.contact_id != row.sender_contact_id:
            return parked("only the sender may change a message", row.id)
    return row


def _keep_original(scope: Scope, row: Row[Any]) -> None:
    if row.content is None:
        return
    insert_if_absent(
        scope.connection,
        _revisions,
        {"message_id": row.id, "item_key": "original", "content": row.content, "at": row.sent_at},
    )


def _update(scope: Scope, row: Row[Any], values: dict[str, Any]) -> None:
    scope.connection.execute(sa.update(_messages).where(_messages.c.id == row.id).values(**values))
    _told_update(scope, row)


def _told_update(scope: Scope, row: Row[Any]) -> None:
    scope.tell(NoticeKind.MESSAGE_UPDATED, conversation_id=row.conversation_id, message_id=row.id)


def apply_reaction(scope: Scope, event: ReactionChanged) -> Outcome:
    """A reaction, or its removal. Without its message it creates nothing and waits."""
    rows, elsewhere = targets.in_chat(scope, event.target, event.chat)
    if elsewhere:
        return parked("the message belongs to another chat")
    if not rows:
        return wait_for(scope, event, event.target, "the message has not been seen yet")
    row = rows[0]
    contact_id = None
    if event.direction is Direction.INCOMING:
        party = event.sender or Party(event.chat.identities)
        contact_id = contacts.resolve(
            scope.connection, scope.account_id, party.identities, name=party.name
        ).id
    if not set_reaction(
        scope,
        row.id,
        reactor="us" if contact_id is None else f"contact:{contact_id}",
        contact_id=contact_id,
        emoji=event.emoji,
        at=scope.moment(event.time),
        key=event.key,
    ):
        return duplicate(row.id, "a later reaction is known")
    _told_update(scope, row)
    return applied(row.id)


def set_reaction(
    scope: Scope,
    message_id: int,
    *,
    reactor: str,
    contact_id: int | None,
    emoji: str,
    at: Any,
    key: str,
) -> bool:
    """Keep a reactor's latest reaction; ``False`` when a later one is known."""
    values = {"emoji": storable(emoji, 64), "at": at, "item_key": key}
    row = {"message_id": message_id, "reactor": reactor, "contact_id": contact_id, **values}
    if insert_if_absent(scope.connection, _reactions, row) is not None:
        return True
    result = scope.connection.execute(
        sa.update(_reactions)
        .where(
            _reactions.c.message_id == message_id,
            _reactions.c.reactor == reactor,
            sa.or_(
                _reactions.c.at < at,
                sa.and_(_reactions.c.at == at, _reactions.c.item_key < key),
            ),
        )
        .values(**values)
    )
    return bool(result.rowcount)


def apply_read(scope: Scope, event: ChatRead) -> Outcome:
    """We read a chat on another device: nothing up to there is unread any more."""
    contact = targets.chat_contact(scope, event.chat)
    if contact is None:
        return ignored("the chat is not known here")
    rows = [row for s in event.source_ids for row in targets.by_source_id(scope, s)]
    inside = [row for row in rows if row.contact_id == contact.id]
    if not inside:
        return ignored("the messages that were read are not stored here")
    for conversation_id in sorted({row.conversation_id for row in inside}):
        upto = max(row.sent_at for row in inside if row.conversation_id == conversation_id)
        mark_seen(scope, conversation_id, upto)
        scope.tell(NoticeKind.CONVERSATION_READ, conversation_id=conversation_id)
    return applied(inside[0].id)


def mark_seen(scope: Scope, conversation_id: int, upto: Any) -> None:
    """Set the unread count to what came after a moment."""
    current = scope.connection.execute(
        sa.select(_conversations.c.agent_last_seen_at).where(_conversations.c.id == conversation_id)
    ).scalar_one()
    if current is not None and current > upto:
        upto = current
    unread = scope.connection.execute(
        sa.select(sa.func.count())
        .select_from(_messages)
        .where(
            _messages.c.conversation_id == conversation_id,
            _messages.c.message_type == "incoming",
            _messages.c.sent_at > upto,
        )
    ).scalar_one()
    scope.connection.execute(
        sa.update(_conversations)
        .where(_conversations.c.id == conversation_id)
        .values(unread_count=unread, agent_last_seen_at=upto, updated_at=scope.now)
    )
