"""Canned answers: keeping, finding, filling in."""

from __future__ import annotations

from typing import Any

import pytest
from services.fake_provider import World

from chatport.db import tables as t
from chatport.errors import ConfigInvalid
from chatport.services import canned_responses as canned
from chatport.services.outbox import NotFound


def keep(world: World, code: str = "hi", content: str = "Hello!", account_id: int = 0) -> int:
    return canned.create(
        world.core,
        account_id=account_id or world.account_id,
        short_code=code,
        content=content,
        user_id=world.user_id,
    )


def codes(world: World, search: str = "") -> list[str]:
    with world.core.db.read() as connection:
        return [row.short_code for row in canned.find(connection, world.account_id, search)]


def test_create_keeps_the_code_lower_case_without_slash(world: World) -> None:
    keep(world, " /Hi ", "  Hello\r\nthere ")

    row = world.one(t.CannedResponse)
    assert (row.short_code, row.content) == ("hi", "Hello\nthere")
    entry = world.one(t.AuditEntry)
    assert (entry.action, entry.data) == ("canned_response.created", {"short_code": "hi"})


@pytest.mark.parametrize(
    ("code", "content", "field"),
    [
        ("", "x", "short_code"),
        ("a b", "x", "short_code"),
        ("a" * 65, "x", "short_code"),
        ("a", " ", "content"),
        ("a", "x" * 10_001, "content"),
        ("TAKEN", "x", "short_code"),
    ],
)
def test_create_refuses_by_field(world: World, code: str, content: str, field: str) -> None:
    keep(world, "taken")

    with pytest.raises(ConfigInvalid) as caught:
        keep(world, code, content)

    assert set(caught.value.fields) == {field}


def test_find_puts_codes_that_begin_with_the_words_first(world: World) -> None:
    keep(world, "opening", "We are open from nine.")
    keep(world, "reopen", "…")
    keep(world, "hours", "Open until six.")
    keep(world, "bye", "Good night 100%")

    assert codes(world, "OPEN") == ["opening", "reopen", "hours"]
    assert codes(world, "100%") == ["bye"]
    assert codes(world, "_") == []
    assert codes(world) == ["bye", "hours", "opening", "reopen"]


def test_update_changes_what_is_given_and_keeps_codes_apart(world: World) -> None:
    first, second = keep(world, "a"), keep(world, "b")

    def change(key: int, **values: Any) -> None:
        canned.update(
            world.core,
            account_id=world.account_id,
            response_id=key,
            values=values,
            user_id=world.user_id,
        )

    change(first, content="New")
    change(first, short_code="a", content="Newer")
    with pytest.raises(ConfigInvalid):
        change(second, short_code="A")

    assert [(r.short_code, r.content) for r in world.rows(t.CannedResponse)] == [
        ("a", "Newer"),
        ("b", "Hello!"),
    ]


def test_answers_of_another_account_are_not_there(world: World) -> None:
    with world.core.db.write("other") as connection:
        other = connection.execute(
            t.Account.__table__.insert().values(name="Other", active=True, last_display_id=0)
        ).inserted_primary_key[0]
    key = keep(world, account_id=other)
    keep(world)  # the same code again

    with pytest.raises(NotFound):
        canned.delete(
            world.core, account_id=world.account_id, response_id=key, user_id=world.user_id
        )
    assert len(codes(world)) == 1


def test_filled_leaves_what_has_no_value() -> None:
    text = (
        "Hi {{contact.first_name}} {{ agent.name }}, {{contact.email}} {{nonsense}} {{contact.x}}"
    )

    shown = canned.filled(
        text, {"contact.first_name": "Rina", "agent.name": "Ana {{contact.x}}", "contact.email": ""}
    )

    assert shown == "Hi Rina Ana {{contact.x}}, {{contact.email}} {{nonsense}} {{contact.x}}"
