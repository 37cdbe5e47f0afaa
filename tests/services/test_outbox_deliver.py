"""Delivering: what each way of failing leads to, order, crashes, several workers."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from services.fake_provider import BUDI, World, open_core

from chatport import errors
from chatport.db import tables as t
from chatport.db import utcnow
from chatport.db.locks import named_lock
from chatport.events import StatusChanged
from chatport.identities import Identity
from chatport.messages import MessageStatus, Sent, Text
from chatport.services import contact_actions, contacts, outbox
from chatport.services.ingest import apply_events


def test_deliver_stores_the_source_id_and_shows_sent(world: World) -> None:
    (message_id,) = world.send("hi **there**")

    result = world.deliver()

    message = world.message(message_id)
    assert (result.sent, result.failed, result.more) == (1, 0, False)
    assert (message.status, message.source_id, message.external_error) == ("sent", "ID1", None)
    assert world.provider.sent[0].content == Text("hi *there*")
    assert world.provider.sent[0].recipient.first("phone").value == "6281290001122"
    assert world.last_send(message_id).state == "sent"
    assert world.one(t.MessageStatusRow).status == "sent"
    assert [n.kind for n in world.notices] == ["message.created", "message.updated"]


def test_deliver_remembers_the_form_of_a_number_that_worked(world: World) -> None:
    conversation_id = world.chat("5511987654321")
    with world.core.db.write("seen under the other form") as connection:
        contact = contacts.resolve(
            connection, world.account_id, [Identity("wa_id", "551187654321")]
        )
    found = Identity("wa_id", "5511987654321")
    world.provider.outcomes = [Sent("A", recipient=(found, Identity("bsuid", "BR.7")))]

    world.send("a", conversation_id)
    world.send("b", conversation_id)
    world.deliver()

    first, second = (message.recipient for message in world.provider.sent)
    assert first.first("wa_id") == Identity("wa_id", "551187654321")
    assert second.first("wa_id") == found
    assert second.first("bsuid") == Identity("bsuid", "BR.7")
    assert second.first("phone") == Identity("phone", "5511987654321")
    assert {row.contact_id for row in world.rows(t.ContactIdentity)} >= {contact.id}


def test_deliver_keeps_what_the_service_says_of_the_delivery(world: World) -> None:
    world.provider.outcomes = [Sent("A", note="held back")]
    (message_id,) = world.send("hi")
    world.deliver()

    message = world.message(message_id)
    assert (message.status, message.content_attributes["delivery_note"]) == ("sent", "held back")


def test_deliver_never_takes_an_identity_from_another_contact(world: World) -> None:
    world.chat(BUDI)
    taken = world.one(t.ContactIdentity, t.ContactIdentity.value == BUDI)
    world.provider.outcomes = [Sent("A", recipient=(Identity("wa_id", BUDI),))]

    world.send("to Rina")
    world.deliver()

    assert world.one(t.ContactIdentity, t.ContactIdentity.value == BUDI) == taken
    assert len(world.rows(t.Contact)) == 2


def test_deliver_learns_for_the_contact_that_a_merge_kept(world: World) -> None:
    kept_chat = world.chat(BUDI)
    kept = world.one(t.Conversation, t.Conversation.id == kept_chat).contact_id
    gone = world.one(t.Conversation, t.Conversation.id == world.conversation_id).contact_id

    def merged_meanwhile(_: object) -> Sent:
        contact_actions.merge(world.core, account_id=world.account_id, base_id=kept, mergee_id=gone)
        return Sent("A", recipient=(Identity("bsuid", "ID.1"),))

    world.provider.outcomes = [merged_meanwhile]
    world.send("to Rina")
    world.deliver()

    assert world.one(t.ContactIdentity, t.ContactIdentity.kind == "bsuid").contact_id == kept


def test_deliver_sends_a_conversation_strictly_in_order(world: World) -> None:
    for n in range(12):
        world.send(str(n))

    world.deliver()

    assert [m.content.body for m in world.provider.sent] == [str(n) for n in range(12)]


def test_deliver_runs_conversations_side_by_side(world: World) -> None:
    both = threading.Barrier(2, timeout=10)
    other = world.chat(BUDI)
    world.provider.outcomes = [lambda _: both.wait() and None, lambda _: both.wait() and None]
    world.send("a")
    world.send("b", other)

    assert world.deliver().sent == 2  # neither could end without the other


def test_deliver_keeps_to_the_concurrency_of_the_provider(world: World) -> None:
    world.features(concurrency=1)
    running, most = [], []

    def slow(_: object) -> None:
        running.append(1)
        most.append(len(running))
        time.sleep(0.05)
        running.pop()

    world.provider.outcomes = [slow] * 3
    for number in ("62811111", "62822222", "62833333"):
        world.send("x", world.chat(number))
    world.deliver()

    assert max(most) == 1


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (errors.TemporarilyRefused("busy", action="Wait."), 5),
        (errors.RateLimited("too fast"), 5),
        (errors.ProviderCrashed("boom"), 3),
    ],
)
def test_deliver_retries_and_says_so_from_the_first_failure(
    world: World, error: errors.ProviderError, tries: int
) -> None:
    world.provider.outcomes = [error] * 9
    (message_id,) = world.send()

    world.deliver()
    first = world.message(message_id)
    assert first.status == "retrying"
    assert first.external_error == f"retrying 2 of {tries}: {error}"
    assert world.last_send(message_id).next_try_at > utcnow()
    for _ in range(6):
        world.make_due()
        world.deliver()

    last = world.message(message_id)
    assert (last.status, last.external_error, last.error_action) == (
        "failed",
        str(error),
        error.action,
    )
    assert len(world.provider.sent) == tries
    assert {m.delivery_id for m in world.provider.sent} == {world.last_send(message_id).delivery_id}


def test_deliver_waits_as_long_as_the_provider_asks(world: World) -> None:
    world.provider.outcomes = [errors.RateLimited("slow down", retry_after=100)]
    (message_id,) = world.send()

    world.deliver()

    wait = world.last_send(message_id).next_try_at - utcnow()
    assert timedelta(seconds=95) < wait < timedelta(seconds=115)


def test_deliver_fails_at_once_when_the_provider_asks_for_more_than_five_minutes(
    world: World,
) -> None:
    world.provider.outcomes = [
        errors.RateLimited("restricted", retry_after=3600, action="Warm up.")
    ]
    (message_id,) = world.send()

    world.deliver()

    assert (world.message(message_id).status, world.message(message_id).error_action) == (
        "failed",
        "Warm up.",
    )


def test_deliver_retrying_head_blocks_only_its_conversation(world: World) -> None:
    other = world.chat(BUDI)
    world.provider.outcomes = [errors.TemporarilyRefused("busy")]
    (head,) = world.send("head")
    (follower,) = world.send("follower")
    world.deliver()
    (elsewhere,) = world.send("elsewhere", other)

    result = world.deliver()

    states = [world.message(i).status for i in (head, follower, elsewhere)]
    assert states == ["retrying", "queued", "sent"]
    assert not result.more  # nothing can be done now: the follower waits for its head


def test_deliver_gives_a_head_five_minutes_at_most(world: World) -> None:
    world.provider.outcomes = [errors.TemporarilyRefused("busy", action="Look at the service.")]
    (head,) = world.send("head")
    (follower,) = world.send("follower")
    world.deliver()
    assert world.last_send(head).give_up_at - utcnow() < timedelta(minutes=5)
    world.set(t.Send, t.Send.message_id == head, give_up_at=utcnow() - timedelta(seconds=1))

    world.deliver()

    assert (world.message(head).status, world.message(head).external_error) == ("failed", "busy")
    assert world.message(follower).status == "sent"


def test_deliver_unreachable_service_lets_the_whole_channel_wait(world: World) -> None:
    other = world.chat(BUDI)
    world.features(concurrency=1)
    world.provider.outcomes = [errors.ServiceUnreachable("no answer", action="Start it.")]
    (first,) = world.send("a")
    (second,) = world.send("b", other)

    world.deliver()

    assert len(world.provider.sent) == 1
    assert world.message(first).external_error == "retrying 2 of 5: no answer"
    assert world.message(second).status == "retrying"
    assert world.message(second).external_error == "waiting for the channel: no answer"
    assert world.last_send(second).give_up_at is not None
    assert world.channel().connection == "unreachable"
    assert world.channel().paused_until > utcnow()
    world.make_due()
    world.deliver()
    assert [world.message(i).status for i in (first, second)] == ["sent", "sent"]
    assert (world.channel().connection, world.channel().paused_until) == ("connected", None)


@pytest.mark.parametrize(
    ("error", "connection"),
    [
        (errors.AuthenticationFailed("401", action="Check user and password."), "unauthorised"),
        (errors.NotConnected("no session", action="Log in to WhatsApp."), "disconnected"),
    ],
)
def test_deliver_refused_channel_fails_everything_at_once(
    world: World, error: errors.ProviderError, connection: str
) -> None:
    other = world.chat(BUDI)
    world.features(concurrency=1)
    world.provider.outcomes = [error]
    ids = [*world.send("a"), *world.send("b"), *world.send("c", other)]

    world.deliver()
    ids += world.send("d", other)  # while the channel is paused
    world.deliver()

    assert len(world.provider.sent) == 1
    for message_id in ids:
        message = world.message(message_id)
        assert (message.status, message.external_error) == ("failed", str(error))
        assert message.error_action == error.action
    assert world.channel().connection == connection
    world.make_due()
    world.deliver()
    assert len(world.provider.sent) == 1  # nothing is sent by itself later


def test_deliver_refused_credentials_alert_once(world: World) -> None:
    world.provider.outcomes = [errors.AuthenticationFailed("401")] * 2
    world.send("a")
    world.deliver()
    world.make_due()
    world.send("b")
    world.deliver()

    assert len(world.provider.sent) == 2
    alert = world.one(t.Alert)
    assert (alert.kind, alert.resolved_at) == ("credentials", None)
    world.make_due()
    world.send("c")
    world.deliver()
    assert world.one(t.Alert).resolved_at is not None


@pytest.mark.parametrize(
    "error",
    [
        errors.WindowClosed("only templates", action="Send a template."),
        errors.PolicyRefused("not allowed", action="Ask Meta."),
        errors.RecipientInvalid("not on WhatsApp", action="Check the number."),
        errors.ContentRefused("too long", action="Shorten it.", code="E1"),
    ],
)
def test_deliver_shows_final_refusals_at_once(world: World, error: errors.ProviderError) -> None:
    world.provider.outcomes = [error]
    (message_id,) = world.send()
    (next_one,) = world.send("next")

    world.deliver()

    message = world.message(message_id)
    assert (message.status, message.external_error) == ("failed", str(error))
    assert (message.error_action, message.error_code) == (error.action, error.code)
    assert world.message(next_one).status == "sent"


def test_deliver_unknown_outcome_is_never_sent_again(world: World) -> None:
    world.provider.outcomes = [errors.OutcomeUnknown("broke off", action="Look at the phone.")]
    (message_id,) = world.send()
    (next_one,) = world.send("next")

    world.deliver()
    world.make_due()
    world.deliver()

    message = world.message(message_id)
    assert (message.status, message.external_error) == ("unknown", "broke off")
    assert message.error_action == "Look at the phone."
    assert len(world.provider.sent) == 2
    assert world.message(next_one).status == "sent"
    assert world.one(t.Task, t.Task.kind == "resolve_unknown").payload == {
        "send_id": world.last_send(message_id).id
    }


def test_deliver_bug_becomes_a_dead_letter_with_an_alert(world: World) -> None:
    world.provider.outcomes = [KeyError("oops")] * 3
    (message_id,) = world.send()
    for _ in range(3):
        world.deliver()
        world.make_due()

    letter = world.one(t.DeadLetter)
    assert (letter.kind, letter.subject_id, letter.attempts) == (
        "send",
        world.last_send(message_id).id,
        3,
    )
    assert letter.payload["message_id"] == message_id
    assert world.one(t.Alert).kind == "dead_letter"
    assert world.message(message_id).status == "failed"


def test_deliver_hanging_plugin_is_of_unknown_outcome_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox.deliver, "GRACE", 0.0)
    world.core.settings.hook_time_limit = 0.3
    let_go = threading.Event()
    world.provider.outcomes = [lambda _: let_go.wait(20) and None]
    (message_id,) = world.send()

    began = time.monotonic()
    world.deliver()
    let_go.set()

    assert time.monotonic() - began < 5
    assert world.message(message_id).status == "unknown"


def test_deliver_finds_what_a_killed_process_left(world: World) -> None:
    (message_id,) = world.send()
    world.set(
        t.Send, t.Send.message_id == message_id, state="sending", tries=1, started_at=utcnow()
    )
    (next_one,) = world.send("next")

    world.deliver()

    assert world.message(message_id).status == "unknown"
    assert world.message(message_id).error_action
    assert [m.content.body for m in world.provider.sent] == ["next"]
    assert world.message(next_one).status == "sent"


def test_deliver_leaves_a_send_alone_that_another_process_works_on(world: World) -> None:
    (message_id,) = world.send()
    world.set(t.Send, t.Send.message_id == message_id, state="sending", tries=1)

    with named_lock(world.core.db, f"deliver:{world.channel_id}") as mine:
        assert mine
        world.deliver(2.0)

    assert world.last_send(message_id).state == "sending"


def test_deliver_two_workers_at_once_send_each_message_once(world: World, tmp_path: Path) -> None:
    url = world.core.db.url.render_as_string(hide_password=False)
    second = open_core(url, tmp_path, world.provider, world.core.vault)
    second.plugins = world.core.plugins
    chats = [world.chat(f"628120000{n}") for n in range(4)]
    ids = [i for n in range(5) for chat in chats for i in world.send(f"{n}", chat)]

    threads = [
        threading.Thread(target=outbox.deliver_due, args=(core, 20.0))
        for core in (world.core, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    world.deliver()
    second.db.dispose()

    assert len(world.provider.sent) == 20
    assert all(world.message(i).status == "sent" for i in ids)


def test_claim_is_won_by_one_even_without_a_lock(world: World) -> None:
    (message_id,) = world.send()
    send = world.last_send(message_id)
    won = []

    def take() -> None:
        with world.core.db.write("claim") as connection:
            won.append(outbox.claim.claim(connection, send.id, send.tries) is not None)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(won) == [False, False, False, True]


def test_deliver_late_answer_is_kept_after_the_row_was_taken_for_lost(world: World) -> None:
    (message_id,) = world.send()

    def meanwhile(_: object) -> None:
        world.set(t.Send, t.Send.message_id == message_id, state="unknown")

    world.provider.outcomes = [meanwhile]
    world.deliver()

    assert (world.message(message_id).status, world.message(message_id).source_id) == (
        "sent",
        "ID1",
    )


def test_deliver_applies_a_status_that_came_before_the_answer(world: World) -> None:
    (message_id,) = world.send()

    def status_first(_: object) -> None:
        event = StatusChanged(
            key="s1", time=utcnow(), source_id="ID1", status=MessageStatus.DELIVERED
        )
        apply_events(world.core, world.channel_id, [event], origin="webhook")

    world.provider.outcomes = [status_first]
    world.deliver()

    assert world.message(message_id).status == "delivered"
    assert world.one(t.FollowUp).state == "applied"


def test_deliver_failure_in_the_second_of_sending_shows(world: World) -> None:
    (message_id,) = world.send()
    world.deliver()
    second = world.last_send(message_id).started_at.replace(microsecond=0)
    event = StatusChanged(
        key="f1",
        time=second,
        source_id="ID1",
        status=MessageStatus.FAILED,
        error_message="not on WhatsApp",
    )

    apply_events(world.core, world.channel_id, [event], origin="webhook")

    assert world.message(message_id).status == "failed"
    assert world.message(message_id).external_error == "not on WhatsApp"


def test_deliver_local_failure_never_beats_a_success_that_was_told(world: World) -> None:
    (message_id,) = world.send()
    delivery_id = world.last_send(message_id).delivery_id

    def told_then_broken(_: object) -> Exception:
        event = StatusChanged(
            key="s1",
            time=utcnow(),
            source_id="WAMID",
            status=MessageStatus.READ,
            delivery_id=delivery_id,
        )
        apply_events(world.core, world.channel_id, [event], origin="webhook")
        return errors.ContentRefused("odd")

    world.provider.outcomes = [told_then_broken]
    world.deliver()

    assert (world.message(message_id).status, world.message(message_id).source_id) == (
        "read",
        "WAMID",
    )


def test_deliver_missing_plugin_fails_with_what_to_install(world: World) -> None:
    (message_id,) = world.send()
    world.core.plugins.providers.clear()

    world.deliver()

    assert world.message(message_id).status == "failed"
    assert "pip install chatport-fake" in world.message(message_id).error_action


def test_deliver_switched_off_inbox_sends_nothing(world: World) -> None:
    (message_id,) = world.send()
    world.set(t.Channel, t.Channel.id == world.channel_id, active=False)

    world.deliver()

    assert world.provider.sent == []
    assert world.message(message_id).status == "failed"


def test_deliver_window_that_closed_meanwhile_asks_nobody(world: World) -> None:
    world.features(window_hours=24)
    chat = world.chat(BUDI, window_from=utcnow() - timedelta(hours=23))
    (message_id,) = world.send("late", chat)
    world.set(
        t.ContactInbox, t.ContactInbox.source_id == BUDI, window_from=utcnow() - timedelta(hours=25)
    )

    world.deliver()

    assert world.provider.sent == []
    assert "24 hours" in world.message(message_id).external_error


def test_deliver_stops_when_asked(world: World) -> None:
    world.send()

    result = outbox.deliver_due(world.core, 5.0, lambda: True)

    assert (result.sent, result.more) == (0, True)


def test_deliver_slow_channel_does_not_hold_up_another(world: World) -> None:
    from services.fake_provider import NUMBER

    with world.core.db.write("second channel") as connection:
        from chatport.db.upsert import insert

        channel_id = insert(
            connection,
            t.Channel.__table__,
            {
                "account_id": world.account_id,
                "phone_number": NUMBER + "1",
                "provider": "fake",
                "provider_secrets": world.core.vault.seal({}),
            },
        )
        inbox_id = insert(
            connection,
            t.Inbox.__table__,
            {"account_id": world.account_id, "channel_id": channel_id, "name": "Second"},
        )
    done = threading.Event()
    world.provider.outcomes = [lambda _: done.wait(10) and None]
    world.send("slow")
    first_inbox, world.inbox_id = world.inbox_id, inbox_id
    other = world.chat("62899999")
    world.inbox_id = first_inbox

    def sent_while_slow(_: object) -> None:
        done.set()

    world.provider.outcomes.append(sent_while_slow)
    world.send("quick", other)

    began = time.monotonic()
    assert world.deliver().sent == 2
    assert time.monotonic() - began < 8
