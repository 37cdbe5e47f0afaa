"""Which rows a caller may see.

Owns: loading the subject of a route, or answering that there is none. Must not know: what the route does with it.
Somebody else's row and no row look the same.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Contact, Message
from . import shapes
from .errors import not_found
from .routing import Call


def conversation(call: Call, connection: Connection, display_id: int) -> Row[Any]:
    """A visible conversation by the account's own number.

    :raises ApiError: 404.
    """
    row = shapes.conversation_row(connection, call.account_id, display_id)
    if row is None or not call.who.may_see(row.inbox_id):
        raise not_found()
    return row


def message(call: Call, connection: Connection, display_id: int, message_id: int) -> Row[Any]:
    """A message of a visible conversation.

    :raises ApiError: 404.
    """
    chat = conversation(call, connection, display_id)
    row = connection.execute(
        sa.select(Message.__table__).where(
            Message.id == message_id, Message.conversation_id == chat.id
        )
    ).first()
    if row is None:
        raise not_found()
    return row


def contact(call: Call, connection: Connection, contact_id: int) -> Row[Any]:
    """A contact of the account.

    :raises ApiError: 404.
    """
    row = connection.execute(
        sa.select(Contact.__table__).where(
            Contact.id == contact_id, Contact.account_id == call.account_id
        )
    ).first()
    if row is None:
        raise not_found()
    return row


def inbox(call: Call, connection: Connection, inbox_id: int) -> tuple[Row[Any], Row[Any]]:
    """A visible live inbox and its channel.

    :raises ApiError: 404.
    """
    found = shapes.load_inboxes(connection, call.account_id, [inbox_id])
    if not found or not call.who.may_see(inbox_id):
        raise not_found()
    return found[0]
