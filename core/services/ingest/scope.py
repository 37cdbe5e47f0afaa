"""What applying events of one channel needs, within one transaction.

Owns: the scope record and outcomes of items. Must not know: what single kinds of event do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection, Row

from ...db.types import utcnow
from ...notices import Notice, NoticeKind

if TYPE_CHECKING:
    from ...context import Core

#: Provider times further ahead than this are clamped to now.
CLOCK_TOLERANCE = timedelta(seconds=5)
#: Nothing on WhatsApp is older.
EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)


class ItemState(StrEnum):
    """What became of an item of a request."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  #: known already; nothing changed
    IGNORED = "ignored"  #: known and deliberately without effect
    UNKNOWN = "unknown"  #: a kind that the provider does not know; kept
    WAITING = "waiting"  #: what it belongs to has not been seen
    PARKED = "parked"  #: set aside for a person to decide
    DEAD = "dead"  #: failed for good


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one item."""

    state: ItemState
    reason: str = ""
    message_id: int | None = None


@dataclass(slots=True)
class Scope:
    """One channel inside one transaction. ``notices`` are published after the commit.

    :param origin: ``webhook``, or another one for fetched history: pages are told, nobody is notified.
    :param request_id: the stored request that the events came with.

    What applying leaves to do is noted here:

    :param made: source ids that this event's message can be found by from now on.
    :param rechecks: channel and source id of follow-ups and messages, to be looked for once more after the commit.
    :param calls: whether sends, files or tasks were queued.
    """

    connection: Connection
    channel: Row[Any]
    inbox: Row[Any]
    now: datetime
    followup_days: int
    origin: str = "webhook"
    request_id: int | None = None
    notices: list[Notice] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    rechecks: set[tuple[int, str]] = field(default_factory=set)
    calls: bool = False

    @property
    def account_id(self) -> int:
        """The account that everything here belongs to."""
        return int(self.channel.account_id)

    def moment(self, time: datetime | None, fallback: datetime | None = None) -> datetime:
        """The provider's time, or ``fallback`` (now) where it told none; never in the future, never absurdly old."""
        if time is None or time < EARLIEST:
            return fallback or self.now
        return min(time, self.now + CLOCK_TOLERANCE)

    def tell(
        self,
        kind: NoticeKind,
        *,
        conversation_id: int | None = None,
        message_id: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Note a notice for after the commit."""
        self.notices.append(
            Notice(
                kind,
                self.account_id,
                inbox_id=self.inbox.id,
                conversation_id=conversation_id,
                message_id=message_id,
                data={**(data or {}), **({"quiet": True} if self.origin != "webhook" else {})},
            )
        )


def scope_of(
    core: Core, connection: Connection, channel: Row[Any], inbox: Row[Any], origin: str = "webhook"
) -> Scope:
    """The scope of a channel from now on."""
    return Scope(
        connection=connection,
        channel=channel,
        inbox=inbox,
        now=utcnow(),
        followup_days=core.settings.followup_days,
        origin=origin,
    )


def applied(message_id: int | None = None, reason: str = "") -> Outcome:
    """The item had its effect."""
    return Outcome(ItemState.APPLIED, reason, message_id)


def duplicate(message_id: int | None = None, reason: str = "already applied") -> Outcome:
    """The item is known."""
    return Outcome(ItemState.DUPLICATE, reason, message_id)


def ignored(reason: str) -> Outcome:
    """The item is deliberately without effect."""
    return Outcome(ItemState.IGNORED, reason)


def parked(reason: str, message_id: int | None = None) -> Outcome:
    """The item is set aside."""
    return Outcome(ItemState.PARKED, reason, message_id)
