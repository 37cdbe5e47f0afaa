"""Nobody reaches what is not theirs: all routes, without a token, from another account, from outside an inbox."""

from __future__ import annotations

import re
from typing import Any

from api.client import Api, snapshot
from services.fake_provider import NUMBER, PNG, RINA, upload

from chatport.api.routing import Route, Routes
from chatport.db import tables as t
from chatport.db.types import utcnow
from chatport.db.upsert import insert
from chatport.services import contact_actions
from chatport.services.alerts import raise_alert

IN_ACCOUNT = [route for route in Routes.all if route.in_account]
#: Variables of addresses that lead into an inbox.
OF_AN_INBOX = ("conversation_id", "message_id", "attachment_id", "inbox_id")
#: What would give the first account away in an answer.
MARKS = (
    RINA,
    NUMBER.lstrip("+"),
    "Sales",
    "Shop",
    "ana@shop.test",
    "very private words",
    "words of the account",
)


def fill(api: Api) -> dict[str, int]:
    """One of everything in the first account; values of the variables in addresses."""
    world, core = api.world, api.world.core
    world.incoming("IN1", content="very private words")
    [message_id] = world.send("", attachments=[upload("a.png", PNG)])
    contact_id = world.one(t.Conversation, t.Conversation.id == world.conversation_id).contact_id
    first = contact_actions.create(core, account_id=world.account_id, values={"name": "One"})
    second = contact_actions.create(core, account_id=world.account_id, values={"name": "Two"})
    merge_id = contact_actions.merge(
        core, account_id=world.account_id, base_id=first, mergee_id=second
    )
    with core.db.write("fill") as connection:
        alert_id = raise_alert(
            connection,
            account_id=world.account_id,
            channel_id=world.channel_id,
            kind="test",
            dedupe_key="test",
            title="very private words",
        )
        event_id = insert(
            connection,
            t.RawRequest.__table__,
            {
                "account_id": world.account_id,
                "channel_id": world.channel_id,
                "received_at": utcnow(),
                "headers": {},
                "body": b"very private words",
                "state": "dead",
            },
        )
        letter = {
            "account_id": world.account_id,
            "kind": "request",
            "subject_id": event_id,
            "error": "very private words",
        }
        letter_id = insert(connection, t.DeadLetter.__table__, letter)
        response_id = insert(
            connection,
            t.CannedResponse.__table__,
            {"account_id": world.account_id, "short_code": "x", "content": "words of the account"},
        )
    assert alert_id is not None
    return {
        "account_id": world.account_id,
        "conversation_id": api.number(),
        "message_id": message_id,
        "attachment_id": world.one(t.Attachment).id,
        "contact_id": contact_id,
        "merge_id": merge_id,
        "inbox_id": world.inbox_id,
        "alert_id": alert_id,
        "event_id": event_id,
        "letter_id": letter_id,
        "response_id": response_id,
        "user_id": world.user_id,
        "token_id": 1,
    }


def bodies(ids: dict[str, int]) -> dict[str, dict[str, Any]]:
    """A body for every route that takes one, with ids of the first account."""
    channel = {"phone_number": "+4915112340001", "provider": "fake"}
    members = {"inbox_id": ids["inbox_id"], "user_ids": [ids["user_id"]]}
    return {
        "create_inbox": {"name": "New", "channel": channel},
        "test_new_inbox": {"channel": channel},
        "update_inbox": {"name": "Changed"},
        "start_login": {"method": "qr"},
        "add_members": members,
        "replace_members": members,
        "remove_members": members,
        "create_contact": {
            "name": "X",
            "phone_number": "+4915112340002",
            "inbox_id": ids["inbox_id"],
        },
        "update_contact": {"name": "Changed"},
        "patch_contact": {"name": "Changed"},
        "merge_contacts": {
            "base_contact_id": ids["contact_id"],
            "mergee_contact_id": ids["contact_id"] + 1,
        },
        "create_conversation": {"inbox_id": ids["inbox_id"], "contact_id": ids["contact_id"]},
        "toggle_status": {"status": "resolved"},
        "set_priority": {"priority": "high"},
        "assign": {"assignee_id": ids["user_id"]},
        "set_labels": {"labels": ["x"]},
        "set_custom_attributes": {"custom_attributes": {"x": 1}},
        "toggle_typing": {"typing_status": "on"},
        "create_message": {"content": "hi"},
        "edit_message": {"content": "changed"},
        "react": {"emoji": "👍"},
        "replay_dead_letters": {"ids": [ids["letter_id"]]},
        "create_agent": {"email": "new@example.com"},
        "update_agent": {"role": "agent"},
        "create_canned_response": {"short_code": "hours", "content": "Nine to six."},
        "update_canned_response": {"content": "Nine to five."},
        "replace_canned_response": {"short_code": "hours", "content": "Nine to five."},
        "update_profile": {"name": "Changed"},
        "create_token": {"name": "New"},
    }


