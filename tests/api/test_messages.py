"""Messages over the API: list, create as JSON and form, edit, delete, retry, react; their files."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from api.client import Api
from services.fake_provider import BUDI, PDF, PNG, upload

from chatport import errors as e
from chatport.db import tables as t
from chatport.db.types import utcnow
from chatport.db.upsert import insert


def send(api: Api, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return api.post(f"{api.chat}/messages", body, status=status, headers=headers or {})


def form(api: Api, status: int = 200, headers: dict[str, str] | None = None, **data: Any) -> Any:
    """Send as a form; files are (bytes, name)."""
    fields = {
        name: [(io.BytesIO(data), filename) for data, filename in value]
        if isinstance(value, list)
        else value
        for name, value in data.items()
    }
    return api.call(
        "POST", f"{api.chat}/messages", data=fields, status=status, headers=headers or {}
    )


def listed(api: Api, query: str = "") -> list[str]:
    return [m["content"] for m in api.get(f"{api.chat}/messages{query}")["payload"]]


def shown(api: Api, message_id: int) -> Any:
    return api.get(f"{api.chat}/messages/{message_id}")


# --- list -------------------------------------------------------------------------------------------------------------


def many(api: Api, count: int) -> list[int]:
    start = utcnow() - timedelta(hours=1)
    return [
        api.world.incoming(f"IN{n}", content=f"m{n}", sent_at=start + timedelta(seconds=n))
        for n in range(count)
    ]


def test_list_gives_the_newest_20_oldest_first(both: Api) -> None:
    many(both, 22)

    assert listed(both) == [f"m{n}" for n in range(2, 22)]


def test_list_goes_back_and_forth_from_a_message(both: Api) -> None:
    ids = many(both, 130)

    assert listed(both, f"?before={ids[50]}") == [f"m{n}" for n in range(30, 50)]
    assert listed(both, f"?after={ids[50]}") == [f"m{n}" for n in range(51, 130)]
    assert listed(both, f"?after={ids[0]}") == [f"m{n}" for n in range(1, 101)]
    assert listed(both, f"?after={ids[2]}&before={ids[6]}") == ["m3", "m4", "m5"]
    assert listed(both, "?before=999999") == []


def test_list_orders_by_the_providers_time(api: Api) -> None:
    now = utcnow()
    api.world.incoming("IN1", content="late", sent_at=now)
    api.world.incoming("IN2", content="early", sent_at=now - timedelta(minutes=5))

    assert listed(api) == ["early", "late"]


def test_list_tells_about_the_conversation(api: Api) -> None:
    api.post(f"{api.chat}/labels", {"labels": ["vip"]})

    meta = api.get(f"{api.chat}/messages")["meta"]

    assert (meta["labels"], meta["assignee"]) == (["vip"], None)
    assert meta["contact"]["phone_number"] == "+6281290001122"


# --- shape ------------------------------------------------------------------------------------------------------------


def test_an_incoming_message_in_the_known_shape(api: Api) -> None:
    first = api.world.incoming("IN1", sent_at=utcnow() - timedelta(minutes=1))
    api.world.incoming(
        "IN2",
        content="reply",
        reply_to_id=first,
        reply_to_source_id="IN1",
        content_attributes={"forwarded": True},
    )

    _, message = api.get(f"{api.chat}/messages")["payload"]

    assert (message["message_type"], message["status"], message["state"]) == (0, "sent", "received")
    assert message["conversation_id"] == api.number()
    assert message["source_id"] == "IN2"
    assert message["content_attributes"] == {
        "forwarded": True,
        "in_reply_to": first,
        "in_reply_to_external_id": "IN1",
    }
    assert message["sender"]["type"] == "contact"
    assert message["sender"]["phone_number"] == "+6281290001122"


def test_an_answer_that_came_before_its_question_is_linked(api: Api) -> None:
    api.world.incoming("IN2", content="reply", reply_to_source_id="IN1")
    asked = api.world.incoming("IN1", sent_at=utcnow() - timedelta(minutes=1))

    _, message = api.get(f"{api.chat}/messages")["payload"]

    assert message["content_attributes"]["in_reply_to"] == asked


def test_a_place_and_a_card_are_shown(api: Api) -> None:
    message_id = api.world.incoming("IN1", content_type="location")
    with api.world.core.db.write("parts") as connection:
        for kind, meta in (
            ("location", {"latitude": -6.2, "longitude": 106.8, "name": "Monas"}),
            ("contact", {"name": "Budi", "phones": ["+6281290003344"], "emails": []}),
        ):
            values = {
                "account_id": api.world.account_id,
                "message_id": message_id,
                "kind": kind,
                "state": "none",
                "meta": meta,
            }
            insert(connection, t.Attachment.__table__, values)

    place, card = shown(api, message_id)["attachments"]

    assert (place["coordinates_lat"], place["coordinates_long"]) == (-6.2, 106.8)
    assert (place["file_type"], place["fallback_title"]) == ("location", "Monas")
    assert (card["file_type"], card["fallback_title"]) == ("contact", "+6281290003344")


# --- create -----------------------------------------------------------------------------------------------------------


def test_a_message_is_queued_then_sent(api: Api) -> None:
    made = send(api, content="hello *there*", echo_id="e1")
    assert (made["message_type"], made["status"], made["state"]) == (1, "sent", "queued")
    assert (made["source_id"], made["echo_id"]) == (None, "e1")
    assert made["sender"] == {
        "id": api.users["ana"],
        "name": "Ana",
        "type": "user",
        "thumbnail": "",
    }

    api.world.deliver()

    sent = shown(api, made["id"])
    assert (sent["state"], sent["source_id"]) == ("sent", "ID1")


def test_the_words_for_states_are_those_that_clients_know(api: Api) -> None:
    made = send(api, content="hello")

    for state, status in (
        ("retrying", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("played", "read"),
        ("failed", "failed"),
    ):
        api.world.set(t.Message, t.Message.id == made["id"], status=state)
        assert (shown(api, made["id"])["status"], shown(api, made["id"])["state"]) == (
            status,
            state,
        )


def test_a_note_is_never_sent(api: Api) -> None:
    made = send(api, content="careful", private=True)

    assert made["private"] is True
    assert api.world.deliver().sent == 0


def test_a_form_with_files_makes_a_message_each(api: Api) -> None:
    made = form(
        api,
        content="two files",
        private="false",
        **{"attachments[]": [(PNG, "a.png"), (PDF, "b.pdf")]},
    )

    assert [m["content"] for m in made["messages"]] == ["two files", ""]
    assert [m["attachments"][0]["file_type"] for m in made["messages"]] == ["image", "file"]
    assert made["attachments"][0]["filename"] == "a.png"
    assert made["attachments"][0]["extension"] == "png"


def test_a_form_understands_nested_names(api: Api) -> None:
    [quoted] = api.world.send("first")
    made = form(api, content="reply", **{"content_attributes[in_reply_to]": str(quoted)})

    assert made["content_attributes"]["in_reply_to"] == quoted


def test_a_repeated_request_is_the_same_message(api: Api) -> None:
    key = {"Idempotency-Key": "k1"}
    first, second = (send(api, headers=key, content="once") for _ in range(2))

    assert first["id"] == second["id"]
    assert send(api, 422, key, content="other")["code"] == "idempotency_conflict"
    assert listed(api) == ["once"]


def test_a_repeated_form_is_the_same_message_only_with_the_same_files(api: Api) -> None:
    key = {"Idempotency-Key": "k1"}
    first = form(api, headers=key, **{"attachments[]": [(PNG, "a.png")]})
    again = form(api, headers=key, **{"attachments[]": [(PNG, "a.png")]})

    assert first["id"] == again["id"]
    form(api, 422, key, **{"attachments[]": [(PNG + b"x", "a.png")]})


def test_refusals_say_what_to_do(api: Api) -> None:
    too_long = send(api, 422, content="x" * 201)
    assert too_long["code"] == "text_too_long"
    assert too_long["action"]

    assert send(api, 422, content=" ")["code"] == "empty_message"
    assert send(api, 422, content="x", message_type="incoming")["attributes"] == ["message_type"]
    large = form(api, 422, **{"attachments[]": [(b"\0" * 6000, "a.bin")]})
    assert large["code"] == "file_too_large"


def test_a_closed_window_needs_a_template(api: Api) -> None:
    api.world.features(window_hours=24, templates=True)
    api.world.set(
        t.Channel,
        message_templates=[
            {
                "name": "hello",
                "language": "en",
                "status": "APPROVED",
                "components": [{"type": "BODY", "text": "Hi {{1}}"}],
            }
        ],
    )

    assert send(api, 422, content="hello")["code"] == "window_closed"
    made = send(
        api,
        message_type="template",
        template_params={
            "name": "hello",
            "language": "en",
            "processed_params": {"body": {"1": "Rina"}},
        },
    )
    assert made["content"] == "Hi Rina"


def test_what_cannot_be_read_is_refused(api: Api) -> None:
    path = f"{api.chat}/messages"
    json_type = {"Content-Type": "application/json"}

    broken = api.call("POST", path, data=b'{"content": ', headers=json_type, status=400)
    assert broken["code"] == "not_json"
    not_object = api.call("POST", path, data=b"[1]", headers=json_type, status=422)
    assert not_object["code"] == "not_an_object"
    api.call("POST", path, data=b"\xff\xfe", headers=json_type, status=400)
    api.call("POST", path, data=b"[" * 100_000, headers=json_type, status=400)
    wrong_type = send(api, 422, content={"a": 1}, content_attributes="x")
    assert set(wrong_type["errors"]) == {"content", "content_attributes"}


# --- edit, delete, retry, react ---------------------------------------------------------------------------------------


def sent(api: Api, content: str = "hello") -> str:
    """A message that the provider took; its path."""
    [message_id] = api.world.send(content)
    api.world.deliver()
    return f"{api.chat}/messages/{message_id}"


def test_edit_shows_once_the_provider_took_it(api: Api) -> None:
    path = sent(api)

    assert api.patch(path, {"content": "better"})["content"] == "hello"
    api.world.deliver()

    after = api.get(path)
    assert after["content"] == "better"
    assert after["edited_at"] is not None


def test_a_deleted_message_shows_nothing_of_itself(api: Api) -> None:
    [message_id] = api.world.send("secret", attachments=[upload("secret.png", PNG)])
    path = f"{api.chat}/messages/{message_id}"
    shown_before = api.get(path)["attachments"][0]
    attachment, link = shown_before["id"], urlsplit(shown_before["data_url"])

    deleted = api.delete(path)

    assert deleted["content"] == "This message was deleted"
    assert deleted["content_attributes"] == {"deleted": True}
    assert deleted["attachments"] == []
    assert "secret" not in str(api.get(f"{api.chat}/messages")["payload"])
    api.get(f"attachments/{attachment}", status=404)
    assert api.app.test_client().get(f"{link.path}?{link.query}").status_code == 404


def test_a_message_of_the_customer_cannot_be_deleted(api: Api) -> None:
    message_id = api.world.incoming("IN1")

    assert api.delete(f"{api.chat}/messages/{message_id}", status=422)["code"] == "not_ours"


def test_a_failed_message_is_sent_again(api: Api) -> None:
    api.world.provider.outcomes = [
        e.RecipientInvalid("This number is not on WhatsApp.", action="Check the number.")
    ]
    path = sent(api)
    failed = api.get(path)
    assert (failed["status"], failed["external_error"]) == (
        "failed",
        "This number is not on WhatsApp.",
    )
    assert failed["content_attributes"]["external_error"] == "This number is not on WhatsApp."
    assert failed["error_action"] == "Check the number."

    assert api.post(f"{path}/retry")["state"] == "queued"
    api.world.deliver()

    assert api.get(path)["state"] == "sent"
    assert api.post(f"{path}/retry", status=422)["code"] == "not_failed"


def test_an_unknown_outcome_is_told_as_such(api: Api) -> None:
    api.world.features(find_sent=False)
    api.world.provider.outcomes = [e.OutcomeUnknown("No answer came.")]

    assert api.get(sent(api))["state"] == "unknown"


def test_reactions_come_and_go(api: Api) -> None:
    message_id = api.world.incoming("IN1")
    path = f"{api.chat}/messages/{message_id}"

    api.post(f"{path}/reactions", {"emoji": "👍"})
    api.world.deliver()
    assert api.get(path)["reactions"] == [{"emoji": "👍", "from_me": True, "contact_id": None}]

    api.post(f"{path}/reactions", {"emoji": ""})
    api.world.deliver()
    assert api.get(path)["reactions"] == []


def test_a_message_of_another_conversation_is_not_there(api: Api) -> None:
    [other] = api.world.send("x", conversation_id=api.world.chat(BUDI))

    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/retry")):
        api.call(method, f"{api.chat}/messages/{other}{tail}", status=404)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_given_to_who_may_see_it(api: Api) -> None:
    made = form(api, **{"attachments[]": [(PNG, "a.png")]})
    path = f"attachments/{made['attachments'][0]['id']}"

    response = api.raw("GET", path)
    assert response.data == PNG
    assert response.headers["Content-Type"] == "image/png"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    part = api.raw("GET", path, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, PNG[:4])
    api.get(path, as_="bob", status=404)


def test_a_link_works_without_a_token_until_it_is_changed(api: Api) -> None:
    made = form(api, **{"attachments[]": [(PNG, "a.png")]})
    link = urlsplit(made["attachments"][0]["data_url"])
    assert (link.scheme, link.netloc) == ("https", "chat.example")
    client = api.app.test_client()

    assert client.get(f"{link.path}?{link.query}").data == PNG
    assert client.get(f"{link.path}?{link.query}x").status_code == 403
    assert client.get(f"/files/999?{link.query}").status_code == 403
    assert client.get(link.path).status_code == 403


def test_a_picture_of_a_contact_has_a_link(api: Api) -> None:
    stored = api.world.core.storage.save([PNG], max_bytes=1000)
    api.world.set(t.Contact, avatar_key=stored.key)

    link = urlsplit(api.get("contacts")["payload"][0]["thumbnail"])
    response = api.app.test_client().get(f"{link.path}?{link.query}")

    assert (response.data, response.mimetype) == (PNG, "image/png")
    wrong = api.app.test_client().get(f"/files/contacts/99?{link.query}")
    assert wrong.status_code == 403


def test_a_file_that_could_not_be_fetched_is_asked_for_again(api: Api) -> None:
    message_id = api.world.incoming("IN1", content_type="media")
    with api.world.core.db.write("file") as connection:
        attachment_id = insert(
            connection,
            t.Attachment.__table__,
            {
                "account_id": api.world.account_id,
                "message_id": message_id,
                "kind": "image",
                "state": "failed",
                "media_ref": {"kind": "image"},
                "error": "The service was away.",
                "error_action": "Fetch it again.",
            },
        )

    told = api.get(f"attachments/{attachment_id}", status=404)
    assert (told["error"], told["action"]) == ("The service was away.", "Fetch it again.")
    assert api.post(f"attachments/{attachment_id}/fetch")["state"] == "pending"
    assert api.post(f"attachments/{attachment_id}/fetch", status=422)["code"] == "not_failed"
    [listed_file] = api.get(f"{api.chat}/attachments")["payload"]
    assert listed_file["id"] == attachment_id
