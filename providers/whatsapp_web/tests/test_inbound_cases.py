"""Shapes beyond the recorded bodies: LIDs, own messages without a flag, receipts, odd and hostile values."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from chatport import Channel
from chatport.errors import AnomalousPayload
from chatport.events import (
    AnyEvent,
    CallOffered,
    ChatRead,
    Direction,
    GroupAction,
    GroupChanged,
    Ignored,
    LocationPart,
    MediaPart,
    MessageReceived,
    MessageRevoked,
    StatusChanged,
    TextPart,
    UnknownEvent,
    UnsupportedPart,
)
from chatport.identities import Identity, lid, phone
from chatport_whatsapp_web.inbound import read_body

OWN = "6281100000009@s.whatsapp.net"
CUSTOMER = "6281290001122@s.whatsapp.net"
GROUP = "120363041122334455@g.us"
CHANNEL = Channel(1, 1, "whatsapp_web", "+6281100000009", config={}, state={})


def _read(body: Any) -> list[AnyEvent]:
    return read_body(CHANNEL, json.dumps(body).encode())


def _one(body: Any) -> Any:
    (event,) = _read(body)
    return event


def _envelope(event: str = "message", **payload: Any) -> dict[str, Any]:
    base = {
        "id": "3A01",
        "from": CUSTOMER,
        "chat_id": CUSTOMER,
        "timestamp": "2026-08-22T10:00:00Z",
    }
    told = {key: value for key, value in {**base, **payload}.items() if value is not None}
    return {"event": event, "device_id": OWN, "session_id": "sales-1", "payload": told}


def _flat(**values: Any) -> dict[str, Any]:
    base = {
        "from": CUSTOMER,
        "message": {"id": "3EB0", "text": "hi"},
        "timestamp": "2025-07-05T08:00:00Z",
    }
    return {key: value for key, value in {**base, **values}.items() if value is not None}


# --- who, where, which way --------------------------------------------------------------------------------------------


def test_message_own_in_lid_chat_keeps_own_number_out_of_the_chat() -> None:
    event = _one(
        _envelope(
            body="x",
            is_from_me=True,
            chat_lid="184620573190245@lid",
            **{"from": OWN, "from_lid": "555@lid"},
        )
    )
    assert event.direction is Direction.OUTGOING
    assert event.chat.identities == (phone("6281290001122"), lid("184620573190245"))


def test_message_told_incoming_never_merges_two_numbers() -> None:
    event = _one(_envelope(body="x", is_from_me=False, chat_id="6285677700033@s.whatsapp.net"))
    assert event.chat.identities == (phone("6285677700033"),)
    assert event.sender.identities == (phone("6281290001122"),)


def test_flat_message_from_unknown_lid_in_another_persons_chat_is_ours() -> None:
    event = _one(_flat(**{"from": f"990011223344556@lid in {CUSTOMER}"}))
    assert event.direction is Direction.OUTGOING
    assert event.key == "m:p::me:3EB0"


def test_flat_group_message_of_a_linked_device_drops_the_device() -> None:
    event = _one(_flat(**{"from": f"6281290001122:17@s.whatsapp.net in {GROUP}"}))
    assert event.sender.identities == (phone("6281290001122"),)
    assert event.chat.identities == (Identity("group", GROUP),)
    assert event.key == f"m:g:{GROUP}:6281290001122:3EB0"


def test_flat_message_without_from_falls_back_to_the_chats_digits() -> None:
    event = _one(_flat(**{"from": None}, chat_id="6281290001122"))
    assert event.chat.identities == (phone("6281290001122"),)


def test_flat_lid_digits_are_no_phone_number() -> None:
    event = _one(_flat(**{"from": None}, chat_id="184620573190245", from_lid="184620573190245@lid"))
    assert event.chat.identities == (lid("184620573190245"),)


def test_flat_own_number_as_told_by_state_is_ours() -> None:
    channel = Channel(
        1,
        1,
        "whatsapp_web",
        "+5511987654321",
        config={},
        state={"jid": "551187654321@s.whatsapp.net"},
    )
    body = _flat(**{"from": f"551187654321@s.whatsapp.net in {CUSTOMER}"})
    (event,) = read_body(channel, json.dumps(body).encode())
    assert isinstance(event, MessageReceived) and event.direction is Direction.OUTGOING


def test_flat_empty_message_to_ourselves_is_ignored() -> None:
    event = _one(_flat(**{"from": OWN}, message={"id": "3EB0"}))
    assert isinstance(event, Ignored)


def test_event_of_another_device_names_it() -> None:
    body = _envelope(body="x")
    body["device_id"] = "6285677700033@s.whatsapp.net"
    assert _one(body).addressees == ("jid:6285677700033@s.whatsapp.net",)


def test_event_without_account_is_addressed_by_its_session() -> None:
    body = _envelope(body="x")
    body["device_id"] = ""
    assert _one(body).addressees == ("session:sales-1",)


@pytest.mark.parametrize("chat", ["120363199887766554@newsletter", "status@broadcast"])
def test_message_outside_of_conversations_is_ignored(chat: str) -> None:
    assert isinstance(_one(_envelope(body="x", chat_id=chat, is_from_me=False)), Ignored)


def test_older_body_inside_an_envelope_is_read() -> None:
    event = _one({"event": "message", "payload": _flat()})
    assert event.parts == (TextPart("hi"),)


def test_older_body_inside_an_envelope_is_of_the_account_told_outside() -> None:
    other = "4915112340001@s.whatsapp.net"
    event = _one({"event": "message", "device_id": other, "payload": _flat()})
    assert event.addressees == (f"jid:{other}",)


# --- content ----------------------------------------------------------------------------------------------------------


def test_media_capitalised_by_version_7_2_0_is_read() -> None:
    event = _one(
        _flat(
            message={"Text": "", "ID": "3EB0", "RepliedId": "", "QuotedMessage": ""},
            image={"MediaPath": "statics/media/1-a.jpeg", "MimeType": "image/jpeg", "Caption": "C"},
        )
    )
    (part,) = event.parts
    assert (part.media.locator["path"], part.media.content_type, part.caption) == (
        "statics/media/1-a.jpeg",
        "image/jpeg",
        "C",
    )


def test_media_caption_in_body_and_object_is_shown_once() -> None:
    event = _one(_envelope(body="C", image={"path": "statics/media/1-a.jpeg", "caption": "C"}))
    assert len(event.parts) == 1 and event.parts[0].caption == "C"


def test_body_beside_audio_becomes_a_text_of_its_own() -> None:
    event = _one(_envelope(body="listen", audio="statics/media/1-a.ogg"))
    assert [type(part) for part in event.parts] == [TextPart, MediaPart]


def test_media_of_a_group_is_asked_for_by_the_group() -> None:
    event = _one(_envelope(chat_id=GROUP, image="statics/media/1-a.jpeg"))
    assert event.parts[0].media.locator["chat"] == GROUP


def test_document_name_with_folders_keeps_the_last_part() -> None:
    told = {"filename": "..\\..\\etc/../passwd.pdf", "url": "https://mmg.whatsapp.net/x"}
    event = _one(_envelope(document=told))
    assert event.parts[0].media.filename == "passwd.pdf"
    assert "path" not in event.parts[0].media.locator


def test_empty_view_once_message_says_so() -> None:
    event = _one(_envelope(view_once=True))
    (part,) = event.parts
    assert isinstance(part, UnsupportedPart) and "viewed once" in part.reason


def test_contacts_array_gives_a_part_for_each() -> None:
    vcard = (
        "BEGIN:VCARD\nVERSION:3.0\nFN:Budi\nORG:Toko;Gudang\nEMAIL:b@x.test\nTEL:+62 813\nEND:VCARD"
    )
    event = _one(
        _envelope(
            contacts_array=[
                {"displayName": "B", "vcard": vcard},
                {"displayName": "Anonim", "vcard": "junk"},
            ]
        )
    )
    first, second = (part.card for part in event.parts)
    assert (first.name, first.phones, first.emails, first.organization) == (
        "Budi",
        ("+62 813",),
        ("b@x.test",),
        "Toko, Gudang",
    )
    assert (second.name, second.phones, second.raw) == ("Anonim", (), "junk")


def test_unreadable_card_leaves_no_word_of_it_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("vobject.base").addHandler(handler)
    vcard = "BEGIN:VCARD\nVERSION:3.0\nFN:Budi\nprivate words\nEND:VCARD"
    (part,) = _one(_envelope(contact={"displayName": "Budi", "vcard": vcard})).parts
    logging.getLogger("vobject.base").removeHandler(handler)
    assert part.card.name == "Budi"
    assert seen == [] and caplog.text == ""


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [("degreesLatitude", "degreesLongitude"), ("latitude", "longitude"), ("lat", "lng")],
)
def test_location_in_the_words_of_a_relay_is_read(latitude: str, longitude: str) -> None:
    (part,) = _one(_flat(location={latitude: -6.25, longitude: "106.5"}, message={"id": "A"})).parts
    assert isinstance(part, LocationPart)
    assert (part.location.latitude, part.location.longitude) == (-6.25, 106.5)


def test_location_without_coordinates_is_not_somewhere_else() -> None:
    (part,) = _one(_envelope(location={"name": "Monas", "address": "Jakarta"})).parts
    assert isinstance(part, UnsupportedPart) and "Monas, Jakarta" in part.reason


def test_location_at_zero_degrees_is_read_without_its_keys() -> None:
    event = _one(_envelope(location={"degreesLongitude": 6.7}))
    assert (event.parts[0].location.latitude, event.parts[0].location.longitude) == (0.0, 6.7)


# --- receipts ---------------------------------------------------------------------------------------------------------


def _ack(**values: Any) -> dict[str, Any]:
    payload = {"ids": ["3EB1"], "chat_id": CUSTOMER, "from": CUSTOMER, "receipt_type": "read"}
    return {
        "event": "message.ack",
        "device_id": OWN,
        "timestamp": "2026-08-22T10:00:00Z",
        "payload": {**payload, **values},
    }


def test_receipt_from_a_lid_chat_joins_number_and_lid() -> None:
    event = _one(_ack(chat_id="184620573190245@lid", from_lid="184620573190245@lid"))
    assert event.chat.identities == (phone("6281290001122"), lid("184620573190245"))
    assert event.recipient == (phone("6281290001122"), lid("184620573190245"))


def test_receipts_of_two_linked_devices_have_one_key() -> None:
    def told(device: str) -> dict[str, Any]:
        return {
            "event": "message.ack",
            "timestamp": "2025-07-05T08:00:00Z",
            "payload": {
                "ids": ["3EB1"],
                "chat_id": CUSTOMER,
                "receipt_type": "delivered",
                "from": f"6281290001122{device}@s.whatsapp.net in {CUSTOMER}",
                "sender_id": f"6281290001122{device}@s.whatsapp.net",
            },
        }

    assert _one(told("")).key == _one(told(":17")).key == "s:3EB1:delivered:6281290001122"


@pytest.mark.parametrize("kind", ["read", "read-self"])
def test_receipt_of_ourselves_means_that_we_read(kind: str) -> None:
    event = _one(_ack(receipt_type=kind, ids=["A", "B"], **{"from": OWN}))
    assert isinstance(event, ChatRead)
    assert event.source_ids == ("A", "B")
    assert event.chat.identities == (phone("6281290001122"),)


def test_receipt_delivered_to_our_other_device_is_ignored() -> None:
    assert isinstance(_one(_ack(receipt_type="delivered", **{"from": OWN})), Ignored)


def test_receipt_of_unknown_kind_is_not_taken_for_another() -> None:
    event = _one(_ack(receipt_type="server"))
    assert isinstance(event, UnknownEvent) and "server" in event.reason


def test_receipt_with_an_id_twice_gives_one_event() -> None:
    assert len(_read(_ack(ids=["A", "A", "B"]))) == 2


def test_receipt_without_the_events_name_is_read() -> None:
    event = _one({"payload": _ack()["payload"]})
    assert event.key == _one(_ack()).key
    assert _one(_ack()["payload"]).key == event.key


@pytest.mark.parametrize("nested", [True, False])
def test_receipt_nested_twice_or_not_at_all_is_read(nested: bool) -> None:
    payload = _ack()["payload"]
    body = (
        {"event": "message.ack", "payload": {"payload": payload}}
        if nested
        else {
            "event": "message.ack",
            **payload,
        }
    )
    event = _one(body)
    assert isinstance(event, StatusChanged) and event.source_id == "3EB1"


# --- others -----------------------------------------------------------------------------------------------------------


def test_group_joined_says_that_we_were_added() -> None:
    event = _one(
        {
            "event": "group.joined",
            "device_id": OWN,
            "timestamp": "2026-08-22T10:00:05Z",
            "payload": {"chat_id": GROUP, "group_name": "Reseller", "jids": [OWN], "type": "join"},
        }
    )
    assert isinstance(event, GroupChanged)
    assert event.action is GroupAction.ADDED_US and event.chat.name == "Reseller"


def test_call_to_a_group_is_in_the_groups_chat() -> None:
    event = _one(
        {"event": "call.offer", "payload": {"call_id": "C1", "from": CUSTOMER, "group_jid": GROUP}}
    )
    assert isinstance(event, CallOffered)
    assert event.chat.is_group and event.caller.identities == (phone("6281290001122"),)


def test_deleted_for_me_without_stored_original_has_no_chat() -> None:
    event = _one(
        {
            "event": "message.deleted",
            "device_id": OWN,
            "payload": {"deleted_message_id": "X", "from": "", "timestamp": "2026-08-22T10:00:05Z"},
        }
    )
    assert isinstance(event, MessageRevoked)
    assert event.chat is None and not event.for_everyone


def test_unknown_event_name_is_kept() -> None:
    event = _one({"event": "poll.vote", "device_id": OWN, "payload": {"x": 1}})
    assert isinstance(event, UnknownEvent) and "poll.vote" in event.reason


def test_unknown_action_is_kept() -> None:
    assert isinstance(_one(_flat(action="message_pinned")), UnknownEvent)


# --- keys -------------------------------------------------------------------------------------------------------------


def test_key_of_the_same_message_is_equal_and_of_another_differs() -> None:
    first, again = _one(_envelope(body="x")), _one(_envelope(body="x"))
    other = _one(_envelope(body="x", id="3A02"))
    group = _one(_envelope(body="x", chat_id=GROUP))
    assert first.key == again.key
    assert len({first.key, other.key, group.key}) == 3


@pytest.mark.parametrize("message_id", ["x" * 5000, "nul\0nul", "\ud800", "ü" * 150])
def test_key_of_an_odd_id_is_short_and_plain(message_id: str) -> None:
    key = _one(_envelope(body="x", id=message_id)).key
    assert len(key) <= 200 and key.isascii() and key.isprintable()


# --- what is not GoWA's -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        b'{"entry":[]}',
        b'{"event":"message","payload":{"id":"1","from":"1@s.whatsapp.net","location":{"degreesLatitude":NaN}}}',
    ],
)
def test_body_of_another_shape_is_anomalous(body: bytes) -> None:
    with pytest.raises(AnomalousPayload):
        read_body(CHANNEL, body)
