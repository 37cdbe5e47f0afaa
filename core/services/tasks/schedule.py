"""Tasks that come back by the clock.

Owns: how often, and that one process at a time adds them. Must not know: what they do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from ...db.tables import Account, Channel, Contact, ContactInbox, Heartbeat, Inbox
from ...db.types import utcnow
from ...errors import PluginMissing
from .queue import add_task

if TYPE_CHECKING:
    from ...channels import Features
    from ...context import Core

#: How often this looks for what is missing.
EVERY = timedelta(seconds=60)
TEMPLATES_EVERY = timedelta(hours=3)
HEALTH_EVERY = timedelta(hours=6)
PRUNE_EVERY = timedelta(hours=1)
AVATARS_EVERY = timedelta(days=1)
#: Pictures of contacts that are asked for at once, and how recently a contact must have been active.
AVATARS_AT_ONCE = 20
ACTIVE_WITHIN = timedelta(days=30)


def ensure_periodic(core: Core) -> None:
    """Add the periodic tasks that are due and do not wait yet; at most once a minute for all processes."""
    now = utcnow()
    if not _my_turn(core, "periodic", EVERY, now):
        return
    prune = _my_turn(core, "prune", PRUNE_EVERY, now)
    with core.db.write("periodic tasks") as connection:
        channels = connection.execute(
            sa.select(Channel.__table__)
            .where(Channel.deleted_at.is_(None), Channel.active)
            # Those whose templates are the oldest come first: tasks run in the order of their making.
            .order_by(Channel.message_templates_last_updated.asc().nulls_first(), Channel.id)
        ).all()
        for row in channels:
            try:
                handle = core.plugins.provider(row.provider)
            except PluginMissing:
                continue
            for kind in _due(row, handle.info.features, handle.implements, now):
                _add(connection, row, kind)
            if handle.info.features.avatars and handle.implements("contact_info"):
                _add_avatars(connection, row, now)
        if prune:
            for account_id in connection.execute(sa.select(Account.id)).scalars().all():
                add_task(
                    connection,
                    kind="prune",
                    account_id=account_id,
                    channel_id=None,
                    dedupe_key=str(account_id),
                )


def _due(row: Row[Any], features: Features, implements: Any, now: datetime) -> list[str]:
    kinds = []
    if features.connection_poll_seconds is not None and implements("connection_status"):
        kinds.append("poll_connection")
    if features.templates and implements("fetch_templates"):
        last = row.message_templates_last_updated
        if last is None or last < now - TEMPLATES_EVERY:
            kinds.append("sync_templates")
    if implements("check_health"):
        last = _moment((row.facts or {}).get("health_checked_at"))
        if last is None or last < now - HEALTH_EVERY:
            kinds.append("check_health")
    return kinds


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _add(connection: Connection, row: Row[Any], kind: str) -> None:
    add_task(
        connection, kind=kind, account_id=row.account_id, channel_id=row.id, dedupe_key=str(row.id)
    )


def _add_avatars(connection: Connection, row: Row[Any], now: datetime) -> None:
    contacts = connection.execute(
        sa.select(Contact.id)
        .join(ContactInbox, ContactInbox.contact_id == Contact.id)
        .join(Inbox, Inbox.id == ContactInbox.inbox_id)
        .where(
            Inbox.channel_id == row.id,
            Contact.merged_into_id.is_(None),
            Contact.last_activity_at.is_(None) | (Contact.last_activity_at > now - ACTIVE_WITHIN),
            Contact.avatar_checked_at.is_(None) | (Contact.avatar_checked_at < now - AVATARS_EVERY),
        )
        .order_by(Contact.avatar_checked_at, Contact.id)
        .limit(AVATARS_AT_ONCE)
    ).scalars()
    for contact_id in contacts.all():
        add_task(
            connection,
            kind="avatar",
            account_id=row.account_id,
            channel_id=row.id,
            dedupe_key=str(contact_id),
            payload={"contact_id": contact_id},
        )


def _my_turn(core: Core, name: str, every: timedelta, now: datetime) -> bool:
    """Whether ``every`` has passed since anybody's last turn; if so, it is ours."""
    table = Heartbeat.__table__
    with core.db.read("turn") as connection:
        last = connection.execute(
            sa.select(table.c.at).where(table.c.name == name)
        ).scalar_one_or_none()
    if last is not None and last > now - every:
        return False
    try:
        with core.db.write("turn") as connection:
            if last is None:
                connection.execute(sa.insert(table).values(name=name, at=now, data={}))
                return True
            taken = connection.execute(
                sa.update(table).where(table.c.name == name, table.c.at == last).values(at=now)
            )
            return bool(taken.rowcount)
    except IntegrityError:
        return False  # another process made the row a moment ago
