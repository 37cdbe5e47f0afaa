"""Sending again, reacting, editing, revoking."""

from __future__ import annotations

from typing import Any

import pytest
from services.fake_provider import World

from chatport.db import tables as t
from chatport.errors import ContentRefused, OutcomeUnknown, RecipientInvalid, UnsupportedFeature
from chatport.messages import Edit, Reaction, Revoke
from chatport.services import outbox
from chatport.services.outbox.errors import NotFound, NotPossible


def sent(world: World, content: str = "hello") -> int:
    [message_id] = world.send(content)
    world.deliver()
    return message_id


def failed(world: World) -> int:
    world.provider.outcomes.append(RecipientInvalid("not on WhatsApp"))
    return sent(world)


def who(world: World, message_id: int) -> dict[str, Any]:
    return {"account_id": world.account_id, "message_id": message_id, "user_id": world.user_id}


def test_retry_sends_a_failed_message_again_as_a_new_attempt(world: World) -> None:
    message_id = failed(world)
    first = world.last_send(message_id)
    assert world.message(message_id).status == "failed"

    outbox.retry_message(world.core, **who(world, message_id))
    queued = world.message(message_id)
    world.deliver()

    assert (queued.status, queued.external_error) == ("queued", None)
    assert world.message(message_id).status == "sent"
    assert world.last_send(message_id).delivery_id != first.delivery_id
    assert [m.content.body for m in world.provider.sent] == ["hello", "hello"]  # type: ignore[union-attr]


def test_retry_of_a_message_that_was_sent_is_refused(world: World) -> None:
    message_id = sent(world)

    with pytest.raises(NotPossible):
        outbox.retry_message(world.core, **who(world, message_id))
    assert len(world.rows(t.Send)) == 1


def test_retry_of_an_unknown_outcome_is_a_persons_decision(world: World) -> None:
    world.provider.outcomes.append(OutcomeUnknown("no answer"))
    message_id = sent(world)
    assert world.message(message_id).status == "unknown"
    world.make_due()
    world.deliver()
    assert len(world.provider.sent) == 1

    outbox.retry_message(world.core, **who(world, message_id))
    world.deliver()

    assert world.message(message_id).status == "sent"


def test_retry_twice_at_once_makes_one_attempt(world: World) -> None:
    message_id = failed(world)
    outbox.retry_message(world.core, **who(world, message_id))

    with pytest.raises(NotPossible):
        outbox.retry_message(world.core, **who(world, message_id))


def test_reaction_goes_to_the_message_and_shows_once_taken(world: World) -> None:
    target = world.incoming("W1")

    outbox.react(world.core, **who(world, target), emoji="👍")
    assert world.rows(t.ReactionRow) == []
    world.deliver()

    content = world.provider.sent[0].content
    assert isinstance(content, Reaction)
    assert (content.target.source_id, content.target.from_me, content.emoji) == ("W1", False, "👍")
    assert [row.emoji for row in world.rows(t.ReactionRow)] == ["👍"]


def test_reaction_can_be_taken_back(world: World) -> None:
    target = world.incoming("W1")
    outbox.react(world.core, **who(world, target), emoji="👍")
    outbox.react(world.core, **who(world, target), emoji="")
    world.deliver()

    assert [row.emoji for row in world.rows(t.ReactionRow) if row.emoji] == []


@pytest.mark.parametrize("emoji", ["ok", "<b>", "👍 great", "x" * 50])
def test_reaction_is_one_emoji(world: World, emoji: str) -> None:
    target = world.incoming("W1")
    with pytest.raises(ContentRefused):
        outbox.react(world.core, **who(world, target), emoji=emoji)


def test_edit_shows_the_new_text_once_taken_and_keeps_the_old(world: World) -> None:
    message_id = sent(world, "helo")

    outbox.edit_message(world.core, **who(world, message_id), content="hello")
    assert world.message(message_id).content == "helo"
    world.deliver()

    content = world.provider.sent[1].content
    assert isinstance(content, Edit)
    assert (content.target.source_id, content.body) == ("ID1", "hello")
    assert world.message(message_id).content == "hello"
    assert "helo" in [row.content for row in world.rows(t.MessageRevision)]


def test_edit_of_the_customers_message_is_refused(world: World) -> None:
    target = world.incoming("W1")
    with pytest.raises(NotPossible):
        outbox.edit_message(world.core, **who(world, target), content="x")


def test_edit_that_the_service_refuses_leaves_the_text_and_says_so(world: World) -> None:
    message_id = sent(world, "old")
    world.provider.outcomes.append(ContentRefused("too late to edit"))
    outbox.edit_message(world.core, **who(world, message_id), content="new")
    world.deliver()

    message = world.message(message_id)
    assert (message.content, message.status) == ("old", "sent")
    assert "too late" in str(message.content_attributes["operation_error"])


def test_revoke_deletes_at_the_customers(world: World) -> None:
    message_id = sent(world)

    outbox.revoke_message(world.core, **who(world, message_id))
    world.deliver()

    assert isinstance(world.provider.sent[1].content, Revoke)
    message = world.message(message_id)
    assert message.deleted_at is not None
    assert message.content is None


def test_revoke_of_a_message_that_never_left_sends_nothing(world: World) -> None:
    [message_id] = world.send("oops")

    assert outbox.revoke_message(world.core, **who(world, message_id)) is None
    world.deliver()

    assert world.provider.sent == []
    assert world.message(message_id).deleted_at is not None


def test_operations_are_refused_where_the_provider_has_none(world: World) -> None:
    message_id = sent(world)
    world.features(edit=False, revoke=False, reactions=False)

    with pytest.raises(UnsupportedFeature):
        outbox.edit_message(world.core, **who(world, message_id), content="x")
    with pytest.raises(UnsupportedFeature):
        outbox.revoke_message(world.core, **who(world, message_id))
    with pytest.raises(UnsupportedFeature):
        outbox.react(world.core, **who(world, message_id), emoji="👍")


def test_operations_stay_inside_the_account(world: World) -> None:
    message_id = sent(world)
    stranger = {**who(world, message_id), "account_id": world.account_id + 1}

    with pytest.raises(NotFound):
        outbox.retry_message(world.core, **stranger)
    with pytest.raises(NotFound):
        outbox.revoke_message(world.core, **stranger)
