"""Facts about people, channels and templates: told twice, late and in any order, they end the same."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa

from chatport.db.tables import (
    Channel,
    Contact,
    ContactIdentity,
    ContactInbox,
    Message,
    RawRequest,
    Task,
)
from chatport.db.upsert import insert
from chatport.events import (
    ChannelNotice,
    Direction,
    IdentityChanged,
    StatusChanged,
    TemplateChanged,
)
from chatport.identities import Identity, phone
from chatport.services.contact_identities import learn
from chatport.services.ingest import apply_others
from chatport.services.ingest.scope import Outcome, applied
from ingest_world import RINA, World, at, status, text

NEW = "6281290009999"


def notice(kind: str, warning: str, seconds: float | None) -> ChannelNotice:
    """A fact about the channel."""
    return ChannelNotice(
        key=f"h:{kind}:{warning}:{seconds}",
        time=None if seconds is None else at(seconds),
        kind=kind,
        facts={"event": warning},
        warning=warning,
    )


def moved(key: str, old: str, new: str, seconds: float) -> IdentityChanged:
    """A person's new number."""
    return IdentityChanged(key=key, time=at(seconds), old=(phone(old),), new=(phone(new),))


def warnings(world: World) -> dict[str, str]:
    return {kind: told["warning"] for kind, told in world.one(Channel).notices.items()}


# --- the channel's health -------------------------------------------------------------------------


def test_notice_of_a_kind_ends_the_same_in_any_order_and_repetition(world: World) -> None:
    events = [notice("quality", "FLAGGED", 1), notice("quality", "", 2)]
    for order in itertools.permutations([*events, events[0]]):
        world.set(Channel, world.channel_id, notices={})
        for event in order:
            world.give(event)
        assert warnings(world) == {"quality": ""}
        world.set(Channel, world.channel_id, notices={})
        world.give(*order)
        assert warnings(world) == {"quality": ""}


def test_notice_without_a_time_counts_as_told_now(world: World) -> None:
    world.give(notice("service_error", "old", 1))
    assert world.items(world.give(notice("service_error", "new", None))) == ["applied"]
    assert warnings(world) == {"service_error": "new"}


def test_notices_of_a_large_request_are_all_kept(world: World) -> None:
    kinds = [f"kind{number}" for number in range(120)]
    world.give(*(notice(kind, "w", 1) for kind in kinds))
    assert set(warnings(world)) == set(kinds)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_requests_come_in_while_a_fact_is_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[int] = []

    def meanwhile() -> Outcome:
        with world.core.db.write("receive") as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            row = {
                "account_id": world.account_id,
                "channel_id": world.channel_id,
                "received_at": at(0),
                "state": "done",
            }
            came.append(insert(connection, RawRequest.__table__, row))
        return applied()

    monkeypatch.setattr(apply_others, "applied", meanwhile)
    world.give(notice("quality", "", 1))
    world.give(TemplateChanged(key="h:1", time=at(1), name="a", language="de", changes={}))
    assert len(came) == 2


# --- people ---------------------------------------------------------------------------------------


def numbers(world: World) -> dict[int, str]:
    return {row.contact_id: row.value for row in world.rows(ContactIdentity)}


def test_number_change_told_again_after_changing_back_moves_nobody(world: World) -> None:
    world.give(text("A1"))
    there, back = moved("i:1", RINA, NEW, 1), moved("i:2", NEW, RINA, 2)
    world.give(there)
    world.give(back)
    assert world.items(world.give(there)) == ["duplicate"]
    assert list(numbers(world).values()) == [RINA]
    assert world.one(Contact).phone_number == f"+{RINA}"


def test_number_change_told_again_moves_nobody_who_has_the_number_now(world: World) -> None:
    world.give(text("A1"))
    world.give(moved("i:1", RINA, NEW, 1))
    world.give(text("B1", sender=RINA, name="budi", seconds=2))
    assert world.items(world.give(moved("i:1", RINA, NEW, 1))) == ["duplicate"]
    assert len(world.rows(Contact)) == 2
    assert sorted(numbers(world).values()) == sorted([RINA, NEW])


def test_number_change_is_the_address_in_the_inbox(world: World) -> None:
    world.give(text("A1"))
    world.give(moved("i:1", RINA, NEW, 1))
    assert world.one(ContactInbox).source_id == NEW


def test_number_change_leaves_no_other_form_of_the_old_number(world: World) -> None:
    long, short = "5511987654321", "551187654321"
    world.give(text("A1", sender=long))
    with world.core.db.write("learned") as connection:
        learn(connection, world.account_id, world.one(Contact).id, [Identity("wa_id", short)])
    world.give(moved("i:1", long, NEW, 1))
    assert {row.value for row in world.rows(ContactIdentity)} == {NEW}


def test_number_change_leaves_one_line_in_the_conversation(world: World) -> None:
    world.give(text("A1"))
    world.give(moved("i:1", RINA, NEW, 1), moved("i:1", RINA, NEW, 1))
    assert len(world.rows(Message)) == 2


def test_number_change_of_a_user_id_keeps_its_letters_and_dot(world: World) -> None:
    old, new = Identity("bsuid", "DE.58203377"), Identity("bsuid", "DE.11880022")
    first = text("A1")
    world.give(type(first)(**{**_fields(first), "chat": type(first.chat)((old,)), "sender": None}))
    world.give(IdentityChanged(key="i:1", time=at(1), old=(old,), new=(new,)))
    assert list(numbers(world).values()) == ["DE.11880022"]
    assert world.one(Contact).phone_number is None


def _fields(event: object) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}  # type: ignore[attr-defined]


# --- delivery states ------------------------------------------------------------------------------


def test_state_told_twice_with_other_times_ends_the_same_in_any_order(world: World) -> None:
    told = [status("S", state, s) for state, s in (("failed", 5), ("delivered", 8), ("failed", 9))]
    for number, order in enumerate(itertools.permutations(told)):
        world.give(text(f"S{number}", direction=Direction.OUTGOING))
        for event in order:
            world.give(
                StatusChanged(**{**_fields(event), "source_id": f"S{number}"})  # type: ignore[arg-type]
            )
        assert world.one(Message, Message.source_id == f"S{number}").status == "failed"


# --- templates ------------------------------------------------------------------------------------


def test_template_change_marks_its_name_and_language_and_fetches_all(world: World) -> None:
    stored = [
        {"id": "1689000000123456", "name": name, "language": language, "status": "APPROVED"}
        for name, language in (("hello", "en_US"), ("hello", "de"), ("bye", "en_US"))
    ]
    world.set(Channel, world.channel_id, message_templates=stored)
    changed = TemplateChanged(
        key="h:1", time=at(1), name="hello", language="en_US", changes={"status": "PAUSED"}
    )
    world.give(changed, changed)
    states = {(t["name"], t["language"]): t["status"] for t in world.one(Channel).message_templates}
    assert states == {
        ("hello", "en_US"): "PAUSED",
        ("hello", "de"): "APPROVED",
        ("bye", "en_US"): "APPROVED",
    }
    assert [task.kind for task in world.rows(Task, Task.kind == sa.literal("sync_templates"))] == [
        "sync_templates"
    ]
