"""Delivering what is queued: channels side by side, conversations of a channel side by side, each in strict order.

Owns: threads, locks, budgets, the call of the provider. Must not know: RQ, what follows from an error's class.

One process delivers for a channel at a time, guarded by a lock that ends with the process; the claim of each send keeps
two of them harmless all the same.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import DBAPIError

from ...db.locks import named_lock
from ...db.tables import Channel
from ...db.types import utcnow
from ...errors import (
    ChatportError,
    ContentRefused,
    HookTimeout,
    OutcomeUnknown,
    PluginMissing,
    ProviderCrashed,
    ProviderError,
)
from ...messages import Media, Sent
from ..channels import load_channel
from ..hook_calls import limited
from ..ingest.drain import is_database_fault
from ..ingest.late import recheck, release_echoes
from . import claim, settle
from .build import outbound
from .scenes import check_window, unsendable_reason

if TYPE_CHECKING:
    from ... import channels as vocabulary
    from ...context import Core
    from ...messages import OutboundMessage
    from ...notices import Notice
    from ...plugins.handle import ProviderHandle

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: Channels that one process serves at once.
MAX_CHANNELS = 8
#: Seconds between two looks for new work while something is on its way.
LOOK_EVERY = 0.2
#: After the budget, new channels are still served while a slow one is on its way, for so many seconds.
LONGEST_OVERTIME = 20.0
#: Seconds for which the outcome of a send is kept in memory while the database does not take it.
HOLD_OUTCOME = 30.0
#: Seconds beyond the limit of a hook before its call is interrupted here.
GRACE = 10.0
#: Bytes per second that an upload reaches at least.
SLOWEST_UPLOAD = 1_000_000


@dataclass(frozen=True, slots=True)
class DeliverResult:
    """What a delivery round did. ``more``: work is left that could be done now."""

    sent: int
    failed: int
    more: bool


@dataclass(slots=True)
class _Count:
    sent: int = 0
    failed: int = 0
    locked: bool = False


def deliver_due(
    core: Core, budget_seconds: float = 10.0, stop: Callable[[], bool] = lambda: False
) -> DeliverResult:
    """Deliver what is due, for about ``budget_seconds``; what is on its way then is waited for.

    :param stop: asked before each send; begin nothing new when it says true.
    :raises DBAPIError: the database does not work; try again later.
    """
    began = time.monotonic()
    end = began + budget_seconds
    total = _Count()
    running: dict[Future[_Count], int] = {}
    locked: set[int] = set()
    with ThreadPoolExecutor(MAX_CHANNELS, thread_name_prefix="deliver") as pool:
        while not stop():
            now = time.monotonic()
            if now < end or (running and now < end + LONGEST_OVERTIME):
                for channel_id in _due(core, exclude=locked | set(running.values())):
                    if len(running) < MAX_CHANNELS:
                        run = _ChannelRun(core, channel_id, max(end, now + 1.0), stop)
                        running[pool.submit(run.run)] = channel_id
            if not running:
                break
            done, _ = wait(running, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
            for future in done:
                channel_id = running.pop(future)
                count = future.result()
                total.sent += count.sent
                total.failed += count.failed
                if count.locked:
                    locked.add(channel_id)  # whoever has the lock looks again after letting go
        for future in running:
            count = future.result()
            total.sent += count.sent
            total.failed += count.failed
    return DeliverResult(total.sent, total.failed, more=bool(_due(core, exclude=locked)))


def _due(core: Core, exclude: set[int]) -> list[int]:
    with core.db.read("channels with sends") as connection:
        return [i for i in claim.due_channels(connection, utcnow()) if i not in exclude]


@dataclass(slots=True)
class _ChannelRun:
    """One channel's turn."""

    core: Core
    channel_id: int
    end: float
    stop: Callable[[], bool]
    count: _Count = field(default_factory=_Count)
    #: sends between their claim and the service's answer: as many as the provider declares
    on_the_way: set[int] = field(default_factory=set)
    #: something ended: an answer came, or its outcome is written
    changed: threading.Event = field(default_factory=threading.Event)

    def run(self) -> _Count:
        """Deliver until nothing is due or the time is up."""
        # Whoever comes meanwhile finds the lock taken and goes away, so after letting go we look once more.
        again = True
        while again:
            with named_lock(self.core.db, f"deliver:{self.channel_id}") as mine:
                if not mine:
                    self.count.locked = True
                    return self.count
                self._recover()
                self._turn()
            again = not self._over() and bool(self._heads(()))
        return self.count

    def _over(self) -> bool:
        return self.stop() or time.monotonic() >= self.end

    def _recover(self) -> None:
        """We hold the lock and send nothing yet: what is ``sending`` was left by a process that is gone."""
        with self.core.db.read("sends left behind") as connection:
            left = claim.left_behind(connection, self.channel_id)
        for send_id in left:
            error = OutcomeUnknown(
                "Chatport was interrupted while it sent this message; it may or may not have been sent.",
                action=settle.SEND_AGAIN,
                code="interrupted",
            )
            self._settle_loaded(send_id, partial(_interrupted, error=error))

    def _expire(self) -> None:
        with self.core.db.read("overdue sends") as connection:
            late = claim.overdue(connection, self.channel_id, utcnow())
        for send_id in late:
            self._settle_loaded(send_id, lambda c, job: settle.expired(c, job, utcnow()))
            self.count.failed += 1

    def _settle_loaded(
        self, send_id: int, write: Callable[[Connection, claim.Job], list[Notice]]
    ) -> None:
        with self.core.db.write("settle a send") as connection:
            job = claim.load_job(connection, send_id)
            notices = write(connection, job) if job is not None else []
        self.core.publish(notices)
        release_echoes(self.core, self.channel_id)

    def _turn(self) -> None:
        self._expire()
        if self._refuse_all():
            return
        width = self._concurrency()
        running: dict[Future[None], int] = {}
        # Twice as many threads: while one writes down what became of its send, the next one is on its way.
        with ThreadPoolExecutor(2 * width, thread_name_prefix=f"channel-{self.channel_id}") as pool:
            while True:
                room = min(width - len(self.on_the_way), 2 * width - len(running))
                if room > 0 and not self._over():
                    for head in self._heads(tuple(running.values()))[:room]:
                        self.on_the_way.add(head.id)
                        future = pool.submit(self._one, head)
                        running[future] = head.conversation_id
                        future.add_done_callback(lambda _: self.changed.set())
                if not running:
                    return
                self.changed.wait(LOOK_EVERY)
                self.changed.clear()
                for future in [one for one in running if one.done()]:
                    del running[future]
                    future.result()

    def _concurrency(self) -> int:
        with self.core.db.read("channel's provider") as connection:
            key = connection.execute(
                sa.select(Channel.provider).where(Channel.id == self.channel_id)
            ).scalar_one()
        try:
            return max(1, self.core.plugins.provider(key).info.features.concurrency)
        except PluginMissing:
            return 1  # the first send says so

    def _heads(self, busy: tuple[int, ...]) -> list[Row[Any]]:
        now = utcnow()
        with self.core.db.read("next sends") as connection:
            paused = connection.execute(
                sa.select(Channel.paused_until).where(Channel.id == self.channel_id)
            ).scalar_one()
            if paused is not None and paused > now:
                return []
            return claim.due_heads(connection, self.channel_id, now, busy, limit=64)

    def _refuse_all(self) -> bool:
        """While the channel is paused for a reason that only a person can mend, fail what comes without asking."""
        now = utcnow()
        with self.core.db.write("refuse sends of a paused channel") as connection:
            row = connection.execute(
                sa.select(Channel.__table__).where(Channel.id == self.channel_id)
            ).one()
            if row.paused_until is None or row.paused_until <= now:
                return False
            if row.connection not in claim.NEEDS_A_PERSON:
                return True
            error = settle.pause_error(row)
            notices = settle.fail_queued(connection, self.channel_id, error, now)
        self.core.publish(notices)
        self.count.failed += len(notices)
        return True

    def _one(self, head: Row[Any]) -> None:
        try:
            with self.core.db.write("claim a send") as connection:
                job = claim.claim(connection, head.id, head.tries)
            if job is None:
                return
            outcome = attempt(self.core, job)
            if isinstance(outcome, Sent):
                self._free(head)
            # After a failure nothing else leaves before it is written: it may pause the channel.
            self._end(job, outcome)
        finally:
            self._free(head)

    def _free(self, head: Row[Any]) -> None:
        self.on_the_way.discard(head.id)
        self.changed.set()

    def _end(self, job: claim.Job, outcome: Sent | ProviderError) -> None:
        settled = _surely(lambda: self._write(job, outcome))
        if settled is None:
            return
        if settled.failure:
            self.count.failed += 1
            logger.warning(
                "send %s of channel %s failed (try %s): %s",
                job.send.id,
                self.channel_id,
                job.send.tries,
                settled.failure,
            )
        else:
            self.count.sent += 1
        self.core.publish(settled.notices)
        if settled.source_id is not None:
            recheck(self.core, [(self.channel_id, settled.source_id)])
        release_echoes(self.core, self.channel_id)

    def _write(self, job: claim.Job, outcome: Sent | ProviderError) -> settle.Settled:
        with self.core.db.write("settle a send") as connection:
            if isinstance(outcome, Sent):
                return settle.succeeded(self.core, connection, job, outcome)
            return settle.failed(self.core, connection, job, outcome)


