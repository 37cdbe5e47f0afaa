"""Rows as the API answers them.

Owns: the JSON of inboxes, contacts, messages, conversations, agents; loading what belongs to many rows with few
queries.
Must not know: routes, who may see what (the caller has checked).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from .. import channels as vocabulary
from ..db.tables import (
    Attachment,
    Channel,
    Contact,
    ContactIdentity,
    ContactInbox,
    Conversation,
    ConversationLabel,
    Inbox,
    Membership,
    Message,
    ReactionRow,
    User,
)
from ..db.types import utcnow
from ..errors import PluginMissing
from ..services.channels import callback_url, masked_config
from ..services.media.serve import signed_link

if TYPE_CHECKING:
    from ..context import Core

CHANNEL_TYPE = "Channel::Whatsapp"
DELETED = "This message was deleted"
#: How long the links to files in an answer work.
LINKS_WORK = timedelta(hours=24)

MESSAGE_TYPES = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}
#: The finer state of a message as the four words that clients know.
STATUSES = {
    "received": "sent",
    "queued": "sent",
    "sending": "sent",
    "retrying": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
    "unknown": "failed",
}
FILE_TYPES = {
    "image": "image",
    "sticker": "image",
    "video": "video",
    "video_note": "video",
    "audio": "audio",
    "voice": "audio",
    "document": "file",
    "location": "location",
    "contact": "contact",
}

_messages = Message.__table__
_contacts = Contact.__table__


def seconds(moment: datetime | None) -> int | None:
    """A moment as whole seconds since 1970."""
    return None if moment is None else int(moment.timestamp())


# --- inboxes ----------------------------------------------------------------------------------------------------------


def load_inboxes(
    connection: Connection, account_id: int, ids: Iterable[int] | None = None
) -> list[tuple[Row[Any], Row[Any]]]:
    """Live inboxes with their channels, by name.

    :param ids: only these; ``None`` for all of the account.
    """
    query = sa.select(Inbox.__table__).where(
        Inbox.account_id == account_id, Inbox.deleted_at.is_(None)
    )
    if ids is not None:
        query = query.where(Inbox.id.in_(list(ids)))
    inboxes = connection.execute(query.order_by(Inbox.name, Inbox.id)).all()
    rows = connection.execute(
        sa.select(Channel.__table__).where(Channel.id.in_([row.channel_id for row in inboxes]))
    ).all()
    by_id = {row.id: row for row in rows}
    return [(inbox, by_id[inbox.channel_id]) for inbox in inboxes]


def inbox(core: Core, row: Row[Any], channel: Row[Any], *, administrator: bool) -> dict[str, Any]:
    """An inbox with its channel. The configuration is for administrators, its secrets masked."""
    try:
        handle = core.plugins.provider(channel.provider)
    except PluginMissing:
        handle = None
    shown = {
        "id": row.id,
        "name": row.name,
        "channel_id": row.channel_id,
        "channel_type": CHANNEL_TYPE,
        "provider": channel.provider,
        "phone_number": channel.phone_number,
        "avatar_url": "",
        "greeting_enabled": bool(row.greeting_message),
        "greeting_message": row.greeting_message,
        "working_hours_enabled": False,
        "enable_auto_assignment": False,
        "lock_to_single_conversation": row.lock_to_single_conversation,
        "group_activity": row.group_activity,
        "read_receipts": row.read_receipts,
        "agent_signature": row.agent_signature,
        "callback_webhook_url": callback_url(core, channel.phone_number, channel.callback_base_url),
        "callback_base_url": channel.callback_base_url,
        "message_templates": channel.message_templates or [],
        "message_templates_last_updated": seconds(channel.message_templates_last_updated),
        "templates_error": channel.templates_error,
        "reauthorization_required": channel.connection in ("login_required", "unauthorised"),
        "active": channel.active,
        "connection": channel.connection,
        "connection_reason": channel.connection_reason,
        "connection_action": channel.connection_action,
        "connection_checked_at": seconds(channel.connection_checked_at),
        "paused_until": seconds(channel.paused_until),
        "pause_reason": channel.pause_reason,
        "features": None if handle is None else features(handle.info.features),
        "created_at": seconds(row.created_at),
    }
    if administrator:
        shown["provider_config"] = (
            channel.provider_config if handle is None else masked_config(handle, channel, core)
        )
    return shown


def features(declared: vocabulary.Features) -> dict[str, Any]:
    """Declared features as JSON."""
    shown = asdict(declared)
    shown["media"] = {str(kind): asdict(limit) for kind, limit in declared.media.items()}
    return shown


def connection_answer(core: Core, provider: str, found: vocabulary.Connection) -> dict[str, Any]:
    """What a service told about its login."""
    ways = core.plugins.provider(core.plugins.resolve_key(provider)).info.features.pairing
    return {
        "connected": found.connected,
        "login_required": found.login_required,
        "reason": found.reason,
        "action": found.action,
        "linked_number": found.linked_number,
        "facts": dict(found.facts),
        "pairing": list(ways),
    }


def pairing(prompt: vocabulary.PairingPrompt) -> dict[str, Any]:
    """A QR image as a data address, or a code."""
    image = base64.b64encode(prompt.image).decode()
    return {
        "kind": prompt.kind,
        "expires_in": prompt.expires_in,
        "image": f"data:image/png;base64,{image}" if prompt.image else None,
        "code": prompt.text or None,
    }


# --- people -----------------------------------------------------------------------------------------------------------


def load_agents(
    connection: Connection, account_id: int, ids: Iterable[int] | None = None
) -> list[dict[str, Any]]:
    """Users of an account, by name."""
    query = (
        sa.select(User.id, User.name, User.email, Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.account_id == account_id, User.active)
    )
    if ids is not None:
        query = query.where(User.id.in_(list(ids)))
    return [
        agent(row, account_id) for row in connection.execute(query.order_by(User.name, User.id))
    ]


def agent(row: Any, account_id: int) -> dict[str, Any]:
    """A user of an account; the row has id, name, email, role."""
    return {
        "id": row.id,
        "account_id": account_id,
        "name": row.name,
        "available_name": row.name,
        "email": row.email,
        "role": row.role,
        "confirmed": True,
        "thumbnail": "",
    }


def contacts(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Contacts with their identities and inboxes."""
    ids = [row.id for row in rows]
    identities: dict[int, list[dict[str, str]]] = {}
    for one in connection.execute(
        sa.select(ContactIdentity.contact_id, ContactIdentity.kind, ContactIdentity.value)
        .where(ContactIdentity.contact_id.in_(ids))
        .order_by(ContactIdentity.id)
    ):
        identities.setdefault(one.contact_id, []).append({"kind": one.kind, "value": one.value})
    inboxes: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        sa.select(
            ContactInbox.contact_id,
            ContactInbox.source_id,
            Inbox.id,
            Inbox.name,
            Channel.provider,
            Channel.phone_number,
        )
        .join(Inbox, Inbox.id == ContactInbox.inbox_id)
        .join(Channel, Channel.id == Inbox.channel_id)
        .where(ContactInbox.contact_id.in_(ids), Inbox.deleted_at.is_(None))
        .order_by(ContactInbox.id)
    ):
        inboxes.setdefault(row.contact_id, []).append(_contact_inbox(row))
    return [_contact(row, identities.get(row.id, []), inboxes.get(row.id, [])) for row in rows]


