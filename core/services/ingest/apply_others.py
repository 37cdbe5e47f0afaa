"""Everything else: groups, identities, calls, typing, facts of the channel and its templates.

Owns: activity lines and channel facts. Must not know: requests, batches.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import Channel, Message, Task
from ...db.types import storable, storable_json
from ...db.upsert import insert_if_absent
from ...events import (
    AnyEvent,
    CallOffered,
    ChannelNotice,
    Chat,
    GroupAction,
    GroupChanged,
    IdentityChanged,
    Party,
    TemplateChanged,
    TypingChanged,
)
from ...notices import NoticeKind
from .. import contacts, conversations
from ..contact_identities import PHONE_KINDS, fallback_name, is_placeholder_name
from . import targets
from .apply_messages import note_presence, tell_contact
from .followups import wait_for
from .scope import ItemState, Outcome, Scope, applied, duplicate, ignored

_GROUP_TEXT = {
    GroupAction.JOIN: "{who} joined the group",
    GroupAction.LEAVE: "{who} left the group",
    GroupAction.PROMOTE: "{who} became a group administrator",
    GroupAction.DEMOTE: "{who} is no longer a group administrator",
    GroupAction.ADDED_US: "This number was added to the group",
}


def apply_group(scope: Scope, event: GroupChanged) -> Outcome:
    """Members changed: an activity line in the group's conversation, as soon as there is one."""
    if not scope.inbox.group_activity:
        return ignored("activity lines of groups are switched off for this inbox")
    contact = targets.chat_contact(scope, event.chat)
    if contact is None:
        return _wait_for_group(scope, event, event.chat)
    if event.chat.name and is_placeholder_name(contact.name, None, event.chat.identities):
        contacts.resolve(
            scope.connection,
            scope.account_id,
            event.chat.identities,
            name=event.chat.name,
            kind="group",
        )
    who = ", ".join(_name(scope, member) for member in event.members)
    data = {
        "group": {
            "action": str(event.action),
            "members": [i.value for member in event.members for i in member.identities[:1]],
        },
        "activity": {"kind": f"group_{event.action}", "who": who},
    }
    conversation = conversations.latest(scope.connection, contact.id, scope.inbox.id)
    if conversation is None:
        return _wait_for_group(scope, event, event.chat)
    text = _GROUP_TEXT[event.action].format(who=who)
    return _activity(scope, conversation, event.key, text, event.time, data)


def _wait_for_group(scope: Scope, event: AnyEvent, chat: Chat) -> Outcome:
    return wait_for(
        scope, event, chat.identities[0].value, "the group has no conversation here yet"
    )


def apply_call(scope: Scope, event: CallOffered) -> Outcome:
    """Somebody called: a line in the conversation, which is one to answer, and opens the customer-service window as a
    message does. In a group it is a line only."""
    if event.chat.is_group:
        contact = targets.chat_contact(scope, event.chat)
        found = contact and conversations.latest(scope.connection, contact.id, scope.inbox.id)
        if not found:
            return _wait_for_group(scope, event, event.chat)
        return _call_line(scope, event, found)
    known = _told(scope, event.key)
    if known is not None:
        return duplicate(known)
    caller = contacts.resolve(
        scope.connection, scope.account_id, event.chat.identities, name=event.caller.name
    )
    tell_contact(scope, caller)
    if caller.blocked:
        return ignored("the contact is blocked")
    at = scope.moment(event.time)
    conversation, created = conversations.get_or_create(
        scope.connection,
        account_id=scope.account_id,
        inbox=scope.inbox,
        contact_id=caller.id,
        at=at,
    )
    outcome = _call_line(scope, event, conversation)
    if outcome.state is not ItemState.APPLIED:
        return outcome
    if created:
        scope.tell(NoticeKind.CONVERSATION_CREATED, conversation_id=conversation.id)
    note_presence(scope, event.chat, caller.id, at)
    if conversations.after_incoming(scope.connection, conversation, at, quiet=False):
        scope.tell(NoticeKind.CONVERSATION_STATUS_CHANGED, conversation_id=conversation.id)
    return outcome


def _call_line(scope: Scope, event: CallOffered, conversation: Row[Any]) -> Outcome:
    who = _name(scope, event.caller)
    data = {"call": {"id": event.call_id}, "activity": {"kind": "called", "who": who}}
    return _activity(scope, conversation, event.key, f"{who} called", event.time, data, "call")


def apply_identity(scope: Scope, event: IdentityChanged) -> Outcome:
    """A person has a new number. Told once more it changes nothing: meanwhile the person may have the old number again,
    or somebody else may have it."""
    known = _told(scope, event.key)
    if known is not None:
        return duplicate(known)
    contact_id = contacts.move_identity(scope.connection, scope.account_id, event.old, event.new)
    if contact_id is None:
        return ignored("nobody is known under the old number")
    scope.tell(NoticeKind.CONTACT_UPDATED, data={"contact_id": contact_id})
    new = next((i.value for i in event.new), "")
    text = event.body or f"The number changed to {new}"
    data = {"activity": {"kind": "number_changed", "who": new}} if new else {}
    conversation = conversations.latest(scope.connection, contact_id, scope.inbox.id)
    if conversation is None:
        return applied()
    return applied(_activity(scope, conversation, event.key, text, event.time, data).message_id)


