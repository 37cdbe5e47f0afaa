"""Dead letters: list, show, replay, discard.

Owns: these routes. Must not know: what replaying means for each kind.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..db.tables import DeadLetter, Inbox
from ..services import dead_letters
from ..services.accounts import ADMINISTRATOR
from .errors import not_found
from .inputs import DeadLetterList, ReplayBody
from .outputs_operations import DeadLetterAnswer, DeadLetterListAnswer, ReplayedAnswer
from .routing import Call, Routes
from .shapes import seconds

routes = Routes("Dead letters")
PAGE = 50
_table = DeadLetter.__table__


def _query() -> sa.Select[Any]:
    return sa.select(_table, Inbox.id.label("inbox_id")).outerjoin(
        Inbox, Inbox.channel_id == _table.c.channel_id
    )


def _shape(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "channel_id": row.channel_id,
        "inbox_id": row.inbox_id,
        "subject_id": row.subject_id,
        "item_key": row.item_key,
        "error_type": row.error_type,
        "error": row.error,
        "action": row.action,
        "attempts": row.attempts,
        "payload": row.payload,
        "created_at": seconds(row.created_at),
        "replayed_at": seconds(row.replayed_at),
    }


@routes.add(
    "GET", "/dead_letters", query=DeadLetterList, answer=DeadLetterListAnswer, role=ADMINISTRATOR
)
def list_dead_letters(call: Call) -> Any:
    """The newest 50 dead letters; `before` an id, older ones."""
    query = _query().where(_table.c.account_id == call.account_id)
    state = call.query["state"]
    if state == "open":
        query = query.where(_table.c.state.in_(("dead", "parked")))
    elif state != "all":
        query = query.where(_table.c.state == state)
    if call.query["kind"]:
        query = query.where(_table.c.kind == call.query["kind"])
    if call.query["before"]:
        query = query.where(_table.c.id < call.query["before"])
    with call.core.db.read("dead letters") as connection:
        rows = connection.execute(query.order_by(_table.c.id.desc()).limit(PAGE)).all()
    return {"payload": [_shape(row) for row in rows]}


@routes.add("GET", "/dead_letters/<id:letter_id>", answer=DeadLetterAnswer, role=ADMINISTRATOR)
def show_dead_letter(call: Call, letter_id: int) -> Any:
    """A dead letter with everything that is needed to understand it."""
    return _shown(call, letter_id)


def _shown(call: Call, letter_id: int) -> dict[str, Any]:
    with call.core.db.read("dead letter") as connection:
        row = connection.execute(
            _query().where(_table.c.id == letter_id, _table.c.account_id == call.account_id)
        ).first()
    if row is None:
        raise not_found()
    return _shape(row)


@routes.add(
    "POST", "/dead_letters/<id:letter_id>/replay", answer=DeadLetterAnswer, role=ADMINISTRATOR
)
def replay_dead_letter(call: Call, letter_id: int) -> Any:
    """Try again what the letter holds. When it fails again, the letter comes back with the new reason."""
    dead_letters.replay(
        call.core, account_id=call.account_id, letter_id=letter_id, user_id=call.who.user_id
    )
    return _shown(call, letter_id)


@routes.add(
    "POST", "/dead_letters/replay", body=ReplayBody, answer=ReplayedAnswer, role=ADMINISTRATOR
)
def replay_dead_letters(call: Call) -> Any:
    """Replay several dead letters by `ids`, or `all` that are open."""
    ids = None if call.body["all"] else call.body["ids"] or []
    done, refused = dead_letters.replay_many(
        call.core, account_id=call.account_id, ids=ids, user_id=call.who.user_id
    )
    return {"replayed": done, "refused": refused}


@routes.add(
    "POST", "/dead_letters/<id:letter_id>/discard", answer=DeadLetterAnswer, role=ADMINISTRATOR
)
def discard_dead_letter(call: Call, letter_id: int) -> Any:
    """Put a letter away without replaying it."""
    dead_letters.close(call.core, account_id=call.account_id, letter_id=letter_id)
    return _shown(call, letter_id)
