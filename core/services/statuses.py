"""The shown status of an outgoing message, as a function of the set of what was told about it.

Owns: the ordering of statuses and the rule for failures. Must not know: where the set comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..db.tables import Message, MessageStatusRow
from ..db.types import storable, utcnow
from ..db.upsert import insert_if_absent, update
from ..messages import MessageStatus

RANK: Mapping[str, int] = {
    MessageStatus.SENT: 1,
    MessageStatus.DELIVERED: 2,
    MessageStatus.READ: 3,
    MessageStatus.PLAYED: 4,
}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
#: What is said when a provider reports a failure without a reason.
NO_REASON = "The provider reported a failure without a reason."


@dataclass(frozen=True, slots=True)
class StatusFact:
    """One row of the set."""

    status: str
    at: datetime | None
    error_code: str = ""
    error_message: str = ""
    error_action: str = ""


@dataclass(frozen=True, slots=True)
class ShownStatus:
    """What is shown; the error fields are empty unless the status is ``failed``."""

    status: str
    error_code: str = ""
    error_message: str = ""
    error_action: str = ""


def shown_status(facts: Iterable[StatusFact]) -> ShownStatus | None:
    """The status to show, whatever the order in which facts arrived; ``None`` for an empty set.

    The highest success shows, unless a failure's time is later than every success. Where a time is missing or equal,
    the success shows and the failure stays in the history.
    """
    facts = list(facts)
    successes = [fact for fact in facts if fact.status in RANK]
    failures = [fact for fact in facts if fact.status == MessageStatus.FAILED]
    if not successes and not failures:
        return None
    if failures:
        last = max(
            failures,
            key=lambda fact: (fact.at is not None, fact.at or _LONG_AGO, fact.error_code),
        )
        if all(last.at is not None and s.at is not None and last.at > s.at for s in successes):
            return ShownStatus(
                MessageStatus.FAILED,
                last.error_code,
                last.error_message or NO_REASON,
                last.error_action,
            )
    return ShownStatus(max(successes, key=lambda fact: RANK[fact.status]).status)


def record_status(
    connection: Connection,
    message_id: int,
    fact: StatusFact,
    *,
    recipient: str = "",
    details: Mapping[str, Any] | None = None,
) -> bool:
    """Add a fact to a message's set and show what follows from it, in the caller's transaction.

    :returns: whether the message's shown status or error changed.
    """
    _store(connection, message_id, fact, recipient, details or {})
    return refresh_status(connection, message_id)


def _store(
    connection: Connection,
    message_id: int,
    fact: StatusFact,
    recipient: str,
    details: Mapping[str, Any],
) -> None:
    values = {
        "at": fact.at,
        "error_code": storable(fact.error_code, 64),
        "error_message": storable(fact.error_message),
        "error_action": storable(fact.error_action),
    }
    row_id = insert_if_absent(
        connection,
        MessageStatusRow.__table__,
        {
            "message_id": message_id,
            "recipient": storable(recipient, 255),
            "status": fact.status,
            "received_at": utcnow(),
            "details": dict(details),
            **values,
        },
    )
    if row_id is not None or fact.at is None:
        return
    # Told before: a success keeps its earliest time, a failure its latest, so that the set does not depend on order.
    failed = fact.status == MessageStatus.FAILED
    later = MessageStatusRow.at < fact.at if failed else MessageStatusRow.at > fact.at
    connection.execute(
        sa.update(MessageStatusRow)
        .where(
            MessageStatusRow.message_id == message_id,
            MessageStatusRow.recipient == storable(recipient, 255),
            MessageStatusRow.status == fact.status,
            sa.or_(MessageStatusRow.at.is_(None), later),
        )
        .values(**(values if failed else {"at": fact.at}))
    )


#: Statements of every receipt are made once: making one takes several times as long as running it.
_CURRENT = (
    sa.select(Message.status, Message.external_error, Message.error_code)
    .where(Message.id == sa.bindparam("message"))
    .with_for_update()
)
_FACTS = sa.select(
    MessageStatusRow.status,
    MessageStatusRow.at,
    MessageStatusRow.error_code,
    MessageStatusRow.error_message,
    MessageStatusRow.error_action,
).where(MessageStatusRow.message_id == sa.bindparam("message"))


def refresh_status(connection: Connection, message_id: int) -> bool:
    """Recompute a message's shown status from its set."""
    # The lock comes first: on PostgreSQL two transactions that each added a fact must see each other's.
    current = connection.execute(_CURRENT, {"message": message_id}).first()
    rows = connection.execute(_FACTS, {"message": message_id}).all()
    shown = shown_status(StatusFact(*row) for row in rows)
    if shown is None or current is None:
        return False
    failed = shown.status == MessageStatus.FAILED
    values = {
        "status": shown.status,
        "external_error": shown.error_message if failed else None,
        "error_code": shown.error_code if failed else None,
        "error_action": shown.error_action if failed else None,
    }
    if (current.status, current.external_error, current.error_code) == (
        values["status"],
        values["external_error"],
        values["error_code"],
    ):
        return False
    update(connection, Message.__table__, message_id, {**values, "updated_at": utcnow()})
    return True
