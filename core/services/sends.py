"""Adding something to do at a provider: the row that a job delivers.

Owns: new rows of ``sends``. Must not know: why something is sent, how it is delivered.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Inbox, Send
from ..db.types import storable_json
from ..db.upsert import insert


def insert_send(
    connection: Connection,
    conversation: Row[Any],
    message_id: int,
    payload: Mapping[str, Any],
    user_id: int | None,
    now: datetime,
    *,
    operation: str = "message",
    channel_id: int | None = None,
) -> int:
    """Add something to do at the provider. The caller holds the conversation's row lock.

    :returns: the send's id.
    """
    if channel_id is None:
        channel_id = channel_of(connection, conversation.inbox_id)
    return insert(
        connection,
        Send.__table__,
        {
            "account_id": conversation.account_id,
            "channel_id": channel_id,
            "conversation_id": conversation.id,
            "message_id": message_id,
            "operation": operation,
            "payload": storable_json(dict(payload)),
            "delivery_id": secrets.token_hex(16),
            "state": "queued",
            "tries": 0,
            "next_try_at": now,
            "error_class": "",
            "error_code": "",
            "error": "",
            "action": "",
            "user_id": user_id,
            "created_at": now,
        },
    )


def channel_of(connection: Connection, inbox_id: int) -> int:
    """The channel of an inbox."""
    return int(
        connection.execute(sa.select(Inbox.channel_id).where(Inbox.id == inbox_id)).scalar_one()
    )
