"""Messages, contacts and conversations from events."""

from __future__ import annotations

import itertools
import json
import random
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from chatport.db import utcnow
from chatport.db.tables import (
    Account,
    Channel,
    Contact,
    ContactIdentity,
    ContactMerge,
    Conversation,
    DeadLetter,
    FollowUp,
    Inbox,
    Message,
    MessageRevision,
    MessageStatusRow,
    RawRequest,
    ReactionRow,
)
from chatport.db.upsert import insert
from chatport.errors import AnomalousPayload, ProviderCrashed
from chatport.events import (
    Chat,
    Direction,
    MessageReceived,
    Party,
    TextPart,
)
from chatport.identities import Identity, group, lid, phone
from chatport.services.contact_actions import update
from chatport.services.contact_merges import undo_merge
from chatport.services.ingest import replay_request, unpark
from ingest_world import GROUP, RINA, World, add_channel, at, edit, reaction, revoke, status, text


def test_message_first_contact_makes_contact_conversation_and_message(world: World) -> None:
    request_id = world.give(text("A1", "Halo, ada stok?"))
    contact = world.one(Contact)
    assert (contact.name, contact.phone_number) == ("rina", f"+{RINA}")
    conversation = world.one(Conversation)
    assert (conversation.display_id, conversation.status, conversation.unread_count) == (
        1,
        "open",
        1,
    )
    message = world.one(Message)
    assert (message.content, message.message_type, message.source_id) == (
        "Halo, ada stok?",
        "incoming",
        "A1",
    )
    assert message.sent_at == at(0)
    assert world.items(request_id) == ["applied"]
    assert [str(n.kind) for n in world.notices[:3]] == [
        "contact.created",
        "conversation.created",
        "message.created",
    ]


def test_message_told_ten_times_has_one_effect(world: World) -> None:
    for _ in range(10):
        request_id = world.give(text("A1"))
    assert len(world.rows(Message)) == 1
    assert world.items(request_id) == ["duplicate"]
    assert world.one(Conversation).unread_count == 1


def test_message_key_hit_with_another_sender_is_parked_not_dropped(world: World) -> None:
    world.give(text("A1", key="same"))
    request_id = world.give(text("A1", "other", sender="6285677700033", key="same"))
    assert world.items(request_id) == ["parked"]
    letter = world.one(DeadLetter)
    assert (letter.state, letter.item_key) == ("parked", "same")


def test_message_told_again_after_its_sender_has_another_number_has_one_effect(
    world: World,
) -> None:
    world.give(text("A1"))
    contact = world.one(Contact)
    update(
        world.core,
        account_id=contact.account_id,
        contact_id=contact.id,
        values={"phone_number": "+4915100077"},
    )

    request_id = world.give(text("A1"))

    assert world.items(request_id) == ["duplicate"]
    assert [row.id for row in world.rows(Contact)] == [contact.id]
    assert [row.value for row in world.rows(ContactIdentity)] == ["4915100077"]
    assert world.rows(DeadLetter) == []


def test_message_same_id_from_another_customer_is_another_message(world: World) -> None:
    world.give(text("A1"), text("A1", sender="6285677700033", name="budi"))
    assert len(world.rows(Message)) == 2
    assert len(world.rows(Conversation)) == 2


def test_message_same_fact_under_lid_and_phone_is_one_message(world: World) -> None:
    linked = Party((phone(RINA), lid("184620573190245@lid")), "rina")
    first = text("A0")
    world.give(
        MessageReceived(
            key="k0", time=at(0), source_id="A0", direction=first.direction,
            chat=Chat((phone(RINA), lid("184620573190245"))), sender=linked, parts=first.parts,
        )
    )  # fmt: skip
    by_lid = MessageReceived(
        key="k1", time=at(1), source_id="A1", direction=Direction.INCOMING,
        chat=Chat((lid("184620573190245"),)), sender=Party((lid("184620573190245"),)), parts=(TextPart("x"),),
    )  # fmt: skip
    world.give(by_lid)
    world.give(text("A1", "x", seconds=1))
    assert [m.source_id for m in world.rows(Message)] == ["A0", "A1"]
    assert len(world.rows(Contact)) == 1


