"""Which message another one answers.

Owns: finding it when it came later than its answer. Must not know: how either is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Message

_messages = Message.__table__


def answered(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, int]:
    """Ids of the messages that some messages answer, by the ids of the answers.

    The link is stored where the one that is answered was there first. Else only WhatsApp's id of it is, and a message
    with that id in the same conversation is looked for.

    :param rows: of ``messages``.
    """
    found = {row.id: row.reply_to_id for row in rows if row.reply_to_id}
    late = [row for row in rows if row.reply_to_source_id and not row.reply_to_id]
    if not late:
        return found
    targets = connection.execute(
        sa.select(_messages.c.id, _messages.c.conversation_id, _messages.c.source_id)
        .where(
            _messages.c.inbox_id.in_({row.inbox_id for row in late}),
            _messages.c.source_id.in_({row.reply_to_source_id for row in late}),
        )
        .order_by(_messages.c.part.desc())  # of several parts the first one stays
    )
    by_place = {(row.conversation_id, row.source_id): row.id for row in targets}
    for row in late:
        target = by_place.get((row.conversation_id, row.reply_to_source_id))
        if target is not None:
            found[row.id] = target
    return found
