"""Replaying what Chatport gave up on.

Owns: what replaying means for each kind of dead letter. Must not know: HTTP, why it died.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..db.tables import DeadLetter, Send, Task
from ..db.types import utcnow
from ..errors import ChatportError
from .alerts import resolve_alert
from .ingest import replay_request
from .media.fetch import refetch
from .outbox import retry_message
from .outbox.errors import NotFound, NotPossible

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

    from ..context import Core

_letters = DeadLetter.__table__


def replay(core: Core, *, account_id: int, letter_id: int, user_id: int | None = None) -> None:
    """Try again what a dead letter holds. When it fails again, the letter comes back with the new reason.

    :raises NotFound: no such letter in the account.
    :raises NotPossible: it is replayed already, or what it needs is gone.
    """
    with core.db.read("dead letter") as connection:
        row = connection.execute(
            sa.select(_letters).where(
                _letters.c.id == letter_id, _letters.c.account_id == account_id
            )
        ).first()
    if row is None:
        raise NotFound("There is no such dead letter.")
    if row.state not in ("dead", "parked"):
        raise NotPossible(
            f"This dead letter is {row.state} already.",
            action="Look at its subject.",
            code="replayed",
        )
    if not _again(core, row, user_id):
        raise NotPossible(
            "What this dead letter needs is not there any more.",
            action="Discard it.",
            code="gone",
        )
    close(core, account_id=account_id, letter_id=letter_id, state="replayed")


def close(core: Core, *, account_id: int, letter_id: int, state: str = "resolved") -> None:
    """Put a letter away: ``replayed``, or ``resolved`` when a person discards it. Its alert is resolved.

    :raises NotFound: no such letter in the account.
    """
    now = utcnow()
    with core.db.write("close dead letter") as connection:
        row = connection.execute(
            sa.select(_letters).where(
                _letters.c.id == letter_id, _letters.c.account_id == account_id
            )
        ).first()
        if row is None:
            raise NotFound("There is no such dead letter.")
        connection.execute(
            sa.update(_letters)
            .where(_letters.c.id == letter_id, _letters.c.state.in_(("dead", "parked")))
            .values(state=state, updated_at=now, replayed_at=now if state == "replayed" else None)
        )
        resolve_alert(
            connection,
            account_id=account_id,
            dedupe_key=f"dead_letter:{row.kind}:{row.subject_id}:{row.item_key}",
        )


def replay_many(
    core: Core, *, account_id: int, ids: list[int] | None, user_id: int | None = None
) -> tuple[list[int], list[dict[str, object]]]:
    """Replay several letters; ``None`` for all that are open (1000 at most).

    :returns: ids that were replayed, and ``{"id", "error", "action"}`` for those that cannot be.
    """
    if ids is None:
        with core.db.read("open dead letters") as connection:
            ids = list(
                connection.execute(
                    sa.select(_letters.c.id)
                    .where(
                        _letters.c.account_id == account_id,
                        _letters.c.state.in_(("dead", "parked")),
                    )
                    .order_by(_letters.c.id)
                    .limit(1000)
                ).scalars()
            )
    done: list[int] = []
    refused: list[dict[str, object]] = []
    for letter_id in ids:
        try:
            replay(core, account_id=account_id, letter_id=letter_id, user_id=user_id)
        except ChatportError as error:
            refused.append({"id": letter_id, "error": str(error), "action": error.action})
        else:
            done.append(letter_id)
    return done, refused


def _again(core: Core, row: Row[object], user_id: int | None) -> bool:
    if row.kind in ("request", "item"):
        return replay_request(core, row.subject_id, row.account_id)
    if row.kind == "media":
        return refetch(core, row.account_id, row.subject_id)
    if row.kind == "send":
        with core.db.read("send of a dead letter") as connection:
            send = connection.execute(
                sa.select(Send.message_id, Send.operation).where(Send.id == row.subject_id)
            ).first()
        if send is None or send.operation != "message":
            return False
        retry_message(core, account_id=row.account_id, message_id=send.message_id, user_id=user_id)
        return True
    return _task_again(core, row)


def _task_again(core: Core, row: Row[object]) -> bool:
    now = utcnow()
    with core.db.write("replay task") as connection:
        result = connection.execute(
            sa.update(Task)
            .where(Task.id == row.subject_id, Task.state == "failed")
            .values(state="pending", tries=0, next_try_at=now, finished_at=None, error="")
        )
    core.bells.ring_calls()
    return bool(result.rowcount)
