"""Adding work for the ``calls`` queue.

Owns: the rows of tasks that are waiting, one per (kind, key). Must not know: what a task does.
All functions work inside the caller's transaction; ring the bell after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...db.tables import Conversation, Inbox, Task
from ...db.types import storable_json, utcnow
from ...db.upsert import insert_if_absent


def add_task(
    connection: Connection,
    *,
    kind: str,
    account_id: int,
    channel_id: int | None,
    dedupe_key: str,
    payload: Mapping[str, Any] | None = None,
    delay: float = 0.0,
    again: bool = False,
) -> int | None:
    """Add a task unless one of this kind and key waits already.

    :param delay: seconds before it may run.
    :param again: one that waits runs at this time too, and one that runs just now runs once more afterwards.
    :returns: its id, or ``None`` when one waits already.
    """
    now = utcnow()
    task_id = insert_if_absent(
        connection,
        Task.__table__,
        {
            "account_id": account_id,
            "channel_id": channel_id,
            "kind": kind,
            "dedupe_key": dedupe_key[:255],
            "payload": storable_json(dict(payload or {})),
            "state": "pending",
            "tries": 0,
            "next_try_at": now + timedelta(seconds=delay),
            "error": "",
            "action": "",
            "created_at": now,
        },
    )
    if task_id is None and again:
        hurry_task(connection, kind, dedupe_key, delay=delay, payload=payload)
    return task_id


def hurry_task(
    connection: Connection,
    kind: str,
    dedupe_key: str,
    *,
    delay: float = 0.0,
    payload: Mapping[str, Any] | None = None,
) -> bool:
    """Let a task that waits for its time run ``delay`` seconds from now.

    :param payload: replaces the task's own.
    :returns: whether there is one.
    """
    values: dict[str, Any] = {"next_try_at": utcnow() + timedelta(seconds=delay)}
    if payload is not None:
        values["payload"] = storable_json(dict(payload))
    result: Any = connection.execute(
        sa.update(Task.__table__)
        .where(Task.kind == kind, Task.dedupe_key == dedupe_key[:255], Task.state == "pending")
        .values(**values)
    )
    return bool(result.rowcount)


def request_read_receipt(connection: Connection, conversation_id: int, *, on: str) -> bool:
    """Tell the customer that we read the conversation, if the inbox wants that on this occasion.

    :param on: ``on_open`` (an agent looked at it) or ``on_reply``.
    :returns: whether a receipt will be sent. Ring the bell for calls after the commit.
    """
    row = connection.execute(
        sa.select(Inbox.account_id, Inbox.channel_id, Inbox.read_receipts)
        .join(Conversation, Conversation.inbox_id == Inbox.id)
        .where(Conversation.id == conversation_id)
    ).one()
    # Whoever wants receipts when an agent opens the conversation wants them all the more when one answers.
    if row.read_receipts != on and not (row.read_receipts == "on_open" and on == "on_reply"):
        return False
    add_task(
        connection,
        kind="mark_read",
        account_id=row.account_id,
        channel_id=row.channel_id,
        dedupe_key=str(conversation_id),
        payload={"conversation_id": conversation_id},
        again=True,
    )
    return True


def request_typing(connection: Connection, conversation_id: int, state: str) -> None:
    """Show the customer that an agent types. Ring the bell for calls after the commit.

    :param state: ``composing``, ``recording`` or ``paused``.
    """
    row = connection.execute(
        sa.select(Inbox.account_id, Inbox.channel_id)
        .join(Conversation, Conversation.inbox_id == Inbox.id)
        .where(Conversation.id == conversation_id)
    ).one()
    add_task(
        connection,
        kind="typing",
        account_id=row.account_id,
        channel_id=row.channel_id,
        dedupe_key=str(conversation_id),
        payload={"conversation_id": conversation_id, "state": state, "at": utcnow().isoformat()},
        again=True,
    )