def test_contact_lid_first_then_phone_merges_and_merge_can_be_undone(world: World) -> None:
    by_lid = MessageReceived(
        key="k1", time=at(1), source_id="A1", direction=Direction.INCOMING,
        chat=Chat((lid("99001"),)), sender=Party((lid("99001"),), "Anon"), parts=(TextPart("one"),),
    )  # fmt: skip
    world.give(by_lid, text("A2", "two", seconds=2))
    assert len(world.rows(Conversation)) == 2
    proof = MessageReceived(
        key="k3", time=at(3), source_id="A3", direction=Direction.INCOMING,
        chat=Chat((phone(RINA), lid("99001"))), sender=Party((phone(RINA), lid("99001"))),
        parts=(TextPart("three"),),
    )  # fmt: skip
    world.give(proof)
    merged = world.one(ContactMerge)
    loser = world.one(Contact, Contact.id == merged.loser_id)
    assert loser.merged_into_id == merged.winner_id
    assert {c.contact_id for c in world.rows(Conversation)} == {merged.winner_id}
    with world.core.db.write("undo") as connection:
        undo_merge(connection, world.account_id, merged.id)
    assert world.one(Contact, Contact.id == merged.loser_id).merged_into_id is None
    owners = {i.value: i.contact_id for i in world.rows(ContactIdentity)}
    assert owners["99001"] != owners[RINA]


def test_contact_phone_variant_finds_but_never_merges(world: World) -> None:
    world.give(text("A1", sender="5511987654321", name="Ana"))
    world.give(text("A2", sender="551187654321", name="Ana"))
    assert len(world.rows(Contact)) == 1
    assert world.rows(ContactMerge) == []


@pytest.mark.parametrize(
    "first, then, shown", [("", "Rina", "Rina"), ("Rina", "Rini", "Rina"), ("Rina", "", "Rina")]
)
def test_contact_profile_name_replaces_only_a_number(
    world: World, first: str, then: str, shown: str
) -> None:
    world.give(text("A1", name=first))
    world.give(text("A2", name=then, seconds=1))
    assert world.one(Contact).name == shown


def test_contact_name_given_by_a_person_stays(world: World) -> None:
    world.give(text("A1"))
    world.set(Contact, world.one(Contact).id, name="Best customer")
    world.give(text("A2", name="rina w.", seconds=1))
    assert world.one(Contact).name == "Best customer"


def test_message_from_blocked_contact_is_kept_as_request_and_replayable(world: World) -> None:
    world.give(text("A1"))
    contact = world.one(Contact)
    world.set(Contact, contact.id, blocked=True)
    request_id = world.give(text("A2", seconds=5))
    assert world.items(request_id) == ["ignored"]
    assert len(world.rows(Message)) == 1
    world.set(Contact, contact.id, blocked=False)
    assert replay_request(world.core, request_id)
    world.drain()
    assert len(world.rows(Message)) == 2


@pytest.mark.parametrize("single, before, conversations, after", [
    (True, "resolved", 1, "open"), (False, "resolved", 2, "open"),
    (False, "snoozed", 1, "open"), (False, "pending", 1, "pending"),
])  # fmt: skip
def test_conversation_selection(
    world: World, single: bool, before: str, conversations: int, after: str
) -> None:
    world.set(Inbox, world.inbox_id, lock_to_single_conversation=single)
    world.give(text("A1"))
    world.set(Conversation, world.one(Conversation).id, status=before)
    world.give(text("A2", seconds=9))
    rows = world.rows(Conversation)
    assert len(rows) == conversations
    assert rows[-1].status == after


def test_message_provider_time_in_the_future_is_clamped(world: World) -> None:
    world.give(text("A1", seconds=10 * 365 * 86400))
    assert world.one(Message).sent_at <= utcnow() + timedelta(seconds=6)


def test_message_with_nul_and_surrogates_is_stored_visibly(world: World) -> None:
    world.give(text("A1", "a\x00b\ud800c" + "x" * 200_000, name="../../x\x00"))
    message = world.one(Message)
    assert message.content.startswith("a\ufffdb") and len(message.content) > 200_000
    assert world.one(Contact).name == "../../x\ufffd"


