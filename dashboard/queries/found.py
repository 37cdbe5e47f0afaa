"""Messages that a search found, as the list shows them below the conversations.

Owns: the record and how it is made of rows. Must not know: HTML, how words are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from chatport.services.auth import Principal
from chatport.services.search import Piece, excerpt, find_messages

from ..texts import plain
from .conversations import Filters

SHOWN = 20
#: Characters of a message in which its words are looked for.
LOOKED_AT = 5000


@dataclass(frozen=True, slots=True)
class Hit:
    """One message. ``mark`` is ``in``, ``out`` or ``note``."""

    message_id: int
    number: int
    contact_id: int
    name: str
    kind: str
    at: datetime
    mark: str
    pieces: tuple[Piece, ...]


def load_hits(connection: Connection, who: Principal, filters: Filters) -> list[Hit]:
    """The newest messages that hold the words of the search; none without a search. Tab, status and label do not
    matter: whoever looks for words wants to find them."""
    if not filters.search:
        return []
    rows = find_messages(connection, who, filters.search, inbox_id=filters.inbox_id, limit=SHOWN)
    return [_hit(row, filters.search) for row in rows]


def _hit(row: Row[Any], search: str) -> Hit:
    return Hit(
        message_id=row.id,
        number=row.display_id,
        contact_id=row.contact_id,
        name=row.contact_name,
        kind=row.contact_kind,
        at=row.sent_at,
        mark="note" if row.private else "in" if row.message_type == "incoming" else "out",
        pieces=tuple(excerpt(plain(row.content, LOOKED_AT), search)),
    )