def apply_typing(scope: Scope, event: TypingChanged) -> Outcome:
    """Somebody types: told to open pages, stored nowhere."""
    contact = targets.chat_contact(scope, event.chat)
    conversation = contact and conversations.latest(scope.connection, contact.id, scope.inbox.id)
    if not conversation:
        return ignored("the chat has no conversation here")
    kind = NoticeKind.TYPING_OFF if event.state == "paused" else NoticeKind.TYPING_ON
    scope.tell(kind, conversation_id=conversation.id, data={"state": event.state, "by": "contact"})
    return applied(reason="shown to open pages only")


def apply_notice(scope: Scope, event: ChannelNotice) -> Outcome:
    """A fact about the channel, shown on its health: the latest of each kind, whatever the order in which they come."""
    # Read here: the channel's row is older than what this transaction and the ones before it left. With a lock that
    # lets rows refer to the channel: its requests must not wait for this transaction.
    notices = scope.connection.execute(
        sa.select(Channel.notices)
        .where(Channel.id == scope.channel.id)
        .with_for_update(key_share=True)
    ).scalar_one()
    at = scope.moment(event.time)
    known = notices.get(event.kind)
    if known is not None and datetime.fromisoformat(known["at"]) > at:
        return ignored("a later fact of this kind is known")
    fact = {"facts": dict(event.facts), "warning": event.warning, "at": at.isoformat()}
    notices = {**notices, event.kind: storable_json(fact)}
    scope.connection.execute(
        sa.update(Channel)
        .where(Channel.id == scope.channel.id)
        .values(notices=notices, updated_at=scope.now)
    )
    scope.tell(NoticeKind.CHANNEL_HEALTH_CHANGED, data={"channel_id": scope.channel.id})
    return applied()


def apply_template(scope: Scope, event: TemplateChanged) -> Outcome:
    """A template changed at the provider: noted at once, and all are fetched again."""
    templates = scope.connection.execute(
        sa.select(Channel.message_templates)
        .where(Channel.id == scope.channel.id)
        .with_for_update(key_share=True)
    ).scalar_one()
    updated = [
        {**template, **storable_json(dict(event.changes))}
        if template.get("name") == event.name and template.get("language") == event.language
        else template
        for template in templates
    ]
    if updated != templates:
        scope.connection.execute(
            sa.update(Channel)
            .where(Channel.id == scope.channel.id)
            .values(message_templates=updated)
        )
    task = {
        "account_id": scope.account_id,
        "channel_id": scope.channel.id,
        "kind": "sync_templates",
        "dedupe_key": str(scope.channel.id),
        "payload": {},
        "state": "pending",
        "tries": 0,
        "next_try_at": scope.now,
        "error": "",
        "action": "",
        "created_at": scope.now,
    }
    insert_if_absent(scope.connection, Task.__table__, task)
    scope.calls = True
    scope.tell(NoticeKind.CHANNEL_HEALTH_CHANGED, data={"channel_id": scope.channel.id})
    return applied()


def _name(scope: Scope, party: Party) -> str:
    """A known contact's name, else what the event tells."""
    found = contacts.find(scope.connection, scope.account_id, party.identities)
    if found and found[0].name:
        return str(found[0].name)
    if party.name:
        return party.name
    first = party.identities[0] if party.identities else None
    if first is None:
        return "Somebody"
    return f"+{first.value}" if first.kind in PHONE_KINDS else fallback_name((first,))


def _told(scope: Scope, key: str) -> int | None:
    """The line that an event has left already."""
    return scope.connection.execute(
        sa.select(Message.id).where(Message.inbox_id == scope.inbox.id, Message.item_key == key)
    ).scalar()


def _activity(
    scope: Scope,
    conversation: Row[Any],
    key: str,
    text: str,
    time: Any,
    attributes: dict[str, Any],
    content_type: str = "text",
) -> Outcome:
    message_id = insert_if_absent(
        scope.connection,
        Message.__table__,
        {
            "account_id": scope.account_id,
            "inbox_id": scope.inbox.id,
            "conversation_id": conversation.id,
            "message_type": "activity",
            "content_type": content_type,
            "content": storable(text, 2000),
            "private": False,
            "status": "received",
            "item_key": key,
            "part": 0,
            "external_echo": False,
            "sent_at": scope.moment(time),
            "created_at": scope.now,
            "updated_at": scope.now,
            "content_attributes": storable_json(attributes),
        },
    )
    if message_id is None:
        return duplicate()
    scope.tell(NoticeKind.MESSAGE_CREATED, conversation_id=conversation.id, message_id=message_id)
    return applied(message_id)
