"""Storing messages to be sent: what is refused, what is stored, what makes it once."""

from __future__ import annotations

import io
import math
import struct
import threading
import wave
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.fake_provider import World

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.errors import ContentRefused, UnsupportedFeature, WindowClosed
from chatport.messages import Contacts, Interactive, Location, Media, MediaKind, Poll, Text
from chatport.services import outbox
from chatport.services.outbox.errors import IdempotencyConflict, NotFound, NotPossible
from chatport.services.outbox.uploads import Upload

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


def upload(data: bytes = PNG, name: str = "a.png", kind: str = "image/png") -> Upload:
    return Upload(name, kind, io.BytesIO(data))


def tone(seconds: float = 0.2) -> bytes:
    """A WAV file with a tone."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(
            b"".join(
                struct.pack("<h", int(8000 * math.sin(n / 5))) for n in range(int(8000 * seconds))
            )
        )
    return target.getvalue()


def stored_files(world: World) -> list[Any]:
    folder = world.core.storage.url.removeprefix("file://")
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_create_stores_message_and_send_together(world: World) -> None:
    [message_id] = world.send("hello")

    message = world.message(message_id)
    assert (message.status, message.source_id, message.content) == ("queued", None, "hello")
    assert world.last_send(message_id).state == "queued"
    assert world.core.bells.calls == 1


def test_create_translates_markup_and_keeps_what_was_typed(world: World) -> None:
    [message_id] = world.send("**bold** text")
    world.deliver()

    assert world.message(message_id).content == "**bold** text"
    content = world.provider.sent[0].content
    assert isinstance(content, Text)
    assert content.body == "*bold* text"


def test_create_sends_files_one_by_one_with_the_caption_on_the_first(world: World) -> None:
    ids = world.send("look", attachments=[upload(), upload(name="b.png"), upload(name="c.png")])
    world.deliver()

    contents = [message.content for message in world.provider.sent]
    assert len(ids) == 3
    assert [(c.filename, c.caption) for c in contents if isinstance(c, Media)] == [
        ("a.png", "look"),
        ("b.png", ""),
        ("c.png", ""),
    ]
    first = contents[0]
    assert isinstance(first, Media)
    assert first.open().read() == PNG
    assert "signature=" in (first.link or "")


def test_create_converts_a_recording_to_a_voice_message(world: World) -> None:
    [message_id] = world.send(
        "",
        attachments=[upload(tone(), "rec.wav", "audio/wav")],
        content_attributes={"is_voice_message": True},
    )
    world.deliver()

    content = world.provider.sent[0].content
    assert isinstance(content, Media)
    assert (content.kind, content.content_type) == (MediaKind.VOICE, "audio/ogg")
    assert content.open().read(4) == b"OggS"
    assert world.one(t.Attachment, t.Attachment.message_id == message_id).filename == "rec.ogg"
    assert len(stored_files(world)) == 1


def test_create_refuses_a_recording_without_sound(world: World) -> None:
    with pytest.raises(ContentRefused, match="voice"):
        world.send(
            "",
            attachments=[upload(b"nonsense", "a.wav", "audio/wav")],
            content_attributes={"is_voice_message": True},
        )
    assert stored_files(world) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"content": "  "}, "empty_message"),
        ({"content": "x" * 201}, "text_too_long"),
        ({"content": "x" * 60, "attachments": [PNG]}, "text_too_long"),
        ({"content": "", "attachments": [b""]}, None),
        ({"content": "", "attachments": [b"%PDF-1.4" + b"x" * 6000]}, "file_too_large"),
        ({"content": "x", "content_type": "cards"}, "content_type"),
        ({"content": "x", "content_attributes": {"in_reply_to": 999}}, "in_reply_to"),
        ({"content": "", "attachments": [PNG] * 16}, "too_many_files"),
    ],
)
def test_create_refuses_before_anything_is_stored(
    world: World, more: dict[str, Any], code: str | None
) -> None:
    given = {**more, "attachments": [upload(data) for data in more.get("attachments", ())]}

    with pytest.raises(ContentRefused) as caught:
        world.send(**given)

    assert code is None or caught.value.code == code
    assert caught.value.action
    assert world.rows(t.Message) == []
    assert stored_files(world) == []


def test_create_refuses_what_the_provider_does_not_declare(world: World) -> None:
    world.features(polls=False, reply=False)
    with pytest.raises(UnsupportedFeature):
        world.send(
            "?",
            content_type="poll",
            content_attributes={"poll": {"question": "?", "options": ["a", "b"]}},
        )
    target = world.incoming("W1")
    with pytest.raises(UnsupportedFeature):
        world.send("x", content_attributes={"in_reply_to": target})


def test_create_sends_places_contacts_and_polls(world: World) -> None:
    world.send(
        "",
        content_type="location",
        content_attributes={"location": {"latitude": -6.2, "longitude": 106.8, "name": "Monas"}},
    )
    world.send(
        "",
        content_type="contact",
        content_attributes={"contacts": [{"name": "Budi", "phones": ["+6281290003344"]}]},
    )
    world.send(
        "",
        content_type="poll",
        content_attributes={
            "poll": {"question": "When?", "options": ["Mon", "Tue"], "max_answers": 1}
        },
    )
    world.deliver()

    place, cards, poll = (message.content for message in world.provider.sent)
    assert place == Location(-6.2, 106.8, "Monas")
    assert isinstance(cards, Contacts)
    assert cards.cards[0].name == "Budi"
    assert poll == Poll("When?", ("Mon", "Tue"), 1)


MENU = {"link": {"url": "https://example.com/menu", "button": "Open"}}


def test_create_sends_a_link_with_a_button(world: World) -> None:
    world.features(cta_url=True, link=False)
    [message_id] = world.send("Our **menu**", content_type="link", content_attributes=MENU)
    world.deliver()

    sent = world.provider.sent[0].content
    assert sent == Interactive(
        "cta_url", "Our *menu*", button="Open", url="https://example.com/menu"
    )
    message = world.message(message_id)
    assert (message.content_type, message.content) == ("structured", "Our **menu**")
    assert message.content_attributes["structured"] == {
        "kind": "link",
        "data": {"url": "https://example.com/menu", "caption": "Our **menu**", "button": "Open"},
    }


@pytest.mark.parametrize(
    ("content", "link", "code"),
    [
        ("", MENU["link"], "empty_message"),
        ("Our menu", {**MENU["link"], "button": "x" * 21}, "title_too_long"),
        ("Our menu", {**MENU["link"], "url": "ftp://example.com"}, "malformed_link"),
    ],
    ids=["no-text", "long-title", "not-http"],
)
def test_create_refuses_a_link_button_that_whatsapp_would_not_take(
    sqlite_world: World, content: str, link: dict[str, str], code: str
) -> None:
    sqlite_world.features(cta_url=True)
    with pytest.raises(ContentRefused) as told:
        sqlite_world.send(content, content_type="link", content_attributes={"link": link})

    assert (told.value.code, bool(told.value.action)) == (code, True)
    assert sqlite_world.rows(t.Send) == []


def test_create_refuses_a_link_button_where_the_provider_has_none(sqlite_world: World) -> None:
    sqlite_world.features(cta_url=False, link=True)
    with pytest.raises(UnsupportedFeature):
        sqlite_world.send("Our menu", content_type="link", content_attributes=MENU)


def test_create_links_a_reply(world: World) -> None:
    target = world.incoming("WAMID1")

    [message_id] = world.send("yes", content_attributes={"in_reply_to": target})
    world.deliver()

    reply = world.provider.sent[0].reply_to
    assert reply is not None
    assert (reply.source_id, reply.from_me) == ("WAMID1", False)
    assert world.message(message_id).reply_to_id == target


def test_create_repeated_with_its_key_makes_nothing_new(world: World) -> None:
    more = {"idempotency_key": "k1", "request_hash": "h1"}
    first = world.send("a", attachments=[upload()], **more)
    again = world.send("a", attachments=[upload()], **more)

    assert first == again
    assert len(world.rows(t.Send)) == 1
    assert len(stored_files(world)) == 1
    with pytest.raises(IdempotencyConflict):
        world.send("b", idempotency_key="k1", request_hash="h2")


def test_create_with_one_key_at_the_same_moment_makes_one_message(world: World) -> None:
    results: list[list[int]] = []

    def ask() -> None:
        results.append(world.send("a", idempotency_key="k", request_hash="h"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 8
    assert len({tuple(ids) for ids in results}) == 1
    assert len(world.rows(t.Message)) == 1
    assert len(world.rows(t.Send)) == 1


def test_create_private_note_is_never_sent(world: World) -> None:
    [message_id] = world.send("for us", private=True)
    world.deliver()

    assert world.provider.sent == []
    assert world.message(message_id).status == "sent"


def test_create_outside_the_window_is_refused_with_what_to_do(world: World) -> None:
    world.features(window_hours=24)
    with pytest.raises(WindowClosed) as never:
        world.send("hi")
    world.set(t.ContactInbox, window_from=utcnow() - timedelta(hours=23))
    assert world.send("hi")
    world.set(t.ContactInbox, window_from=utcnow() - timedelta(hours=25))
    with pytest.raises(WindowClosed) as late:
        world.send("hi")

    assert "template" in never.value.action.lower()
    assert late.value.code == "window_closed"


def test_create_refuses_another_accounts_conversation(world: World) -> None:
    with pytest.raises(NotFound):
        outbox.create_message(
            world.core,
            account_id=world.account_id + 1,
            conversation_id=world.conversation_id,
            user_id=None,
            content="x",
        )


def test_create_in_a_switched_off_inbox_is_refused(world: World) -> None:
    world.set(t.Channel, active=False)

    with pytest.raises(NotPossible):
        world.send("x")


def test_create_does_not_take_attributes_that_only_chatport_sets(world: World) -> None:
    [message_id] = world.send(
        "x", content_attributes={"deleted": True, "external_error": "no", "mine": 1}
    )

    assert world.message(message_id).content_attributes == {"mine": 1}


def test_create_stores_hostile_text_as_it_is(world: World) -> None:
    text = "a\x00b\ud800c <script>alert(1)</script> \u202e"

    [message_id] = world.send(text)
    world.deliver()

    stored = world.message(message_id).content
    assert "<script>alert(1)</script>" in stored
    assert "\x00" not in stored


def test_create_puts_the_agents_name_before_the_text_where_the_inbox_says_so(world: World) -> None:
    world.set(t.Inbox, agent_signature=True)

    world.send("hello")
    world.deliver()

    content = world.provider.sent[0].content
    assert isinstance(content, Text)
    assert content.body == "*Ana*\nhello"
