"""The greeting of an inbox: once for each new conversation of a customer, through the outbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from services.fake_provider import BUDI, World

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.events import Chat, Direction, MessageReceived, Party, TextPart
from chatport.identities import group, phone
from chatport.messages import Text
from chatport.services.ingest import apply_events

HELLO = "Welcome! We *answer* soon."


@pytest.fixture
def shop(world: World) -> World:
    world.set(t.Account, last_display_id=100)
    world.set(t.Inbox, greeting_enabled=True, greeting_message=HELLO)
    return world


def written(source_id: str = "A1", number: str = BUDI, **values: Any) -> MessageReceived:
    return MessageReceived(
        **{
            "key": f"m:{source_id}",
            "time": utcnow(),
            "source_id": source_id,
            "direction": Direction.INCOMING,
            "chat": Chat((phone(number),)),
            "sender": Party((phone(number),), "Budi"),
            "parts": (TextPart("hello"),),
            **values,
        }
    )


def give(world: World, *events: MessageReceived, origin: str = "webhook") -> None:
    apply_events(world.core, world.channel_id, list(events), origin=origin)


def greetings(world: World) -> list[Any]:
    return world.rows(t.Message, t.Message.message_type == "template")


def test_greeting_answers_the_first_message_through_the_outbox(shop: World) -> None:
    give(shop, written())

    result = shop.deliver()

    (greeting,) = greetings(shop)
    assert (result.sent, greeting.status, greeting.content) == (1, "sent", HELLO)
    assert greeting.sender_user_id is None
    (sent,) = shop.provider.sent
    assert sent.content == Text("Welcome! We _answer_ soon.")
    assert sent.recipient.first("phone").value == BUDI


def test_greeting_stands_below_the_message_and_leaves_the_customer_waiting(shop: World) -> None:
    give(shop, written(time=utcnow() + timedelta(seconds=4)))

    (greeting,) = greetings(shop)
    first = shop.one(t.Message, t.Message.source_id == "A1")
    chat = shop.one(t.Conversation, t.Conversation.id == greeting.conversation_id)
    assert greeting.sent_at > first.sent_at
    assert (chat.unread_count, chat.first_reply_at) == (1, None)
    assert chat.waiting_since == first.sent_at
    assert chat.last_activity_at == greeting.sent_at


def test_greeting_is_sent_once_however_often_it_is_told(shop: World) -> None:
    give(shop, written(), written())
    give(shop, written())
    give(shop, written("A2"))

    assert len(greetings(shop)) == 1
    assert len(shop.rows(t.Send)) == 1


def test_greeting_comes_again_with_the_next_conversation(shop: World) -> None:
    give(shop, written())
    shop.set(t.Conversation, status="resolved")
    give(shop, written("A2"))

    assert len(greetings(shop)) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"direction": Direction.OUTGOING, "sender": None},
        {"chat": Chat((group("120363041122334455@g.us"),), is_group=True)},
        {"history": True},
        {"time": utcnow() - timedelta(hours=25)},
    ],
    ids=["echo", "group", "history", "late"],
)
def test_greeting_is_for_fresh_messages_of_one_customer(
    shop: World, values: dict[str, Any]
) -> None:
    give(shop, written(**values))

    assert len(shop.rows(t.Message)) == 1
    assert shop.rows(t.Send) == []


def test_greeting_is_not_for_what_is_fetched_later(shop: World) -> None:
    give(shop, written(), origin="reconcile")

    assert greetings(shop) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"greeting_enabled": False, "greeting_message": HELLO},
        {"greeting_enabled": True, "greeting_message": "  "},
    ],
)
def test_greeting_needs_the_switch_and_a_text(world: World, settings: dict[str, Any]) -> None:
    world.set(t.Account, last_display_id=100)
    world.set(t.Inbox, **settings)

    give(world, written())

    assert greetings(world) == []


def test_greeting_is_not_for_a_conversation_that_we_began(shop: World) -> None:
    give(shop, written(number="6281290001122"))  # Rina, whose conversation is there

    assert greetings(shop) == []
