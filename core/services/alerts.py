"""Alerts to administrators: a row, a log line, and mail where it is configured.

Owns: raising and resolving alerts inside a caller's transaction. Must not know: why; how mail is sent.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..db.tables import Alert, Task
from ..db.types import storable, utcnow
from ..db.upsert import insert_if_absent

logger = logging.getLogger(__name__)


def raise_alert(
    connection: Connection,
    *,
    account_id: int,
    channel_id: int | None,
    kind: str,
    dedupe_key: str,
    title: str,
    body: str = "",
    action: str = "",
) -> int | None:
    """Raise an alert unless one with this key is open.

    :returns: its id, or ``None`` when one was open already.
    """
    alert_id = insert_if_absent(
        connection,
        Alert.__table__,
        {
            "account_id": account_id,
            "channel_id": channel_id,
            "kind": kind,
            "dedupe_key": dedupe_key[:255],
            "title": storable(title, 255),
            "body": storable(body),
            "action": storable(action),
            "created_at": utcnow(),
        },
    )
    if alert_id is None:
        return None
    logger.error("alert account=%s channel=%s kind=%s: %s", account_id, channel_id, kind, title)
    insert_if_absent(
        connection,
        Task.__table__,
        {
            "account_id": account_id,
            "channel_id": channel_id,
            "kind": "mail_alert",
            "dedupe_key": str(alert_id),
            "payload": {"alert_id": alert_id},
            "state": "pending",
            "tries": 0,
            "next_try_at": utcnow(),
            "error": "",
            "action": "",
            "created_at": utcnow(),
        },
    )
    return alert_id


def resolve_alert(connection: Connection, *, account_id: int, dedupe_key: str) -> bool:
    """Resolve the open alert with this key, if there is one."""
    result = connection.execute(
        sa.update(Alert)
        .where(
            Alert.account_id == account_id,
            Alert.dedupe_key == dedupe_key[:255],
            Alert.resolved_at.is_(None),
        )
        .values(resolved_at=utcnow())
    )
    return bool(result.rowcount)
