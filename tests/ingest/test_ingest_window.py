"""What opens the 24-hour window, counts as unread and wakes a conversation: live messages of the customer alone."""

from __future__ import annotations

from typing import Any

import pytest

from chatport.db.tables import ContactInbox, Conversation, Inbox
from chatport.events import Direction, MessageReceived
from ingest_world import World, at, text

QUIET: dict[str, dict[str, Any]] = {
    "echo": {"direction": Direction.OUTGOING},
    "history": {"history": True},
    "history_of_ours": {"direction": Direction.OUTGOING, "history": True},
}


def quiet(kind: str, source_id: str, seconds: float) -> MessageReceived:
    """A message that nobody needs to answer."""
    return text(source_id, seconds=seconds, **QUIET[kind])


@pytest.mark.parametrize("kind", QUIET)
def test_quiet_message_opens_no_window_and_counts_nothing(world: World, kind: str) -> None:
    world.give(quiet(kind, "E1", 1))
    assert world.one(ContactInbox).window_from is None
    conversation = world.one(Conversation)
    assert (conversation.unread_count, conversation.waiting_since) == (0, None)


@pytest.mark.parametrize("kind", QUIET)
def test_quiet_message_moves_no_window_and_wakes_nothing(world: World, kind: str) -> None:
    world.set(Inbox, world.inbox_id, lock_to_single_conversation=True)
    world.give(text("A1", seconds=1))
    conversation = world.one(Conversation)
    world.set(Conversation, conversation.id, status="resolved", unread_count=0)
    world.give(quiet(kind, "E1", 60))
    assert world.one(ContactInbox).window_from == at(1)
    conversation = world.one(Conversation)
    assert (conversation.status, conversation.unread_count) == ("resolved", 0)


def test_window_counts_from_the_latest_message_in_any_order(world: World) -> None:
    world.give(text("A2", seconds=60))
    world.give(text("A1", seconds=1))
    assert world.one(ContactInbox).window_from == at(60)
    assert world.one(Conversation).unread_count == 2
