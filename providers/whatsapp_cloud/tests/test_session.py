"""Configuration, its proof at Meta, and the health page."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from marshmallow import ValidationError

from chatport import Channel, hookspecs
from chatport.errors import AuthenticationFailed, ConfigInvalid, ServiceUnreachable
from chatport.schema import describe, generated_names, secret_names
from chatport_whatsapp_cloud import plugin
from chatport_whatsapp_cloud.schema import WhatsAppCloudSchema

NUMBER = {
    "id": "109870000333444",
    "display_phone_number": "+1 555-700-1234",
    "verified_name": "Kiosk am Park",
    "quality_rating": "GREEN",
    "status": "CONNECTED",
    "platform_type": "CLOUD_API",
    "webhook_configuration": {"phone_number": "https://chat.test/webhooks/whatsapp/15557001234"},
}
GOOD = {
    "api_key": "EAA1",
    "phone_number_id": "1",
    "business_account_id": "2",
    "app_secret": "abc",
}
HOOKS = [name for name, value in vars(plugin).items() if hasattr(value, "chatport_impl")]


def healthy(graph: Any, **number: Any) -> None:
    """Meta with nothing to complain about; keywords replace facts of the number."""
    graph.says("GET", "109870000333444", {**NUMBER, **number})
    graph.says("GET", "214700000111222/phone_numbers", {"data": [{"id": "109870000333444"}]})
    scopes = ["whatsapp_business_messaging", "whatsapp_business_management"]
    graph.says("GET", "debug_token", {"data": {"is_valid": True, "scopes": scopes}})


# --- declaration and schema -----------------------------------------------------------------------


@pytest.mark.parametrize("name", HOOKS)
def test_hook_takes_arguments_of_its_specification(name: str) -> None:
    known = set(inspect.signature(getattr(hookspecs, name)).parameters)
    assert set(inspect.signature(getattr(plugin, name)).parameters) <= known


def test_provider_declares_signature_and_challenge() -> None:
    scheme, challenge = plugin.PROVIDER.authentication, plugin.PROVIDER.challenge
    assert (scheme.kind, scheme.header, scheme.prefix, scheme.secret_keys) == (
        "hmac_sha256",
        "X-Hub-Signature-256",
        "sha256=",
        ("app_secret",),
    )
    assert challenge is not None and challenge.secret_key == "webhook_verify_token"
    assert plugin.PROVIDER.features.window_hours == 24


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("one", ["one"]),
        ("one, two\nthree", ["one", "two", "three"]),
        (["one", "two", "one"], ["one", "two"]),
    ],
)
def test_schema_takes_one_app_secret_or_several(given: Any, wanted: list[str]) -> None:
    loaded: Any = WhatsAppCloudSchema().load({**GOOD, "app_secret": given})
    assert loaded["app_secret"] == wanted
    assert loaded["api_base_url"] == "https://graph.facebook.com"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"app_secret": ""}, "app_secret"),
        ({"app_secret": []}, "app_secret"),
        ({"app_secret": None}, "app_secret"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "a b"}, "api_key"),
        ({"api_key": "a\r\nX: y"}, "api_key"),
        ({"phone_number_id": "+1 555"}, "phone_number_id"),
        ({"business_account_id": "../1"}, "business_account_id"),
        ({"api_base_url": "graph.facebook.com"}, "api_base_url"),
        ({"api_base_url": "https://u:p@graph.test"}, "api_base_url"),
        ({"api_version": "23"}, "api_version"),
        ({"api_version": "v23.0/../x"}, "api_version"),
        ({"registration_pin": "12345"}, "registration_pin"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_schema_refuses_and_names_the_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WhatsAppCloudSchema().load({**GOOD, **values})
    assert isinstance(caught.value.messages, dict) and list(caught.value.messages) == [field]


def test_schema_wants_the_app_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        WhatsAppCloudSchema().load({k: v for k, v in GOOD.items() if k != "app_secret"})
    assert isinstance(caught.value.messages, dict) and list(caught.value.messages) == ["app_secret"]


def test_schema_hides_secrets_and_makes_the_verify_token() -> None:
    assert secret_names(WhatsAppCloudSchema) == {
        "api_key",
        "app_secret",
        "webhook_verify_token",
        "registration_pin",
    }
    assert generated_names(WhatsAppCloudSchema) == {"webhook_verify_token"}
    (field,) = (f for f in describe(WhatsAppCloudSchema) if f.name == "app_secret")
    assert field.secret and field.widget == "password"


def test_addresses_hold_ids_and_every_form_of_the_number(
    make_channel: Callable[..., Channel],
) -> None:
    channel = make_channel()
    brazil = Channel(1, 1, "whatsapp_cloud", "+5511987654321", config=channel.config)
    assert plugin.channel_addresses(brazil) == {
        "phone_number_id:109870000333444",
        "business_account_id:214700000111222",
        "number:5511987654321",
        "number:551187654321",
    }


# --- validation -----------------------------------------------------------------------------------


def test_validate_proves_all_relations(channel: Channel, graph: Any) -> None:
    healthy(graph)
    found = plugin.validate_config(channel)
    assert found.connected and found.linked_number == "+15557001234"
    assert found.facts["verified_name"] == "Kiosk am Park" and found.state == {}
    assert graph.mock.request_history[0].headers["Authorization"].startswith("Bearer EAA")


def test_validate_looks_through_all_pages_of_numbers(channel: Channel, graph: Any) -> None:
    healthy(graph)
    path = "214700000111222/phone_numbers"
    page = {
        "data": [{"id": "1"}],
        "paging": {"next": "https://evil.test", "cursors": {"after": "C"}},
    }
    last = {"data": [{"id": "109870000333444"}], "paging": {"cursors": {"after": "D"}}}
    graph.mock.get(graph.root + path, [{"json": page}, {"json": last}])
    assert plugin.validate_config(channel).connected
    asked = [r.qs for r in graph.mock.request_history if r.path.endswith("/phone_numbers")]
    assert [query.get("after") for query in asked] == [None, ["c"]]
    assert {r.hostname for r in graph.mock.request_history} == {"graph.test"}


@pytest.mark.parametrize("code", [100, 33, 10])
def test_validate_names_a_wrong_number_id(channel: Channel, graph: Any, code: int) -> None:
    graph.refuses("GET", "109870000333444", code)
    with pytest.raises(ConfigInvalid) as caught:
        plugin.validate_config(channel)
    assert list(caught.value.fields) == ["phone_number_id"] and caught.value.action


def test_validate_names_the_id_of_another_number(channel: Channel, graph: Any) -> None:
    healthy(graph, display_phone_number="+1 555-000-0000")
    with pytest.raises(ConfigInvalid) as caught:
        plugin.validate_config(channel)
    assert list(caught.value.fields) == ["phone_number_id"]
    assert "+15550000000" in str(caught.value)


def test_validate_names_a_number_of_another_account(channel: Channel, graph: Any) -> None:
    healthy(graph)
    graph.says("GET", "214700000111222/phone_numbers", {"data": [{"id": "5"}]})
    with pytest.raises(ConfigInvalid) as caught:
        plugin.validate_config(channel)
    assert list(caught.value.fields) == ["business_account_id"]
    assert "does not belong to this account" in str(caught.value)


def test_validate_names_a_wrong_account(channel: Channel, graph: Any) -> None:
    healthy(graph)
    graph.refuses("GET", "214700000111222/phone_numbers", 100, error_subcode=33)
    with pytest.raises(ConfigInvalid) as caught:
        plugin.validate_config(channel)
    assert list(caught.value.fields) == ["business_account_id"]


def test_validate_names_a_missing_permission(channel: Channel, graph: Any) -> None:
    healthy(graph)
    told = {"is_valid": True, "scopes": ["whatsapp_business_management"]}
    graph.says("GET", "debug_token", {"data": told})
    with pytest.raises(ConfigInvalid) as caught:
        plugin.validate_config(channel)
    assert caught.value.fields == {
        "api_key": ["The token lacks the permission whatsapp_business_messaging."]
    }


def test_validate_bears_that_permissions_cannot_be_read(channel: Channel, graph: Any) -> None:
    healthy(graph)
    graph.refuses("GET", "debug_token", 100)
    assert plugin.validate_config(channel).connected


def test_validate_names_a_wrong_app_secret(channel: Channel, graph: Any) -> None:
    healthy(graph)
    graph.mock.get(graph.root + "109870000333444", **_judging_proofs("another secret"))
    with pytest.raises(ConfigInvalid) as caught:
        plugin.validate_config(channel)
    assert list(caught.value.fields) == ["app_secret"]


def _judging_proofs(secret: str, *, needed: bool = False) -> Any:
    def answer(request: Any, context: Any) -> str:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        right = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        given = request.qs.get("appsecret_proof", [None])[0]
        if given == right or (given is None and not needed):
            return json.dumps(NUMBER)
        context.status_code = 400
        words = (
            "requires an appsecret_proof argument" if given is None else "Invalid appsecret_proof"
        )
        return json.dumps({"error": {"code": 100, "message": words}})

    return {"text": answer}


def test_validate_takes_any_of_the_app_secrets(make_channel: Any, graph: Any) -> None:
    channel = make_channel(app_secret=["old secret", "new secret"])
    healthy(graph)
    graph.mock.get(graph.root + "109870000333444", **_judging_proofs("new secret"))
    assert plugin.validate_config(channel).connected


def test_validate_learns_that_the_app_demands_proofs(make_channel: Any, graph: Any) -> None:
    channel = make_channel(app_secret=["s"])
    healthy(graph)
    graph.mock.get(graph.root + "109870000333444", **_judging_proofs("s", needed=True))
    assert plugin.validate_config(channel).state == {"appsecret_proof_needed": True}


def test_validate_tells_a_bad_token_and_shows_it_nowhere(channel: Channel, graph: Any) -> None:
    graph.refuses("GET", "109870000333444", 190, 401, message=f"bad {channel.config['api_key']}")
    with pytest.raises(AuthenticationFailed) as caught:
        plugin.validate_config(channel)
    assert channel.config["api_key"] not in f"{caught.value!r} {caught.value.detail}"


def test_validate_tells_that_meta_is_away(channel: Channel, graph: Any) -> None:
    graph.mock.get(graph.root + "109870000333444", exc=requests.ConnectTimeout)
    with pytest.raises(ServiceUnreachable):
        plugin.validate_config(channel)


def test_validate_says_that_the_number_is_not_registered(channel: Channel, graph: Any) -> None:
    healthy(graph, platform_type="NOT_APPLICABLE")
    found = plugin.validate_config(channel)
    assert not found.connected and "not registered" in found.reason and found.action


# --- health ---------------------------------------------------------------------------------------


def levels(channel: Channel) -> dict[str, str]:
    return {fact.title: fact.level for fact in plugin.check_health(channel)}


def test_health_of_a_good_channel(channel: Channel, graph: Any) -> None:
    healthy(graph)
    assert levels(channel) == dict.fromkeys(("Number", "Quality", "Display name", "Webhook"), "ok")


@pytest.mark.parametrize(
    ("facts", "title", "level"),
    [
        ({"quality_rating": "RED"}, "Quality", "error"),
        ({"status": "FLAGGED"}, "Number", "warning"),
        ({"platform_type": "ON_PREMISE"}, "Number", "error"),
        ({"name_status": "DECLINED"}, "Display name", "warning"),
        ({"webhook_configuration": {"phone_number": "https://x.test"}}, "Webhook", "error"),
        ({"webhook_configuration": {"application": "https://x.test"}}, "Webhook", "error"),
        ({"webhook_configuration": None}, "Webhook", "warning"),
        ({"health_status": {"can_send_message": "BLOCKED"}}, "Sending", "error"),
        (
            {
                "health_status": {
                    "entities": [{"entity_type": "WABA", "can_send_message": "LIMITED"}]
                }
            },
            "Sending: waba",
            "warning",
        ),
    ],
)
def test_health_of_a_bent_channel(
    channel: Channel, graph: Any, facts: Any, title: str, level: str
) -> None:
    healthy(graph, **facts)
    assert levels(channel)[title] == level
