"""The newer generation: the Cloud API's messages, files on the own host."""

from __future__ import annotations

import io
from typing import Any

import pytest

from chatport import Channel, Identity, MediaKind, OutboundMessage, Recipient
from chatport.errors import AuthenticationFailed, MediaGone, RecipientInvalid, TemporarilyRefused
from chatport.events import MediaRef
from chatport.messages import Media, Text
from chatport_dialog360 import plugin
from chatport_dialog360.gateway import Gateway

NEW = "https://waba-v2.test"
ROSA = Identity("wa_id", "4915112340001")
FILE = MediaRef(MediaKind.IMAGE, {"id": "1800"}, "a.jpg", "image/jpeg")
#: The query is not in its plainest form on purpose.
PATH = "/whatsapp_business/attachments/?mid=1800&ext=1787000320&hash=AR%2fn%20x+y"


@pytest.mark.parametrize(
    ("address", "base_url", "old"),
    [
        ("https://waba-v2.360dialog.io", "https://waba-v2.360dialog.io", False),
        ("https://waba-v2.360dialog.io/", "https://waba-v2.360dialog.io", False),
        ("https://waba-v2.360dialog.io/v1", "https://waba-v2.360dialog.io", False),
        ("https://waba.360dialog.io/v1", "https://waba.360dialog.io/v1", True),
        ("https://waba.360dialog.io", "https://waba.360dialog.io/v1", True),
        ("https://waba-sandbox.360dialog.io/v1/", "https://waba-sandbox.360dialog.io/v1", True),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", False),
    ],
)
def test_generation_is_told_by_the_address(
    make_channel: Any, address: str, base_url: str, old: bool
) -> None:
    gateway = Gateway(make_channel(api_base_url=address))
    assert (gateway.base_url, gateway.old) == (base_url, old)
    assert gateway.config("webhook") == ("configs/webhook" if old else "v1/configs/webhook")


def test_message_has_the_cloud_form(channel: Channel, dialog: Any) -> None:
    upload = dialog.says("POST", f"{NEW}/media", {"id": "77"})
    route = dialog.says("POST", f"{NEW}/messages", {"messages": [{"id": "wamid.1"}]})
    media = Media(MediaKind.IMAGE, "a.png", "image/png", 4, lambda: io.BytesIO(b"\x89PNG"))
    message = OutboundMessage("0" * 32, Recipient((ROSA,)), media)
    assert plugin.send_message(channel, message).source_id == "wamid.1"
    assert route.last_request.json()["messaging_product"] == "whatsapp"
    assert route.last_request.json()["image"] == {"id": "77"}
    assert route.last_request.json()["biz_opaque_callback_data"] == "0" * 32
    assert upload.last_request.headers["D360-API-KEY"] == channel.config["api_key"]
    assert "Authorization" not in upload.last_request.headers


def test_file_is_fetched_from_the_own_host_byte_for_byte(channel: Channel, dialog: Any) -> None:
    told = {"url": f"https://lookaside.fbsbx.com{PATH}", "sha256": "cd" * 32}
    dialog.says("GET", f"{NEW}/1800", told)
    request = plugin.media_url(channel, FILE, 0)
    assert request.url == NEW + PATH
    assert request.allowed_hosts == ("waba-v2.test",)
    assert request.headers == {"D360-API-KEY": channel.config["api_key"]}
    assert request.sha256 == "cd" * 32 and request.expires_at is not None


@pytest.mark.parametrize("url", ["https://evil.test/x", "http://lookaside.fbsbx.com/x", None])
def test_file_at_a_strange_address_is_not_fetched(channel: Channel, dialog: Any, url: Any) -> None:
    dialog.says("GET", f"{NEW}/1800", {"url": url})
    with pytest.raises(TemporarilyRefused):
        plugin.media_url(channel, FILE, 0)


def test_file_that_is_gone_is_told(channel: Channel, dialog: Any) -> None:
    body = {"meta": {"success": False, "http_code": 404, "developer_message": "not found"}}
    dialog.says("GET", f"{NEW}/1800", body, 404)
    with pytest.raises(MediaGone):
        plugin.media_url(channel, FILE, 0)


def test_file_is_not_asked_for_for_ever(
    channel: Channel, old_channel: Channel, dialog: Any
) -> None:
    dialog.says("GET", f"{NEW}/1800", {"url": f"https://lookaside.fbsbx.com{PATH}"})
    assert plugin.media_url(channel, FILE, 2).url
    calls = len(dialog.calls)
    for one in (channel, old_channel):
        with pytest.raises(MediaGone):
            plugin.media_url(one, FILE, 3)
    assert len(dialog.calls) == calls


def test_recipient_is_never_looked_up_here(channel: Channel, dialog: Any) -> None:
    error = {"errors": [{"code": 1006, "title": "Resource not found", "details": "unknown"}]}
    dialog.says("POST", f"{NEW}/messages", error, 404)
    with pytest.raises(RecipientInvalid):
        plugin.send_message(channel, OutboundMessage("0" * 32, Recipient((ROSA,)), Text("hi")))
    assert dialog.calls == [f"POST {NEW}/messages"]


def test_status_of_the_answer_counts_not_that_in_its_body(channel: Channel, dialog: Any) -> None:
    body = {"meta": {"success": False, "http_code": 404, "developer_message": "Invalid api_key"}}
    dialog.says("POST", f"{NEW}/messages", body, 401)
    with pytest.raises(AuthenticationFailed, match="Invalid api_key"):
        plugin.send_message(channel, OutboundMessage("0" * 32, Recipient((ROSA,)), Text("hi")))


def test_templates_of_all_pages(channel: Channel, dialog: Any) -> None:
    first = {
        "data": [{"name": "a", "language": "de"}],
        "paging": {"next": "x", "cursors": {"after": "A"}},
    }
    pages = [{"json": first}, {"json": {"data": [{"name": "b", "language": "de"}]}}]
    dialog.mock.get(f"{NEW}/message_templates", pages)
    assert [t["name"] for t in plugin.fetch_templates(channel)] == ["a", "b"]
