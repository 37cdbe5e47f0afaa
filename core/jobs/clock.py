"""What was planned by a clock that has since been set back.

Owns: finding rows that were made in what is the future now, and letting them be worked on. Must not know: heartbeats,
why the clock was wrong.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..db.tables import Attachment, RawRequest, Send, Task

#: Tables whose rows wait for a time, with the column that tells when a row was made, and the state in which it waits.
_WAITING: tuple[tuple[Any, Any, str], ...] = (
    (RawRequest.__table__, RawRequest.__table__.c.received_at, "pending"),
    (Send.__table__, Send.__table__.c.created_at, "queued"),
    (Attachment.__table__, Attachment.__table__.c.created_at, "pending"),
    (Task.__table__, Task.__table__.c.created_at, "pending"),
)


def bring_forward(connection: Connection, now: datetime) -> int:
    """Make due what was never tried and was made after ``now``; it would wait for as long as the clock was wrong.

    :returns: how many rows.
    """
    count = 0
    for table, made_at, state in _WAITING:
        result = connection.execute(
            sa.update(table)
            .where(table.c.state == state, table.c.tries == 0, made_at > now)
            .values(next_try_at=now)
        )
        count += int(result.rowcount)
    return count
