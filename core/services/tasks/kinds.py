"""What a kind of task is, and the channel that most of them work on.

Owns: the records between the runner and the kinds. Must not know: what single kinds do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ... import channels as vocabulary
from ...db.tables import Channel
from ...errors import ProviderError
from ..channels import load_channel
from ..hook_calls import limited

if TYPE_CHECKING:
    from ...context import Core
    from ...plugins.handle import ProviderHandle

T = TypeVar("T")
_channels = Channel.__table__


@dataclass(frozen=True, slots=True)
class Again:
    """The same task is to run again after ``seconds``; no failure.

    :param payload: replaces the task's own.
    """

    seconds: float
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of task.

    :param run: does it; raises for another try.
    :param tries: in all.
    :param lease: seconds for which a task that runs is nobody else's; renewed while it runs, so this is how soon the
        task of a killed process is taken up again.
    :param exclusive: never twice at once for one channel.
    :param failed: told after each failed try; ``True`` for the last.
    """

    run: Callable[[Core, Row[Any]], Again | None]
    tries: int = 5
    lease: float = 45.0
    exclusive: bool = False
    failed: Callable[[Core, Row[Any], Exception, bool], None] | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """A channel, ready for hook calls."""

    core: Core
    row: Row[Any]
    handle: ProviderHandle
    channel: vocabulary.Channel

    def call(self, hook: Callable[[], T]) -> T:
        """Call a hook, with a time limit."""
        return limited(self.core.settings.hook_time_limit, hook)

    @property
    def features(self) -> vocabulary.Features:
        """What the provider declares."""
        return self.handle.info.features


def open_channel(core: Core, task: Row[Any], *, deleted: bool = False) -> Open | None:
    """The channel of a task; ``None`` when it is deleted or switched off, so that nothing is left to do.

    :param deleted: take a deleted channel as well.
    :raises PluginMissing: its provider is not installed.
    """
    with core.db.read("load channel") as connection:
        row = connection.execute(
            sa.select(_channels).where(_channels.c.id == task.channel_id)
        ).first()
    if row is None or (row.deleted_at is not None and not deleted):
        return None
    if not row.active and not deleted:
        return None
    return Open(core, row, core.plugins.provider(row.provider), load_channel(core, row))


def words(error: Exception) -> tuple[str, str]:
    """What happened and what to do, for people."""
    if isinstance(error, ProviderError):
        return str(error), error.action
    return str(error) or type(error).__name__, getattr(error, "action", "")
