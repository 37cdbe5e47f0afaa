"""Contents, recipients, limits."""

from __future__ import annotations

import io
from typing import Any

import pytest

from chatport import Features, Identity, MediaKind, OutboundMessage, Recipient
from chatport.errors import ContentRefused, RecipientInvalid, UnsupportedFeature
from chatport.messages import (
    Choice,
    ContactCard,
    Contacts,
    Content,
    Interactive,
    Link,
    Location,
    Media,
    MessageRef,
    Poll,
    Reaction,
    Text,
)
from chatport_meta.features import MESSAGING
from chatport_meta.outbound import check, content_fields, message_body
from chatport_meta.outbound.multipart import UploadForm
from chatport_meta.outbound.recipients import recipient_fields, sibling

ROSA = Identity("wa_id", "4915112340001")
PHONE = Identity("phone", "4915112340001")
BSUID = Identity("bsuid", "DE.58203377411902456")
TARGET = MessageRef("wamid.1", from_me=False)


def media(kind: MediaKind, content_type: str, **more: Any) -> Media:
    return Media(kind, "a b.pdf", content_type, 3, lambda: io.BytesIO(b"abc"), **more)


def body(content: Content, **more: Any) -> dict[str, Any]:
    message = OutboundMessage("0" * 32, Recipient((ROSA,)), content, **more)
    return message_body(message, {"to": "49"}, {"id": "77"}, "Meta")


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (Text("hi", preview_url=False), {"text": {"body": "hi", "preview_url": False}}),
        (
            Link("https://a.test", "look"),
            {"text": {"body": "look\nhttps://a.test", "preview_url": True}},
        ),
        (
            media(MediaKind.DOCUMENT, "application/pdf", caption="bill"),
            {"document": {"id": "77", "caption": "bill", "filename": "a b.pdf"}},
        ),
        (media(MediaKind.VOICE, "audio/ogg"), {"audio": {"id": "77", "voice": True}}),
        (media(MediaKind.AUDIO, "audio/mpeg"), {"audio": {"id": "77"}}),
        (
            Location(52.5, 13.4, "Kiosk"),
            {"location": {"latitude": 52.5, "longitude": 13.4, "name": "Kiosk"}},
        ),
        (
            Contacts((ContactCard("Tomas Berg", ("+4915112340009", "112")),)),
            {
                "contacts": [
                    {
                        "name": {
                            "formatted_name": "Tomas Berg",
                            "first_name": "Tomas",
                            "last_name": "Berg",
                        },
                        "phones": [
                            {"phone": "+4915112340009", "type": "CELL", "wa_id": "4915112340009"},
                            {"phone": "112", "type": "CELL"},
                        ],
                    }
                ]
            },
        ),
        (Reaction(TARGET, ""), {"reaction": {"message_id": "wamid.1", "emoji": ""}}),
        (
            Interactive("buttons", "ok?", (Choice("y", "Yes"),), header="H", footer="F"),
            {
                "interactive": {
                    "type": "button",
                    "body": {"text": "ok?"},
                    "header": {"type": "text", "text": "H"},
                    "footer": {"text": "F"},
                    "action": {
                        "buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]
                    },
                }
            },
        ),
        (
            Interactive("list", "which?", (Choice("s", "S", "small"),), button="Sizes"),
            {
                "interactive": {
                    "type": "list",
                    "body": {"text": "which?"},
                    "action": {
                        "button": "Sizes",
                        "sections": [{"rows": [{"id": "s", "title": "S", "description": "small"}]}],
                    },
                }
            },
        ),
        (
            Interactive("cta_url", "bill", button="Open", url="https://a.test/1"),
            {
                "interactive": {
                    "type": "cta_url",
                    "body": {"text": "bill"},
                    "action": {
                        "name": "cta_url",
                        "parameters": {"display_text": "Open", "url": "https://a.test/1"},
                    },
                }
            },
        ),
    ],
)
def test_content_fields(content: Content, wanted: dict[str, Any]) -> None:
    (kind,) = wanted
    assert content_fields(content, {"id": "77"}, "Meta") == {"type": kind, **wanted}


def test_content_fields_refuses_what_does_not_exist() -> None:
    with pytest.raises(UnsupportedFeature):
        content_fields(Poll("?", ("a", "b")), None, "Meta")


def test_message_body_carries_reply_and_delivery() -> None:
    found = body(Text("x"), reply_to=TARGET)
    assert found["messaging_product"] == "whatsapp" and found["to"] == "49"
    assert found["context"] == {"message_id": "wamid.1"}
    assert found["biz_opaque_callback_data"] == "0" * 32
    assert "context" not in body(Reaction(TARGET, "👍"), reply_to=TARGET)


@pytest.mark.parametrize(
    ("identities", "wanted"),
    [
        ((PHONE, ROSA), {"to": "4915112340001"}),
        ((BSUID, PHONE), {"to": "+4915112340001"}),
        ((BSUID,), {"recipient": "DE.58203377411902456"}),
    ],
)
def test_recipient_fields(identities: tuple[Identity, ...], wanted: dict[str, str]) -> None:
    fields = recipient_fields(Recipient(identities))
    assert fields == {"recipient_type": "individual", **wanted}


