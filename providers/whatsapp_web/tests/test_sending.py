"""What each content becomes on the wire, and what is made of the answer."""

from __future__ import annotations

import io
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

import pytest
import requests

from chatport import Channel, MediaKind, OutboundMessage, Recipient
from chatport.errors import (
    ContentRefused,
    NotConnected,
    OutcomeUnknown,
    ProviderError,
    RecipientInvalid,
    ServiceUnreachable,
    UnsupportedFeature,
)
from chatport.identities import Identity, group, lid, phone
from chatport.messages import (
    ContactCard,
    Contacts,
    Edit,
    Interactive,
    Link,
    Location,
    Media,
    MessageRef,
    Poll,
    Reaction,
    Revoke,
    Template,
    Text,
)
from chatport_whatsapp_web import outbound
from chatport_whatsapp_web.client import segment
from chatport_whatsapp_web.outbound.multipart import MultipartBody

CHAT = "6281290001122@s.whatsapp.net"
ID = "3EB0AA11BB22CC33DD44EE"
OK = {"message_id": ID, "status": "Message sent"}
TARGET = MessageRef("3A7F/1", from_me=False)


def _message(content: Any, *identities: Identity, **more: Any) -> OutboundMessage:
    to = identities or (phone("6281290001122"),)
    return OutboundMessage(
        "0" * 32, Recipient(to, is_group=any(i.kind == "group" for i in to)), content, **more
    )


def _media(kind: MediaKind, content_type: str, data: bytes = b"bytes", **more: Any) -> Media:
    values = {"filename": "a.bin", "size": len(data), **more}
    return Media(kind=kind, content_type=content_type, open=lambda: io.BytesIO(data), **values)


def _form(request: Any) -> dict[str, tuple[str, str | None, bytes]]:
    raw = request.body.read() if hasattr(request.body, "read") else request.body
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + raw).get_payload()
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_content_type(),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in parts
    }


class Uploads:
    """Reads forms while they are sent: afterwards their file is closed."""

    def __init__(self, service: Any, path: str) -> None:
        self.forms: list[dict[str, tuple[str, str | None, bytes]]] = []
        self.lengths: list[str] = []
        service.mock.post(service.root + path, json=self._answer)

    def _answer(self, request: Any, _: Any) -> dict[str, Any]:
        self.lengths.append(request.headers["Content-Length"])
        self.forms.append(_form(request))
        return {"code": "SUCCESS", "message": "sent", "results": OK}


@pytest.mark.parametrize(
    ("content", "path", "body"),
    [
        (Text("Halo"), "send/message", {"message": "Halo"}),
        (
            Location(-6.2088, 1e-06),
            "send/location",
            {"latitude": "-6.2088", "longitude": "0.000001"},
        ),
        (
            Contacts((ContactCard("Budi", ("+62 813-5550-1234",)),)),
            "send/contact",
            {"contact_name": "Budi", "contact_phone": "6281355501234"},
        ),
        (
            Link("https://a.test", "look"),
            "send/link",
            {"link": "https://a.test", "caption": "look"},
        ),
        (
            Link("https://a.test", " "),
            "send/link",
            {"link": "https://a.test", "caption": "https://a.test"},
        ),
        (
            Poll("Which?", ("a", "b"), 2),
            "send/poll",
            {"question": "Which?", "options": ["a", "b"], "max_answer": 2},
        ),
    ],
)
def test_send_json_contents(
    channel: Channel, service: Any, content: Any, path: str, body: Any
) -> None:
    asked = service.says("POST", path, OK)
    sent = outbound.send(channel, _message(content))
    assert sent.source_id == ID
    assert asked.last_request.json() == {"phone": CHAT, **body}
    assert asked.last_request.headers["X-Device-Id"] == "sales-1"


@pytest.mark.parametrize(
    ("content", "action", "body"),
    [
        (Reaction(TARGET, "👍"), "reaction", {"emoji": "👍"}),
        (Reaction(TARGET, ""), "reaction", {"emoji": ""}),
        (Edit(TARGET, "new"), "update", {"message": "new"}),
        (Revoke(TARGET), "revoke", {}),
    ],
)
def test_send_changes_name_their_message_in_the_path(
    channel: Channel, service: Any, content: Any, action: str, body: Any
) -> None:
    asked = service.says("POST", f"message/3A7F%2F1/{action}", OK)
    assert outbound.send(channel, _message(content)).source_id == ID
    assert asked.last_request.json() == {"phone": CHAT, **body}