def request_of(route: Route, ids: dict[str, int], account_id: int) -> dict[str, Any]:
    """Arguments of the client for a call of a route."""
    values = {**ids, "account_id": account_id}
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: str(values[m[1]]), route.rule)
    call: dict[str, Any] = {"method": route.method, "path": path}
    if route.body is not None:
        call["json"] = bodies(ids)[route.name]
    return call


def test_every_route_needs_a_token(api: Api) -> None:
    ids = fill(api)
    answers = {
        route.name: api.raw(**request_of(route, ids, api.world.account_id), as_="").status_code
        for route in Routes.all
        if route.role
    }

    assert {name: status for name, status in answers.items() if status != 401} == {}
    assert len(answers) > 70


def test_another_account_is_not_there(api: Api) -> None:
    ids = fill(api)
    before = snapshot(api, api.world.account_id)

    answers = {
        route.name: api.raw(**request_of(route, ids, api.world.account_id), as_="eve").status_code
        for route in IN_ACCOUNT
    }

    assert {name: status for name, status in answers.items() if status != 404} == {}
    assert snapshot(api, api.world.account_id) == before


def test_ids_of_another_account_lead_nowhere_in_the_own_one(api: Api) -> None:
    ids = fill(api)
    before = snapshot(api, api.world.account_id)

    for route in IN_ACCOUNT:
        response = api.raw(**request_of(route, ids, api.other_account_id), as_="eve")
        text = response.get_data(as_text=True)
        assert [mark for mark in MARKS if mark in text] == [], route.name
        if "<id:" in route.path:
            assert response.status_code in (404, 422), (route.name, text)

    assert snapshot(api, api.world.account_id) == before


def test_an_agent_outside_the_inbox_sees_nothing_of_it(api: Api) -> None:
    ids = fill(api)

    for route in IN_ACCOUNT:
        response = api.raw(**request_of(route, ids, api.world.account_id), as_="bob")
        text = response.get_data(as_text=True)
        assert "very private words" not in text, route.name
        if route.role == "administrator":
            assert response.status_code == 401, (route.name, text)
        elif any(f":{name}>" in route.path for name in OF_AN_INBOX):
            assert response.status_code == 404, (route.name, text)


def test_a_token_of_somebody_else_cannot_be_revoked(api: Api) -> None:
    token_id = api.get("/profile/tokens")["payload"][0]["id"]

    api.delete(f"/profile/tokens/{token_id}", as_="eve", status=404)

    api.get("/profile")


def test_a_suspended_account_is_closed(api: Api) -> None:
    api.world.set(t.Account, t.Account.id == api.world.account_id, active=False)

    assert api.get("inboxes", status=401)["code"] == "account_suspended"


def test_a_bearer_token_works_too(api: Api) -> None:
    told = api.get("/profile", as_="", headers={"Authorization": f"Bearer {api.tokens['ana']}"})

    assert told["email"] == "ana@shop.test"


def test_a_wrong_token_and_one_of_a_user_who_left_do_not_work(api: Api) -> None:
    api.get("/profile", as_="", headers={"api_access_token": "nonsense"}, status=401)

    api.world.set(t.User, t.User.id == api.users["ana"], active=False)
    api.get("/profile", status=401)
