"""Follow-ups that came before the message, or the group's conversation, that they belong to.

Owns: the table of waiting events, and applying them once the target is there. Whoever makes a target and whoever brings
a follow-up commit first and then look for the other; so one of them always sees both.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...db.tables import FollowUp
from ...db.types import storable_json, utcnow
from ...db.upsert import insert_if_absent
from ...events import AnyEvent
from .codec import from_json, to_json
from .scope import ItemState, Outcome, Scope

if TYPE_CHECKING:
    from datetime import datetime

_table = FollowUp.__table__

#: Made once: making a statement takes several times as long as running it.
_WAITING = (
    sa.select(_table.c.id, _table.c.event)
    .where(
        _table.c.channel_id == sa.bindparam("channel"),
        _table.c.target.in_(sa.bindparam("targets", expanding=True)),
        _table.c.state == "waiting",
    )
    .order_by(_table.c.id)
    .with_for_update()
)


def wait_for(scope: Scope, event: AnyEvent, target: str, reason: str) -> Outcome:
    """Store an event until its target appears.

    :param target: the source id of a message, or the id of a group.
    """
    row = {
        "account_id": scope.account_id,
        "channel_id": scope.channel.id,
        "item_key": event.key,
        "kind": type(event).__name__,
        "target": target[:255],
        "event": storable_json(to_json(event)),
        "state": "waiting",
        "created_at": scope.now,
        "expires_at": scope.now + timedelta(days=scope.followup_days),
        "request_id": scope.request_id,
    }
    if insert_if_absent(scope.connection, _table, row) is None:
        # An expired one may wait again; one that was applied stays applied.
        scope.connection.execute(
            sa.update(_table)
            .where(
                _table.c.channel_id == scope.channel.id,
                _table.c.item_key == event.key,
                _table.c.state == "expired",
            )
            .values(state="waiting", expires_at=row["expires_at"])
        )
    scope.rechecks.add((scope.channel.id, target[:255]))
    return Outcome(ItemState.WAITING, reason)


def waiting_for(
    connection: Connection, channel_id: int, targets: list[str]
) -> list[tuple[int, AnyEvent]]:
    """Waiting events for some messages, oldest first, locked."""
    if not targets:
        return []
    rows = connection.execute(_WAITING, {"channel": channel_id, "targets": targets}).all()
    return [(row.id, from_json(row.event)) for row in rows]


def settle(connection: Connection, follow_up_id: int, state: str = "applied") -> None:
    """Mark a waiting event."""
    connection.execute(sa.update(_table).where(_table.c.id == follow_up_id).values(state=state))


def expire(connection: Connection, now: datetime | None = None) -> int:
    """Mark what waited too long as expired; it stays visible in the event log."""
    result: Any = connection.execute(
        sa.update(_table)
        .where(_table.c.state == "waiting", _table.c.expires_at < (now or utcnow()))
        .values(state="expired")
    )
    return int(result.rowcount)