def test_recipient_fields_of_a_group() -> None:
    group = Recipient((Identity("group", "Z3JvdXA@g.us"),), is_group=True)
    assert recipient_fields(group) == {"recipient_type": "group", "to": "Z3JvdXA"}


@pytest.mark.parametrize("phone_only", [True, False])
def test_recipient_fields_refuses_who_cannot_be_reached(phone_only: bool) -> None:
    identities = (BSUID,) if phone_only else (Identity("lid", "1"),)
    with pytest.raises(RecipientInvalid):
        recipient_fields(Recipient(identities), phone_only=phone_only)


@pytest.mark.parametrize(
    ("given", "other"),
    [("551187654321", "+5511987654321"), ("+5215512345678", "+525512345678"), ("49151", None)],
)
def test_sibling_is_the_other_form_of_a_number(given: str, other: str | None) -> None:
    found = sibling({"recipient_type": "individual", "to": given})
    assert (found or {}).get("to") == other


@pytest.mark.parametrize(
    "content",
    [
        Text(""),
        Text("x" * 4097),
        media(MediaKind.IMAGE, "image/gif"),
        media(MediaKind.IMAGE, "image/png", caption="x" * 1025),
        media(MediaKind.AUDIO, "audio/mpeg", caption="no"),
        Media(MediaKind.STICKER, "s", "image/webp", 600_000, lambda: io.BytesIO(b"")),
        Location(91, 0),
        Contacts(()),
        Interactive("buttons", "x", ()),
        Interactive("buttons", "x", tuple(Choice(str(n), str(n)) for n in range(4))),
        Interactive("buttons", "x", (Choice("a", "x" * 21),)),
        Interactive("buttons", "x", (Choice("a", "same"), Choice("b", "same"))),
        Interactive("buttons", "x", (Choice("a", "1"), Choice("a", "2"))),
        Interactive("buttons", "x" * 1025, (Choice("a", "1"),)),
        Interactive("list", "x", (Choice("a", "1"),), button=""),
        Interactive("list", "x", (Choice("a", "1", "d" * 73),), button="b"),
        Interactive("cta_url", "x", button="Go", url="ftp://a"),
    ],
)
def test_check_refuses_what_whatsapp_would_refuse(content: Content) -> None:
    with pytest.raises(ContentRefused) as raised:
        check(content, MESSAGING, "Meta")
    assert raised.value.action


def test_check_refuses_a_kind_that_is_not_declared() -> None:
    with pytest.raises(UnsupportedFeature):
        check(media(MediaKind.VIDEO_NOTE, "video/mp4"), Features(), "Meta")


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_upload_form_streams_its_whole_length(block: int) -> None:
    form = UploadForm(
        {"messaging_product": "whatsapp"},
        filename='a"\r\nX: y.pdf',
        content_type="application/pdf",
        file=io.BytesIO(b"%PDF" * 50),
        size=200,
    )
    read = b""
    while piece := form.read(block):
        read += piece
    assert len(read) == len(form)
    assert b"%PDF" * 50 in read and b'filename="aX: y.pdf"' in read
    assert form.content_type.split("boundary=")[1].encode() in read


def test_upload_form_tells_a_short_file() -> None:
    form = UploadForm({}, filename="a", content_type="b/c", file=io.BytesIO(b"ab"), size=3)
    with pytest.raises(OSError, match="shorter"):
        form.read()


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        (ContactCard("", emails=("t@a.test",)), "t@a.test"),
        (ContactCard(" ", organization="Berg"), "Berg"),
        (ContactCard("", phones=(" ", "+4915")), "+4915"),
    ],
)
def test_card_without_a_name_goes_under_what_it_has(card: ContactCard, shown: str) -> None:
    content = Contacts((card,))
    check(content, MESSAGING, "Meta")
    (found,) = content_fields(content, None, "Meta")["contacts"]
    assert found["name"]["formatted_name"] == found["name"]["first_name"] == shown
    assert all(phone["phone"].strip() for phone in found.get("phones", ()))


def test_card_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(ContentRefused, match="contact is empty"):
        check(Contacts((ContactCard("", phones=(" ",)),)), MESSAGING, "Meta")


@pytest.mark.parametrize(
    ("head", "size", "taken"),
    [
        (b"RIFF____WEBPVP8 ____x", 100 * 1024, True),
        (b"RIFF____WEBPVP8 ____\x02", 100 * 1024 + 1, False),
        (b"RIFF____WEBPVP8X____\x10", 100 * 1024 + 1, False),
        (b"RIFF____WEBPVP8X____\x12", 500 * 1024, True),
        (b"RIFF____WEBPVP8X____\x12", 500 * 1024 + 1, False),
    ],
)
def test_sticker_that_does_not_move_must_be_smaller(head: bytes, size: int, taken: bool) -> None:
    sticker = Media(MediaKind.STICKER, "s.webp", "image/webp", size, lambda: io.BytesIO(head))
    if taken:
        check(sticker, MESSAGING, "Meta")
        return
    with pytest.raises(ContentRefused, match="bytes"):
        check(sticker, MESSAGING, "Meta")


def test_file_to_be_shown_once_is_never_sent_as_one_that_stays() -> None:
    with pytest.raises(UnsupportedFeature, match="once"):
        check(media(MediaKind.IMAGE, "image/png", view_once=True), MESSAGING, "Meta")
