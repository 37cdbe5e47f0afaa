"""Which message another one answers, when it came later than its answer."""

from __future__ import annotations

from services.fake_provider import BUDI, World

from chatport.db import tables as t
from chatport.services.replies import answered


def links(world: World) -> dict[int, int]:
    with world.core.db.read() as connection:
        return answered(connection, world.rows(t.Message))


def test_answered_finds_what_came_later_in_the_same_conversation(world: World) -> None:
    other = world.chat(BUDI)
    answer = world.incoming("B", reply_to_source_id="A")
    elsewhere = world.incoming("A", other)
    assert links(world) == {}

    target = world.incoming("A", item_key="m:A2")

    assert links(world) == {answer: target}
    assert elsewhere != target


def test_answered_takes_the_stored_link_and_the_first_of_several_parts(world: World) -> None:
    first = world.incoming("A", item_key="m:A", part=0)
    world.incoming("A", item_key="m:A", part=1)
    stored = world.incoming("B", reply_to_source_id="gone", reply_to_id=first)
    late = world.incoming("C", reply_to_source_id="A")

    assert links(world) == {stored: first, late: first}