def test_send_reply_and_forwarded(channel: Channel, service: Any) -> None:
    asked = service.says("POST", "send/message", OK)
    outbound.send(channel, _message(Text("x"), reply_to=TARGET, forwarded=True))
    assert asked.last_request.json() == {
        "phone": CHAT,
        "message": "x",
        "reply_message_id": "3A7F/1",
        "is_forwarded": True,
    }


@pytest.mark.parametrize(
    ("identities", "chat"),
    [
        ((lid("184620573190245"), phone("6281290001122")), CHAT),
        ((lid("184620573190245"),), "184620573190245@lid"),
        ((Identity("wa_id", "6281290001122"),), CHAT),
        ((group("120363041122334455@g.us"),), "120363041122334455@g.us"),
    ],
)
def test_send_to_whole_addresses(
    channel: Channel, service: Any, identities: tuple[Identity, ...], chat: str
) -> None:
    asked = service.says("POST", "send/message", OK)
    outbound.send(channel, _message(Text("x"), *identities))
    assert asked.last_request.json()["phone"] == chat


def test_send_without_address_calls_nobody(channel: Channel, service: Any) -> None:
    with pytest.raises(RecipientInvalid):
        outbound.send(channel, _message(Text("x"), Identity("bsuid", "ID.1")))
    assert service.calls == []


@pytest.mark.parametrize(
    ("media", "path", "field", "options"),
    [
        (
            _media(MediaKind.IMAGE, "image/png", caption="C"),
            "send/image",
            ("image", "image/png"),
            {"caption": "C", "compress": "false"},
        ),
        (
            _media(MediaKind.IMAGE, "image/jpeg", view_once=True),
            "send/image",
            ("image", "image/jpeg"),
            {"view_once": "true", "compress": "false"},
        ),
        (
            _media(MediaKind.VIDEO, "video/mp4", caption="C"),
            "send/video",
            ("video", "video/mp4"),
            {"caption": "C"},
        ),
        (
            _media(MediaKind.AUDIO, "audio/mp4", caption="C"),
            "send/audio",
            ("audio", "audio/m4a"),
            {},
        ),
        (
            _media(MediaKind.VOICE, "audio/ogg; codecs=opus"),
            "send/audio",
            ("audio", "audio/ogg"),
            {"ptt": "true"},
        ),
        (_media(MediaKind.STICKER, "image/webp"), "send/sticker", ("sticker", "image/webp"), {}),
        (
            _media(MediaKind.DOCUMENT, "application/pdf"),
            "send/file",
            ("file", "application/pdf"),
            {},
        ),
        (
            _media(MediaKind.DOCUMENT, "text/csv", caption="C"),
            "send/file",
            ("file", "text/csv"),
            {"caption": "C"},
        ),
        (_media(MediaKind.DOCUMENT, ""), "send/file", ("file", "application/octet-stream"), {}),
    ],
)
def test_send_files_as_forms(
    channel: Channel,
    service: Any,
    media: Media,
    path: str,
    field: tuple[str, str],
    options: dict[str, str],
) -> None:
    uploads = Uploads(service, path)
    assert outbound.send(channel, _message(media)).source_id == ID
    (form,) = uploads.forms
    name, content_type = field
    assert form.pop(name) == (content_type, "a.bin", b"bytes")
    assert {key: value.decode() for key, (_, _, value) in form.items()} == {
        "phone": CHAT,
        **options,
    }


def test_send_file_tells_its_length_and_odd_names_survive(channel: Channel, service: Any) -> None:
    uploads = Uploads(service, "send/file")
    data = b"\r\n--x" * 200_000
    media = _media(
        MediaKind.DOCUMENT, "application/pdf", data, filename='räk"ning\r\nX: y.pdf', size=3
    )
    outbound.send(channel, _message(media, reply_to=TARGET))
    (form,) = uploads.forms
    assert form["file"][2] == data
    assert str(form["file"][1]).endswith("k_ningX: y.pdf")
    assert "X" not in [key for key in form if key != "file"]
    assert form["reply_message_id"][2] == b"3A7F/1"
    assert int(uploads.lengths[0]) > len(data)


