"""Registering the device and setting its webhook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chatport import Channel
from chatport.errors import AuthenticationFailed, ContentRefused, NotConnected
from chatport_whatsapp_web import provisioning

URL = "https://chat.test/webhooks/whatsapp/6281100000009"
SECRET = "0123456789abcdef0123456789abcdef"
MADE = "chatport-6281100000009"
EMPTY = {"webhook_url": "", "webhook_secret": "", "webhook_events": ""}


def test_provision_fresh_service_registers_device_and_webhook(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [])
    made = service.says("POST", "devices", {"id": MADE})
    service.says("GET", f"devices/{MADE}/webhook", EMPTY)
    patched = service.says("PATCH", f"devices/{MADE}/webhook", {})
    result = provisioning.provision(make_channel())
    assert made.last_request.json()["device_id"] == MADE
    assert patched.last_request.json() == {
        "webhook_url": URL,
        "webhook_secret": SECRET,
        "webhook_events": "",
        "webhook_insecure_skip_verify": False,
    }
    assert result.state == {"device_id": MADE, "registered": True}
    assert not result.steps


def test_provision_again_changes_nothing(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": MADE}])
    service.says(
        "GET",
        f"devices/{MADE}/webhook",
        {"webhook_url": URL, "webhook_secret": SECRET, "webhook_events": ""},
    )
    result = provisioning.provision(make_channel(state={"device_id": MADE}))
    assert service.calls == ["GET devices", f"GET devices/{MADE}/webhook"]
    assert len(result.done) == 2


def test_provision_lifts_a_limit_to_some_events(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": MADE}])
    limited = {"webhook_url": URL, "webhook_secret": SECRET, "webhook_events": "message"}
    service.says("GET", f"devices/{MADE}/webhook", limited)
    patched = service.says("PATCH", f"devices/{MADE}/webhook", {})
    provisioning.provision(make_channel())
    assert patched.last_request.json()["webhook_events"] == ""


def test_provision_device_id_that_no_path_can_hold_names_the_way_out(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": "sales 1"}])
    with pytest.raises(ContentRefused) as caught:
        provisioning.provision(make_channel(device_id="sales 1"))
    assert "letters" in caught.value.action
    assert service.calls == ["GET devices"]


def test_provision_keeps_the_insecure_flag_that_the_call_would_drop(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": "sales-1", "jid": ""}])
    service.says("GET", "devices/sales-1/webhook", {**EMPTY, "webhook_insecure_skip_verify": True})
    patched = service.says("PATCH", "devices/sales-1/webhook", {})
    result = provisioning.provision(make_channel())
    assert patched.last_request.json()["webhook_insecure_skip_verify"] is True
    assert result.state == {"device_id": "sales-1"}


def test_provision_device_made_meanwhile_is_taken(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [])
    service.fails("POST", "devices", 500, "INTERNAL_SERVER_ERROR", f"device {MADE} already exists")
    service.says("GET", f"devices/{MADE}/webhook", EMPTY)
    service.says("PATCH", f"devices/{MADE}/webhook", {})
    assert provisioning.provision(make_channel()).state["device_id"] == MADE


def test_provision_before_8_10_gives_the_values_to_copy_once(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": "sales-1"}])
    service.plain("GET", "devices/sales-1/webhook", 404, "Cannot GET /devices/sales-1/webhook")
    result = provisioning.provision(make_channel())
    (step,) = result.steps
    assert step.secret and step.values == {
        "WHATSAPP_WEBHOOK": URL,
        "WHATSAPP_WEBHOOK_SECRET": SECRET,
    }
    assert SECRET not in repr(result)


def test_provision_version_7_has_no_device(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.plain("GET", "devices", 404, "Cannot GET /devices")
    result = provisioning.provision(make_channel())
    assert len(result.steps) == 1 and result.state == {}


def test_provision_only_device_of_another_number_says_so(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": "sales-1", "jid": "6285677700033@s.whatsapp.net"}])
    with pytest.raises(NotConnected) as caught:
        provisioning.provision(make_channel())
    assert "+6285677700033" in str(caught.value) and caught.value.action


def test_provision_wrong_credentials(make_channel: Callable[..., Channel], service: Any) -> None:
    service.plain("GET", "devices", 401, "Unauthorized")
    with pytest.raises(AuthenticationFailed):
        provisioning.provision(make_channel())


def test_unprovision_removes_what_chatport_made(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": MADE}])
    service.says("DELETE", f"devices/{MADE}")
    channel = make_channel(state={"device_id": MADE, "registered": True})
    assert provisioning.unprovision(channel).done
    assert service.calls[-1] == f"DELETE devices/{MADE}"


def test_unprovision_keeps_a_device_that_was_chosen_later(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "devices", [{"id": "sales-1"}])
    service.says("GET", "devices/sales-1/webhook", {"webhook_url": URL})
    service.says("PATCH", "devices/sales-1/webhook")
    state = {"device_id": MADE, "registered": True}
    provisioning.unprovision(make_channel(device_id="sales-1", state=state))
    assert not any(call.startswith("DELETE") for call in service.calls)
    assert service.calls[-1] == "PATCH devices/sales-1/webhook"


def test_unprovision_clears_the_webhook_of_a_foreign_device(channel: Channel, service: Any) -> None:
    service.says("GET", "devices", [{"id": "sales-1"}])
    service.says("GET", "devices/sales-1/webhook", {"webhook_url": URL})
    patched = service.says("PATCH", "devices/sales-1/webhook")
    provisioning.unprovision(channel)
    assert patched.last_request.json() == {"webhook_url": ""}


def test_unprovision_leaves_a_webhook_that_leads_elsewhere(channel: Channel, service: Any) -> None:
    service.says("GET", "devices", [{"id": "sales-1"}])
    service.says("GET", "devices/sales-1/webhook", {"webhook_url": "https://other.test"})
    assert provisioning.unprovision(channel).done == ()
    assert not any(call.startswith("PATCH") for call in service.calls)
