"""What comes before the thing that it is about, and what is told again with more in it."""

from __future__ import annotations

import importlib
import itertools
import random
from dataclasses import replace

import pytest

from chatport.db.tables import (
    Attachment,
    Contact,
    ContactInbox,
    Conversation,
    Message,
    MessageRevision,
)
from chatport.events import (
    CallOffered,
    Chat,
    GroupAction,
    GroupChanged,
    MediaPart,
    MediaRef,
    MessageReceived,
    Party,
    UnsupportedPart,
)
from chatport.identities import Identity, group, phone
from chatport.messages import MediaKind
from chatport.services.ingest import apply, late
from ingest_world import GROUP, RINA, World, at, edit, revoke, text

#: The module; the package has a function of that name.
DRAIN = importlib.import_module("chatport.services.ingest.drain")


def group_joined(key: str = "h:1", member: Identity | None = None) -> GroupChanged:
    return GroupChanged(
        key=key,
        time=at(5),
        chat=Chat((group(GROUP),), True),
        action=GroupAction.JOIN,
        members=(Party((member or phone(RINA),)),),
    )


def test_group_event_is_a_line_as_soon_as_the_group_has_a_conversation(world: World) -> None:
    assert world.items(world.give(group_joined())) == ["waiting"]
    assert world.rows(Conversation) == []
    world.give(text("G1", in_group=GROUP))
    assert world.items(world.give(group_joined())) == ["duplicate"]
    line = world.one(Message, Message.message_type == "activity")
    assert line.content == "rina joined the group"


def test_group_event_is_found_by_the_sweeper_when_nobody_looked(world: World) -> None:
    world.give(group_joined())
    request_id = world.post(text("G1", in_group=GROUP))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply, "apply_waiting", lambda scope, targets: None)
        patch.setattr(DRAIN, "recheck", lambda core, places: None)
        world.drain()
    assert world.items(request_id) == ["applied"]
    assert not world.rows(Message, Message.message_type == "activity")

    assert late.recheck_all(world.core) == 1

    assert world.one(Message, Message.message_type == "activity").item_key == "h:1"
    assert late.recheck_all(world.core) == 0


def test_group_event_about_somebody_unknown_shows_no_privacy_id_as_a_number(world: World) -> None:
    world.give(text("G1", in_group=GROUP), group_joined(member=Identity("lid", "184620573190245")))
    line = world.one(Message, Message.message_type == "activity")
    assert line.content == "Contact 0245 joined the group"


def called(key: str = "c:1", sender: str = RINA, seconds: float = 5) -> CallOffered:
    caller = Party((phone(sender),), "rina")
    return CallOffered(
        key=key, time=at(seconds), call_id="C1", chat=Chat(caller.identities), caller=caller
    )


def test_call_of_somebody_new_makes_a_conversation_to_answer(world: World) -> None:
    assert world.items(world.give(called(), called())) == ["applied", "duplicate"]
    conversation = world.one(Conversation)
    assert (conversation.status, conversation.unread_count) == ("open", 1)
    line = world.one(Message)
    assert (line.message_type, line.content_type, line.content) == (
        "activity",
        "call",
        "rina called",
    )
    assert world.one(ContactInbox).window_from == at(5)
    assert world.one(Contact).name == "rina"


def test_call_told_again_after_its_conversation_was_resolved_opens_none(world: World) -> None:
    world.give(called())
    world.set(Conversation, world.one(Conversation).id, status="resolved", unread_count=0)
    assert world.items(world.give(called())) == ["duplicate"]
    conversation = world.one(Conversation)
    assert (conversation.status, conversation.unread_count) == ("resolved", 0)


def test_call_of_somebody_blocked_is_ignored(world: World) -> None:
    world.give(text("A1"))
    world.set(Contact, world.one(Contact).id, blocked=True)
    assert world.items(world.give(called())) == ["ignored"]
    assert not world.rows(Message, Message.message_type == "activity")


def placeholder(source_id: str = "A1") -> MessageReceived:
    return replace(text(source_id), parts=(UnsupportedPart("not handed over"),))


def test_placeholder_gives_way_to_the_message_and_never_takes_its_place(world: World) -> None:
    media = MediaPart(MediaRef(MediaKind.IMAGE, {"id": "1"}, content_type="image/jpeg"), "look")
    whole = replace(text("A1"), parts=(media,))

    told = world.items(world.give(placeholder(), whole, placeholder(), whole))

    assert told == ["applied", "applied", "duplicate", "duplicate"]
    message = world.one(Message)
    assert (message.content_type, message.content) == ("media", "look")
    assert message.content_attributes == {}
    assert world.one(Attachment).kind == "image"
    assert world.one(Conversation).unread_count == 1


def test_placeholder_whose_file_was_to_be_asked_for_has_one_file(world: World) -> None:
    asked = MediaRef(MediaKind.DOCUMENT, {"message": "A1"})
    world.give(replace(text("A1"), parts=(UnsupportedPart("empty", asked),)))
    world.give(replace(text("A1"), parts=(MediaPart(MediaRef(MediaKind.IMAGE, {"id": "1"})),)))
    assert world.one(Attachment).kind == "image"


def test_placeholder_that_was_deleted_stays_deleted(world: World) -> None:
    world.give(placeholder())
    world.give(revoke("A1", 3))
    assert world.items(world.give(text("A1", "secret"))) == ["duplicate"]
    assert world.one(Message).content is None
    assert not [row for row in world.rows(MessageRevision) if row.content == "secret"]


def test_deletion_on_our_phone_before_its_message_is_marked(world: World) -> None:
    gone = replace(revoke("A1", 3), for_everyone=False)
    assert world.items(world.give(gone)) == ["waiting"]
    world.give(text("A1"))
    message = world.one(Message)
    assert (message.content, message.content_attributes["deleted_on_phone"]) == ("hello", True)


def test_edits_and_deletion_end_the_same_in_any_order(world: World) -> None:
    orders = random.Random(3).sample(list(itertools.permutations(range(4))), 8)
    for place, order in enumerate(orders):
        name = f"A{place}"
        events = (
            edit(name, "two", 20),
            edit(name, "one", 10),
            edit(name, None, 5),
            revoke(name, 15),
        )
        events = tuple(replace(one, key=f"{one.key}:{n}") for n, one in enumerate(events))
        world.give(text(name))
        for number in order:
            world.give(events[number])
    for message in world.rows(Message):
        assert (message.content, message.edited_at, message.deleted_at) == (None, at(20), at(15))
        told = world.rows(MessageRevision, MessageRevision.message_id == message.id)
        assert {row.content for row in told} >= {"one", "two"}
