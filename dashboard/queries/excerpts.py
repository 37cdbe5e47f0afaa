"""Messages in short: what the list shows of the last one and a reply of the quoted one.

Owns: the columns and joins of both. Must not know: how they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from chatport.db.tables import Attachment, Contact, Message, User

_messages = Message.__table__


def load_excerpts(connection: Connection, ids: Iterable[int]) -> list[Any]:
    """Rows with id, content, content_type, message_type, private, status, deleted_at, sender_contact_id, and
    ``attachment_kind`` (of the first file), ``contact_name``, ``user_name``."""
    wanted = list(ids)
    if not wanted:
        return []
    kind = (
        sa.select(Attachment.kind)
        .where(Attachment.message_id == _messages.c.id)
        .order_by(Attachment.id)
        .limit(1)
        .scalar_subquery()
    )
    return list(
        connection.execute(
            sa.select(
                _messages.c.id,
                _messages.c.content,
                _messages.c.content_type,
                _messages.c.message_type,
                _messages.c.private,
                _messages.c.status,
                _messages.c.deleted_at,
                _messages.c.sender_contact_id,
                kind.label("attachment_kind"),
                Contact.name.label("contact_name"),
                User.name.label("user_name"),
            )
            .outerjoin(Contact, Contact.id == _messages.c.sender_contact_id)
            .outerjoin(User, User.id == _messages.c.sender_user_id)
            .where(_messages.c.id.in_(wanted))
        )
    )
