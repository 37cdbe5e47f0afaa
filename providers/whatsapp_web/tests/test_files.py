"""Where files are fetched, and where never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chatport import Channel, MediaKind
from chatport.errors import MediaGone, NotConnected, TemporarilyRefused
from chatport.events import MediaRef
from chatport_whatsapp_web import files

AUTH = {"Authorization": "Basic YWxpY2U6czNjcjN0LXDDpHNzd29yZA=="}
DOWNLOAD = {"download": "3A01", "chat": "120363041122334455@g.us"}


def _ref(**locator: Any) -> MediaRef:
    return MediaRef(MediaKind.IMAGE, locator, content_type="image/jpeg")


def test_path_is_fetched_from_the_service_with_its_credentials(
    channel: Channel, service: Any
) -> None:
    request = files.media_request(channel, _ref(path="statics/media/1-a b.ogg; codecs=opus"), 0)
    assert request.url == "http://gowa.test:3000/statics/media/1-a%20b.ogg%3B%20codecs%3Dopus"
    assert request.headers == {**AUTH, "X-Device-Id": "sales-1"}
    assert request.allowed_hosts == ("gowa.test:3000",)
    assert request.content_type == "image/jpeg" and service.calls == []
    assert "YWxp" not in repr(request)


def test_path_below_a_base_path(make_channel: Callable[..., Channel]) -> None:
    channel = make_channel(
        api_base_url="https://gowa.test/wa/", basic_auth_username="", basic_auth_password=""
    )
    request = files.media_request(channel, _ref(path="/statics/media/a.jpg"), 0)
    assert (request.url, request.headers) == ("https://gowa.test/wa/statics/media/a.jpg", {})
    assert request.allowed_hosts == ("gowa.test",)


def test_address_of_the_service_itself_is_taken_as_a_path(
    make_channel: Callable[..., Channel],
) -> None:
    channel = make_channel(api_base_url="http://gowa.test:3000/wa")
    ref = _ref(path="http://gowa.test:3000/wa/statics/media/a%20b.jpg")
    assert (
        files.media_request(channel, ref, 0).url
        == "http://gowa.test:3000/wa/statics/media/a%20b.jpg"
    )


@pytest.mark.parametrize(
    "path",
    [
        "http://evil.test/statics/media/a.jpg",
        "http://gowa.test/statics/media/a.jpg",
        "http://u:p@gowa.test:3000/statics/media/a.jpg",
        "//evil.test/statics/media/a",
        "statics/media/../../etc/passwd",
        "statics/qrcode/a.png",
        "statics/media/",
        "app/logout",
        "statics/media\\..\\x",
        "statics/media/a\0b",
        "statics/media/\ud800",
        "file:///etc/passwd",
        "",
        7,
        None,
    ],
)
def test_other_paths_lead_to_the_download_call(channel: Channel, service: Any, path: Any) -> None:
    told = {"file_path": "statics/media/120/2026-08-22/1-a", "file_url": "http://evil.test/x"}
    asked = service.says("GET", "message/3A01/download", told)
    request = files.media_request(channel, _ref(path=path, **DOWNLOAD), 0)
    assert request.url == "http://gowa.test:3000/statics/media/120/2026-08-22/1-a"
    assert asked.last_request.qs == {"phone": ["120363041122334455@g.us"]}


def test_foreign_path_without_message_is_gone(channel: Channel) -> None:
    with pytest.raises(MediaGone):
        files.media_request(channel, _ref(path="http://evil.test/statics/media/a.jpg"), 0)


def test_second_attempt_asks_the_service_to_download_again(channel: Channel, service: Any) -> None:
    service.says("GET", "message/3A01/download", {"file_path": "statics/media/120/2026-08-22/2-b"})
    request = files.media_request(channel, _ref(path="statics/media/1-a", **DOWNLOAD), 1)
    assert request.url.endswith("/2-b")


@pytest.mark.parametrize(
    "message",
    [
        "message with ID 3A01 not found",
        "message 3A01 does not contain downloadable media",
        "message 3A01 does not belong to chat x",
        "failed to download media: 403",
        "failed to download media: download failed with status code 404",
        "failed to download media: download failed with status code 410",
    ],
)
def test_download_that_fails_for_good_is_gone(channel: Channel, service: Any, message: str) -> None:
    service.fails("GET", "message/3A01/download", 500, "INTERNAL_SERVER_ERROR", message)
    with pytest.raises(MediaGone) as caught:
        files.media_request(channel, _ref(**DOWNLOAD), 0)
    assert "phone" in caught.value.action


def test_download_of_an_old_version_is_gone(channel: Channel, service: Any) -> None:
    service.plain("GET", "message/3A01/download", 404, "Cannot GET")
    with pytest.raises(MediaGone):
        files.media_request(channel, _ref(**DOWNLOAD), 0)


def test_download_without_login_is_not_gone(channel: Channel, service: Any) -> None:
    service.fails("GET", "message/3A01/download", 401, "AUTHENTICATION_ERROR")
    with pytest.raises(NotConnected):
        files.media_request(channel, _ref(**DOWNLOAD), 0)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, "DEVICE_NOT_FOUND", "device not found; create a device first"),
        (500, "INTERNAL_SERVER_ERROR", "device sales-1 not found"),
        (500, "INTERNAL_SERVER_ERROR", "failed to download media: websocket not connected"),
    ],
)
def test_download_without_device_is_not_gone(
    channel: Channel, service: Any, status: int, code: str, message: str
) -> None:
    service.fails("GET", "message/3A01/download", status, code, message)
    with pytest.raises(NotConnected):
        files.media_request(channel, _ref(**DOWNLOAD), 0)


@pytest.mark.parametrize(
    "reason",
    [
        'Get "https://mmg.whatsapp.net/v/x": dial tcp: lookup mmg.whatsapp.net: no such host',
        "read tcp 10.0.0.2:40000->1.2.3.4:443: read: connection reset by peer",
        "context deadline exceeded",
        "unexpected EOF",
        "download failed with status code 503",
        "net/http: TLS handshake timeout",
    ],
)
def test_download_that_the_network_broke_is_tried_again(
    channel: Channel, service: Any, reason: str
) -> None:
    message = f"failed to download media: {reason}"
    service.fails("GET", "message/3A01/download", 500, "INTERNAL_SERVER_ERROR", message)
    with pytest.raises(TemporarilyRefused):
        files.media_request(channel, _ref(**DOWNLOAD), 1)


def test_download_that_tells_a_path_elsewhere_is_refused(channel: Channel, service: Any) -> None:
    service.says("GET", "message/3A01/download", {"file_path": "statics/media/../../x"})
    with pytest.raises(TemporarilyRefused):
        files.media_request(channel, _ref(**DOWNLOAD), 0)


@pytest.mark.parametrize("era", ["v8.0", "v9"])
def test_missing_file_is_told_from_a_missing_device(
    simulate: Any, make_channel: Any, era: str
) -> None:
    """Of several devices GoWA asks for one before it says that a file is gone."""
    gowa = simulate(era=era, device_id="sales-1")
    gowa.add_device("sales-2", phone="4915112340002")
    channel = make_channel(api_base_url=gowa.url, state={"device_id": "sales-1"})
    request = files.media_request(channel, _ref(path="statics/media/1-gone.jpg"), 0)
    answer = requests.get(request.url, headers=request.headers, timeout=5)
    assert answer.status_code == 404


def test_device_is_named_percent_encoded(make_channel: Any) -> None:
    channel = make_channel(device_id="sales+1")
    request = files.media_request(channel, _ref(path="statics/media/a.jpg"), 0)
    assert request.headers["X-Device-Id"] == "sales%2B1"
