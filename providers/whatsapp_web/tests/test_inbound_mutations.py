"""A message is worth more than what is told beside it: no odd value costs it, and none costs its neighbours."""

from __future__ import annotations

import copy
import importlib.resources
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chatport import Channel
from chatport.errors import AnomalousPayload
from chatport.events import (
    AnyEvent,
    ContactPart,
    Direction,
    Event,
    GroupChanged,
    Ignored,
    LocationPart,
    MediaPart,
    MessageReceived,
    StatusChanged,
    StructuredPart,
    TextPart,
    UnknownEvent,
    UnsupportedPart,
)
from chatport.identities import phone
from chatport.messages import MediaKind
from chatport_whatsapp_web.inbound import read_body

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_web"
BODIES: dict[str, dict[str, Any]] = {
    entry.name.removesuffix(".json"): json.loads(entry.read_bytes())
    for entry in sorted(CORPUS.iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".json")
}
CHANNEL = Channel(1, 1, "whatsapp_web", "+6281100000009", config={}, state={})
#: Stands for a value that is taken out.
ABSENT = object()
ODD: tuple[Any, ...] = (
    ABSENT,
    None,
    [],
    {},
    True,
    -1,
    1e30,
    "",
    "x" * 200_000,
    "\ud800",
    "a\0b",
    10**60,
    [None, 7, {}],
)
#: Without these a body says not which message it is, of which chat, or what it is at all.
NEEDED = {"event", "payload", "id", "ID", "message", "action"}
#: Another value of these is another fact, not a broken one.
CHAT = {"chat_id", "chat_lid", "from", "from_lid", "is_from_me"}


def _read(body: Any) -> list[AnyEvent]:
    return read_body(CHANNEL, json.dumps(body).encode())


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, one in inner:
        yield from _paths(one, (*path, key))


