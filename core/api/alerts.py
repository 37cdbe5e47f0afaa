"""Alerts: list, resolve.

Owns: these routes. Must not know: what raises an alert.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..db.tables import Alert
from ..db.types import utcnow
from ..services.accounts import ADMINISTRATOR
from .errors import not_found
from .inputs import AlertList
from .outputs_operations import AlertAnswer, AlertListAnswer
from .routing import Call, Routes
from .shapes import seconds

routes = Routes("Alerts")
PAGE = 50
_table = Alert.__table__


def _shape(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "channel_id": row.channel_id,
        "title": row.title,
        "body": row.body,
        "action": row.action,
        "created_at": seconds(row.created_at),
        "resolved_at": seconds(row.resolved_at),
    }


@routes.add("GET", "/alerts", query=AlertList, answer=AlertListAnswer, role=ADMINISTRATOR)
def list_alerts(call: Call) -> Any:
    """The newest 50 alerts; `before` an id, older ones."""
    query = sa.select(_table).where(_table.c.account_id == call.account_id)
    if call.query["state"] == "open":
        query = query.where(_table.c.resolved_at.is_(None))
    elif call.query["state"] == "resolved":
        query = query.where(_table.c.resolved_at.is_not(None))
    if call.query["before"]:
        query = query.where(_table.c.id < call.query["before"])
    with call.core.db.read("alerts") as connection:
        rows = connection.execute(query.order_by(_table.c.id.desc()).limit(PAGE)).all()
    return {"payload": [_shape(row) for row in rows]}


@routes.add("POST", "/alerts/<id:alert_id>/resolve", answer=AlertAnswer, role=ADMINISTRATOR)
def resolve_alert(call: Call, alert_id: int) -> Any:
    """Put an alert away. It comes back when its cause does."""
    where = (_table.c.id == alert_id, _table.c.account_id == call.account_id)
    with call.core.db.write("resolve alert") as connection:
        connection.execute(
            sa.update(_table)
            .where(*where, _table.c.resolved_at.is_(None))
            .values(resolved_at=utcnow())
        )
        row = connection.execute(sa.select(_table).where(*where)).first()
    if row is None:
        raise not_found()
    return _shape(row)