def test_multipart_body_has_the_length_that_it_says() -> None:
    body = MultipartBody(
        {"phone": CHAT, "caption": "größer"},
        name="image",
        filename="ä.png",
        content_type="image/png",
        stream=io.BytesIO(b"abc" * 100_000),
        size=300_000,
    )
    length, read = len(body), b""
    while block := body.read(7919):
        read += block
    assert len(read) == length


@pytest.mark.parametrize(
    "media",
    [
        _media(MediaKind.IMAGE, "image/webp"),
        _media(MediaKind.VIDEO, ""),
        _media(MediaKind.AUDIO, "audio/webm"),
    ],
)
def test_send_files_of_refused_types_calls_nobody(
    channel: Channel, service: Any, media: Media
) -> None:
    with pytest.raises(ContentRefused) as caught:
        outbound.send(channel, _message(media))
    assert caught.value.action and service.calls == []


@pytest.mark.parametrize(
    "content",
    [
        Template("t", "en"),
        Interactive("buttons", "x"),
        Contacts((ContactCard("a", ("+1",)), ContactCard("b", ("+2",)))),
        _media(MediaKind.VIDEO_NOTE, "video/mp4"),
    ],
)
def test_send_what_gowa_cannot_is_unsupported(channel: Channel, service: Any, content: Any) -> None:
    with pytest.raises(UnsupportedFeature):
        outbound.send(channel, _message(content))
    assert service.calls == []


def test_send_contact_without_number_is_refused(channel: Channel) -> None:
    with pytest.raises(ContentRefused):
        outbound.send(channel, _message(Contacts((ContactCard("a"),))))


# --- outcomes ---------------------------------------------------------------------------------------------------------


def test_send_that_times_out_is_of_unknown_outcome(channel: Channel, service: Any) -> None:
    service.mock.post(service.root + "send/message", exc=requests.ReadTimeout)
    with pytest.raises(OutcomeUnknown):
        outbound.send(channel, _message(Text("x")))


def test_send_that_never_left_is_unreachable(channel: Channel, service: Any) -> None:
    service.mock.post(service.root + "send/message", exc=requests.ConnectTimeout)
    with pytest.raises(ServiceUnreachable):
        outbound.send(channel, _message(Text("x")))


def test_send_without_login(channel: Channel, service: Any) -> None:
    service.fails("POST", "send/message", 401, "AUTHENTICATION_ERROR", "you are not logged in")
    with pytest.raises(NotConnected) as caught:
        outbound.send(channel, _message(Text("x")))
    assert caught.value.action


@pytest.mark.parametrize(
    "results", [None, {}, {"message_id": ""}, {"message_id": 7}, {"message_id": "presence"}]
)
def test_send_success_without_id_is_of_unknown_outcome(
    channel: Channel, service: Any, results: Any
) -> None:
    service.says("POST", "send/message", results)
    with pytest.raises(OutcomeUnknown):
        outbound.send(channel, _message(Text("x")))


def test_send_success_that_cannot_be_read_is_of_unknown_outcome(
    channel: Channel, service: Any
) -> None:
    service.plain("POST", "send/message", 200, "<html>")
    with pytest.raises(OutcomeUnknown):
        outbound.send(channel, _message(Text("x")))


@pytest.mark.parametrize(
    ("target", "path"), [("..", "%2E%2E"), (".", "%2E"), ("a/../b", "a%2F..%2Fb")]
)
def test_change_of_an_odd_id_stays_below_its_path(target: str, path: str) -> None:
    assert segment(target) == path


def test_change_that_times_out_may_be_repeated(channel: Channel, service: Any) -> None:
    service.mock.post(service.root + "message/3A7F%2F1/revoke", exc=requests.ReadTimeout)
    with pytest.raises(ServiceUnreachable):
        outbound.send(channel, _message(Revoke(TARGET)))


def test_error_never_repeats_our_secrets(
    make_channel: Callable[..., Channel], service: Any
) -> None:
    service.fails("POST", "send/message", 500, "X", "wrong password s3cr3t-pässword for alice")
    with pytest.raises(ProviderError) as caught:
        outbound.send(make_channel(), _message(Text("x")))
    assert "s3cr3t" not in f"{caught.value} {vars(caught.value)}"
