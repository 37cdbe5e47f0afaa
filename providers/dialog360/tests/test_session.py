"""Declaration, configuration, webhook address, health."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from marshmallow import ValidationError

from chatport import Channel, InboundRequest, hookspecs
from chatport.errors import AnomalousPayload, AuthenticationFailed, ConfigInvalid, ContentRefused
from chatport.events import Ignored, MessageReceived
from chatport.schema import generated_names, secret_names
from chatport_dialog360 import plugin
from chatport_dialog360.schema import Dialog360Schema

NEW, OLD = "https://waba-v2.test", "https://waba.test/v1"
CALLBACK = "https://chat.test/webhooks/whatsapp/4930700001234"
SECRET = "0123456789abcdef0123456789abcdef"
OURS = {"url": CALLBACK, "headers": {"X-Hook-Secret": SECRET}}
HEALTH = {
    "health_status": {
        "can_send_message": "AVAILABLE",
        "entities": [
            {"entity_type": "PHONE_NUMBER", "id": "11", "can_send_message": "AVAILABLE"},
            {"entity_type": "WABA", "id": "22", "can_send_message": "AVAILABLE"},
            {"entity_type": "APP", "id": 5},
            None,
        ],
    }
}
HOOKS = [name for name, value in vars(plugin).items() if hasattr(value, "chatport_impl")]


@pytest.mark.parametrize("name", HOOKS)
def test_hook_takes_arguments_of_its_specification(name: str) -> None:
    known = set(inspect.signature(getattr(hookspecs, name)).parameters)
    assert set(inspect.signature(getattr(plugin, name)).parameters) <= known


def test_provider_declares_its_alias_and_the_secret_header() -> None:
    scheme = plugin.PROVIDER.authentication
    assert plugin.PROVIDER.aliases == ("default",) and plugin.PROVIDER.challenge is None
    assert (scheme.kind, scheme.header, scheme.query_parameter, scheme.secret_keys) == (
        "header_secret",
        "X-Hook-Secret",
        "secret",
        ("webhook_verify_token",),
    )
    assert plugin.PROVIDER.answer_status == 200


def test_schema_has_the_newer_address_by_default() -> None:
    loaded: Any = Dialog360Schema().load({"api_key": "k"})
    assert loaded["api_base_url"] == "https://waba-v2.360dialog.io"
    assert secret_names(Dialog360Schema) == {"api_key", "webhook_verify_token"}
    assert generated_names(Dialog360Schema) == {"webhook_verify_token"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "api_key"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "a\nb"}, "api_key"),
        ({"api_key": "k", "api_base_url": "waba.360dialog.io"}, "api_base_url"),
        ({"api_key": "k", "webhook_verify_token": "ü"}, "webhook_verify_token"),
        ({"api_key": "k", "other": 1}, "other"),
    ],
)
def test_schema_refuses_and_names_the_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Dialog360Schema().load(values)
    assert isinstance(caught.value.messages, dict) and list(caught.value.messages) == [field]


# --- shapes ---------------------------------------------------------------------------------------


def read(channel: Channel, body: bytes) -> Any:
    return plugin.handle_event(channel, InboundRequest(body, {}, datetime(2026, 9, 1, tzinfo=UTC)))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"foo": 1}', b'{"event": ""}', b"x"])
def test_foreign_bodies_are_refused(channel: Channel, body: bytes) -> None:
    with pytest.raises(AnomalousPayload):
        read(channel, body)


def test_shape_decides_not_the_generation(old_channel: Channel) -> None:
    body = b"""{"entry": [{"changes": [{"field": "messages", "value": {"messages": [
      {"from": "49", "id": "w1", "type": "text", "text": {"body": "x"}}]}}]}]}"""
    (event,) = read(old_channel, body)
    assert isinstance(event, MessageReceived)


def test_partner_event_is_ignored_by_name(channel: Channel) -> None:
    (event,) = read(channel, b'{"id": "1", "event": "channel_live", "data": {}}')
    assert isinstance(event, Ignored) and "channel_live" in event.reason


def test_number_id_counts_once_it_is_known(make_channel: Any) -> None:
    body = b"""{"entry": [{"changes": [{"field": "messages", "value": {
      "metadata": {"phone_number_id": "99"}, "messages": [
      {"from": "49", "id": "w1", "type": "text", "text": {"body": "x"}}]}}]}]}"""
    (event,) = read(make_channel(), body)
    assert event.addressees == ()
    known = make_channel(state={"phone_number_id": "11"})
    (event,) = read(known, body)
    assert event.addressees == ("phone_number_id:99",)
    assert not plugin.channel_addresses(known) & set(event.addressees)


# --- validation -----------------------------------------------------------------------------------


def test_validate_only_reads_and_learns_the_ids(channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{NEW}/v1/configs/webhook", OURS)
    dialog.says("GET", f"{NEW}/health_status", HEALTH)
    found = plugin.validate_config(channel)
    assert found.connected
    assert found.state == {"phone_number_id": "11", "business_account_id": "22"}
    assert {call.split()[0] for call in dialog.calls} == {"GET"}


def test_validate_says_that_the_number_is_blocked(channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{NEW}/v1/configs/webhook", {})
    dialog.says("GET", f"{NEW}/health_status", {"health_status": {"can_send_message": "BLOCKED"}})
    found = plugin.validate_config(channel)
    assert not found.connected and found.reason and found.action


def test_validate_bears_a_plan_without_health(channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{NEW}/v1/configs/webhook", {})
    dialog.says("GET", f"{NEW}/health_status", {"error": "blocked"}, 403)
    assert plugin.validate_config(channel).connected


def test_validate_tells_a_bad_key_and_shows_it_nowhere(channel: Channel, dialog: Any) -> None:
    words = f"Invalid api_key {channel.config['api_key']}"
    body = {"meta": {"success": False, "http_code": 401, "developer_message": words}}
    dialog.says("GET", f"{NEW}/v1/configs/webhook", body, 401)
    with pytest.raises(AuthenticationFailed) as caught:
        plugin.validate_config(channel)
    assert channel.config["api_key"] not in f"{caught.value!r} {caught.value.detail}"


def test_validate_names_the_key_of_another_number(old_channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{OLD}/configs/webhook", {})
    dialog.says("GET", f"{OLD}/configs/phone_number", {"phone_number": "4930700009999"})
    with pytest.raises(ConfigInvalid) as caught:
        plugin.validate_config(old_channel)
    assert list(caught.value.fields) == ["api_key"]


@pytest.mark.parametrize(("state", "connected"), [("connected", True), ("uninitialized", False)])
def test_validate_of_the_older_generation(
    old_channel: Channel, dialog: Any, state: str, connected: bool
) -> None:
    dialog.says("GET", f"{OLD}/configs/webhook", {})
    dialog.says("GET", f"{OLD}/configs/phone_number", {"phone_number": "4930700001234"})
    dialog.says("GET", f"{OLD}/health", {"health": {"gateway_status": state}})
    found = plugin.validate_config(old_channel)
    assert found.connected is connected and found.linked_number == "+4930700001234"


def no_webhook(dialog: Any, *then: Any) -> None:
    """The older stack's answer where no webhook address was ever set."""
    error = {"code": 1022, "title": "Webhook URL is not configured"}
    answer = {"json": {"meta": {"api_status": "stable"}, "errors": [error]}, "status_code": 400}
    dialog.mock.get(f"{OLD}/configs/webhook", [answer, *then])


