"""Dead letters, webhook events, alerts, people, tokens over the API."""

from __future__ import annotations

from typing import Any

from api.client import Api

from chatport import errors as e
from chatport.db import tables as t
from chatport.db.types import utcnow
from chatport.db.upsert import insert
from chatport.services.alerts import raise_alert


def event(api: Api, **values: Any) -> int:
    """A stored webhook request."""
    with api.world.core.db.write("event") as connection:
        return insert(
            connection,
            t.RawRequest.__table__,
            {
                "account_id": api.world.account_id,
                "channel_id": api.world.channel_id,
                "received_at": utcnow(),
                "headers": {"content-type": "application/json"},
                "body": b'{"event": "message"}',
                "verdict": "accepted",
                "state": "dead",
                "error": "cannot be parsed",
                **values,
            },
        )


def letter(api: Api, **values: Any) -> int:
    with api.world.core.db.write("letter") as connection:
        return insert(
            connection,
            t.DeadLetter.__table__,
            {
                "account_id": api.world.account_id,
                "channel_id": api.world.channel_id,
                "error_type": "KeyError",
                "error": "boom",
                "action": "Replay it.",
                **values,
            },
        )


# --- dead letters -----------------------------------------------------------------------------------------------------


def test_a_dead_letter_tells_everything_and_is_replayed(api: Api) -> None:
    request_id = event(api)
    letter_id = letter(api, kind="request", subject_id=request_id, payload={"a": 1}, attempts=5)

    [listed] = api.get("dead_letters")["payload"]
    assert listed["id"] == letter_id
    assert (listed["kind"], listed["state"], listed["attempts"]) == ("request", "dead", 5)
    assert (listed["error"], listed["action"]) == ("boom", "Replay it.")
    assert listed["inbox_id"] == api.world.inbox_id
    assert api.get(f"dead_letters/{letter_id}")["payload"] == {"a": 1}

    replayed = api.post(f"dead_letters/{letter_id}/replay")

    assert replayed["state"] == "replayed"
    assert api.world.one(t.RawRequest).state == "pending"
    assert api.get("dead_letters")["payload"] == []
    assert len(api.get("dead_letters?state=all")["payload"]) == 1
    assert api.post(f"dead_letters/{letter_id}/replay", status=422)["code"] == "replayed"


def test_a_dead_send_is_sent_again(api: Api) -> None:
    api.world.provider.outcomes = [RuntimeError("bug")] * 3
    [message_id] = api.world.send("hello")
    for _ in range(3):
        api.world.deliver()
        api.world.make_due()
    [dead] = api.get("dead_letters?kind=send")["payload"]

    api.post(f"dead_letters/{dead['id']}/replay")
    api.world.deliver()

    assert api.world.message(message_id).status == "sent"


def test_several_are_replayed_and_what_cannot_be_is_told(api: Api) -> None:
    good = letter(api, kind="request", subject_id=event(api))
    gone = letter(api, kind="request", subject_id=event(api, body=None))

    told = api.post("dead_letters/replay", {"all": True})

    assert told["replayed"] == [good]
    [refused] = told["refused"]
    assert (refused["id"], refused["action"]) == (gone, "Discard it.")
    assert api.post("dead_letters/replay", {"ids": [good]})["replayed"] == []


def test_a_dead_letter_is_discarded(api: Api) -> None:
    letter_id = letter(api, kind="request", subject_id=event(api))

    assert api.post(f"dead_letters/{letter_id}/discard")["state"] == "resolved"
    assert api.get("dead_letters")["payload"] == []


def test_dead_letters_are_paged(api: Api) -> None:
    ids = [letter(api, kind="task", subject_id=n) for n in range(60)]

    first = [one["id"] for one in api.get("dead_letters")["payload"]]
    second = [one["id"] for one in api.get(f"dead_letters?before={first[-1]}")["payload"]]

    assert first + second == ids[::-1]


# --- webhook events ---------------------------------------------------------------------------------------------------


def test_an_event_tells_what_came_and_what_became_of_it(api: Api) -> None:
    item = {"key": "m:1", "kind": "message", "state": "ignored", "reason": "empty"}
    event_id = event(api, state="done", error="", items=[item])

    [listed] = api.get("events")["payload"]
    shown = api.get(f"events/{event_id}")

    assert (listed["verdict"], listed["state"], listed["replayable"]) == ("accepted", "done", True)
    assert listed["items"] == [{**item, "message_id": None}]
    assert shown["body"] == '{"event": "message"}'
    assert shown["headers"] == {"content-type": "application/json"}
    assert "body" not in listed


def test_events_are_filtered(api: Api) -> None:
    dead, held = event(api), event(api, state="held", verdict="channel_inactive")

    def ids(query: str) -> list[int]:
        return [one["id"] for one in api.get(f"events?{query}")["payload"]]

    assert ids("") == [held, dead]
    assert ids("state=held") == [held]
    assert ids(f"before={held}") == [dead]
    assert ids(f"inbox_id={api.world.inbox_id}") == [held, dead]
    assert ids("inbox_id=99") == []


