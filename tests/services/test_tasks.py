"""Periodic and follow-up work at providers: connection, provisioning, receipts, groups, templates, history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from services.fake_provider import NUMBER, RINA, World

from chatport import errors as e
from chatport.channels import (
    Connection,
    GroupInfo,
    HealthFact,
    HistoryPage,
    ManualStep,
    Provisioned,
)
from chatport.db import tables as t
from chatport.db import utcnow
from chatport.db.upsert import insert
from chatport.events import Chat, Direction, MessageReceived, Party, TextPart
from chatport.identities import phone
from chatport.messages import Sent
from chatport.services import pairing, reconcile
from chatport.services.tasks import add_task, request_read_receipt, run_due
from chatport.services.tasks.kinds_channel import take_steps
from chatport.services.tasks.schedule import ensure_periodic


def add(world: World, kind: str, **more: Any) -> None:
    with world.core.db.write("task") as connection:
        connection.execute(sa.delete(t.Task))
        add_task(
            connection,
            kind=kind,
            account_id=world.account_id,
            channel_id=world.channel_id,
            dedupe_key=more.pop("dedupe_key", str(world.channel_id)),
            **more,
        )


def run(world: World, times: int = 1) -> None:
    for _ in range(times):
        run_due(world.core, 10.0)
        world.make_due()


def test_task_waits_once_however_often_it_is_asked_for(world: World) -> None:
    with world.core.db.write("tasks") as connection:
        for _ in range(3):
            add_task(
                connection,
                kind="check_health",
                account_id=world.account_id,
                channel_id=world.channel_id,
                dedupe_key="1",
            )

    assert len(world.rows(t.Task, t.Task.kind == "check_health")) == 1


def test_provision_keeps_what_was_done_and_gives_secret_steps_out_once(world: World) -> None:
    world.provider.answers["provision"] = Provisioned(
        done=("device registered",),
        steps=(ManualStep("Webhook", "Copy these.", {"secret": "s3cret-value"}, secret=True),),
        state={"device_id": "d1"},
    )
    add(world, "provision")
    run(world)

    channel = world.channel()
    assert channel.provisioning["state"] == "done"
    assert "s3cret-value" not in str(channel.provisioning)
    assert channel.state == {"device_id": "d1"}
    [first] = take_steps(world.core, world.account_id, world.channel_id)
    [second] = take_steps(world.core, world.account_id, world.channel_id)
    assert first["values"] == {"secret": "s3cret-value"}
    assert second["values"] == {}


def test_health_is_checked_after_setting_up(world: World) -> None:
    world.provider.answers["provision"] = Provisioned(done=("address set",))
    world.provider.answers["check_health"] = [HealthFact("Webhook", "leads here")]
    checked = {"health_checked_at": utcnow().isoformat()}  # so that the clock asks for no check
    world.set(t.Channel, t.Channel.id == world.channel_id, facts=checked)
    add(world, "provision")
    run(world, 2)

    hooks = [hook for hook, _ in world.provider.calls]
    assert hooks.index("provision") < hooks.index("check_health")


def test_templates_that_are_the_oldest_are_asked_for_first(world: World) -> None:
    world.features(templates=True)
    row = dict(world.channel()._mapping)
    with world.core.db.write("another channel") as connection:
        del row["id"]
        another = row | {"phone_number": "+6281230000009", "webhook_id": "another"}
        second = insert(connection, t.Channel.__table__, another)
    with world.core.db.write("ages") as connection:
        connection.execute(sa.delete(t.Task))
        for channel_id, hours in ((world.channel_id, 4), (second, 9)):
            connection.execute(
                sa.update(t.Channel)
                .where(t.Channel.id == channel_id)
                .values(message_templates_last_updated=utcnow() - timedelta(hours=hours))
            )
    ensure_periodic(world.core)

    tasks = world.rows(t.Task, t.Task.kind == "sync_templates")
    assert [task.channel_id for task in sorted(tasks, key=lambda task: task.id)] == [
        second,
        world.channel_id,
    ]


def test_provision_failure_is_shown_at_once_and_alerts_when_given_up(world: World) -> None:
    world.provider.answers["provision"] = e.ServiceUnreachable("nobody answers", action="Start it.")
    add(world, "provision")
    run(world)
    assert world.channel().provisioning["state"] == "retrying"
    run(world, 12)

    assert world.channel().provisioning["state"] == "failed"
    assert world.channel().provisioning["action"] == "Start it."
    assert [alert.kind for alert in world.rows(t.Alert)] == ["provisioning"]


def test_poll_raises_and_resolves_the_alert_of_a_lost_login(world: World) -> None:
    lost = Connection(connected=False, login_required=True, reason="unlinked", action="Pair again.")
    world.provider.answers["connection_status"] = lost
    pairing.connection_status(world.core, world.account_id, world.channel_id)

    assert world.channel().connection == "login_required"
    alert = world.one(t.Alert)
    assert (alert.kind, alert.resolved_at) == ("login_lost", None)

    world.provider.answers["connection_status"] = Connection(connected=True)
    pairing.connection_status(world.core, world.account_id, world.channel_id)

    assert world.channel().connection == "connected"
    assert world.one(t.Alert).resolved_at is not None
    assert world.one(t.Task, t.Task.kind == "reconcile").channel_id == world.channel_id


def test_poll_comes_back_by_itself(world: World) -> None:
    add(world, "poll_connection")
    run_due(world.core, 5.0)

    task = world.one(t.Task, t.Task.kind == "poll_connection")
    assert task.state == "pending"
    assert task.next_try_at > utcnow() + timedelta(seconds=30)


def test_pairing_with_another_phone_is_an_error_with_both_numbers(world: World) -> None:
    world.provider.answers["connection_status"] = Connection(
        connected=True, linked_number="+491700000000"
    )
    with pytest.raises(pairing.WrongNumber) as caught:
        pairing.connection_status(world.core, world.account_id, world.channel_id)

    assert "+491700000000" in str(caught.value)
    assert NUMBER in str(caught.value)


def test_pairing_takes_the_other_form_of_the_own_number(world: World) -> None:
    world.set(t.Channel, phone_number="+5491122334455")
    world.provider.answers["connection_status"] = Connection(
        connected=True, linked_number="541122334455"
    )

    assert pairing.connection_status(world.core, world.account_id, world.channel_id).connected


def test_pairing_by_an_undeclared_way_is_refused(world: World) -> None:
    with pytest.raises(e.UnsupportedFeature):
        pairing.start_pairing(world.core, world.account_id, world.channel_id, "code")
    prompt = pairing.start_pairing(world.core, world.account_id, world.channel_id, "qr")

    assert prompt.image == b"png"
    assert world.one(t.Task, t.Task.kind == "poll_connection").payload == {"fast": 60}


def test_read_receipt_names_what_came_since_the_last_one(world: World) -> None:
    world.set(t.Inbox, read_receipts="on_open")
    world.incoming("W1")
    world.incoming("W2")
    with world.core.db.write("ask") as connection:
        request_read_receipt(connection, world.conversation_id, on="on_open")
    run(world)
    world.incoming("W3")
    with world.core.db.write("ask") as connection:
        request_read_receipt(connection, world.conversation_id, on="on_open")
    run(world)

    told = [
        [ref.source_id for ref in call[1][1]]
        for call in world.provider.calls
        if call[0] == "mark_read"
    ]
    assert [sorted(ids) for ids in told] == [["W1", "W2"], ["W3"]]


@pytest.mark.parametrize("kind", ["mark_read", "typing"])
def test_contact_without_an_address_is_told_nothing(world: World, kind: str) -> None:
    world.incoming("W1")
    with world.core.db.write("take the number") as connection:
        connection.execute(sa.delete(t.ContactIdentity))
        connection.execute(sa.update(t.Contact).values(phone_number=None))
    payload = {"conversation_id": world.conversation_id, "state": "on", "at": utcnow().isoformat()}
    add(world, kind, dedupe_key="1", payload=payload)
    run(world)

    assert kind not in [call[0].replace("send_", "") for call in world.provider.calls]
    assert [task.state for task in world.rows(t.Task, t.Task.kind == kind)] == ["done"]


def test_group_name_replaces_the_fallback(world: World) -> None:
    conversation_id = world.chat(group="120363-1@g.us")
    contact_id = world.one(t.Conversation, t.Conversation.id == conversation_id).contact_id
    world.provider.answers["group_info"] = GroupInfo("Family")
    add(world, "group_info", dedupe_key=str(contact_id), payload={"contact_id": contact_id})
    run(world)

    assert world.one(t.Contact, t.Contact.id == contact_id).name == "Family"


def test_templates_are_all_or_nothing(world: World) -> None:
    world.provider.answers["fetch_templates"] = [{"name": "hello", "language": "en"}]
    add(world, "sync_templates")
    run(world)
    assert [x["name"] for x in world.channel().message_templates] == ["hello"]

    world.provider.answers["fetch_templates"] = e.ServiceUnreachable("nobody answers")
    add(world, "sync_templates")
    run(world)

    assert [x["name"] for x in world.channel().message_templates] == ["hello"]
    assert "nobody answers" in world.channel().templates_error


def test_health_facts_are_kept(world: World) -> None:
    world.provider.answers["check_health"] = [HealthFact("Quality", "GREEN")]
    add(world, "check_health")
    run(world)

    assert world.channel().facts["health"][0]["value"] == "GREEN"


def event(source_id: str, **more: Any) -> MessageReceived:
    return MessageReceived(
        key=f"m:{source_id}",
        time=utcnow(),
        raw={},
        source_id=source_id,
        direction=Direction.INCOMING,
        chat=Chat((phone(RINA),)),
        sender=Party((phone(RINA),), "Rina"),
        parts=(TextPart(f"text {source_id}"),),
        history=True,
        **more,
    )


def test_reconcile_reads_all_pages_once_and_may_be_repeated(world: World) -> None:
    pages = {
        None: HistoryPage((event("H1"), event("H2")), "p2"),
        "p2": HistoryPage((event("H3"),), None),
    }
    world.provider.answers["fetch_history"] = lambda given: pages[given[1]]

    first = reconcile.reconcile(world.core, world.channel_id, utcnow() - timedelta(hours=1))
    reconcile.reconcile(world.core, world.channel_id, utcnow() - timedelta(hours=1))

    assert first == 3
    messages = world.rows(t.Message, t.Message.message_type == "incoming")
    assert [m.source_id for m in messages] == ["H1", "H2", "H3"]


def test_reconcile_ends_where_a_page_leads_to_itself(world: World) -> None:
    world.provider.answers["fetch_history"] = HistoryPage((event("H1"),), "same")

    assert reconcile.reconcile(world.core, world.channel_id, utcnow()) <= 2


def test_reconcile_without_history_says_so(world: World) -> None:
    world.provider.answers["fetch_history"] = e.UnsupportedFeature("GoWA before v8 keeps none")
    add(world, "reconcile", payload={"since": utcnow().isoformat()})
    run(world)

    assert "before v8" in world.channel().facts["history"]["error"]


def test_unknown_outcome_is_found_in_the_services_store(world: World) -> None:
    world.provider.outcomes.append(e.OutcomeUnknown("cut off"))
    [message_id] = world.send("hello")
    world.deliver()
    assert world.message(message_id).status == "unknown"
    world.provider.answers["find_sent"] = (Sent("FOUND1"),)
    world.make_due()
    run(world)

    message = world.message(message_id)
    assert (message.status, message.source_id) == ("sent", "FOUND1")


def test_two_unknown_places_are_told_apart_by_where_they_are(world: World) -> None:
    """The service's store shows each of them; nothing but their content says which is which."""
    here, there = {"latitude": 1.5, "longitude": 2.5}, {"latitude": -6.2, "longitude": 106.8}
    found = {1.5: Sent("HERE"), -6.2: Sent("THERE")}
    world.provider.answers["find_sent"] = lambda given: (found[given.content["latitude"]],)
    ids = []
    for place in (here, there):
        world.provider.outcomes.append(e.OutcomeUnknown("cut off"))
        ids += world.send("", content_type="location", content_attributes={"location": place})
        world.deliver()
    world.make_due()
    run(world)

    assert [world.message(one).source_id for one in ids] == ["HERE", "THERE"]


def test_task_of_a_deleted_channel_does_nothing(world: World) -> None:
    world.set(t.Channel, deleted_at=utcnow())
    add(world, "provision")
    run(world)

    assert [call for call in world.provider.calls if call[0] == "provision"] == []


def test_crashing_task_disturbs_no_other(world: World) -> None:
    world.provider.answers["check_health"] = ValueError("bug")
    add(world, "check_health")
    with world.core.db.write("another") as connection:
        add_task(
            connection,
            kind="sync_templates",
            account_id=world.account_id,
            channel_id=world.channel_id,
            dedupe_key="x",
        )
    world.provider.answers["fetch_templates"] = [{"name": "t", "language": "en"}]
    run(world)

    assert world.channel().message_templates
