"""Dead letters by cause, and alerts.

Owns: reading and grouping. Must not know: what replaying means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.tables import Alert, DeadLetter, Inbox
from chatport.services.outbox import NotFound

_letters = DeadLetter.__table__
_alerts = Alert.__table__
OPEN = ("dead", "parked")
#: Letters that are looked through for the page; older ones wait until these are put away.
MOST = 500
#: Letters that are shown of one cause.
SHOWN = 20
ALERTS = 50
_CHANGING = re.compile(r"[0-9a-f]{8,}|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


@dataclass(slots=True)
class Cause:
    """Letters that died of the same thing.

    :param letters: the newest ones; ``ids`` has all.
    """

    kind: str
    state: str
    error_type: str
    error: str
    action: str
    newest: datetime
    oldest: datetime
    ids: list[int] = field(default_factory=list)
    letters: list[Row[Any]] = field(default_factory=list)
    channels: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """How many letters."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Causes:
    """The page: causes, the largest first."""

    causes: list[Cause]
    total: int


def _signature(row: Row[Any]) -> tuple[str, str, str, str]:
    """What letters of one cause share: the error without the numbers and names in it."""
    return row.kind, row.state, row.error_type, _CHANGING.sub("…", row.error)[:160]


def causes(
    connection: Connection, account_id: int, *, inbox_id: int | None = None, state: str = "open"
) -> Causes:
    """Letters by cause.

    :param state: ``open``, or ``closed`` for what was replayed or discarded.
    """
    wanted = _letters.c.state.in_(OPEN) if state == "open" else _letters.c.state.not_in(OPEN)
    where = [_letters.c.account_id == account_id, wanted]
    if inbox_id is not None:
        channel = sa.select(Inbox.channel_id).where(
            Inbox.id == inbox_id, Inbox.account_id == account_id
        )
        where.append(_letters.c.channel_id.in_(channel))
    total = connection.execute(sa.select(sa.func.count()).where(*where)).scalar_one()
    columns = [column for column in _letters.c if column.name != "payload"]
    rows = connection.execute(
        sa.select(*columns).where(*where).order_by(_letters.c.id.desc()).limit(MOST)
    )
    found: dict[tuple[str, ...], Cause] = {}
    for row in rows:
        cause = found.setdefault(
            _signature(row),
            Cause(
                row.kind,
                row.state,
                row.error_type,
                row.error,
                row.action,
                row.updated_at,
                row.created_at,
            ),
        )
        cause.ids.append(row.id)
        cause.oldest = min(cause.oldest, row.created_at)
        if row.channel_id is not None:
            cause.channels.add(row.channel_id)
        if len(cause.letters) < SHOWN:
            cause.letters.append(row)
    ordered = sorted(found.values(), key=lambda c: (c.state != "dead", -c.count))
    return Causes(ordered, int(total))


def letter(connection: Connection, account_id: int, letter_id: int) -> Row[Any]:
    """One letter with its payload, and its inbox.

    :raises NotFound: there is none in the account.
    """
    row = connection.execute(
        sa.select(_letters, Inbox.id.label("inbox_id"), Inbox.name.label("inbox_name"))
        .outerjoin(Inbox, Inbox.channel_id == _letters.c.channel_id)
        .where(_letters.c.id == letter_id, _letters.c.account_id == account_id)
    ).first()
    if row is None:
        raise NotFound("There is no such dead letter.")
    return row


def open_letters(connection: Connection, account_id: int) -> int:
    """How many letters wait for a person."""
    query = sa.select(sa.func.count()).where(
        _letters.c.account_id == account_id, _letters.c.state.in_(OPEN)
    )
    return int(connection.execute(query).scalar_one())


def open_alerts(connection: Connection, account_id: int) -> int:
    """How many alerts are open."""
    query = sa.select(sa.func.count()).where(
        _alerts.c.account_id == account_id, _alerts.c.resolved_at.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def alerts(
    connection: Connection, account_id: int, *, resolved: bool = False, before: int = 0
) -> list[Row[Any]]:
    """Alerts with their inbox, the newest first."""
    query = (
        sa.select(_alerts, Inbox.id.label("inbox_id"), Inbox.name.label("inbox_name"))
        .outerjoin(
            Inbox, sa.and_(Inbox.channel_id == _alerts.c.channel_id, Inbox.deleted_at.is_(None))
        )
        .where(
            _alerts.c.account_id == account_id,
            _alerts.c.resolved_at.is_not(None) if resolved else _alerts.c.resolved_at.is_(None),
        )
    )
    if before:
        query = query.where(_alerts.c.id < before)
    return list(connection.execute(query.order_by(_alerts.c.id.desc()).limit(ALERTS)))


def inbox_choices(connection: Connection, account_id: int) -> list[Row[Any]]:
    """Live inboxes: id, name, channel."""
    return list(
        connection.execute(
            sa.select(Inbox.id, Inbox.name, Inbox.channel_id)
            .where(Inbox.account_id == account_id, Inbox.deleted_at.is_(None))
            .order_by(Inbox.name)
        )
    )
