"""The older generation: other bodies, other answers, recipients that must be looked up."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests

from chatport import Channel, Identity, MediaKind, OutboundMessage, Recipient
from chatport.errors import (
    ContentRefused,
    OutcomeUnknown,
    ProviderError,
    RecipientInvalid,
    TemporarilyRefused,
    UnsupportedFeature,
    WindowClosed,
)
from chatport.events import MediaRef
from chatport.messages import Content, Interactive, Media, MessageRef, Template, Text
from chatport_dialog360 import plugin

OLD = "https://waba.test/v1"
ROSA = Identity("phone", "4915112340001")


def message(content: Content, *who: Identity, **more: Any) -> OutboundMessage:
    return OutboundMessage("0" * 32, Recipient(who or (ROSA,)), content, **more)


def sends(dialog: Any) -> Any:
    return dialog.says("POST", f"{OLD}/messages", {"messages": [{"id": "gBEG1"}]}, 201)


def test_text_has_the_older_form(old_channel: Channel, dialog: Any) -> None:
    route = sends(dialog)
    reply = MessageRef("ABEG0", from_me=False)
    found = plugin.send_message(old_channel, message(Text("hi"), reply_to=reply))
    assert route.last_request.json() == {
        "recipient_type": "individual",
        "to": "4915112340001",
        "type": "text",
        "preview_url": True,
        "text": {"body": "hi"},
        "context": {"message_id": "ABEG0"},
    }
    assert route.last_request.headers["D360-API-KEY"] == old_channel.config["api_key"]
    assert found.source_id == "gBEG1"


def test_template_has_its_namespace(old_channel: Channel, dialog: Any) -> None:
    route = sends(dialog)
    template = Template("hello", "de", namespace="ns_1", definition={"status": "APPROVED"})
    plugin.send_message(old_channel, message(template))
    assert route.last_request.json()["template"] == {
        "namespace": "ns_1",
        "name": "hello",
        "language": {"policy": "deterministic", "code": "de"},
    }


def test_voice_note_is_uploaded_as_plain_bytes(old_channel: Channel, dialog: Any) -> None:
    upload = dialog.says("POST", f"{OLD}/media", {"media": [{"id": "file-1"}]}, 201)
    route = sends(dialog)
    voice = Media(MediaKind.VOICE, "v.ogg", "audio/ogg", 4, lambda: io.BytesIO(b"OggS"))
    plugin.send_message(old_channel, message(voice))
    assert upload.last_request.headers["Content-Type"] == "audio/ogg"
    assert upload.last_request.headers["Content-Length"] == "4"
    assert route.last_request.json()["audio"] == {"id": "file-1"}


def unknown_contact(dialog: Any, *then: Any) -> Any:
    error = {
        "json": {"errors": [{"code": 1006, "title": "Resource not found"}]},
        "status_code": 404,
    }
    return dialog.mock.post(f"{OLD}/messages", [error, *then])


def test_unknown_recipient_is_looked_up_and_written_to_once(
    old_channel: Channel, dialog: Any
) -> None:
    route = unknown_contact(dialog, {"json": {"messages": [{"id": "gBEG2"}]}, "status_code": 201})
    known = {"input": "+4915112340001", "status": "valid", "wa_id": "491511"}
    look_up = dialog.says("POST", f"{OLD}/contacts", {"contacts": [known]})
    assert plugin.send_message(old_channel, message(Text("hi"))).source_id == "gBEG2"
    assert look_up.last_request.json()["contacts"] == ["+4915112340001"]
    assert [r.json()["to"] for r in route.request_history] == ["4915112340001", "491511"]


@pytest.mark.parametrize(
    ("wa_id", "learned"),
    [("558299887766", (Identity("wa_id", "558299887766"),)), ("no digits", ())],
)
def test_wa_id_that_the_look_up_tells_is_kept(
    old_channel: Channel, dialog: Any, wa_id: str, learned: tuple[Identity, ...]
) -> None:
    unknown_contact(dialog, {"json": {"messages": [{"id": "gBEG2"}]}, "status_code": 201})
    known = {"input": "+5582999887766", "status": "valid", "wa_id": wa_id}
    dialog.says("POST", f"{OLD}/contacts", {"contacts": [known]})
    ana = Identity("phone", "5582999887766")
    assert plugin.send_message(old_channel, message(Text("oi"), ana)).recipient == learned


@pytest.mark.parametrize(
    ("contact", "kind"),
    [
        ({"status": "invalid"}, RecipientInvalid),
        ({"status": "processing"}, TemporarilyRefused),
        (None, TemporarilyRefused),
    ],
)
def test_recipient_that_cannot_be_looked_up(
    old_channel: Channel, dialog: Any, contact: Any, kind: type[ProviderError]
) -> None:
    route = unknown_contact(dialog)
    dialog.says("POST", f"{OLD}/contacts", {"contacts": [contact]})
    with pytest.raises(kind):
        plugin.send_message(old_channel, message(Text("hi")))
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("content", "who", "group", "kind"),
    [
        (Interactive("cta_url", "x", button="b", url="https://a"), ROSA, False, UnsupportedFeature),
        (Text("hi"), Identity("bsuid", "DE.1"), False, RecipientInvalid),
        (Text("hi"), Identity("group", "1@g.us"), True, RecipientInvalid),
        (
            Media(MediaKind.DOCUMENT, "a", "a/b", 70_000_000, lambda: io.BytesIO(b"")),
            ROSA,
            False,
            ContentRefused,
        ),
    ],
)
def test_what_this_generation_cannot_do_asks_nobody(
    old_channel: Channel, dialog: Any, content: Any, who: Any, group: bool, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        plugin.send_message(
            old_channel, OutboundMessage("0" * 32, Recipient((who,), is_group=group), content)
        )
    assert dialog.calls == []


def test_typing_is_not_shown(old_channel: Channel, dialog: Any) -> None:
    last = MessageRef("A", from_me=False)
    assert not plugin.send_typing(old_channel, Recipient((ROSA,)), "composing", last)
    assert dialog.calls == []


@pytest.mark.parametrize("options", [{"json": {}}, {"text": ""}])
def test_receipt(old_channel: Channel, dialog: Any, options: Any) -> None:
    route = dialog.mock.put(f"{OLD}/messages/ABEG%2F1", **options)
    refs = (MessageRef("ABEG/1", from_me=False),)
    assert plugin.mark_read(old_channel, Recipient((ROSA,)), refs)
    assert route.last_request.json() == {"status": "read"}


def test_closed_window_is_told(old_channel: Channel, dialog: Any) -> None:
    error = {"code": 470, "title": "Outside of the window", "details": "more than 24 hours"}
    dialog.says("POST", f"{OLD}/messages", {"meta": {}, "errors": [error]}, 400)
    with pytest.raises(WindowClosed, match="more than 24 hours"):
        plugin.send_message(old_channel, message(Text("hi")))


def test_broken_send_is_of_unknown_outcome(old_channel: Channel, dialog: Any) -> None:
    dialog.mock.post(f"{OLD}/messages", exc=requests.ReadTimeout)
    with pytest.raises(OutcomeUnknown):
        plugin.send_message(old_channel, message(Text("hi")))


def test_file_is_fetched_by_its_id_with_the_key(old_channel: Channel, dialog: Any) -> None:
    media = MediaRef(MediaKind.IMAGE, {"id": "c1/../x"}, sha256="ab" * 32)
    request = plugin.media_url(old_channel, media, 0)
    assert request.url == f"{OLD}/media/c1%2F..%2Fx"
    assert request.allowed_hosts == ("waba.test",) and request.sha256 == "ab" * 32
    assert dialog.calls == []


def template_page(total: int, *names: str) -> dict[str, Any]:
    entries = [
        {"name": name, "namespace": "ns", "language": "de", "status": "approved"} for name in names
    ]
    return {"total": total, "waba_templates": entries}


def test_templates_of_all_pages(old_channel: Channel, dialog: Any) -> None:
    pages = [template_page(3, "a", "b"), template_page(3, "c")]
    dialog.mock.get(f"{OLD}/configs/templates", [{"json": page} for page in pages])
    found = plugin.fetch_templates(old_channel)
    assert [(t["name"], t["status"], t["namespace"]) for t in found] == [
        ("a", "APPROVED", "ns"),
        ("b", "APPROVED", "ns"),
        ("c", "APPROVED", "ns"),
    ]
    assert [r.qs["offset"] for r in dialog.mock.request_history] == [["0"], ["2"]]


def test_templates_without_a_total_are_read_until_none_is_left(
    old_channel: Channel, dialog: Any
) -> None:
    pages = [template_page(9, "a", "b"), template_page(9, "c"), template_page(9)]
    for page in pages:
        del page["total"]
    dialog.mock.get(f"{OLD}/configs/templates", [{"json": page} for page in pages])
    assert [t["name"] for t in plugin.fetch_templates(old_channel)] == ["a", "b", "c"]


def test_templates_of_a_service_without_pages_are_told_once(
    old_channel: Channel, dialog: Any
) -> None:
    page = template_page(9, "a", "b")
    del page["total"]
    dialog.says("GET", f"{OLD}/configs/templates", page)
    assert [t["name"] for t in plugin.fetch_templates(old_channel)] == ["a", "b"]


def test_templates_are_all_or_nothing(old_channel: Channel, dialog: Any) -> None:
    pages = [{"json": template_page(3, "a")}, {"status_code": 502}]
    dialog.mock.get(f"{OLD}/configs/templates", pages)
    with pytest.raises(TemporarilyRefused):
        plugin.fetch_templates(old_channel)


@pytest.mark.parametrize("status", [500, 503])
def test_link_stands_in_for_an_upload_that_fails(
    old_channel: Channel, dialog: Any, status: int
) -> None:
    dialog.says("POST", f"{OLD}/media", {}, status)
    route = sends(dialog)
    link = "https://chat.test/files/1?signature=x"
    file = Media(MediaKind.IMAGE, "a.png", "image/png", 4, lambda: io.BytesIO(b"PNG1"), link=link)
    assert plugin.send_message(old_channel, message(file)).source_id == "gBEG1"
    assert route.last_request.json()["image"] == {"link": link}


def test_upload_that_fails_is_told_where_there_is_no_link(
    old_channel: Channel, dialog: Any
) -> None:
    dialog.says("POST", f"{OLD}/media", {}, 500)
    file = Media(MediaKind.IMAGE, "a.png", "image/png", 4, lambda: io.BytesIO(b"PNG1"))
    with pytest.raises(TemporarilyRefused):
        plugin.send_message(old_channel, message(file))
