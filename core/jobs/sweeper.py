"""The sweeper: a small process that makes up for whatever else failed.

Owns: looking for due work by state and ringing for it; doing it itself while Redis is away; the heartbeat; what
comes by the clock. Must not know: what the work is.
"""

from __future__ import annotations

import logging
import signal
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..context import Core
from ..db.partial import written
from ..db.tables import OPEN_SENDS, Attachment, Channel, Heartbeat, RawRequest, Send, Task
from ..db.types import utcnow
from ..plugins.registry import Registry
from ..services import ingest
from ..services.bells import CALLS, EVENTS
from ..services.conversation_actions import wake_snoozed
from ..services.ingest import followups
from ..services.reconcile import reconcile_all
from ..services.tasks.schedule import ensure_periodic
from .clock import bring_forward
from .work import calls_once, events_once

if TYPE_CHECKING:
    from ..settings import Settings

logger = logging.getLogger(__name__)

#: Seconds between two looks.
EVERY = 1.0
#: Due work that is older than this was not rung for, or its bell was lost.
OVERDUE = timedelta(seconds=2)
#: A gap between heartbeats longer than this means that webhooks may have been missed.
DOWN_AFTER = timedelta(seconds=20)
#: Machines' clocks differ by no more than this; a heartbeat further ahead is of a clock that was set back.
CLOCK_SKEW = timedelta(seconds=10)
HEARTBEAT_EVERY = timedelta(seconds=5)
HOUSEKEEPING_EVERY = timedelta(seconds=30)


def run_sweeper(settings: Settings, plugins: Registry | None = None) -> None:
    """Sweep until SIGTERM or SIGINT.

    :param plugins: when they are loaded already.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sweeper = Sweeper(Core.build(settings, plugins=plugins, pool_size=4))
    while not stop.wait(EVERY):
        try:
            sweeper.sweep()
        except SQLAlchemyError as error:
            logger.warning("the database does not work (%s); waiting", type(error).__name__)


class Sweeper:
    """One process's sweeping."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._beat_at: datetime | None = None
        self._kept_house_at: datetime | None = None

    def sweep(self) -> None:
        """One round."""
        core, now = self.core, utcnow()
        self._beat(now)
        self._keep_house(now)
        with core.db.read("look for due work") as connection:
            events, calls = events_due(connection, now), calls_due(connection, now)
        if not (events or calls):
            return
        # A lost job leaves its flag behind for a while: overdue work rings past it. Where the bell cannot be rung
        # (Redis is away, or out of memory), nobody else will do it.
        events = events and not core.bells.ring_past(EVENTS)
        calls = calls and not core.bells.ring_past(CALLS)
        if events:
            events_once(core, budget=3.0)
        if calls:
            calls_once(core, budget=3.0)

    def _beat(self, now: datetime) -> None:
        """Note that we live; after a gap, fetch what the providers' histories have of it."""
        # A clock that was set back would keep the heart still for as long as it was wrong.
        if self._beat_at is not None and self._beat_at <= now < self._beat_at + HEARTBEAT_EVERY:
            return
        with self.core.db.write("heartbeat") as connection:
            last = connection.execute(
                sa.select(Heartbeat.at).where(Heartbeat.name == "receiver").with_for_update()
            ).scalar()
            if last is None:
                connection.execute(sa.insert(Heartbeat).values(name="receiver", at=now, data={}))
            else:
                connection.execute(
                    sa.update(Heartbeat).where(Heartbeat.name == "receiver").values(at=now)
                )
            missed = last is not None and now - last > DOWN_AFTER
            set_back = last is not None and last - now > CLOCK_SKEW
            moved = bring_forward(connection, now) if set_back else 0
        self._beat_at = now
        if set_back:
            logger.warning(
                "the clock was set back from %s to %s; %s rows are due now", last, now, moved
            )
        if missed:
            logger.warning("nothing was received from %s to %s; fetching histories", last, now)
            reconcile_all(self.core, down_since=last)

    def _keep_house(self, now: datetime) -> None:
        if self._kept_house_at is not None and now - self._kept_house_at < HOUSEKEEPING_EVERY:
            return
        self._kept_house_at = now
        with self.core.db.write("expire follow-ups") as connection:
            followups.expire(connection, now)
        ingest.unpark(self.core)
        ensure_periodic(self.core)
        wake_snoozed(self.core)
        with self.core.db.read("live channels") as connection:
            ids = (
                connection.execute(sa.select(Channel.id).where(Channel.deleted_at.is_(None)))
                .scalars()
                .all()
            )
        for channel_id in ids:
            ingest.release_echoes(self.core, channel_id)
        late = ingest.recheck_all(self.core)
        if late:
            logger.warning("%s follow-ups had been left waiting; they are applied now", late)


def events_due(connection: Connection, now: datetime) -> bool:
    """Whether requests are pending that nobody works on."""
    return _any(
        connection,
        sa.select(RawRequest.id).where(
            RawRequest.state == "pending",
            sa.or_(
                sa.and_(RawRequest.next_try_at.is_(None), RawRequest.received_at < now - OVERDUE),
                RawRequest.next_try_at < now,
            ),
        ),
    )


def calls_due(connection: Connection, now: datetime) -> bool:
    """Whether sends, files or tasks are due that nobody works on."""
    return (
        _any(
            connection,
            sa.select(Send.id)
            .join(Channel, Channel.id == Send.channel_id)
            .where(
                written(Send.state, OPEN_SENDS),
                Send.next_try_at < now - OVERDUE,
                sa.or_(Channel.paused_until.is_(None), Channel.paused_until < now),
            ),
        )
        or _any(
            connection,
            sa.select(Attachment.id).where(
                Attachment.state == "pending", Attachment.next_try_at < now - OVERDUE
            ),
        )
        or _any(
            connection,
            sa.select(Task.id).where(Task.state == "pending", Task.next_try_at < now - OVERDUE),
        )
    )


def _any(connection: Connection, query: sa.Select[Any]) -> bool:
    return connection.execute(query.limit(1)).first() is not None
