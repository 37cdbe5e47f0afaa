"""Conversations over the API: list, start, status, assignment, labels, read marks, mute, typing."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from api.client import Api
from services.fake_provider import BUDI

from chatport import errors as e
from chatport.db import tables as t
from chatport.db.types import utcnow


def listed(api: Api, query: str = "", **more: Any) -> list[int]:
    return [one["id"] for one in api.get(f"conversations{query}", **more)["data"]["payload"]]


def contents(api: Api) -> list[str]:
    return [m.content for m in api.world.rows(t.Message, t.Message.message_type == "activity")]


# --- list -------------------------------------------------------------------------------------------------------------


def test_list_shows_the_last_message_contact_and_counts(both: Api) -> None:
    api = both
    api.world.incoming("IN1", content="first")
    api.world.incoming("IN2", content="second")
    api.post(f"{api.chat}/assignments", {"assignee_id": api.users["ana"]})

    data = api.get("conversations")["data"]

    [chat] = data["payload"]
    assert data["meta"] == {
        "mine_count": 1,
        "assigned_count": 1,
        "unassigned_count": 0,
        "all_count": 1,
    }
    assert chat["last_non_activity_message"]["content"] == "second"
    assert [m["content"] for m in chat["messages"]] == ["Assigned to Ana by Ana"]
    assert chat["meta"]["sender"]["phone_number"] == "+6281290001122"
    assert chat["meta"]["assignee"]["email"] == "ana@shop.test"
    assert (chat["status"], chat["can_reply"], chat["can_reply_until"]) == ("open", True, None)


def test_list_filters(both: Api) -> None:
    api = both
    mine, rest = api.number(), api.number(api.world.chat(BUDI))
    api.post(f"conversations/{mine}/assignments", {"assignee_id": api.users["ana"]})
    api.post(f"conversations/{mine}/labels", {"labels": ["VIP", "late"]})
    api.post(f"conversations/{rest}/toggle_status", {"status": "pending"})

    assert listed(api) == [mine]
    assert listed(api, "?status=pending") == [rest]
    assert set(listed(api, "?status=all")) == {mine, rest}
    assert listed(api, "?status=all&assignee_type=me") == [mine]
    assert listed(api, "?status=all&assignee_type=unassigned") == [rest]
    assert listed(api, "?status=all&assignee_type=assigned") == [mine]
    assert listed(api, "?labels[]=vip&labels[]=late") == [mine]
    assert listed(api, "?labels=vip,unknown") == []
    assert listed(api, f"?inbox_id={api.world.inbox_id}") == [mine]
    assert listed(api, "?inbox_id=99") == []
    assert listed(api, f"?status=all&q={BUDI}") == [rest]
    assert api.get("conversations/meta?status=all")["meta"]["all_count"] == 2
    assert api.get("labels")["payload"] == ["late", "vip"]


def test_search_looks_into_messages_of_any_status(both: Api) -> None:
    api = both
    api.world.incoming("IN1", content="Wo ist mein Paket Übersee?")
    api.post(f"{api.chat}/toggle_status", {"status": "resolved"})

    for words in ("Übersee", "mein paket"):
        found = api.get("conversations/search", query_string={"q": words})["data"]["payload"]
        assert [one["id"] for one in found] == [api.number()], words
    for nothing in ("aket", "R_na", "%25"):
        assert api.get(f"conversations/search?q={nothing}")["data"]["payload"] == [], nothing


def test_list_pages_and_sorts(both: Api) -> None:
    api = both
    for number in range(26):
        chat = api.world.chat(f"62812900{number:05}")
        at = utcnow() - timedelta(days=number + 1)
        api.world.set(t.Conversation, t.Conversation.id == chat, last_activity_at=at)
    first, second = listed(api), listed(api, "?page=2")

    assert (len(first), len(second)) == (25, 2)
    assert first[:3] == [1, 2, 3]
    assert listed(api, "?sort_by=last_activity_at_asc")[:2] == [27, 26]
    api.post("conversations/9/toggle_priority", {"priority": "urgent"})
    assert listed(api, "?sort_by=priority_desc")[0] == 9
    assert listed(api, "?page=3") == []


def test_an_agent_sees_conversations_of_own_inboxes_only(api: Api) -> None:
    assert listed(api, as_="bob") == []

    api.let_in("bob")

    assert listed(api, as_="bob") == [api.number()]
    assert api.get(api.chat, as_="bob")["id"] == api.number()


# --- show, start ------------------------------------------------------------------------------------------------------


def test_the_window_says_until_when_free_messages_may_be_sent(api: Api) -> None:
    api.world.features(window_hours=24)
    assert api.get(api.chat)["can_reply"] is False

    came = utcnow() - timedelta(hours=1)
    api.world.set(t.ContactInbox, t.ContactInbox.id == 1, window_from=came)

    shown = api.get(api.chat)
    assert shown["can_reply"] is True
    assert shown["can_reply_until"] == int((came + timedelta(hours=24)).timestamp())


def test_start_by_contact_and_inbox_with_a_first_message(api: Api) -> None:
    made = api.post("contacts", {"name": "Budi", "phone_number": f"+{BUDI}"})["payload"]["contact"]

    chat = api.post(
        "conversations",
        {
            "inbox_id": api.world.inbox_id,
            "contact_id": made["id"],
            "assignee_id": api.users["ana"],
            "custom_attributes": {"order": 7},
            "message": {"content": "Your parcel is here"},
        },
    )

    assert chat["id"] != api.number()
    assert chat["last_non_activity_message"]["content"] == "Your parcel is here"
    assert chat["last_non_activity_message"]["state"] == "queued"
    assert chat["custom_attributes"] == {"order": 7}
    assert chat["meta"]["assignee"]["id"] == api.users["ana"]
    assert api.world.deliver().sent == 1


def test_start_by_source_id(api: Api) -> None:
    chat = api.post("conversations", {"source_id": "6281290001122", "status": "pending"})

    assert chat["status"] == "pending"
    assert chat["meta"]["sender"]["phone_number"] == "+6281290001122"
    api.post("conversations", {"source_id": "nobody"}, status=404)


def test_start_names_what_is_missing(api: Api) -> None:
    told = api.post("conversations", {"inbox_id": api.world.inbox_id}, status=422)

    assert told["attributes"] == ["contact_id"]


def test_start_reuses_the_only_conversation_of_an_inbox(api: Api) -> None:
    api.world.set(t.Inbox, t.Inbox.id == api.world.inbox_id, lock_to_single_conversation=True)

    assert api.post("conversations", {"source_id": "6281290001122"})["id"] == api.number()


def test_a_refused_first_message_leaves_no_empty_conversation(api: Api) -> None:
    api.world.features(window_hours=24)
    body = {"source_id": "6281290001122", "message": {"content": "hello"}}

    told = api.post("conversations", body, status=422)

    assert told["code"] == "window_closed"
    assert listed(api, "?status=all") == [api.number()]


# --- status, priority, assignment, labels -----------------------------------------------------------------------------


def test_status_toggles_and_leaves_a_line(api: Api) -> None:
    toggled = api.post(f"{api.chat}/toggle_status")["payload"]
    again = api.post(f"{api.chat}/toggle_status")["payload"]

    assert (toggled["success"], toggled["current_status"]) == (True, "resolved")
    assert again["current_status"] == "open"
    assert contents(api) == [
        "Conversation was resolved by Ana",
        "Conversation was reopened by Ana",
    ]


def test_a_conversation_is_snoozed_until_a_time(api: Api) -> None:
    until = int(time.time()) + 3600

    told = api.post(f"{api.chat}/toggle_status", {"status": "snoozed", "snoozed_until": until})

    assert told["payload"]["snoozed_until"] == until
    assert api.get(api.chat)["snoozed_until"] == until


def test_an_unknown_status_is_refused(api: Api) -> None:
    told = api.post(f"{api.chat}/toggle_status", {"status": "gone"}, status=422)

    assert told["attributes"] == ["status"]


def test_assignments_are_made_and_taken_back(api: Api) -> None:
    told = api.post(f"{api.chat}/assignments", {"assignee_id": api.users["bob"]})
    assert told["name"] == "bob"

    api.post(f"{api.chat}/assignments", {"assignee_id": 0})
    assert api.get(api.chat)["meta"]["assignee"] is None

    api.post(f"{api.chat}/assignments", {"assignee_id": api.users["eve"]}, status=404)


def test_labels_are_replaced_as_a_whole(api: Api) -> None:
    api.post(f"{api.chat}/labels", {"labels": ["one", "two"]})

    assert api.post(f"{api.chat}/labels", {"labels": ["Two", "three"]})["payload"] == [
        "three",
        "two",
    ]
    assert api.get(f"{api.chat}/labels")["payload"] == ["three", "two"]


def test_custom_attributes_are_replaced(api: Api) -> None:
    told = api.post(f"{api.chat}/custom_attributes", {"custom_attributes": {"order": 7}})

    assert told == {"custom_attributes": {"order": 7}}
    assert api.get(api.chat)["custom_attributes"] == {"order": 7}


# --- read marks, mute, typing -----------------------------------------------------------------------------------------


def test_reading_clears_the_count_and_tells_the_customer(api: Api) -> None:
    api.world.incoming("IN1")
    api.world.set(t.Conversation, t.Conversation.id == api.world.conversation_id, unread_count=3)

    seen = api.post(f"{api.chat}/update_last_seen")
    unread = api.post(f"{api.chat}/unread")

    assert (seen["unread_count"], unread["unread_count"]) == (0, 1)
    assert seen["agent_last_seen_at"] > 0
    assert "mark_read" in {task.kind for task in api.world.rows(t.Task)}


def test_mute_resolves_and_blocks_the_contact(api: Api) -> None:
    assert api.post(f"{api.chat}/mute") == {}
    assert (api.get(api.chat)["muted"], api.get(api.chat)["status"]) == (True, "resolved")

    api.post(f"{api.chat}/unmute")
    assert api.get(api.chat)["muted"] is False


def test_typing_is_told_to_the_customer_unless_it_is_a_note(api: Api) -> None:
    api.post(f"{api.chat}/toggle_typing_status", {"typing_status": "on", "is_private": True})
    assert api.world.rows(t.Task) == []

    api.post(f"{api.chat}/toggle_typing_status", {"typing_status": "on"})
    assert [task.kind for task in api.world.rows(t.Task)] == ["typing"]


def test_an_error_while_the_database_is_away_is_said_so(api: Api, monkeypatch: Any) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise e.ConfigurationError("a stored secret cannot be decrypted", action="Add the key.")

    monkeypatch.setattr("chatport.api.conversations.shapes.conversations", away)

    told = api.get("conversations", status=500)

    assert (told["code"], told["action"]) == ("configuration", "Add the key.")
