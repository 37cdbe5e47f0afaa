"""Messages and their files as the API answers them.

Owns: their JSON, and what other clients call our finer states and kinds. Must not know: routes, who may see what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Attachment, Contact, ReactionRow, User
from ..services.replies import answered
from .links import attachment_url, avatar_url
from .shape_common import seconds

if TYPE_CHECKING:
    from ..context import Core

DELETED = "This message was deleted"
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

_contacts = Contact.__table__


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
    senders = _senders(core, connection, rows)
    targets = answered(connection, rows)
    return [
        _message(
            row,
            display_ids[row.conversation_id],
            targets.get(row.id),
            senders.get(row.id),
            files.get(row.id, []),
            reactions.get(row.id, []),
        )
        for row in rows
    ]


def _senders(
    core: Core, connection: Connection, rows: Sequence[Row[Any]]
) -> dict[int, dict[str, Any]]:
    contact_ids = {row.sender_contact_id for row in rows if row.sender_contact_id}
    user_ids = {row.sender_user_id for row in rows if row.sender_user_id}
    people = {
        row.id: {
            "id": row.id,
            "name": row.name,
            "type": "contact",
            "thumbnail": avatar_url(core, row),
            "phone_number": row.phone_number,
            "email": row.email,
        }
        for row in connection.execute(
            sa.select(
                _contacts.c.id,
                _contacts.c.name,
                _contacts.c.phone_number,
                _contacts.c.email,
                _contacts.c.avatar_key,
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
    in_reply_to: int | None,
    sender: dict[str, Any] | None,
    files: list[dict[str, Any]],
    reactions: list[dict[str, Any]],
) -> dict[str, Any]:
    deleted = row.deleted_at is not None
    # What was deleted must not be read from what stood beside it.
    attributes = {} if deleted else dict(row.content_attributes or {})
    attributes |= {
        "in_reply_to": in_reply_to,
        "in_reply_to_external_id": row.reply_to_source_id,
        "external_error": row.external_error,
        "external_echo": row.external_echo,
        "deleted": deleted,
    }
    return {
        "id": row.id,
        "content": DELETED if deleted else row.content,
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
        "reactions": [] if deleted else reactions,
        "echo_id": row.echo_id,
    }


def attachment(core: Core, row: Row[Any]) -> dict[str, Any]:
    """A file, place or contact card."""
    link = attachment_url(core, row)
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
