"""The chat store: what was missed, and sends of unknown outcome."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chatport import Channel, SentLookup
from chatport.errors import UnsupportedFeature
from chatport.events import (
    Direction,
    MediaPart,
    MessageReceived,
    ReactionChanged,
    TextPart,
    UnsupportedPart,
)
from chatport.identities import lid, phone
from chatport_whatsapp_web import history
from chatport_whatsapp_web.inbound import read_body

CHAT = "6281290001122@s.whatsapp.net"
GROUP = "120363041122334455@g.us"
SINCE = datetime(2026, 8, 22, 9, 0, tzinfo=UTC)


def _row(message_id: str = "A", **values: Any) -> dict[str, Any]:
    base = {
        "id": message_id,
        "chat_jid": CHAT,
        "sender_jid": CHAT,
        "content": "hi",
        "timestamp": "2026-08-22T10:00:00Z",
        "is_from_me": False,
        "media_type": "",
        "filename": "",
        "url": "",
        "file_length": 0,
    }
    return {**base, **values}


def _chats(service: Any, *jids: str, time: str = "2026-08-22T10:00:00Z") -> Any:
    return service.says(
        "GET", "chats", {"data": [{"jid": jid, "last_message_time": time} for jid in jids]}
    )


def _messages(service: Any, chat: str, *rows: dict[str, Any]) -> Any:
    return service.says("GET", f"chat/{chat}/messages", {"data": list(rows) or None})


def _all(channel: Channel) -> list[Any]:
    events: list[Any] = []
    cursor: str | None = None
    for _ in range(20):
        page = history.fetch(channel, SINCE, cursor)
        events += page.events
        cursor = page.cursor
        if cursor is None:
            return events
    raise AssertionError("the history does not end")


def test_fetch_gives_the_same_key_as_the_webhook(channel: Channel, service: Any) -> None:
    _chats(service, CHAT, GROUP)
    _messages(
        service,
        CHAT,
        _row("A"),
        _row("B", is_from_me=True, sender_jid="6281100000009@s.whatsapp.net"),
    )
    _messages(service, GROUP, _row("A", chat_jid=GROUP, sender_jid="6281290001122"))

    def webhook(**payload: Any) -> str:
        body = {
            "event": "message",
            "device_id": "",
            "payload": {"body": "hi", "from": CHAT, "chat_id": CHAT, **payload},
        }
        return read_body(channel, json.dumps(body).encode())[0].key

    found = _all(channel)
    assert {event.key for event in found} == {
        webhook(id="A"),
        webhook(id="B", is_from_me=True, **{"from": "6281100000009@s.whatsapp.net"}),
        webhook(id="A", chat_id=GROUP),
    }
    assert all(event.history for event in found)
    assert [event.direction for event in found].count(Direction.OUTGOING) == 1


def test_fetch_asks_from_the_moment_on_and_skips_what_is_no_chat(
    channel: Channel, service: Any
) -> None:
    _chats(service, "120363199887766554@newsletter", "status@broadcast", CHAT)
    asked = _messages(service, CHAT)
    assert _all(channel) == []
    assert asked.call_count == 1
    assert asked.last_request.qs["start_time"] == ["2026-08-22t09:00:00z"]


def test_fetch_leaves_chats_out_that_are_older(channel: Channel, service: Any) -> None:
    _chats(service, CHAT, time="2026-08-22T08:59:59+00:00")
    assert _all(channel) == []
    assert [call for call in service.calls if "messages" in call] == []


def test_fetch_reads_all_pages_of_a_chat(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    pages = [
        {"json": {"code": "SUCCESS", "results": {"data": [_row(f"A{i}") for i in range(100)]}}},
        {"json": {"code": "SUCCESS", "results": {"data": [_row("B")]}}},
    ]
    asked = service.mock.get(service.root + f"chat/{CHAT}/messages", pages)
    assert len(_all(channel)) == 101
    assert asked.last_request.qs["offset"] == ["100"]


def test_fetch_reads_all_pages_of_chats(channel: Channel, service: Any) -> None:
    def page(*jids: str) -> dict[str, Any]:
        data = [{"jid": jid, "last_message_time": "2026-08-22T10:00:00Z"} for jid in jids]
        return {"json": {"code": "SUCCESS", "results": {"data": data}}}

    many = [f"62812900{i:05}@s.whatsapp.net" for i in range(100)]
    service.mock.get(service.root + "chats", [page(*many), page(CHAT)])
    for jid in many:
        _messages(service, jid)
    _messages(service, CHAT, _row())
    cursor, events = None, 0
    for _ in range(110):
        found = history.fetch(channel, SINCE, cursor)
        events, cursor = events + len(found.events), found.cursor
        if cursor is None:
            break
    assert cursor is None and events == 1


def test_fetch_events_are_oldest_first(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    _messages(service, CHAT, _row("B", timestamp="2026-08-22T12:00:00+01:00"), _row("A"))
    assert [event.source_id for event in _all(channel)] == ["A", "B"]


def test_fetch_files_are_to_be_downloaded(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    _messages(
        service,
        CHAT,
        _row(content="Bukti", media_type="document", filename="../../a.pdf", file_length=12),
    )
    (event,) = _all(channel)
    (part,) = event.parts
    assert isinstance(part, MediaPart) and part.caption == "Bukti"
    assert part.media.locator == {"download": "A", "chat": CHAT}
    assert (part.media.filename, part.media.size) == ("a.pdf", 12)


def test_fetch_empty_rows_become_placeholders_and_calls_nothing(
    channel: Channel, service: Any
) -> None:
    _chats(service, CHAT)
    _messages(service, CHAT, _row(content=""), _row("B", media_type="call"))
    (event,) = _all(channel)
    assert isinstance(event.parts[0], UnsupportedPart)


def test_fetch_reactions_of_a_row(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    told = {
        "emoji": "👍",
        "sender_jid": CHAT,
        "is_from_me": False,
        "timestamp": "2026-08-22T10:01:00Z",
    }
    _messages(service, CHAT, _row(reactions=[told]))
    message, reaction = _all(channel)
    assert isinstance(message, MessageReceived) and isinstance(reaction, ReactionChanged)
    assert (reaction.target, reaction.emoji) == ("A", "👍")


def test_fetch_an_odd_row_costs_no_other(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    _messages(
        service, CHAT, _row("B", sender_jid="junk@evil"), {"id": 7, "is_from_me": "x"}, _row("A")
    )
    assert [event.source_id for event in _all(channel)] == ["A"]


def test_fetch_odd_values_beside_the_text_cost_nothing(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    odd = {"timestamp": [], "filename": 7, "file_length": "many", "sender_display_name": {}}
    good = {"emoji": "👍", "sender_jid": CHAT, "is_from_me": False}
    reactions = [7, {"emoji": []}, {**good, "sender_jid": "junk@evil"}, good]
    _messages(service, CHAT, _row("A", **odd, reactions=reactions))
    event, reaction = _all(channel)
    assert isinstance(reaction, ReactionChanged) and reaction.emoji == "👍"
    assert (event.source_id, event.time, event.parts) == ("A", None, (TextPart("hi"),))


def test_fetch_of_an_old_version_is_said(channel: Channel, service: Any) -> None:
    service.plain("GET", "chats", 404, "Cannot GET /chats")
    with pytest.raises(UnsupportedFeature) as caught:
        history.fetch(channel, SINCE, None)
    assert caught.value.code == "no_history"


# --- sends of unknown outcome -----------------------------------------------------------------------------------------


def _lookup(text: str = "Halo", media_kind: str = "", **more: Any) -> SentLookup:
    values: dict[str, Any] = {
        "recipient": (phone("6281290001122"),),
        "is_group": False,
        "delivery_id": "0" * 32,
        "started_at": datetime(2026, 8, 22, 10, 0, 30, tzinfo=UTC),
        **more,
    }
    return SentLookup(text=text, media_kind=media_kind, **values)


def _ours(message_id: str, content: str, **values: Any) -> dict[str, Any]:
    return _row(message_id, content=content, is_from_me=True, **values)


def test_find_sent_finds_the_same_text_since_the_start(channel: Channel, service: Any) -> None:
    asked = _messages(
        service,
        CHAT,
        _ours("NEW", "Halo ", timestamp="2026-08-22T10:00:31Z"),
        _ours("EARLIER", "Halo", timestamp="2026-08-22T09:50:00Z"),
        _ours("OTHER", "Halo!", timestamp="2026-08-22T10:00:31Z"),
        _row("THEIRS", content="Halo", timestamp="2026-08-22T10:00:31Z"),
        _ours("KNOWN", "Halo", timestamp="2026-08-22T10:00:31Z"),
        _ours("FILE", "Halo", timestamp="2026-08-22T10:00:31Z", media_type="image"),
    )
    found = history.find_sent(channel, _lookup(exclude=("KNOWN",)))
    assert [sent.source_id for sent in found] == ["NEW"]
    assert asked.last_request.qs["is_from_me"] == ["true"]


def test_find_sent_looks_under_number_and_lid(channel: Channel, service: Any) -> None:
    _messages(service, CHAT)
    _messages(service, "1@lid", _ours("A", "Halo"))
    found = history.find_sent(channel, _lookup(recipient=(phone("6281290001122"), lid("1"))))
    assert [sent.source_id for sent in found] == ["A"]


@pytest.mark.parametrize(
    ("kind", "text", "stored"),
    [
        ("image", "C", {"content": "C", "media_type": "image"}),
        ("image", "C", {"content": "🖼️ C", "media_type": ""}),
        ("image", "", {"content": "🖼️ Image", "media_type": ""}),
        ("voice", "", {"content": "", "media_type": "audio"}),
        ("voice", "", {"content": "🎵 Audio", "media_type": ""}),
        ("document", "", {"content": "📄 Document", "media_type": "document"}),
    ],
)
def test_find_sent_finds_files(
    channel: Channel, service: Any, kind: str, text: str, stored: Any
) -> None:
    _messages(service, CHAT, _ours("A", **stored), _ours("B", "other", media_type="video"))
    assert [sent.source_id for sent in history.find_sent(channel, _lookup(text, kind))] == ["A"]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("Lunch on Friday?", "📊 Lunch on Friday?"),
        ("Our new prices", "🔗 Our new prices"),
        ("https://shop.example/a", "🔗 https://shop.example/a"),
    ],
)
def test_find_sent_finds_polls_and_links(
    channel: Channel, service: Any, text: str, content: str
) -> None:
    others = [_ours("B", f"{content}!"), _ours("C", f"📍 {text}"), _ours("D", f"👤 {text}")]
    _messages(service, CHAT, _ours("A", content), *others)
    assert [sent.source_id for sent in history.find_sent(channel, _lookup(text))] == ["A"]


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        ({"kind": "location", "latitude": -6.25, "longitude": 106.0}, "📍 -6.25, 106.0"),
        ({"kind": "location", "latitude": 1e-7, "longitude": 0.0}, "📍 0.0000001, 0.0"),
        ({"kind": "contacts", "cards": [{"name": "Budi", "phones": ["+62813"]}]}, "👤 Budi"),
    ],
)
def test_find_sent_finds_places_and_contacts(
    channel: Channel, service: Any, sent: dict[str, Any], content: str
) -> None:
    others = [_ours("B", f"{content}0"), _ours("C", content[2:]), _ours("D", f"📊 {content}")]
    _messages(service, CHAT, _ours("A", content), *others)
    found = history.find_sent(channel, _lookup("", content=sent))
    assert [one.source_id for one in found] == ["A"]


def test_find_sent_finds_stickers(channel: Channel, service: Any) -> None:
    _messages(
        service,
        CHAT,
        _ours("OLD", "🎨 Sticker"),
        _ours("NEW", "🎨 Sticker", media_type="sticker", timestamp="2026-08-22T10:00:01Z"),
        _ours("OTHER", "🖼️ Image"),
    )
    found = history.find_sent(channel, _lookup("", "sticker"))
    assert [sent.source_id for sent in found] == ["OLD", "NEW"]


def test_find_sent_of_nothing_to_compare_finds_nothing(channel: Channel, service: Any) -> None:
    _messages(service, CHAT, _ours("A", "📍 -6, 106"))
    assert history.find_sent(channel, _lookup("")) == ()


def test_row_text_is_text(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    _messages(service, CHAT, _row(content="🖼️ not a file"))
    assert _all(channel)[0].parts == (TextPart("🖼️ not a file"),)


def test_fetch_our_own_reaction_without_a_flag_is_ours(channel: Channel, service: Any) -> None:
    _chats(service, CHAT)
    told = {"emoji": "👍", "sender_jid": "6281100000009@s.whatsapp.net"}
    _messages(service, CHAT, _row(reactions=[told]))
    message, reaction = _all(channel)
    assert reaction.direction is Direction.OUTGOING
    assert reaction.time == message.time
    assert reaction.chat.identities == (phone("6281290001122"),)
