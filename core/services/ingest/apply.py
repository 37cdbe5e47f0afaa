"""One event into its effect.

Owns: the table of event kinds, routing between channels, and the meeting of targets with their follow-ups.
Must not know: requests, batches, retries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...events import (
    AnyEvent,
    CallOffered,
    ChannelNotice,
    ChatRead,
    GroupChanged,
    IdentityChanged,
    Ignored,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    ReactionChanged,
    StatusChanged,
    TemplateChanged,
    TypingChanged,
    UnknownEvent,
)
from .apply_changes import apply_edit, apply_reaction, apply_read, apply_revoke, apply_status
from .apply_messages import apply_message
from .apply_others import (
    apply_call,
    apply_group,
    apply_identity,
    apply_notice,
    apply_template,
    apply_typing,
)
from .followups import settle, waiting_for
from .scope import ItemState, Outcome, Scope, ignored

_APPLY: dict[type[Any], Callable[[Scope, Any], Outcome]] = {
    MessageReceived: apply_message,
    StatusChanged: apply_status,
    MessageEdited: apply_edit,
    MessageRevoked: apply_revoke,
    ReactionChanged: apply_reaction,
    ChatRead: apply_read,
    GroupChanged: apply_group,
    IdentityChanged: apply_identity,
    CallOffered: apply_call,
    TypingChanged: apply_typing,
    ChannelNotice: apply_notice,
    TemplateChanged: apply_template,
    Ignored: lambda scope, event: ignored(event.reason),
    UnknownEvent: lambda scope, event: Outcome(ItemState.UNKNOWN, event.reason),
}


def apply_event(scope: Scope, event: AnyEvent) -> Outcome:
    """Apply one event, and the follow-ups that waited for it, in the scope's transaction.

    :raises Exception: whatever is wrong with this item; the caller rolls back and isolates it.
    """
    scope.made.clear()
    outcome = _APPLY[type(event)](scope, event)
    apply_waiting(scope, sorted(scope.made))
    scope.rechecks.update((scope.channel.id, target) for target in scope.made)
    target = getattr(event, "target", None) or getattr(event, "source_id", None)
    if target and outcome.state in (ItemState.WAITING, ItemState.APPLIED):
        scope.rechecks.add((scope.channel.id, target[:255]))
    return outcome


def apply_waiting(scope: Scope, targets: list[str]) -> None:
    """Apply what waits for some messages."""
    for follow_up_id, event in waiting_for(scope.connection, scope.channel.id, targets):
        outcome = _APPLY[type(event)](scope, event)
        if outcome.state is not ItemState.WAITING:
            settle(scope.connection, follow_up_id)