def test_ids_with_nul_and_surrogates_cost_no_message(world: World) -> None:
    """As JSON escapes bring them: in the id itself, in what is quoted, in what is reacted to, twice."""
    odd = "A\ud800\x00"
    events = [
        text(odd, "first"),
        text("B", "second", seconds=1, reply_to=odd),
        reaction(odd, "👍", 2),
        text("C", "neighbour", seconds=3),
    ]
    for _ in range(2):
        names = [f"\x00{number}" for number in range(len(events))]
        world.handle.events |= dict(zip(names, events, strict=True))
        request_id = world.post()
        world.set(RawRequest, request_id, body=json.dumps(names).encode())
        world.drain()

    first, second, neighbour = world.rows(Message)
    assert (first.content, first.source_id) == ("first", "A" + "\ufffd" * 4)
    assert (second.reply_to_id, neighbour.content) == (first.id, "neighbour")
    assert world.one(ReactionRow).message_id == first.id
    assert world.rows(DeadLetter) == []


def outgoing(world: World, source_id: str | None, **values: Any) -> int:
    """A message of ours as the outbox stores it."""
    conversation = world.rows(Conversation)[0]
    with world.core.db.write("outgoing") as connection:
        return insert(
            connection,
            Message.__table__,
            {
                "account_id": world.account_id, "inbox_id": world.inbox_id, "conversation_id": conversation.id,
                "message_type": "outgoing", "content": "reply", "status": "sent" if source_id else "sending",
                "source_id": source_id, "sent_at": at(50), **values,
            },
        )  # fmt: skip


def test_status_any_order_and_repetition_ends_the_same(world: World) -> None:
    world.give(text("A1"))
    events = [
        status("S1", "sent", 51),
        status("S1", "delivered", 52),
        status("S1", "read", 53),
        status("S1", "failed", 50),
    ]
    for index, order in enumerate(itertools.permutations(events)):
        outgoing(world, f"S1-{index}")
        renamed = [
            type(e)(
                **{
                    **{f: getattr(e, f) for f in e.__dataclass_fields__},
                    "source_id": f"S1-{index}",
                    "key": f"{e.key}-{index}",
                }
            )
            for e in order
        ]
        world.give(*renamed, *random.sample(renamed, 2))
        assert world.one(Message, Message.source_id == f"S1-{index}").status == "read"


def test_status_failed_later_than_success_shows_with_reason(world: World) -> None:
    world.give(text("A1"))
    outgoing(world, "S1")
    world.give(status("S1", "sent", 51), status("S1", "failed", 60))
    message = world.one(Message, Message.source_id == "S1")
    assert message.status == "failed"
    assert message.external_error
    world.give(status("S1", "delivered", 61))
    message = world.one(Message, Message.source_id == "S1")
    assert (message.status, message.external_error) == ("delivered", None)


def test_what_waits_names_the_delivery_that_brought_it(world: World) -> None:
    request_id = world.give(status("NOBODYS", "read"))
    assert world.one(FollowUp).request_id == request_id


def test_status_before_its_message_waits_and_is_applied(world: World) -> None:
    world.give(text("A1"))
    request_id = world.give(status("S9", "read", 60))
    assert world.items(request_id) == ["waiting"]
    echo = text("S9", "from the phone", seconds=55, direction=Direction.OUTGOING)
    world.give(echo)
    message = world.one(Message, Message.source_id == "S9")
    assert (message.message_type, message.external_echo, message.status) == (
        "outgoing",
        True,
        "read",
    )
    assert world.one(FollowUp).state == "applied"


def test_echo_of_own_send_is_not_a_second_message(world: World) -> None:
    world.give(text("A1"))
    outgoing(world, "S1")
    request_id = world.give(text("S1", "reply", seconds=50, direction=Direction.OUTGOING))
    assert world.items(request_id) == ["duplicate"]
    assert len(world.rows(Message)) == 2


def test_edit_latest_by_time_wins_in_any_order_and_history_is_kept(world: World) -> None:
    world.give(edit("A1", "third", 30))
    world.give(text("A1", "first"))
    world.give(edit("A1", "second", 20))
    message = world.one(Message)
    assert message.content == "third"
    assert {r.content for r in world.rows(MessageRevision)} == {"first", "second", "third"}