def attempt(core: Core, job: claim.Job) -> Sent | ProviderError:
    """Call the provider once. Every way of failing becomes an error with a class; nothing is raised."""
    try:
        refused = unsendable_reason(job.channel, job.account_active)
        if refused is not None:
            return ContentRefused(refused[0], action=refused[1], code="channel_inactive")
        handle = core.plugins.provider(job.channel.provider)
        if job.send.operation == "message" and job.send.payload.get("kind") != "template":
            check_window(handle.info.features, job.window_from, utcnow())
        message = outbound(core, job)
        channel = load_channel(core, job.channel)
    except ProviderError as error:
        return error
    except (
        ChatportError
    ) as error:  # the plugin is missing, a secret cannot be read: nothing has left
        return ContentRefused(str(error), action=error.action, code="not_ready")
    except Exception as error:  # our own mistake, before anything left
        logger.exception("send %s cannot be prepared", job.send.id)
        return ProviderCrashed(f"The message could not be prepared ({type(error).__name__}).")
    return _call(core, job, handle, channel, message)


def _call(
    core: Core,
    job: claim.Job,
    handle: ProviderHandle,
    channel: vocabulary.Channel,
    message: OutboundMessage,
) -> Sent | ProviderError:
    try:
        sent = limited(_time_limit(core, message), lambda: handle.send_message(channel, message))
    except ProviderError as error:
        return error
    except ChatportError as error:
        return ProviderCrashed(str(error), action=error.action)
    except HookTimeout:
        return OutcomeUnknown(
            "The provider's plugin did not come to an end in time; the message may or may not have been sent.",
            action=settle.SEND_AGAIN,
            code="time_limit",
        )
    except Exception as error:  # whatever else a plugin raises is its bug
        logger.exception("send %s: the plugin %s failed", job.send.id, job.channel.provider)
        return ProviderCrashed(f"The provider's plugin failed ({type(error).__name__}).")
    if not sent.source_id:
        return OutcomeUnknown(
            "The service answered without a message id; the message may have been sent.",
            action=settle.SEND_AGAIN,
            code="no_id",
        )
    return sent


def _time_limit(core: Core, message: OutboundMessage) -> float:
    """Seconds for one send: the plugin's own HTTP deadline should end it first, and a large file takes its time."""
    size = message.content.size if isinstance(message.content, Media) else 0
    return core.settings.hook_time_limit + GRACE + size / SLOWEST_UPLOAD


def _surely(write: Callable[[], T]) -> T | None:
    """Write an outcome, patiently: losing it would make a message that was sent look unknown.

    :returns: ``None`` when the database did not take it in time; the row then stays ``sending`` and is found later.
    """
    end = time.monotonic() + HOLD_OUTCOME
    pause = 0.05
    while True:
        try:
            return write()
        except DBAPIError as error:
            if not is_database_fault(error) or time.monotonic() > end:
                logger.exception("the outcome of a send cannot be stored")
                return None
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, 2.0)


def _interrupted(connection: Connection, job: claim.Job, *, error: OutcomeUnknown) -> list[Notice]:
    return settle.outcome_unknown(connection, job, error, utcnow())