def test_validate_bears_that_no_webhook_was_ever_set(old_channel: Channel, dialog: Any) -> None:
    no_webhook(dialog)
    dialog.says("GET", f"{OLD}/configs/phone_number", {"phone_number": "4930700001234"})
    dialog.says("GET", f"{OLD}/health", {"health": {"gateway_status": "connected"}})
    assert plugin.validate_config(old_channel).connected


# --- webhook address ------------------------------------------------------------------------------


def posted(dialog: Any, path: str) -> list[Any]:
    history = dialog.mock.request_history
    return [r.json() for r in history if r.method == "POST" and r.path == path]


def test_provision_sets_address_and_secret_header(channel: Channel, dialog: Any) -> None:
    for path in ("v1/configs/webhook", "waba_webhook"):
        dialog.says("GET", f"{NEW}/{path}", {"url": "", "headers": {}})
        dialog.says("POST", f"{NEW}/{path}", OURS)
    found = plugin.provision(channel)
    assert posted(dialog, "/v1/configs/webhook") == [OURS]
    assert posted(dialog, "/waba_webhook") == [{**OURS, "override_all": False}]
    assert len(found.done) == 2 and found.steps == ()


def test_provision_sets_the_first_address_of_all(old_channel: Channel, dialog: Any) -> None:
    no_webhook(dialog)
    dialog.says("POST", f"{OLD}/configs/webhook", OURS, 201)
    assert plugin.provision(old_channel).done
    assert posted(dialog, "/v1/configs/webhook") == [OURS]


def test_provision_replaces_an_address_that_has_lost_its_secret(
    channel: Channel, dialog: Any
) -> None:
    for path in ("v1/configs/webhook", "waba_webhook"):
        dialog.says("GET", f"{NEW}/{path}", {"url": CALLBACK, "headers": {}})
        dialog.says("POST", f"{NEW}/{path}", OURS)
    plugin.provision(channel)
    assert posted(dialog, "/v1/configs/webhook") == [OURS]
    assert posted(dialog, "/waba_webhook") == [{**OURS, "override_all": False}]