def test_edit_without_text_keeps_the_text(world: World) -> None:
    world.give(text("A1", "caption"), edit("A1", None, 5))
    message = world.one(Message)
    assert message.content == "caption" and message.edited_at


def test_edit_and_revoke_by_another_person_change_nothing(world: World) -> None:
    world.give(text("A1", "mine"), text("B1", "theirs", sender="6285677700033"))
    one = world.give(edit("A1", "stolen", 5, sender="6285677700033"))
    two = world.give(revoke("A1", 6, sender="6285677700033"))
    assert world.items(one) + world.items(two) == ["parked", "parked"]
    assert world.one(Message, Message.source_id == "A1").content == "mine"


def test_revoke_hides_the_text_and_keeps_it_for_audit(world: World) -> None:
    world.give(text("A1", "secret"), revoke("A1", 9), edit("A1", "late", 8))
    message = world.one(Message)
    assert (message.content, message.deleted_by) == (None, "contact")
    assert "secret" in {r.content for r in world.rows(MessageRevision)}


def test_reaction_latest_wins_and_creates_nothing_alone(world: World) -> None:
    request_id = world.give(reaction("A1", "❤", 5))
    assert world.items(request_id) == ["waiting"]
    assert world.rows(Contact) == [] and world.rows(Message) == []
    world.give(text("A1"), reaction("A1", "", 9), reaction("A1", "👍", 7))
    assert world.one(ReactionRow).emoji == ""
    assert len(world.rows(Message)) == 1


def test_group_messages_have_their_own_sender_and_one_conversation(world: World) -> None:
    world.give(
        text("G1", in_group=GROUP),
        text("G2", in_group=GROUP, sender="6285677700033", name="budi", seconds=1),
    )
    conversation = world.one(Conversation)
    chat = world.one(Contact, Contact.id == conversation.contact_id)
    assert (chat.kind, chat.name) == ("group", "Group 120363041122334455")
    assert len({m.sender_contact_id for m in world.rows(Message)}) == 2


def test_item_poison_costs_only_itself_and_becomes_a_dead_letter(world: World) -> None:
    poison = text("P1", "x")
    object.__setattr__(poison, "parts", (object(),))
    request_id = world.give(
        *(text(f"A{i}", seconds=i) for i in range(50)), poison, text("Z", seconds=99)
    )
    assert len(world.rows(Message)) == 51
    for _ in range(4):
        world.set(RawRequest, request_id, next_try_at=None)
        world.drain()
    assert world.one(RawRequest).state == "dead"
    letter = world.one(DeadLetter)
    assert (letter.kind, letter.item_key, letter.attempts) == ("item", poison.key, 5)
    object.__setattr__(poison, "parts", (TextPart("mended"),))
    replay_request(world.core, request_id)
    world.drain()
    assert world.one(DeadLetter).state == "resolved"
    assert len(world.rows(Message)) == 52


def test_request_of_another_shape_is_kept_with_its_reason(world: World) -> None:
    request_id = world.give(AnomalousPayload("body should be an object"))
    row = world.one(RawRequest, RawRequest.id == request_id)
    assert (row.state, row.error) == ("done", "body should be an object")


def test_request_that_crashes_the_plugin_disturbs_no_neighbour(world: World) -> None:
    bad = world.post(ProviderCrashed("boom"))
    good = world.post(text("A1"))
    world.drain()
    assert world.one(RawRequest, RawRequest.id == bad).state == "pending"
    assert world.one(RawRequest, RawRequest.id == good).state == "done"


def test_request_that_killed_its_process_twice_alone_is_set_aside(world: World) -> None:
    request_id = world.post(text("A1"))
    world.set(RawRequest, request_id, crashes=3)
    world.drain()
    assert world.one(RawRequest).state == "dead"
    assert world.one(DeadLetter).error_type == "ProcessKilled"


def test_request_whose_process_was_killed_twice_from_outside_is_applied(world: World) -> None:
    request_id = world.post(text("A1"))
    world.set(RawRequest, request_id, crashes=2)
    world.drain()
    assert world.one(RawRequest).state == "done"