def _contact_inbox(row: Any) -> dict[str, Any]:
    inbox = {
        "id": row.id,
        "name": row.name,
        "channel_type": CHANNEL_TYPE,
        "provider": row.provider,
        "phone_number": row.phone_number,
    }
    return {"source_id": row.source_id, "inbox": inbox}


def _contact(
    row: Row[Any], identities: list[dict[str, str]], inboxes: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "phone_number": row.phone_number,
        "email": row.email,
        "identifier": row.identifier,
        "blocked": row.blocked,
        "thumbnail": "",
        "availability_status": "offline",
        "additional_attributes": row.additional_attributes or {},
        "custom_attributes": row.custom_attributes or {},
        "last_activity_at": seconds(row.last_activity_at),
        "created_at": seconds(row.created_at),
        "merged_into_id": row.merged_into_id,
        "contact_inboxes": inboxes,
        "identities": identities,
    }


# --- messages ---------------------------------------------------------------------------------------------------------


def messages(
    core: Core, connection: Connection, rows: Sequence[Row[Any]], display_ids: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Messages with senders, files and reactions, in the order of ``rows``.

    :param display_ids: numbers of the conversations by row id.
    """
    ids = [row.id for row in rows]
    files: dict[int, list[dict[str, Any]]] = {}
    for one in connection.execute(
        sa.select(Attachment.__table__)
        .where(Attachment.message_id.in_(ids))
        .order_by(Attachment.id)
    ):
        files.setdefault(one.message_id, []).append(attachment(core, one))
    reactions: dict[int, list[dict[str, Any]]] = {}
    for mark in connection.execute(
        sa.select(ReactionRow.__table__)
        .where(ReactionRow.message_id.in_(ids), ReactionRow.emoji != "")
        .order_by(ReactionRow.at, ReactionRow.id)
    ):
        shown = {
            "emoji": mark.emoji,
            "from_me": mark.reactor == "us",
            "contact_id": mark.contact_id,
        }
        reactions.setdefault(mark.message_id, []).append(shown)
    senders = _senders(connection, rows)
    return [
        _message(
            row,
            display_ids[row.conversation_id],
            senders.get(row.id),
            files.get(row.id, []),
            reactions.get(row.id, []),
        )
        for row in rows
    ]


def _senders(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, dict[str, Any]]:
    contact_ids = {row.sender_contact_id for row in rows if row.sender_contact_id}
    user_ids = {row.sender_user_id for row in rows if row.sender_user_id}
    people = {
        row.id: {
            "id": row.id,
            "name": row.name,
            "type": "contact",
            "thumbnail": "",
            "phone_number": row.phone_number,
            "email": row.email,
        }
        for row in connection.execute(
            sa.select(
                _contacts.c.id, _contacts.c.name, _contacts.c.phone_number, _contacts.c.email
            ).where(_contacts.c.id.in_(contact_ids))
        )
    }
    users = {
        row.id: {"id": row.id, "name": row.name, "type": "user", "thumbnail": ""}
        for row in connection.execute(sa.select(User.id, User.name).where(User.id.in_(user_ids)))
    }
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        sender = people.get(row.sender_contact_id) or users.get(row.sender_user_id)
        if sender is not None:
            found[row.id] = sender
    return found


def _message(
    row: Row[Any],
    display_id: int,
    sender: dict[str, Any] | None,
    files: list[dict[str, Any]],
    reactions: list[dict[str, Any]],
) -> dict[str, Any]:
    deleted = row.deleted_at is not None
    attributes = dict(row.content_attributes or {})
    attributes |= {
        "in_reply_to": row.reply_to_id,
        "in_reply_to_external_id": row.reply_to_source_id,
        "external_error": row.external_error,
        "external_echo": row.external_echo,
        "deleted": deleted,
    }
    return {
        "id": row.id,
        "content": DELETED if deleted and row.content is None else row.content,
        "account_id": row.account_id,
        "inbox_id": row.inbox_id,
        "conversation_id": display_id,
        "message_type": MESSAGE_TYPES.get(row.message_type, 1),
        "content_type": "input_select" if row.content_type == "input_select" else "text",
        "kind": row.content_type,
        "status": STATUSES.get(row.status, "sent"),
        "state": row.status,
        "private": row.private,
        "source_id": row.source_id,
        "content_attributes": {k: v for k, v in attributes.items() if v not in (None, False)},
        "external_error": row.external_error,
        "error_code": row.error_code,
        "error_action": row.error_action,
        "created_at": seconds(row.sent_at),
        "stored_at": seconds(row.created_at),
        "updated_at": seconds(row.updated_at),
        "edited_at": seconds(row.edited_at),
        "deleted_at": seconds(row.deleted_at),
        "sender": sender,
        "attachments": [] if deleted else files,
        "reactions": reactions,
        "echo_id": row.echo_id,
    }


def attachment(core: Core, row: Row[Any]) -> dict[str, Any]:
    """A file, place or contact card."""
    has_file = row.storage_key is not None
    link = signed_link(core, row.id, LINKS_WORK) if has_file else ""
    suffix = PurePosixPath(row.filename).suffix.lstrip(".")
    meta = row.meta or {}
    shown = {
        "id": row.id,
        "message_id": row.message_id,
        "account_id": row.account_id,
        "file_type": FILE_TYPES.get(row.kind, "file"),
        "kind": row.kind,
        "state": row.state,
        "extension": suffix or None,
        "content_type": row.content_type,
        "filename": row.filename,
        "data_url": link,
        "thumb_url": link if row.kind in ("image", "sticker") else "",
        "file_size": row.size,
        "width": row.width,
        "height": row.height,
        "error": row.error,
        "error_action": row.error_action,
    }
    if row.kind == "location":
        shown |= {
            "coordinates_lat": float(meta.get("latitude", 0.0)),
            "coordinates_long": float(meta.get("longitude", 0.0)),
            "fallback_title": str(meta.get("name") or meta.get("address") or ""),
            "data_url": str(meta.get("url") or ""),
            "meta": meta,
        }
    elif row.kind == "contact":
        phones = meta.get("phones") or [""]
        shown |= {"fallback_title": str(phones[0] if phones else ""), "meta": meta}
    return shown


# --- conversations ----------------------------------------------------------------------------------------------------


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
    by_contact = {one["id"]: one for one in contacts(connection, people)}
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
