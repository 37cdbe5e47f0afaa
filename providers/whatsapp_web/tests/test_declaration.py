"""The declaration, the schema, the addresses of a channel, the health page."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from marshmallow import ValidationError

from chatport import HOOK_API, Channel, InboundRequest, hookspecs
from chatport.errors import ServiceUnreachable
from chatport.schema import describe, generated_names, secret_names
from chatport_whatsapp_web import health, own, plugin
from chatport_whatsapp_web.schema import WhatsAppWebSchema

OWN = "jid:6281100000009@s.whatsapp.net"
HOOKS = [name for name, value in vars(plugin).items() if hasattr(value, "chatport_impl")]


def test_provider_declares_the_signature_scheme() -> None:
    scheme = plugin.PROVIDER.authentication
    assert plugin.PROVIDER.hook_api == HOOK_API
    assert (scheme.kind, scheme.header, scheme.prefix, scheme.secret_keys) == (
        "hmac_sha256",
        "X-Hub-Signature-256",
        "sha256=",
        ("webhook_verify_token",),
    )


@pytest.mark.parametrize("name", HOOKS)
def test_hook_takes_arguments_of_its_specification(name: str) -> None:
    known = set(inspect.signature(getattr(hookspecs, name)).parameters)
    assert set(inspect.signature(getattr(plugin, name)).parameters) <= known


def test_hooks_cover_what_the_features_claim() -> None:
    assert set(HOOKS) == {
        "validate_config",
        "send_message",
        "media_url",
        "handle_event",
        "channel_addresses",
        "provision",
        "unprovision",
        "start_pairing",
        "connection_status",
        "logout",
        "reconnect",
        "mark_read",
        "send_typing",
        "group_info",
        "contact_info",
        "fetch_history",
        "find_sent",
        "check_health",
    }


def test_handle_event_reads_the_body(channel: Channel) -> None:
    body = b'{"from":"6281290001122@s.whatsapp.net","message":{"id":"A","text":"x"}}'
    request = InboundRequest(body, {}, datetime(2026, 8, 22, tzinfo=UTC))
    (event,) = plugin.handle_event(channel, request)
    assert event.key == "m:p::6281290001122:A"


# --- schema -----------------------------------------------------------------------------------------------------------


def test_schema_takes_older_names_of_its_keys() -> None:
    loaded: Any = WhatsAppWebSchema().load(
        {
            "gateway_base_url": "http://gowa:3000",
            "basic_auth_user": "a",
            "basic_auth_password": "b",
            "webhook_secret": "x",
        }
    )
    assert loaded["api_base_url"] == "http://gowa:3000"
    assert loaded["basic_auth_username"] == "a" and loaded["webhook_verify_token"] == "x"
    assert loaded["device_id"] == ""


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"api_base_url": "gowa:3000"}, "api_base_url"),
        ({"api_base_url": "ftp://gowa"}, "api_base_url"),
        ({"api_base_url": "http://u:p@gowa"}, "api_base_url"),
        ({"api_base_url": "http://gowa:99999"}, "api_base_url"),
        ({"api_base_url": "http://[::1"}, "api_base_url"),
        ({}, "api_base_url"),
        ({"api_base_url": "http://gowa", "basic_auth_username": "a"}, "basic_auth_password"),
        ({"api_base_url": "http://gowa", "basic_auth_password": "a"}, "basic_auth_username"),
        (
            {
                "api_base_url": "http://gowa",
                "basic_auth_username": "a:b",
                "basic_auth_password": "c",
            },
            "basic_auth_username",
        ),
        ({"api_base_url": "http://gowa", "phone_number": "0812"}, "phone_number"),
        ({"api_base_url": "http://gowa", "device_id": "a\r\nX: y"}, "device_id"),
        ({"api_base_url": "http://gowa", "unknown": 1}, "unknown"),
    ],
)
def test_schema_refuses_and_names_the_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WhatsAppWebSchema().load(values)
    assert isinstance(caught.value.messages, dict) and list(caught.value.messages) == [field]


def test_schema_hides_secrets_and_makes_the_webhooks() -> None:
    assert secret_names(WhatsAppWebSchema) == {"basic_auth_password", "webhook_verify_token"}
    assert generated_names(WhatsAppWebSchema) == {"webhook_verify_token"}
    assert all(field.label != field.name for field in describe(WhatsAppWebSchema))


# --- addresses --------------------------------------------------------------------------------------------------------


def test_addresses_hold_number_and_device(make_channel: Callable[..., Channel]) -> None:
    assert own.addresses(make_channel()) == {OWN}
    assert own.addresses(make_channel(state={"device_id": "sales-1"})) == {OWN, "session:sales-1"}
    assert own.addresses(make_channel(device_id="6281100000009@s.whatsapp.net")) == {OWN}


def test_addresses_hold_the_linked_spelling_of_the_number(
    make_channel: Callable[..., Channel],
) -> None:
    channel = make_channel(number="+5511987654321", state={"jid": "551187654321@s.whatsapp.net"})
    assert "jid:551187654321@s.whatsapp.net" in own.addresses(channel)


def test_addressees_of_a_device_with_another_phone_are_not_ours(channel: Channel) -> None:
    named = own.addressees("6285677700033@s.whatsapp.net", "sales-1")
    assert not own.addresses(channel) & set(named)


def test_addresses_never_hold_a_phone_linked_by_mistake(
    make_channel: Callable[..., Channel],
) -> None:
    channel = make_channel(state={"device_id": "sales-1", "jid": "6285677700033@s.whatsapp.net"})
    named = own.addressees("6285677700033@s.whatsapp.net", "sales-1")
    assert not own.addresses(channel) & set(named)


def test_addressees_in_an_odd_device_id_match_its_channel(
    make_channel: Callable[..., Channel],
) -> None:
    channel = make_channel(device_id="büro:1")
    assert own.addresses(channel) & set(own.addressees("", "büro:1"))


# --- health -----------------------------------------------------------------------------------------------------------


def _healthy(service: Any, **webhook: Any) -> None:
    service.says("GET", "app/status", {"is_logged_in": True, "is_connected": True, "jid": OWN[4:]})
    service.says("GET", "app/info", {"version": "v9.2.0"})
    told = {
        "webhook_url": "https://chat.test/webhooks/whatsapp/6281100000009",
        "webhook_secret": "0123456789abcdef0123456789abcdef",
        **webhook,
    }
    service.says("GET", "devices/sales-1/webhook", told)


def test_health_of_a_good_channel(channel: Channel, service: Any) -> None:
    _healthy(service)
    facts = health.check(channel)
    assert {fact.level for fact in facts} == {"ok"}
    assert "0123456789abcdef" not in repr(facts)


@pytest.mark.parametrize(
    ("webhook", "level"),
    [
        ({"webhook_url": "x"}, "error"),
        ({"webhook_secret": "x"}, "error"),
        ({"webhook_events": "message"}, "warning"),
    ],
)
def test_health_of_a_bent_webhook(channel: Channel, service: Any, webhook: Any, level: str) -> None:
    _healthy(service, **webhook)
    (fact,) = (fact for fact in health.check(channel) if fact.title == "Webhook")
    assert fact.level == level and fact.action


def test_health_without_service_is_an_error(channel: Channel, service: Any) -> None:
    service.mock.get(service.root + "app/status", exc=requests.ConnectTimeout)
    with pytest.raises(ServiceUnreachable):
        health.check(channel)