def test_provision_shows_no_secret_of_the_address_that_is_refused(
    make_channel: Any, dialog: Any
) -> None:
    secret = "s/e+c=r/e+t"
    given = f"{CALLBACK}?{urlencode({'secret': secret})}"
    dialog.says("GET", f"{OLD}/configs/webhook", {"url": ""})
    answers = [
        {"json": {"url": CALLBACK}},
        {"json": {"error": f"Bad: {given}"}, "status_code": 400},
    ]
    dialog.mock.post(f"{OLD}/configs/webhook", answers)
    with pytest.raises(ContentRefused) as caught:
        plugin.provision(make_channel(api_base_url=OLD, webhook_verify_token=secret))
    shown = f"{caught.value!r} {caught.value.message} {caught.value.detail} {caught.value.action}"
    assert "Bad" in shown and given.rpartition("=")[2] not in shown and secret not in shown


def test_provision_changes_nothing_that_is_right(channel: Channel, dialog: Any) -> None:
    right = {"url": CALLBACK, "headers": {"x-hook-secret": SECRET}}
    dialog.says("GET", f"{NEW}/v1/configs/webhook", right)
    dialog.says("GET", f"{NEW}/waba_webhook", right)
    assert plugin.provision(channel).done
    assert {call.split()[0] for call in dialog.calls} == {"GET"}


def test_provision_puts_the_secret_into_the_address_where_headers_are_lost(
    old_channel: Channel, dialog: Any
) -> None:
    dialog.says("GET", f"{OLD}/configs/webhook", {"url": ""})
    dialog.says("POST", f"{OLD}/configs/webhook", {"url": CALLBACK})
    plugin.provision(old_channel)
    assert posted(dialog, "/v1/configs/webhook") == [
        OURS,
        {"url": f"{CALLBACK}?secret={SECRET}", "headers": {}},
    ]


def test_provision_leaves_the_accounts_address_to_its_owner(channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{NEW}/v1/configs/webhook", OURS)
    dialog.says("GET", f"{NEW}/waba_webhook", {"url": "https://elsewhere.test", "headers": {}})
    assert plugin.provision(channel).steps == ()
    assert posted(dialog, "/waba_webhook") == []


def test_provision_goes_on_without_the_accounts_events(channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{NEW}/v1/configs/webhook", OURS)
    dialog.says("GET", f"{NEW}/waba_webhook", {"error": "blocked"}, 403)
    found = plugin.provision(channel)
    assert found.done and [step.title for step in found.steps] == ["Events of the account"]


def test_provision_says_which_addresses_are_taken(channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{NEW}/v1/configs/webhook", {"url": ""})
    dialog.says("POST", f"{NEW}/v1/configs/webhook", {"error": "Invalid webhook url"}, 400)
    with pytest.raises(ContentRefused) as caught:
        plugin.provision(channel)
    assert "without a port" in caught.value.action and CALLBACK in caught.value.action
    assert SECRET not in f"{caught.value!r} {caught.value.action}"


# --- health ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("webhook", "level"),
    [
        (OURS, "ok"),
        ({"url": f"{CALLBACK}?secret={SECRET}", "headers": {}}, "ok"),
        ({"url": CALLBACK, "headers": {}}, "error"),
        ({"url": CALLBACK, "headers": {"X-Hook-Secret": "old"}}, "error"),
        ({"url": "https://elsewhere.test", "headers": OURS["headers"]}, "error"),
        ({"url": None, "headers": None}, "error"),
    ],
)
def test_health_looks_at_the_webhook(
    channel: Channel, dialog: Any, webhook: Any, level: str
) -> None:
    dialog.says("GET", f"{NEW}/v1/configs/webhook", webhook)
    dialog.says("GET", f"{NEW}/health_status", HEALTH)
    found = {fact.title: fact for fact in plugin.check_health(channel)}
    assert found["Webhook"].level == level and found["Sending"].level == "ok"
    assert SECRET not in repr(found)


def test_health_of_the_older_generation(old_channel: Channel, dialog: Any) -> None:
    dialog.says("GET", f"{OLD}/configs/webhook", OURS)
    dialog.says("GET", f"{OLD}/health", {"health": {"gateway_status": "unregistered"}})
    found = {fact.title: fact.level for fact in plugin.check_health(old_channel)}
    assert found == {"Webhook": "ok", "Generation": "warning", "WhatsApp stack": "error"}
