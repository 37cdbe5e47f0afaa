"""Linking a phone by QR code and by pairing code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chatport import Channel
from chatport.errors import (
    ContentRefused,
    NotConnected,
    TemporarilyRefused,
    UnsupportedFeature,
)
from chatport_whatsapp_web import pairing

PNG = b"\x89PNG\r\n\x1a\n...."


def _qr(service: Any, link: str, **more: object) -> None:
    service.says(
        "GET", "app/login", {"device_id": "sales-1", "qr_duration": 30, "qr_link": link, **more}
    )


def test_qr_is_fetched_from_the_configured_address_only(channel: Channel, service: Any) -> None:
    _qr(service, "http://10.9.8.7/statics/qrcode/scan-qr-1.png")
    service.mock.get(service.root + "statics/qrcode/scan-qr-1.png", content=PNG)
    prompt = pairing.prompt(channel, "qr", "")
    assert (prompt.kind, prompt.image, prompt.expires_in) == ("qr", PNG, 30.0)
    assert {request.hostname for request in service.mock.request_history} == {"gowa.test"}


def test_qr_with_base_path_keeps_it(make_channel: Callable[..., Channel], service: Any) -> None:
    root = "http://gowa.test:3000/base/"
    service.mock.get(
        root + "app/login",
        json={"code": "SUCCESS", "results": {"qr_link": root + "statics/qrcode/scan-qr-1.png"}},
    )
    service.mock.get(root + "statics/qrcode/scan-qr-1.png", content=PNG)
    channel = make_channel(api_base_url="http://gowa.test:3000/base/")
    assert pairing.prompt(channel, "qr", "").image == PNG


@pytest.mark.parametrize(
    "link",
    ["http://x/statics/qrcode/../../etc/passwd", "http://x/other.png", "", "/statics/media/a.png"],
)
def test_qr_link_that_leads_elsewhere_is_not_followed(
    channel: Channel, service: Any, link: str
) -> None:
    _qr(service, link)
    with pytest.raises(TemporarilyRefused):
        pairing.prompt(channel, "qr", "")
    assert service.calls == ["GET app/login"]


def test_qr_that_expired_meanwhile_asks_for_a_new_one(channel: Channel, service: Any) -> None:
    _qr(service, "http://x/statics/qrcode/a.png")
    service.plain("GET", "statics/qrcode/a.png", 404, "Not Found")
    with pytest.raises(TemporarilyRefused) as caught:
        pairing.prompt(channel, "qr", "")
    assert "new one" in caught.value.action


def test_code_is_shown_as_told(channel: Channel, service: Any) -> None:
    asked = service.says(
        "GET", "app/login-with-code", {"device_id": "sales-1", "pair_code": "ABCD-EFGH"}
    )
    prompt = pairing.prompt(channel, "code", "+6281100000009")
    assert (prompt.kind, prompt.text) == ("code", "ABCD-EFGH")
    assert asked.last_request.qs == {"phone": ["6281100000009"]}
    assert "ABCD" not in repr(prompt)


def test_device_that_is_missing_is_registered_first(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    answers = [
        {"status_code": 400, "json": {"code": "DEVICE_ID_REQUIRED", "message": "x"}},
        {"json": {"code": "SUCCESS", "results": {"pair_code": "ABCD-EFGH"}}},
    ]
    asked = service.mock.get(service.root + "app/login-with-code", answers)
    service.says("GET", "devices", [])
    service.says("POST", "devices", {})
    assert pairing.prompt(make_channel(), "code", "+6281100000009").text == "ABCD-EFGH"
    assert asked.last_request.headers["X-Device-Id"] == "chatport-6281100000009"


def test_linked_already_says_log_out(channel: Channel, service: Any) -> None:
    service.fails("GET", "app/login", 400, "ALREADY_LOGGED_IN", "you are already logged in.")
    with pytest.raises(ContentRefused) as caught:
        pairing.prompt(channel, "qr", "")
    assert "Log out" in caught.value.action


def test_whatsapp_out_of_reach_is_no_lost_login(channel: Channel, service: Any) -> None:
    service.fails("GET", "app/login", 401, "AUTHENTICATION_ERROR", "reconnect error")
    with pytest.raises(TemporarilyRefused) as caught:
        pairing.prompt(channel, "qr", "")
    assert "internet" in caught.value.action


def test_unknown_method_is_unsupported(channel: Channel) -> None:
    with pytest.raises(UnsupportedFeature):
        pairing.prompt(channel, "sms", "")


@pytest.mark.parametrize("told", [0, -5, 1e9, True, "30", None])
def test_qr_of_an_odd_duration_is_asked_for_again_soon(
    channel: Channel, service: Any, told: object
) -> None:
    _qr(service, "http://x/statics/qrcode/a.png", qr_duration=told)
    service.mock.get(service.root + "statics/qrcode/a.png", content=PNG)
    assert pairing.prompt(channel, "qr", "").expires_in == 10.0


@pytest.mark.parametrize("phone", ["", "+", "١٢٣"])
def test_code_without_a_number_calls_nobody(channel: Channel, service: Any, phone: str) -> None:
    with pytest.raises(ContentRefused):
        pairing.prompt(channel, "code", phone)
    assert service.calls == []


@pytest.mark.parametrize("code", ["", None, 7, "<b>ABCD</b>", "AB CD"])
def test_code_in_no_form_of_a_code_is_not_shown(
    channel: Channel, service: Any, code: object
) -> None:
    service.says("GET", "app/login-with-code", {"pair_code": code})
    with pytest.raises(TemporarilyRefused):
        pairing.prompt(channel, "code", "+6281100000009")


def test_login_that_fails_for_another_reason_registers_nothing(
    channel: Channel, service: Any
) -> None:
    service.fails("GET", "app/login", 500, "INVALID_WA_CLI", "your WhatsApp CLI is invalid")
    with pytest.raises(NotConnected):
        pairing.prompt(channel, "qr", "")
    assert service.calls == ["GET app/login"]
