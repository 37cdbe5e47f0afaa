"""The log of webhook requests: what came, verdict, reason, what became of each item.

Owns: these routes. Must not know: how requests are applied.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..db.tables import Inbox, RawRequest
from ..services.accounts import ADMINISTRATOR
from ..services.event_log import of_account
from ..services.ingest import replay_request
from .errors import ApiError, not_found
from .inputs import EventList
from .outputs_operations import EventAnswer, EventDetailAnswer, EventListAnswer
from .routing import Call, Routes
from .shapes import seconds

routes = Routes("Webhook events")
PAGE = 50
_table = RawRequest.__table__
_COLUMNS = [column for column in _table.c if column.name != "body"]


def _shape(row: Any) -> dict[str, Any]:
    items = [
        {key: item.get(key) for key in ("key", "kind", "state", "reason", "message_id")}
        for item in row.items or []
    ]
    return {
        "id": row.id,
        "channel_id": row.channel_id,
        "inbox_id": row.inbox_id,
        "received_at": seconds(row.received_at),
        "verdict": row.verdict,
        "state": row.state,
        "reason": row.error,
        "attempts": row.tries,
        "done_at": seconds(row.done_at),
        "replayable": bool(row.has_body),
        "items": items,
    }


def _query(*more: Any) -> sa.Select[Any]:
    return (
        sa.select(
            *_COLUMNS,
            *more,
            Inbox.id.label("inbox_id"),
            _table.c.body.is_not(None).label("has_body"),
        )
        .select_from(_table)
        .outerjoin(Inbox, Inbox.channel_id == _table.c.channel_id)
    )


@routes.add("GET", "/events", query=EventList, answer=EventListAnswer, role=ADMINISTRATOR)
def list_events(call: Call) -> Any:
    """The newest 50 webhook requests; `before` an id, older ones."""
    query = _query().where(of_account(call.account_id, call.query["state"]))
    if call.query["inbox_id"]:
        query = query.where(Inbox.id == call.query["inbox_id"])
    if call.query["before"]:
        query = query.where(_table.c.id < call.query["before"])
    with call.core.db.read("events") as connection:
        rows = connection.execute(query.order_by(_table.c.id.desc()).limit(PAGE)).all()
    return {"payload": [_shape(row) for row in rows]}


@routes.add("GET", "/events/<id:event_id>", answer=EventDetailAnswer, role=ADMINISTRATOR)
def show_event(call: Call, event_id: int) -> Any:
    """A webhook request with its body as it came."""
    with call.core.db.read("event") as connection:
        row = connection.execute(
            _query(_table.c.body).where(
                _table.c.id == event_id, _table.c.account_id == call.account_id
            )
        ).first()
    if row is None:
        raise not_found()
    body = None if row.body is None else bytes(row.body).decode("utf-8", "replace")
    return {**_shape(row), "headers": row.headers or {}, "body": body}


@routes.add("POST", "/events/<id:event_id>/replay", answer=EventAnswer, role=ADMINISTRATOR)
def replay_event(call: Call, event_id: int) -> Any:
    """Apply a webhook request again by today's plugin; what it did already is not doubled."""
    shown = show_event(call, event_id)
    if not replay_request(call.core, event_id, call.account_id):
        raise ApiError(
            422,
            "The body of this request is not kept any more.",
            code="no_body",
            action="Bodies are kept for CHATPORT_RAW_RETENTION_DAYS.",
        )
    return {key: value for key, value in shown.items() if key not in ("headers", "body")} | {
        "state": "pending"
    }
