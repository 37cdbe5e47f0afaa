"""Searching messages over the API."""

from __future__ import annotations

from typing import Any

from api.client import Api

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.db.upsert import insert


def say(api: Api, content: str) -> int:
    world = api.world
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
            },
        )


def found(api: Api, query: str, **more: Any) -> list[int]:
    answer = api.get(f"search/messages?{query}", **more)
    return [message["id"] for message in answer["payload"]["messages"]]


def test_search_finds_messages_and_where_they_are(both: Api) -> None:
    first, second = say(both, "Where is my parcel?"), say(both, "Two parcels came")

    assert found(both, "q=parc") == [second, first]
    assert found(both, f"q=parc&before={second}") == [first]
    (message,) = both.get("search/messages?q=where")["payload"]["messages"]
    assert message["conversation_id"] == both.number()


def test_search_keeps_to_the_inboxes_of_an_agent(api: Api) -> None:
    key = say(api, "parcel")

    assert found(api, "q=parcel", as_="bob") == []
    api.let_in("bob")
    assert found(api, "q=parcel", as_="bob") == [key]
    api.refused("GET", "search/messages", 422)


def test_conversations_are_searched_by_words_of_messages(both: Api) -> None:
    say(both, "Where is my parcel?")

    def numbers(words: str) -> list[int]:
        answer = both.get(f"conversations/search?q={words}")
        return [one["id"] for one in answer["data"]["payload"]]

    assert numbers("parc wher") == [both.number()]
    assert numbers("arcel") == []


def test_an_inbox_is_set_to_greet(api: Api) -> None:
    path = f"inboxes/{api.world.inbox_id}"
    assert api.get(path)["greeting_enabled"] is False

    shown = api.patch(path, {"greeting_enabled": True, "greeting_message": "Welcome!"})

    assert (shown["greeting_enabled"], shown["greeting_message"]) == (True, "Welcome!")
    row = api.world.one(t.Inbox)
    assert (row.greeting_enabled, row.greeting_message) == (True, "Welcome!")