def test_an_event_is_replayed_while_its_body_is_kept(api: Api) -> None:
    kept, forgotten = event(api), event(api, body=None)

    assert api.post(f"events/{kept}/replay")["state"] == "pending"
    assert api.post(f"events/{forgotten}/replay", status=422)["code"] == "no_body"
    assert api.get(f"events/{forgotten}")["replayable"] is False


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_alerts_are_listed_and_put_away(api: Api) -> None:
    with api.world.core.db.write("alert") as connection:
        raise_alert(
            connection,
            account_id=api.world.account_id,
            channel_id=api.world.channel_id,
            kind="login_lost",
            dedupe_key="x",
            title="WhatsApp login lost",
            action="Scan the code again.",
        )

    [alert] = api.get("alerts")["payload"]
    assert (alert["title"], alert["action"]) == ("WhatsApp login lost", "Scan the code again.")

    assert api.post(f"alerts/{alert['id']}/resolve")["resolved_at"] is not None
    assert api.get("alerts")["payload"] == []
    assert len(api.get("alerts?state=resolved")["payload"]) == 1


# --- account, people --------------------------------------------------------------------------------------------------


def test_the_account_is_shown(api: Api) -> None:
    told = api.get(f"/accounts/{api.world.account_id}")

    assert (told["name"], told["status"], told["providers_allowed"]) == ("Shop", "active", None)


def test_people_are_added_changed_and_removed(api: Api) -> None:
    made = api.post(
        "agents", {"email": "New@Example.com", "name": "New", "password": "long enough"}
    )
    assert (made["email"], made["role"]) == ("new@example.com", "agent")
    path = f"agents/{made['id']}"
    api.post(f"{api.chat}/assignments", {"assignee_id": made["id"]})

    assert api.patch(path, {"role": "administrator"})["role"] == "administrator"
    assert "new" in str(api.get("agents"))
    api.delete(path)

    assert "new@example.com" not in str(api.get("agents"))
    assert api.get(api.chat)["meta"]["assignee"] is None
    api.delete(path, status=404)


def test_an_administrator_cannot_lock_everybody_out(api: Api) -> None:
    me = f"agents/{api.users['ana']}"

    assert api.patch(me, {"role": "agent"}, status=422)["code"] == "last_administrator"
    assert api.delete(me, status=422)["code"] == "yourself"
    mine = api.get("/profile")["email"]
    again = api.post("agents", {"email": mine, "role": "agent"}, status=422)
    assert list(again["errors"]) == ["email"]
    assert api.get("/profile")["accounts"][0]["role"] == "administrator"


def test_people_are_refused_by_field(api: Api) -> None:
    told = api.post("agents", {"email": "no address", "password": "short"}, status=422)

    assert set(told["errors"]) == {"email", "password"}


# --- profile ----------------------------------------------------------------------------------------------------------


def test_the_profile_tells_accounts_and_roles(api: Api) -> None:
    told = api.get("/profile")

    assert (told["name"], told["email"]) == ("Ana", "ana@shop.test")
    assert told["accounts"] == [
        {"id": api.world.account_id, "name": "Shop", "role": "administrator"}
    ]


def test_the_profile_can_be_changed(api: Api) -> None:
    body = {"name": "Ana B", "locale": "de", "timezone": "Europe/Berlin"}

    told = api.call("PUT", "/profile", json=body)

    assert (told["name"], told["locale"], told["timezone"]) == ("Ana B", "de", "Europe/Berlin")


def test_a_token_is_shown_once_and_can_be_revoked(api: Api) -> None:
    made = api.post("/profile/tokens", {"name": "script"})
    api.tokens["script"] = made["token"]

    listed = api.get("/profile/tokens", as_="script")["payload"]
    assert {"script", "test"} == {one["name"] for one in listed}
    assert made["token"] not in str(listed)
    assert made["hint"] == made["token"][-4:]

    api.delete(f"/profile/tokens/{made['id']}")
    api.get("/profile", as_="script", status=401)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_unknown_addresses_and_methods_answer_in_the_same_shape(api: Api) -> None:
    client = api.app.test_client()

    missing = client.get("/api/v1/nothing")
    wrong = client.delete("/api/v1/profile")

    assert (missing.status_code, missing.get_json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.get_json()["code"]) == (405, "method_not_allowed")
    assert set(missing.get_json()) == set(wrong.get_json())


def test_an_unexpected_error_tells_nothing_of_the_inside(api: Api, monkeypatch: Any) -> None:
    def crash(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("chatport.api.contacts._page", crash)

    told = api.get("contacts", status=500)

    assert told["code"] == "internal_error"
    assert "secret detail" not in str(told)


def test_ids_beyond_any_database_are_not_there(api: Api) -> None:
    for path in ("contacts/99999999999999999999", "contacts/9223372036854775807", "contacts/0"):
        api.get(path, status=404)
    api.get("contacts?page=99999999999", status=422)
    assert api.get("contacts?page=1000000")["payload"] == []


def test_an_error_of_a_setting_is_told_to_the_operator(api: Api) -> None:
    api.world.provider.answers["validate_config"] = e.ConfigurationError(
        "the proxy is wrong", action="Correct it."
    )

    told = api.post(f"inboxes/{api.world.inbox_id}/test", status=500)

    assert (told["error"], told["action"]) == ("The proxy is wrong", "Correct it.")