def _with(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(body)
    place = changed
    for key in path[:-1]:
        place = place[key]
    if value is ABSENT:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


def _check(found: list[AnyEvent]) -> None:
    assert found
    for event in found:
        assert isinstance(event, Event)
        assert 1 <= len(event.key) <= 200 and event.key.isascii() and event.key.isprintable()
        assert event.time is None or event.time.utcoffset() == UTC.utcoffset(None)
        if isinstance(event, UnknownEvent):
            assert event.reason


MESSAGES = {
    name: body
    for name, body in BODIES.items()
    if len(_read(body)) == 1 and isinstance(_read(body)[0], MessageReceived)
}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_read_body_raises_nothing_for_any_odd_value(name: str) -> None:
    for path in _paths(BODIES[name]):
        for odd in ODD:
            _check(_read(_with(BODIES[name], path, odd)))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_read_body_keeps_the_message_whatever_stands_beside_it(name: str) -> None:
    """Also who wrote it, where, and its key: the same message comes again with better values."""
    (whole,) = _read(MESSAGES[name])
    assert isinstance(whole, MessageReceived)
    for path in _paths(MESSAGES[name]):
        if (set(path) - {"payload", "message"}) & (NEEDED | CHAT) or path[-1] in NEEDED:
            continue
        for odd in ODD:
            (kept,) = _read(_with(MESSAGES[name], path, odd))
            assert isinstance(kept, MessageReceived), (path, odd)
            assert (kept.key, kept.source_id) == (whole.key, whole.source_id)
            assert (kept.direction, kept.chat) == (whole.direction, whole.chat)
            assert kept.parts


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_read_body_keeps_the_message_under_an_odd_chat_or_sender(name: str) -> None:
    """One of chat and sender is enough; with neither it is an unknown event that says so."""
    body = MESSAGES[name]
    place = body.get("payload", body)
    for key in CHAT & set(place):
        for odd in ODD:
            path = ("payload", key) if "payload" in body else (key,)
            (kept,) = _read(_with(body, path, odd))
            if isinstance(kept, Ignored | MessageReceived):
                continue
            assert isinstance(kept, UnknownEvent)
            assert "from_me" in name or "group" in name or "chat_id" not in place, (name, key, odd)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_read_body_refuses_a_truncated_body_by_name(name: str) -> None:
    wire = (CORPUS / "wire" / f"{name}.json").read_bytes()
    for length in range(0, len(wire), max(1, len(wire) // 40)):
        with pytest.raises(AnomalousPayload):
            read_body(CHANNEL, wire[:length])


@pytest.mark.parametrize("name", sorted(BODIES))
def test_read_body_gives_the_same_for_shuffled_keys(name: str) -> None:
    chance = random.Random(name)

    def shuffled(value: Any) -> Any:
        if isinstance(value, list):
            return [shuffled(one) for one in value]
        if not isinstance(value, dict):
            return value
        keys = chance.sample(sorted(value), len(value))
        return {key: shuffled(value[key]) for key in keys}

    assert _read(shuffled(BODIES[name])) == _read(BODIES[name])


# --- neighbours -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [None, 7, [], {}, True, 1e30, "", 10**60])
def test_receipt_loses_no_id_beside_an_odd_one(odd: Any) -> None:
    body = copy.deepcopy(BODIES["v9_ack_read"])
    ids = [f"3EB0AA11BB22CC33DD{n}" for n in range(44, 54)]
    body["payload"]["ids"] = [odd, *ids[:5], odd, *ids[5:], *ids, odd]
    found = _read(body)
    assert [event.source_id for event in found if isinstance(event, StatusChanged)] == ids


@pytest.mark.parametrize("odd", [None, 7, [], {}, "junk@evil", "\ud800"])
def test_group_change_loses_no_member_beside_an_odd_one(odd: Any) -> None:
    body = copy.deepcopy(BODIES["v9_group_join"])
    numbers = [f"62812900011{n}" for n in range(10, 20)]
    body["payload"]["jids"] = [odd, *[f"{n}@s.whatsapp.net" for n in numbers], odd]
    (event,) = _read(body)
    assert isinstance(event, GroupChanged)
    assert [member.identities for member in event.members] == [(phone(n),) for n in numbers]


@pytest.mark.parametrize("odd", [None, 7, [], {}, "x"])
def test_contacts_lose_none_beside_an_odd_one(odd: Any) -> None:
    body = copy.deepcopy(BODIES["v9_contact"])
    first = body["payload"].pop("contact")
    second = {"displayName": "Tanpa Telepon", "vcard": "BEGIN:VCARD\nFN:Tanpa Telepon\nEND:VCARD"}
    body["payload"]["contacts_array"] = [odd, first, odd, second, *[first] * 8]
    (event,) = _read(body)
    assert isinstance(event, MessageReceived)
    cards = [part for part in event.parts if isinstance(part, ContactPart)]
    assert len(cards) == 10 and cards[1].card.name == "Tanpa Telepon"
    assert sum(isinstance(part, UnsupportedPart) for part in event.parts) == 2


def test_list_loses_no_row_beside_an_odd_one() -> None:
    body = copy.deepcopy(BODIES["v9_list"])
    rows = body["payload"]["list"]["sections"][0]["rows"]
    body["payload"]["list"]["sections"] = [None, {"rows": [7, *rows, []]}, {"rows": 7}]
    (event,) = _read(body)
    assert isinstance(event, MessageReceived)
    (part,) = event.parts
    assert isinstance(part, StructuredPart) and len(part.data["rows"]) == 1


def test_media_lose_none_beside_an_odd_one() -> None:
    body = copy.deepcopy(BODIES["v9_interactive"])
    path = body["payload"]["interactive_media"][0]
    body["payload"]["interactive_media"] = [None, path, {}, path]
    (event,) = _read(body)
    assert isinstance(event, MessageReceived)
    assert sum(isinstance(part, MediaPart) for part in event.parts) == 2


# --- what is made of it -----------------------------------------------------------------------------------------------


def _text(**values: Any) -> MessageReceived:
    body = copy.deepcopy(BODIES["v9_text"])
    body["payload"].update(values)
    (event,) = _read(body)
    assert isinstance(event, MessageReceived)
    return event


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ([], None),
        ({}, None),
        (True, None),
        (-1, None),
        (1e30, None),
        ("yesterday", None),
        ("2026-08-22 10:00", None),
        (10**60, None),
        (1787392800, datetime(2026, 8, 22, 10, 0, tzinfo=UTC)),
        ("1787392800", datetime(2026, 8, 22, 10, 0, tzinfo=UTC)),
        (1787392800000, datetime(2026, 8, 22, 10, 0, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_odd_time_costs_the_time_alone(told: Any, time: datetime | None) -> None:
    """The core puts the time of receiving in place of none, and never shows one from the future."""
    event = _text(timestamp=told)
    assert event.time == time
    assert event.parts == (TextPart('Halo, apakah stok masih ada? <3 & "cepat" 😀'),)


def test_number_beyond_all_measure_costs_itself_alone() -> None:
    body = json.dumps(BODIES["v9_text"]).replace('"2026-08-22T10:00:00Z"', "9" * 5000)
    (event,) = read_body(CHANNEL, body.encode())
    assert isinstance(event, MessageReceived) and event.time is None
    (event,) = read_body(CHANNEL, body.replace("9" * 5000, "1e999").encode())
    assert isinstance(event, MessageReceived)
    assert "Infinity" not in json.dumps(event.raw)


@pytest.mark.parametrize("odd", ["A\ud800", "A\0"])
def test_what_no_database_holds_is_replaced_in_ids_and_texts(odd: str) -> None:
    event = _text(id=odd, replied_to_id=odd, quoted_body=odd, body=odd, from_name=odd)
    assert (event.source_id, event.reply_to, event.quoted_text) == ("A\ufffd",) * 3
    assert event.parts == (TextPart("A\ufffd"),)
    assert event.sender is not None and event.sender.name == "A\ufffd"
    body = copy.deepcopy(BODIES["v9_ack_read"])
    body["payload"]["ids"] = [odd, "B"]
    assert [status.source_id for status in _read(body)] == ["A\ufffd", "B"]


def test_odd_name_costs_the_name_alone() -> None:
    event = _text(from_name={"first": "Rina"}, sender_display_name=[])
    assert event.sender is not None and event.sender.name == ""
    assert event.sender.identities == (phone("6281290001122"),)
    event = _text(from_name=["Rina"])
    assert event.sender is not None and event.sender.name == "Rina Wibowo"


def test_odd_chat_is_the_senders() -> None:
    event = _text(chat_id=["6281290001122@s.whatsapp.net"])
    assert event.chat.identities == (phone("6281290001122"),)


def test_odd_sender_is_the_chats_with_the_name_that_was_told() -> None:
    event = _text(**{"from": 1e30})
    assert event.sender is not None
    assert (event.sender.identities, event.sender.name) == ((phone("6281290001122"),), "rina")


def test_chat_of_an_unknown_kind_is_no_other_chat() -> None:
    body = copy.deepcopy(BODIES["v9_text"])
    body["payload"]["chat_id"] = "12345@something.new"
    (event,) = _read(body)
    assert isinstance(event, UnknownEvent) and "chat_id" in event.reason


def test_our_own_message_without_chat_is_unknown() -> None:
    body = copy.deepcopy(BODIES["v9_text_from_me"])
    del body["payload"]["chat_id"]
    (event,) = _read(body)
    assert isinstance(event, UnknownEvent)


def test_group_message_with_an_odd_sender_stays_in_the_group() -> None:
    body = copy.deepcopy(BODIES["v9_text_group"])
    body["payload"].update({"from": [], "from_lid": {}})
    (event,) = _read(body)
    assert isinstance(event, MessageReceived) and event.chat.is_group
    assert event.direction is Direction.INCOMING
    assert event.sender is not None and event.sender.name == "rina"


@pytest.mark.parametrize("value", [[], {}, True, 7, {"path": ["x"]}, {"path": {}, "caption": []}])
def test_odd_picture_is_still_a_picture_to_be_fetched(value: Any) -> None:
    body = copy.deepcopy(BODIES["v9_image"])
    body["payload"].update(image=value, body="Bukti transfer")
    (event,) = _read(body)
    assert isinstance(event, MessageReceived)
    (part,) = event.parts
    assert isinstance(part, MediaPart) and part.media.kind is MediaKind.IMAGE
    assert part.media.locator == {
        "download": "3A7F1C2B9D4E5F60A1B8",
        "chat": "6281290001122@s.whatsapp.net",
    }
    assert part.caption == "Bukti transfer"


@pytest.mark.parametrize(
    "value", [[], {}, True, {"degreesLatitude": "north"}, {"degreesLatitude": 1e30}]
)
def test_odd_place_is_a_placeholder_and_not_somewhere_else(value: Any) -> None:
    body = copy.deepcopy(BODIES["v9_location"])
    body["payload"]["location"] = value
    (event,) = _read(body)
    assert isinstance(event, MessageReceived)
    assert not any(isinstance(part, LocationPart) for part in event.parts)
    assert any(isinstance(part, UnsupportedPart) for part in event.parts)


@pytest.mark.parametrize("value", [[], {}, True, 1e30])
def test_odd_text_is_a_placeholder_that_says_so(value: Any) -> None:
    (part,) = _text(body=value).parts
    assert isinstance(part, UnsupportedPart) and "cannot be read" in part.reason


@pytest.mark.parametrize("value", [[], True, 7, None])
def test_odd_reaction_removes_none(value: Any) -> None:
    body = copy.deepcopy(BODIES["v9_reaction"])
    body["payload"]["reaction"] = value
    (event,) = _read(body)
    assert isinstance(event, UnknownEvent) and "reaction" in event.reason


@pytest.mark.parametrize(
    "body",
    [
        {"event": "message"},
        {"event": "message", "payload": 7},
        {"event": "message", "payload": {"id": "1"}},
        {"event": "message", "payload": {"chat_id": "1@s.whatsapp.net", "body": "x"}},
        {"from": "a@b.c", "message": {"id": "1"}},
        {"from": "1@s.whatsapp.net", "message": {"text": "x"}},
        {"from": "1@s.whatsapp.net", "message": []},
    ],
)
def test_what_has_no_id_or_no_chat_is_unknown_with_the_reason(body: Any) -> None:
    (event,) = _read(body)
    assert isinstance(event, UnknownEvent)
    assert event.reason and event.raw == body
