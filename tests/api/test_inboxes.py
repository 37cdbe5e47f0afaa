"""Inboxes over the API: create, try, change, delete, health, login, agents."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from api.client import Api

from chatport import errors as e
from chatport.channels import Connection, HealthFact, ManualStep, PairingPrompt, Provisioned
from chatport.db import tables as t
from chatport.schema import MASK
from chatport.services.tasks import run_due

NUMBER = "+4915112340001"
CHANNEL = {"type": "whatsapp", "phone_number": NUMBER, "provider": "fake"}


def create(api: Api, status: int = 200, **channel: Any) -> Any:
    return api.post("inboxes", {"name": "New", "channel": {**CHANNEL, **channel}}, status=status)


def inbox(api: Api, tail: str = "") -> str:
    return f"inboxes/{api.world.inbox_id}{tail}"


def tasks(api: Api) -> set[str]:
    return {task.kind for task in api.world.rows(t.Task)}


# --- create -----------------------------------------------------------------------------------------------------------


def test_create_answers_the_inbox_in_the_known_shape(api: Api) -> None:
    made = create(api, provider_config={"webhook_verify_token": "my-own-secret"})

    assert made["name"] == "New"
    assert made["channel_type"] == "Channel::Whatsapp"
    assert made["provider"] == "fake"
    assert made["phone_number"] == NUMBER
    assert made["callback_webhook_url"] == "https://chat.example/webhooks/whatsapp/4915112340001"
    assert made["connection"] == "connected"
    assert made["connection_result"]["pairing"] == ["qr"]
    assert made["generated_secrets"] == {}
    assert "provision" in tasks(api)


def test_no_secret_is_in_any_answer_about_an_inbox(api: Api) -> None:
    made = create(api, provider_config={"webhook_verify_token": "my-own-secret"})

    assert made["provider_config"]["webhook_verify_token"] == MASK
    for path in ("inboxes", f"inboxes/{made['id']}", f"inboxes/{made['id']}/health"):
        assert "my-own-secret" not in str(api.get(path))


def test_create_refuses_by_field(api: Api) -> None:
    told = create(api, status=422, provider_config={"api_base_url": 5, "unknown": 1})

    assert set(told["errors"]) == {"api_base_url", "unknown"}
    assert told["attributes"] == ["api_base_url", "unknown"]
    assert told["action"] == "Correct the named fields."
    assert told["code"] == "config_invalid"
    assert len(api.world.rows(t.Channel)) == 1


def test_create_names_missing_fields_of_the_request(api: Api) -> None:
    told = api.post("inboxes", {"channel": {"provider": "fake"}}, status=422)

    assert set(told["errors"]) == {"name", "channel.phone_number"}
    assert told["action"]


def test_create_tells_what_the_service_says_and_what_to_do(api: Api) -> None:
    api.world.provider.answers["validate_config"] = e.ServiceUnreachable(
        "Nothing answers at fake.test.", action="Start the service, or correct the address."
    )

    told = create(api, status=422)

    assert told["error"] == "Nothing answers at fake.test."
    assert told["action"] == "Start the service, or correct the address."
    assert told["code"] == "unreachable"
    assert told["errors"] == {"api_base_url": ["Nothing answers at fake.test."]}
    assert len(api.world.rows(t.Channel)) == 1


def test_create_names_the_field_of_credentials_that_are_refused(api: Api) -> None:
    api.world.provider.answers["validate_config"] = e.AuthenticationFailed("Not accepted.")

    told = create(api, status=422)

    assert told["errors"] == {"webhook_verify_token": ["Not accepted."]}
    assert told["action"]


def test_create_names_the_field_that_the_provider_blames(api: Api) -> None:
    api.world.provider.answers["validate_config"] = e.AuthenticationFailed(
        "Not accepted.", fields={"api_base_url": ["Ask another service."]}
    )

    assert create(api, status=422)["errors"] == {"api_base_url": ["Ask another service."]}


def test_create_ends_when_the_service_never_answers(api: Api) -> None:
    object.__setattr__(api.world.core.settings, "hook_time_limit", 0.2)
    api.world.provider.answers["validate_config"] = lambda _: time.sleep(2)

    told = create(api, status=422)

    assert told["code"] == "timeout"
    assert told["action"]
    assert len(api.world.rows(t.Channel)) == 1


def test_create_refuses_a_number_that_is_in_use(api: Api) -> None:
    told = create(api, status=422, phone_number=api.world.channel().phone_number)

    assert list(told["errors"]) == ["phone_number"]


def test_create_refuses_a_provider_that_the_account_may_not_use(api: Api) -> None:
    api.world.set(t.Account, t.Account.id == api.world.account_id, providers_allowed=[])

    told = create(api, status=422)

    assert list(told["errors"]) == ["provider"]
    [provider] = api.get("providers")["payload"]
    assert provider["allowed"] is False


def test_create_is_for_administrators(api: Api) -> None:
    told = api.post("inboxes", {"name": "New", "channel": CHANNEL}, as_="bob", status=401)

    assert told["code"] == "not_authorised"


def test_a_crashing_plugin_is_a_typed_error(api: Api) -> None:
    api.world.provider.answers["validate_config"] = RuntimeError("boom with my-own-secret")

    told = create(api, status=422, provider_config={"webhook_verify_token": "my-own-secret"})

    assert told["code"] == "plugin_error"
    assert "my-own-secret" not in str(told)


# --- try --------------------------------------------------------------------------------------------------------------


def test_trying_a_configuration_stores_nothing(api: Api) -> None:
    api.world.provider.answers["validate_config"] = Connection(
        connected=False, login_required=True, reason="No phone is linked.", facts={"version": "9"}
    )

    told = api.post("inboxes/test", {"channel": CHANNEL})

    assert told["connected"] is False
    assert told["login_required"] is True
    assert told["facts"] == {"version": "9"}
    assert len(api.world.rows(t.Channel)) == 1


def test_trying_a_stored_inbox_uses_its_own_secrets(api: Api) -> None:
    assert api.post(inbox(api, "/test"))["connected"] is True

    [(_, channel)] = [c for c in api.world.provider.calls if c[0] == "validate_config"]
    assert channel.config["webhook_verify_token"] == "s3cret"


# --- show, list -------------------------------------------------------------------------------------------------------


def test_an_agent_sees_own_inboxes_without_configuration(api: Api) -> None:
    assert api.get("inboxes", as_="bob")["payload"] == []
    api.get(inbox(api), as_="bob", status=404)

    api.let_in("bob")

    [shown] = api.get("inboxes", as_="bob")["payload"]
    assert shown["name"] == "Sales"
    assert "provider_config" not in shown


def test_an_inbox_of_a_missing_plugin_is_still_shown(api: Api) -> None:
    api.world.set(t.Channel, t.Channel.id == api.world.channel_id, provider="gone")

    assert api.get(inbox(api))["features"] is None
    assert "not available" in api.get(inbox(api, "/health"))["error"]
    assert api.post(inbox(api, "/login"), {}, status=422)["code"] == "provider_missing"


# --- change, delete ---------------------------------------------------------------------------------------------------


def test_change_keeps_what_is_left_out_and_a_masked_secret(api: Api) -> None:
    shown = api.patch(
        inbox(api),
        {
            "name": "Shop floor",
            "read_receipts": "never",
            "channel": {
                "provider_config": {
                    "api_base_url": "http://new.test",
                    "webhook_verify_token": MASK,
                }
            },
        },
    )

    assert (shown["name"], shown["read_receipts"]) == ("Shop floor", "never")
    assert shown["provider_config"]["api_base_url"] == "http://new.test"
    stored = api.world.core.vault.open(api.world.channel().provider_secrets)
    assert stored == {"webhook_verify_token": "s3cret"}


def test_change_of_settings_does_not_ask_the_service(api: Api) -> None:
    api.patch(inbox(api), {"name": "Renamed", "channel": {"active": False}})

    assert api.world.provider.calls == []
    assert api.get(inbox(api))["active"] is False


def test_a_deleted_inbox_is_gone_and_its_number_free(api: Api) -> None:
    number = api.world.channel().phone_number

    api.delete(inbox(api))

    api.get(inbox(api), status=404)
    assert "unprovision" in tasks(api)
    assert create(api, phone_number=number)["phone_number"] == number


# --- health, templates, provisioning ----------------------------------------------------------------------------------


def test_health_asks_the_service_now(api: Api) -> None:
    api.world.provider.answers["check_health"] = [
        HealthFact("Webhook", "not set", "error", "Set it up again.")
    ]

    told = api.get(inbox(api, "/health"))

    assert told["facts"] == [
        {"title": "Webhook", "value": "not set", "level": "error", "action": "Set it up again."}
    ]
    assert told["error"] is None


def test_health_tells_why_the_service_gave_no_answer(api: Api) -> None:
    api.world.provider.answers["check_health"] = e.AuthenticationFailed(
        "wrong password", action="Correct the password."
    )

    told = api.get(inbox(api, "/health"))

    assert (told["facts"], told["error"]) == ([], "wrong password")
    assert told["action"] == "Correct the password."


def test_templates_are_synchronised_where_there_are_any(api: Api) -> None:
    assert api.post(inbox(api, "/sync_templates"), status=422)["code"] == "templates"

    api.world.features(templates=True)
    api.world.provider.answers["fetch_templates"] = [{"name": "hello", "language": "en"}]
    api.post(inbox(api, "/sync_templates"))
    run_due(api.world.core, 10)

    [template] = api.get(inbox(api))["message_templates"]
    assert template["name"] == "hello"


def test_setup_steps_give_a_secret_once(api: Api) -> None:
    api.world.provider.answers["provision"] = Provisioned(
        steps=(ManualStep("Webhook", "Paste it.", {"secret": "shown-once"}, secret=True),)
    )
    api.post(inbox(api, "/register_webhook"))
    run_due(api.world.core, 10)

    health = api.get(inbox(api, "/health"))
    first = api.post(inbox(api, "/setup_steps"))["payload"]
    second = api.post(inbox(api, "/setup_steps"))["payload"]

    assert health["provisioning"]["state"] == "done"
    assert "sealed" not in str(health)
    assert first == [
        {"title": "Webhook", "instruction": "Paste it.", "values": {"secret": "shown-once"}}
    ]
    assert second[0]["values"] == {}


# --- login ------------------------------------------------------------------------------------------------------------


def test_login_gives_a_picture_or_a_code(api: Api) -> None:
    told = api.post(inbox(api, "/login"), {"method": "qr"})
    assert told["image"] == "data:image/png;base64," + base64.b64encode(b"png").decode()
    assert told["code"] is None

    api.world.features(pairing=("qr", "code"))
    api.world.provider.answers["start_pairing"] = PairingPrompt("code", 60, text="ABCD-1234")
    told = api.post(inbox(api, "/login"), {"method": "code"})
    assert (told["image"], told["code"]) == (None, "ABCD-1234")


def test_login_refuses_a_way_that_the_provider_lacks(api: Api) -> None:
    told = api.post(inbox(api, "/login"), {"method": "code"}, status=422)

    assert told["code"] == "pairing"
    assert "qr" in told["action"]


@pytest.mark.parametrize(
    ("method", "action", "connected"),
    [("GET", "status", True), ("POST", "reconnect", True), ("POST", "logout", False)],
)
def test_the_login_can_be_asked_for_and_changed(
    api: Api, method: str, action: str, connected: bool
) -> None:
    assert api.call(method, inbox(api, f"/{action}"))["connected"] is connected
    assert api.get(inbox(api))["connection"] == ("connected" if connected else "login_required")


# --- agents of an inbox -----------------------------------------------------------------------------------------------


def test_agents_are_let_in_and_out(api: Api) -> None:
    bob, ana = api.users["bob"], api.users["ana"]
    body = {"inbox_id": api.world.inbox_id, "user_ids": [bob]}

    added = api.post("inbox_members", body)["payload"]
    replaced = api.patch("inbox_members", {**body, "user_ids": [ana]})["payload"]
    removed = api.delete("inbox_members", json={**body, "user_ids": [ana]})["payload"]

    assert [one["id"] for one in added] == [bob]
    assert [one["id"] for one in replaced] == [ana]
    assert removed == []


def test_people_of_other_accounts_cannot_be_let_in(api: Api) -> None:
    body = {"inbox_id": api.world.inbox_id, "user_ids": [api.users["eve"]]}

    assert list(api.post("inbox_members", body, status=422)["errors"]) == ["user_ids"]
    assert api.world.rows(t.InboxMember) == []


# --- providers --------------------------------------------------------------------------------------------------------


def test_providers_come_with_form_and_features(api: Api) -> None:
    [provider] = api.get("providers")["payload"]

    assert (provider["key"], provider["title"], provider["allowed"]) == ("fake", "Fake", True)
    by_name = {one["name"]: one for one in provider["form"]}
    assert by_name["webhook_verify_token"]["widget"] == "password"
    assert by_name["webhook_verify_token"]["secret"] is True
    assert provider["features"]["reactions"] is True
    assert provider["features"]["media"]["image"]["max_bytes"] == 1000
