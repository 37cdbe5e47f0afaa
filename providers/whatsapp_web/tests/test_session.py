"""Validating a configuration, and the state of the login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chatport import Channel
from chatport.errors import AuthenticationFailed, ConfigInvalid, ServiceUnreachable
from chatport_whatsapp_web import session

OWN = "6281100000009@s.whatsapp.net"
OTHER = "6285677700033@s.whatsapp.net"


def _v9(service: Any, *devices: tuple[str, str]) -> None:
    entries = [{"name": "x", "device": name, "jid": jid} for name, jid in devices]
    service.says("GET", "app/devices", entries)
    service.says("GET", "app/info", {"version": "v9.2.0"})


def _status(service: Any, connected: bool, logged_in: bool, jid: str = "") -> None:
    service.says(
        "GET",
        "app/status",
        {"device_id": "sales-1", "is_connected": connected, "is_logged_in": logged_in, "jid": jid},
    )


def test_validate_connected_tells_number_version_and_state(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("sales-1", OWN))
    _status(service, True, True, OWN)
    found = session.validate(make_channel())
    assert found.connected and found.linked_number == "+6281100000009"
    assert found.facts == {"version": "v9.2.0"}
    assert found.state == {"jid": OWN, "device_id": "sales-1"}


def test_validate_sends_credentials_as_utf8_and_the_device(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("sales 1+", OWN))
    status = service.says("GET", "app/status", {"is_logged_in": False})
    session.validate(make_channel(device_id="sales 1+"))
    headers = status.last_request.headers
    assert headers["X-Device-Id"] == "sales 1%2B"
    authorization = headers["Authorization"]
    text = authorization if isinstance(authorization, str) else authorization.decode()
    assert text == "Basic YWxpY2U6czNjcjN0LXDDpHNzd29yZA=="


def test_validate_not_logged_in_may_be_created(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("sales-1", ""))
    _status(service, False, False)
    found = session.validate(make_channel())
    assert not found.connected and found.login_required and "QR" in found.action


def test_validate_fresh_service_without_device_may_be_created(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.fails("GET", "app/devices", 400, "DEVICE_ID_REQUIRED", "device_id is required")
    service.mock.get(
        service.root + "devices", json={"code": "SUCCESS", "message": "", "results": None}
    )
    service.plain("GET", "app/info", 404, "Not Found")
    found = session.validate(make_channel())
    assert found.login_required and not found.connected


def test_validate_devices_listed_one_level_deeper_are_read(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    listed = [{"device": "sales-1", "jid": "4915112340001@s.whatsapp.net"}]
    service.says("GET", "app/devices", {"devices": listed})
    with pytest.raises(ConfigInvalid) as caught:
        session.validate(make_channel())
    assert "+4915112340001" in caught.value.fields["phone_number"][0]


def test_validate_several_devices_without_id_names_the_field(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.fails("GET", "app/devices", 400, "DEVICE_ID_REQUIRED")
    service.says("GET", "devices", [{"id": "a", "jid": OTHER}, {"id": "b"}])
    with pytest.raises(ConfigInvalid) as caught:
        session.validate(make_channel())
    assert list(caught.value.fields) == ["device_id"]
    assert "(a, b)" in str(caught.value)


def test_validate_several_devices_takes_the_one_with_our_number(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.fails("GET", "app/devices", 400, "DEVICE_ID_REQUIRED")
    service.says("GET", "devices", [{"id": "a", "jid": OTHER}, {"id": "b", "jid": OWN}])
    service.plain("GET", "app/info", 404, "Not Found")
    _status(service, True, True, OWN)
    assert session.validate(make_channel()).state["device_id"] == "b"


def test_validate_several_devices_takes_the_one_made_for_us(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.fails("GET", "app/devices", 400, "DEVICE_ID_REQUIRED")
    made = "chatport-6281100000009"
    service.says("GET", "devices", [{"id": "a", "jid": OTHER}, {"id": "b"}, {"id": made}])
    service.plain("GET", "app/info", 404, "Not Found")
    _status(service, False, False)
    assert session.validate(make_channel()).state == {"jid": None, "device_id": made}


def test_validate_device_named_by_its_phone_is_found(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("a", OTHER), ("b", OWN))
    _status(service, True, True, OWN)
    assert session.validate(make_channel(device_id=OWN)).state["device_id"] == "b"


def test_validate_device_of_another_chatport_channel_is_left_alone(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("chatport-6285677700033", ""))
    found = session.validate(make_channel())
    assert found.login_required
    assert "GET app/status" not in service.calls


def test_validate_other_number_is_refused(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("sales-1", OTHER))
    with pytest.raises(ConfigInvalid) as caught:
        session.validate(make_channel())
    assert "+6285677700033" in str(caught.value) and caught.value.action


def test_validate_other_number_on_the_named_device_is_refused(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("sales-1", OTHER))
    _status(service, True, True, OTHER)
    with pytest.raises(ConfigInvalid):
        session.validate(make_channel(device_id="sales-1"))


def test_validate_other_spelling_of_a_brazilian_number_is_ours(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    _v9(service, ("sales-1", "551187654321@s.whatsapp.net"))
    _status(service, True, True, "551187654321@s.whatsapp.net")
    found = session.validate(make_channel(number="+5511987654321"))
    assert found.linked_number == "+5511987654321"
    assert found.state["jid"] == "551187654321@s.whatsapp.net"


def test_validate_version_7_has_no_device(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.says("GET", "app/devices", [{"name": "x", "device": "6281100000009:23@s.whatsapp.net"}])
    service.plain("GET", "app/info", 404, "Cannot GET /app/info")
    service.says(
        "GET",
        "app/status",
        {
            "is_connected": True,
            "is_logged_in": True,
            "device_id": "6281100000009:23@s.whatsapp.net",
        },
    )
    found = session.validate(make_channel())
    assert found.connected and found.linked_number == "+6281100000009"
    assert found.state == {"jid": OWN}


def test_validate_wrong_credentials(make_channel: Callable[..., Channel], service: Any) -> None:
    service.plain("GET", "app/devices", 401, "Unauthorized")
    with pytest.raises(AuthenticationFailed) as caught:
        session.validate(make_channel())
    assert "APP_BASIC_AUTH" in caught.value.action
    assert "s3cr3t" not in repr(caught.value) + str(caught.value.__dict__)


@pytest.mark.parametrize("path", ["app/devices", "app/status"])
@pytest.mark.parametrize(
    ("message", "login_required"),
    [
        ("you are not logged in", True),
        ("you are not connect to services server, please reconnect", False),
    ],
)
def test_validate_401_of_whatsapp_is_no_wrong_password_and_may_be_created(
    make_channel: Callable[..., Channel],
    service: Any,
    path: str,
    message: str,
    login_required: bool,
) -> None:
    _v9(service, ("sales-1", OWN))
    service.fails("GET", path, 401, "AUTHENTICATION_ERROR", message)
    found = session.validate(make_channel())
    assert (found.connected, found.login_required) == (False, login_required)
    assert "login" in found.reason and found.action
    assert "jid" not in found.state


@pytest.mark.parametrize(
    ("status", "text"), [(200, "<html>"), (404, "nginx"), (200, "[]"), (302, "")]
)
def test_validate_something_else_is_not_gowa(
    make_channel: Callable[..., Channel], service: Any, status: int, text: str
) -> None:
    service.plain("GET", "app/devices", status, text)
    with pytest.raises(ServiceUnreachable) as caught:
        session.validate(make_channel())
    assert caught.value.action


def test_validate_nothing_answers(make_channel: Callable[..., Channel], service: Any) -> None:
    service.mock.get(service.root + "app/devices", exc=requests.ConnectTimeout)
    with pytest.raises(ServiceUnreachable):
        session.validate(make_channel())


def test_validate_refuses_the_default_secret(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        session.validate(make_channel(webhook_verify_token="secret"))
    assert list(caught.value.fields) == ["webhook_verify_token"]
    assert service.calls == []


def test_validate_refuses_a_number_that_is_not_the_channels(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        session.validate(make_channel(phone_number="+6285677700033"))
    assert list(caught.value.fields) == ["phone_number"]


def test_status_lost_login_asks_for_linking_and_forgets_the_address(
    channel: Channel, service: Any
) -> None:
    _status(service, False, False)
    found = session.status(channel)
    assert found.login_required and not found.connected
    assert found.state["jid"] is None


def test_status_disconnected_says_reconnect(channel: Channel, service: Any) -> None:
    _status(service, False, False, OWN)
    found = session.status(channel)
    assert not found.connected and not found.login_required and "Reconnect" in found.action
    assert found.linked_number == "+6281100000009" and found.state["jid"] == OWN


def test_status_connected_without_login_cannot_send(channel: Channel, service: Any) -> None:
    _status(service, True, False, OWN)
    assert not session.status(channel).connected


def test_status_other_phone_linked_tells_its_number(channel: Channel, service: Any) -> None:
    _status(service, True, True, OTHER)
    assert session.status(channel).linked_number == "+6285677700033"


def test_status_version_8_0_finds_the_number_among_the_devices(
    channel: Channel, service: Any
) -> None:
    service.says("GET", "app/status", {"is_connected": True, "is_logged_in": True})
    service.says("GET", "devices", [{"id": "sales-1", "jid": OWN}])
    assert session.status(channel).linked_number == "+6281100000009"


def test_status_unknown_device_asks_for_linking(channel: Channel, service: Any) -> None:
    service.fails("GET", "app/status", 404, "DEVICE_NOT_FOUND")
    assert session.status(channel).login_required


def test_status_of_something_else_is_no_lost_login(channel: Channel, service: Any) -> None:
    service.plain("GET", "app/status", 200, "<html>")
    with pytest.raises(ServiceUnreachable):
        session.status(channel)


def test_logout_twice_is_fine(channel: Channel, service: Any) -> None:
    service.fails("GET", "app/logout", 401, "AUTHENTICATION_ERROR", "you are not logged in")
    found = session.logout(channel)
    assert found.login_required and found.state["jid"] is None


def test_reconnect_without_session_asks_for_linking(channel: Channel, service: Any) -> None:
    service.fails(
        "GET",
        "app/reconnect",
        500,
        "INTERNAL_SERVER_ERROR",
        "device sales-1 is not logged in (session deleted)",
    )
    assert session.reconnect(channel).login_required


def test_reconnect_asks_for_the_state_afterwards(channel: Channel, service: Any) -> None:
    service.says("GET", "app/reconnect", {"device_id": "sales-1"})
    _status(service, True, True, OWN)
    assert session.reconnect(channel).connected
