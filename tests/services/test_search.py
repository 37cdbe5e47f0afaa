"""Finding messages by their words, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from services.fake_provider import World

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.db.upsert import insert
from chatport.services import search as searching
from chatport.services.auth import Principal
from chatport.services.search import Piece, excerpt, find_messages


def say(world: World, content: str | None, **values: Any) -> int:
    with world.core.db.write("say") as connection:
        return insert(
            connection,
            t.Message.__table__,
            {
                "account_id": world.account_id,
                "inbox_id": world.inbox_id,
                "conversation_id": world.conversation_id,
                "message_type": "incoming",
                "content": content,
                "status": "received",
                "sent_at": utcnow(),
                **values,
            },
        )


def found(world: World, text: str, *, inbox_ids: frozenset[int] | None = None, **more: Any) -> Any:
    who = Principal(world.user_id, world.account_id, "administrator", "Ana", inbox_ids=inbox_ids)
    with world.core.db.read() as connection:
        return [row.id for row in find_messages(connection, who, text, **more)]


def test_search_finds_all_words_by_their_beginnings_newest_first(world: World) -> None:
    first = say(world, "Where is my parcel, please?")
    second = say(world, "The PARCELS are where you left them")
    say(world, "where")
    say(world, None)
    say(world, "")

    assert found(world, "parc whe") == [second, first]
    assert found(world, "whe arcel") == []
    assert found(world, "my") == [first]
    assert found(world, "m") == []


def test_search_looks_beyond_the_newest_messages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "STRETCHES", (2, 3))
    ids = [say(world, "parcel" if n % 3 else "letter") for n in range(12)]
    parcels = [ids[n] for n in range(11, -1, -1) if n % 3]

    assert found(world, "parcel") == parcels
    assert found(world, "parcel", limit=5) == parcels[:5]
    assert found(world, "parcel", before=ids[4]) == [i for i in parcels if i < ids[4]]
    assert found(world, "letter") == [ids[9], ids[6], ids[3], ids[0]]


@pytest.mark.parametrize(
    "text", ["", "  ", '"', "*", "a OR b", "NOT", "'; --", "NEAR(a b)", "x:y", "((", "\\", "€"]
)
def test_search_takes_every_text(world: World, text: str) -> None:
    say(world, "hello")

    assert found(world, text) == []


def test_search_follows_edits_and_deletions(world: World) -> None:
    key = say(world, "first words")
    world.set(t.Message, t.Message.id == key, content="other words")

    assert found(world, "first") == []
    assert found(world, "other") == [key]

    world.set(t.Message, t.Message.id == key, deleted_at=utcnow())
    assert found(world, "other") == []

    with world.core.db.write("forget") as connection:
        connection.execute(sa.delete(t.Message).where(t.Message.id == key))
    assert found(world, "words") == []


def test_search_keeps_to_inboxes_and_account(world: World) -> None:
    key = say(world, "secret")

    assert found(world, "secret", inbox_ids=frozenset({world.inbox_id})) == [key]
    assert found(world, "secret", inbox_ids=frozenset()) == []
    assert found(world, "secret", inbox_id=world.inbox_id + 1) == []
    world.account_id += 1
    assert found(world, "secret") == []


def test_search_goes_on_before_an_id(world: World) -> None:
    keys = [say(world, "again") for _ in range(5)]

    assert found(world, "again", limit=2) == [keys[4], keys[3]]
    assert found(world, "again", limit=2, before=keys[3]) == [keys[2], keys[1]]


def test_search_leaves_activity_lines_out(world: World) -> None:
    say(world, "Ana resolved it", message_type="activity")

    assert found(world, "resolved") == []


def test_excerpt_shows_the_words_in_their_surroundings() -> None:
    text = "long " * 60 + "where is my\n parcel? " + "more " * 60

    pieces = excerpt(text, "PARC whe")

    shown = "".join(piece.text for piece in pieces)
    assert [piece.text for piece in pieces if piece.hit] == ["whe", "parc"]
    assert shown.startswith("…") and shown.endswith("…")
    assert len(shown) < 170


def test_excerpt_sees_through_accents_and_only_at_beginnings() -> None:
    assert excerpt("Está más o menos; mañana", "man mas") == [
        Piece("Está "),
        Piece("más", hit=True),
        Piece(" o menos; "),
        Piece("mañ"[:3], hit=True),
        Piece("ana"),
    ]
    assert excerpt("nothing", "thing") == [Piece("nothing")]
