"""Follow-ups whose message, or whose group's conversation, came meanwhile.

Owns: finding and applying events that wait for something that is there now. Must not know: how requests are taken; what
single events do.

Whoever makes a message and whoever brings a follow-up commit first and then look for the other (``recheck``), so of two
transactions that could not see each other one finds both. A process that is killed between its commit and its look
leaves that to ``recheck_all``, which the sweeper calls.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ...db.tables import Channel, ContactIdentity, Conversation, FollowUp, Inbox, Message
from ...identities import IdentityKind
from . import apply as applying
from .scope import scope_of

if TYPE_CHECKING:
    from ...context import Core

logger = logging.getLogger(__name__)

#: Follow-ups that one look of the sweeper takes up; the next one takes up the rest.
AT_ONCE = 500


def recheck(core: Core, places: Collection[tuple[int, str]]) -> None:
    """Apply follow-ups that wait for some messages. Called after the commit that made, or learned the id of, a message,
    and after the commit of a follow-up.

    :param places: channel and source id of each message.
    """
    by_channel: dict[int, list[str]] = defaultdict(list)
    for channel_id, target in sorted(places):
        by_channel[channel_id].append(target)
    for channel_id, targets in by_channel.items():
        with core.db.read("look for follow-ups") as connection:
            waiting = connection.execute(
                sa.select(FollowUp.target)
                .where(
                    FollowUp.channel_id == channel_id,
                    FollowUp.target.in_(targets),
                    FollowUp.state == "waiting",
                )
                .distinct()
            ).scalars()
            found = waiting.all()
        if found:
            _apply_waiting(core, channel_id, found)


def release_echoes(core: Core, channel_id: int) -> None:
    """Look again at echoes that waited because a send to their chat was under way. Called when a send has ended."""
    with core.db.read("look for echoes") as connection:
        rows = connection.execute(
            sa.select(FollowUp.target).where(
                FollowUp.channel_id == channel_id,
                FollowUp.kind == "MessageReceived",
                FollowUp.state == "waiting",
            )
        ).all()
    if rows:
        _apply_waiting(core, channel_id, sorted({row[0] for row in rows}))


def recheck_all(core: Core) -> int:
    """Apply follow-ups of any channel whose message is there although nobody looked.

    :returns: how many were found.
    """
    with core.db.read("look for late follow-ups") as connection:
        rows = connection.execute(
            sa.select(FollowUp.channel_id, FollowUp.target)
            .join(Inbox, Inbox.channel_id == FollowUp.channel_id)
            .where(
                FollowUp.state == "waiting",
                sa.or_(
                    sa.exists().where(
                        Message.inbox_id == Inbox.id, Message.source_id == FollowUp.target
                    ),
                    sa.exists().where(
                        FollowUp.kind.in_(("GroupChanged", "CallOffered")),
                        ContactIdentity.account_id == FollowUp.account_id,
                        ContactIdentity.kind == str(IdentityKind.GROUP),
                        ContactIdentity.value == FollowUp.target,
                        Conversation.contact_id == ContactIdentity.contact_id,
                        Conversation.inbox_id == Inbox.id,
                    ),
                ),
            )
            .limit(AT_ONCE)
        ).all()
    targets: dict[int, set[str]] = defaultdict(set)
    for channel_id, target in rows:
        targets[channel_id].add(target)
    for channel_id, of_channel in targets.items():
        for target in sorted(of_channel):
            try:
                _apply_waiting(core, channel_id, [target])
            except Exception:  # one that cannot be applied must not keep the others waiting
                logger.exception("follow-ups of channel %s cannot be applied", channel_id)
    return len(rows)


def _apply_waiting(core: Core, channel_id: int, targets: Sequence[str]) -> None:
    with core.db.write("apply follow-ups") as connection:
        channel = connection.execute(
            sa.select(Channel.__table__).where(Channel.id == channel_id)
        ).one()
        inbox = connection.execute(
            sa.select(Inbox.__table__).where(Inbox.channel_id == channel_id)
        ).one()
        scope = scope_of(core, connection, channel, inbox)
        applying.apply_waiting(scope, list(targets))
    core.publish(scope.notices)
