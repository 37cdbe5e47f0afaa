"""Fetching what a provider received while we could not: history since a moment, with the same keys as webhooks.

Owns: from when, page by page, where it stopped. Must not know: how a provider keeps history, what events do.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Channel
from ..db.types import utcnow
from ..errors import UnsupportedFeature
from . import ingest
from .channels import load_channel
from .tasks.queue import add_task

if TYPE_CHECKING:
    from ..context import Core

logger = logging.getLogger(__name__)

_channels = Channel.__table__

#: So much before the last known event is fetched again: clocks differ, and events arrive out of order.
OVERLAP = timedelta(minutes=10)
#: Nothing older than this is fetched, however long we were away.
LONGEST = timedelta(days=30)
#: A page of history that leads to itself must not keep us for ever.
MAX_PAGES = 2000


def starting_point(row: Row[Any], now: datetime) -> datetime:
    """From when on a channel's history may hold something that we do not: the last event, or what was reconciled since;
    never before the channel existed here."""
    known = [moment for moment in (row.last_event_at, row.reconciled_until) if moment is not None]
    since = max(known) - OVERLAP if known else row.created_at
    earliest: datetime = max(since, row.created_at, now - LONGEST)
    return earliest


def request_reconcile(
    connection: Connection, row: Row[Any], *, since: datetime | None = None
) -> bool:
    """Ask for a channel's history, in the caller's transaction. Ring the bell for calls after the commit.

    The moment is fixed now: events that arrive before the task runs must not move it.

    :param row: the channel.
    :returns: whether it was added; ``False`` when one waits already.
    """
    moment = since or starting_point(row, utcnow())
    return (
        add_task(
            connection,
            kind="reconcile",
            account_id=row.account_id,
            channel_id=row.id,
            dedupe_key=str(row.id),
            payload={"since": moment.isoformat()},
        )
        is not None
    )


def reconcile_all(core: Core, *, down_since: datetime | None = None) -> int:
    """After a spell in which we could not receive: ask for the history of every channel whose provider has one.

    :param down_since: when we last could receive; with it, events that came before this call do not matter.
    :returns: how many channels.
    """
    able = [key for key, handle in core.plugins.providers.items() if handle.info.features.history]
    if not able:
        return 0
    with core.db.write("request reconcile") as connection:
        rows = connection.execute(
            sa.select(_channels).where(
                _channels.c.provider.in_(able), _channels.c.deleted_at.is_(None), _channels.c.active
            )
        ).all()
        for row in rows:
            since = starting_point(row, utcnow())
            if down_since is not None:
                since = max(min(since, down_since - OVERLAP), row.created_at)
            request_reconcile(connection, row, since=since)
    if rows:
        core.bells.ring_calls()
    return len(rows)


def reconcile(core: Core, channel_id: int, since: datetime) -> int:
    """Fetch and apply a channel's history. Each page is applied before the next is asked for; repeating is harmless.

    :returns: how many events were read.
    :raises UnsupportedFeature: this version of the service has no history.
    :raises ProviderError: the service did not answer; what was applied stays.
    """
    with core.db.read("load channel") as connection:
        row = connection.execute(sa.select(_channels).where(_channels.c.id == channel_id)).one()
    handle = core.plugins.provider(row.provider)
    if not handle.info.features.history or not handle.implements("fetch_history"):
        raise UnsupportedFeature(
            f"{handle.info.title} keeps no history that could be fetched.", code="no_history"
        )
    record, began = load_channel(core, row), utcnow()
    cursor: str | None = None
    seen: set[str] = set()
    count = 0
    for _ in range(MAX_PAGES):
        page = handle.fetch_history(record, since, cursor)
        ingest.apply_events(core, channel_id, list(page.events), origin="reconcile")
        count += len(page.events)
        if page.cursor is None or page.cursor in seen:
            break
        cursor = page.cursor
        seen.add(cursor)
    else:
        logger.warning(
            "history of channel %s is longer than %s pages; the rest is left", channel_id, MAX_PAGES
        )
    with core.db.write("note reconcile") as connection:
        connection.execute(
            sa.update(_channels).where(_channels.c.id == channel_id).values(reconciled_until=began)
        )
    return count