def test_request_of_missing_provider_is_parked_and_runs_when_it_is_back(world: World) -> None:
    provider = world.core.plugins.providers.pop("stub")
    request_id = world.give(text("A1"))
    assert world.one(RawRequest, RawRequest.id == request_id).state == "parked"
    world.core.plugins.providers["stub"] = provider
    assert unpark(world.core) == 1
    world.drain()
    assert len(world.rows(Message)) == 1


def test_item_for_another_channel_needs_account_and_secret(world: World) -> None:
    vault = world.core.vault
    with world.core.db.write("second channel") as connection:
        _, second = add_channel(
            connection, vault, world.account_id, "+6281100000010", addresses=["jid:two"]
        )
    world.set(Channel, world.channel_id, addresses=["jid:one"])
    wrong = world.post(text("A1", addressees=("jid:two",)))
    world.drain()
    assert world.items(wrong) == ["parked"]
    right = world.post(text("A2", addressees=("jid:two",)))
    world.set(RawRequest, right, secret_hash=vault.fingerprint("s3cret"))
    world.drain()
    assert world.one(Message).inbox_id == second
    stranger = world.give(text("A3", addressees=("jid:three",)))
    assert world.items(stranger) == ["parked"]


def test_identities_never_leak_between_accounts(world: World) -> None:
    world.give(text("A1"))
    with world.core.db.write("second account") as connection:
        other = insert(connection, Account.__table__, {"name": "Other"})
        channel_id, inbox_id = add_channel(connection, world.core.vault, other, "+6281100000011")
    there = World(world.core, world.handle, other, channel_id, inbox_id, world.notices, 1000)
    there.give(text("A1", "to the other shop"))
    assert {c.account_id for c in world.rows(Contact)} == {world.account_id, other}
    assert sorted(c.display_id for c in world.rows(Conversation)) == [1, 1]


def test_status_rows_of_group_members_are_kept_apart(world: World) -> None:
    world.give(text("G1", in_group=GROUP))
    outgoing(world, "S1")
    chat = Chat((group(GROUP),), True)
    for digits in (RINA, "6285677700033"):
        event = status("S1", "delivered", 60, chat=chat, recipient=(phone(digits),))
        world.give(
            type(event)(
                **{
                    **{f: getattr(event, f) for f in event.__dataclass_fields__},
                    "key": f"s:{digits}",
                }
            )
        )
    rows = world.rows(MessageStatusRow)
    assert sorted(r.recipient for r in rows) == [f"phone:{RINA}", "phone:6285677700033"]


def test_drain_is_safe_twice_at_once(world: World) -> None:
    import threading

    for i in range(120):
        world.post(text(f"A{i}", seconds=i, sender=str(6281290001100 + i % 7)))
    threads = [threading.Thread(target=world.drain) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    world.drain()
    assert len(world.rows(Message)) == 120
    assert len(world.rows(Contact)) == 7
    assert len(world.rows(Conversation)) == 7
    with world.core.db.read() as connection:
        left = connection.execute(
            sa.select(sa.func.count())
            .select_from(RawRequest.__table__)
            .where(RawRequest.state != "done")
        )
        assert left.scalar_one() == 0


def test_identity_kinds_of_one_party_find_the_same_contact(world: World) -> None:
    world.give(text("A1"))
    event = MessageReceived(
        key="k", time=at(4), source_id="A2", direction=Direction.INCOMING,
        chat=Chat((Identity("bsuid", "ID.77"), phone(RINA))), sender=None, parts=(TextPart("x"),),
    )  # fmt: skip
    world.give(event)
    assert len(world.rows(Contact)) == 1
    assert {i.kind for i in world.rows(ContactIdentity)} == {"phone", "bsuid"}


def test_a_large_request_lets_others_write_between_its_pieces(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    write = world.core.db.write
    monkeypatch.setattr(
        world.core.db, "write", lambda name: (names.append(name), write(name))[1], raising=True
    )
    request_id = world.give(*(text(f"L{number}", seconds=number) for number in range(120)))
    assert world.items(request_id) == ["applied"] * 120
    least, most = (2, 31) if world.core.db.is_sqlite else (3, 3)
    assert least <= names.count("apply items") <= most
    assert len(world.rows(Message)) == 120
