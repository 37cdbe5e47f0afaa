"""Envelopes, items, and that none of them spoils its neighbours."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from chatport.errors import AnomalousPayload
from chatport.events import (
    AnyEvent,
    ChannelNotice,
    ContactPart,
    GroupChanged,
    Ignored,
    LocationPart,
    MessageReceived,
    StatusChanged,
    StructuredPart,
    TemplateChanged,
    TextPart,
    UnknownEvent,
    UnsupportedPart,
)
from chatport.identities import Identity
from chatport.messages import Location
from chatport.reader import load_json
from chatport_meta.inbound import read_envelope, sha256_hex

OWN = frozenset({"phone_number_id:11", "business_account_id:22", "number:15557001234"})
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def text(number: int, **more: Any) -> dict[str, Any]:
    """A text message."""
    return {
        "from": "4915112340001",
        "id": f"wamid.{number}",
        "timestamp": "1787000001",
        "type": "text",
        "text": {"body": f"text {number}"},
        **more,
    }


def body(field: str = "messages", metadata: Any = None, **value: Any) -> dict[str, Any]:
    """A body with one change."""
    known = {"display_phone_number": "15557001234", "phone_number_id": "11"}
    given = {"metadata": known if metadata is None else metadata, **value}
    entry = {"id": "22", "changes": [{"field": field, "value": given}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def read(value: Any, **options: Any) -> list[AnyEvent]:
    return read_envelope(value, NOW, OWN, **options)


def kinds(events: list[AnyEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_read_envelope_reads_every_item_beside_broken_ones() -> None:
    broken: list[Any] = [None, 7, "x", [], {"type": "text"}, text(2, text=5), text(3, context="x")]
    events = read(body(messages=[text(1), *broken, text(9)], statuses=["?", {"id": 1}]))
    found = [e.source_id for e in events if isinstance(e, MessageReceived)]
    assert found == [
        "wamid.1",
        "wamid.3",
        "wamid.9",
    ]  # what stands beside the third one's text is all that is odd
    assert kinds(events).count("UnknownEvent") == 8


def test_read_envelope_reads_every_entry_beside_broken_ones() -> None:
    good = body(messages=[text(1)])["entry"][0]
    odd_id = {**body(messages=[text(2)])["entry"][0], "id": {}, "time": []}
    value = {
        "object": "whatsapp_business_account",
        "entry": [None, {"changes": 5}, {"changes": [None]}, odd_id, good],
    }
    found = [e.source_id for e in read(value) if isinstance(e, MessageReceived)]
    assert found == ["wamid.2", "wamid.1"]


def test_read_envelope_takes_contacts_of_wrong_type_for_none() -> None:
    contacts: list[Any] = [None, {"wa_id": []}, {"profile": 5, "wa_id": "4915112340001"}]
    (event,) = read(body(messages=[text(1)], contacts=contacts))
    assert isinstance(event, MessageReceived) and event.sender is not None
    assert event.sender.identities == (Identity("wa_id", "4915112340001"),)
    assert event.sender.name == ""


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, {"object": {}}, {"entry": 7}])
def test_read_envelope_refuses_other_shapes(value: Any) -> None:
    with pytest.raises(AnomalousPayload):
        read(value)


@pytest.mark.parametrize("raw", [b"", b"{", b"NaN", b"\xff\xfe", b"[" * 100_000])
def test_load_refuses_what_is_no_json(raw: bytes) -> None:
    with pytest.raises(AnomalousPayload):
        load_json(raw)


def test_load_keeps_a_boundless_number_as_text() -> None:
    assert load_json(b'{"a": 1e999}') == {"a": "1e999"}


def test_read_envelope_ignores_other_objects() -> None:
    (event,) = read({"object": "instagram", "entry": [{"id": "1"}]})
    assert isinstance(event, Ignored) and "instagram" in event.reason


def test_read_envelope_names_the_number_and_keeps_unknown_kinds_of_address_out() -> None:
    (event,) = read(body(messages=[text(1)]))
    assert event.addressees == ("phone_number_id:11",)
    (event,) = read_envelope(body(messages=[text(1)]), NOW, frozenset({"number:1"}))
    assert event.addressees == ()


def test_read_envelope_can_insist_on_the_number() -> None:
    (event,) = read(body(metadata={}, messages=[text(1)]), needs_number_id=True)
    assert isinstance(event, UnknownEvent) and "phone number id" in event.reason


def test_read_envelope_tells_each_fact_once() -> None:
    value = body(messages=[text(1), text(1)], statuses=[])
    assert len(read(value)) == 1


def test_read_envelope_gives_the_same_keys_in_any_order_of_members() -> None:
    value = body("account_update", metadata={}, event="ACCOUNT_DELETED", zeta=1, alpha=[{"b": 1}])
    again = json.loads(json.dumps(value, sort_keys=True))
    assert read(value)[0].key == read(again)[0].key
    value["entry"][0]["time"] = 1787000400
    assert read(value)[0].key != read(again)[0].key


def test_read_envelope_matches_contacts_by_id() -> None:
    people = [
        {"profile": {"name": f"Person {n}"}, "wa_id": f"49{n}", "user_id": f"DE.{n}"}
        for n in range(20)
    ]
    messages = [text(n, **{"from": f"49{n}"}) for n in range(20)]
    random.Random(1).shuffle(people)
    for event in read(body(messages=messages, contacts=people)):
        assert isinstance(event, MessageReceived) and event.sender is not None
        number = event.source_id.removeprefix("wamid.")
        assert event.sender.name == f"Person {number}"
        assert event.sender.identities == (
            Identity("wa_id", f"49{number}"),
            Identity("bsuid", f"DE.{number}"),
        )


def test_user_id_in_the_place_of_a_number_is_never_cleaned_up() -> None:
    (event,) = read(body(messages=[text(1, **{"from": "DE.58203377411902456"})]))
    assert isinstance(event, MessageReceived)
    assert event.chat.identities == (Identity("bsuid", "DE.58203377411902456"),)


def test_message_without_author_is_unknown_and_kept() -> None:
    item = text(1)
    del item["from"]
    (event,) = read(body(messages=[item]))
    assert isinstance(event, UnknownEvent) and event.raw == item


def test_time_in_milliseconds_is_understood() -> None:
    (event,) = read(body(messages=[text(1, timestamp="1787000001000")]))
    assert event.time == datetime(2026, 8, 17, 20, 53, 21, tzinfo=UTC)


def test_unknown_type_is_a_placeholder_that_names_it() -> None:
    (event,) = read(body(messages=[text(1, type="hologram", hologram={"x": 1})]))
    assert isinstance(event, MessageReceived)
    assert event.parts == (
        UnsupportedPart(
            "A message of the type 'hologram': WhatsApp's service does not hand over its content."
        ),
    )


def test_file_that_was_not_fetched_is_a_placeholder_with_its_caption() -> None:
    item = text(1, type="image", image={"status": "undownloaded", "caption": "the damage"})
    (event,) = read(body(messages=[item]))
    assert isinstance(event, MessageReceived)
    assert event.parts == (UnsupportedPart("The service could not fetch the file. the damage"),)


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ({"name": {"formatted_name": "Tomas Berg"}}, "Tomas Berg"),
        ({"phones": [{"phone": "+4915112340001"}], "origin": "contact_request"}, "+4915112340001"),
        ({"phones": [{"wa_id": "4915112340001"}]}, "+4915112340001"),
        ({"name": {}, "emails": [{"email": "t@example.org"}]}, "t@example.org"),
        ({"name": None, "org": {"company": "Berg"}}, "Berg"),
        ({"user_id": "DE.58203377411902456"}, "A contact without a name"),
    ],
)
def test_card_without_a_name_is_shown_by_what_it_has(card: Any, shown: str) -> None:
    (event,) = read(body(messages=[text(1, type="contacts", contacts=[card])]))
    assert isinstance(event, MessageReceived)
    assert [part.card.name for part in event.parts if isinstance(part, ContactPart)] == [shown]


@pytest.mark.parametrize("given", ['{"day": "Mo"}', {"day": "Mo"}])
def test_flow_reply_is_read_as_text_and_as_an_object(given: Any) -> None:
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": given}}
    (event,) = read(body(messages=[text(1, type="interactive", interactive=reply)]))
    assert isinstance(event, MessageReceived)
    assert [(p.body, p.data) for p in event.parts if isinstance(p, StructuredPart)] == [
        ("day: Mo", {"name": "flow", "response": {"day": "Mo"}, "flow_token": ""})
    ]


@pytest.mark.parametrize("values", [(52, 13), (52.0, 13.0), ("52", "13.0")])
def test_coordinates_are_read_from_numbers_and_texts(values: Any) -> None:
    place = {"latitude": values[0], "longitude": values[1]}
    (event,) = read(body(messages=[text(1, type="location", location=place)]))
    assert isinstance(event, MessageReceived)
    assert event.parts == (LocationPart(Location(52.0, 13.0, "", "")),)


def test_unknown_field_is_unknown_beside_what_is_known() -> None:
    value = body("holograms", x=1)
    value["entry"].append(body(messages=[text(1)])["entry"][0])
    assert kinds(read(value)) == ["UnknownEvent", "MessageReceived"]


def test_state_of_a_call_is_no_state_of_a_message() -> None:
    call = {"id": "wacid.1", "type": "call", "status": "RINGING", "recipient_id": "49"}
    states = [{**call, "status": word} for word in ("RINGING", "ACCEPTED", "delivered")]
    assert set(kinds(read(body(statuses=states)))) == {"Ignored"}
    assert set(kinds(read(body("calls", statuses=states)))) == {"Ignored"}


def test_opaque_data_of_our_own_names_the_delivery() -> None:
    own = "0123456789abcdef0123456789abcdef"
    status = {"id": "wamid.9", "status": "sent", "recipient_id": "49", "timestamp": "1787000001"}
    events = read(
        body(
            statuses=[
                {**status, "biz_opaque_callback_data": own},
                {**status, "status": "read", "biz_opaque_callback_data": "msg:8812"},
            ]
        )
    )
    assert [getattr(event, "delivery_id", "") for event in events] == [own, None]


def test_failed_without_errors_still_has_a_reason() -> None:
    (event,) = read(body(statuses=[{"id": "wamid.9", "status": "failed", "errors": "x"}]))
    assert isinstance(event, StatusChanged)
    assert event.error_message and event.error_action


def test_status_keeps_price_and_conversation() -> None:
    pricing = {"billable": True, "pricing_model": "PMP", "category": "utility"}
    conversation = {"id": "c1", "origin": {"type": "utility"}}
    status = {"id": "wamid.9", "status": "sent", "pricing": pricing, "conversation": conversation}
    (event,) = read(body(statuses=[status]))
    assert isinstance(event, StatusChanged)
    assert event.details == {"pricing": pricing, "conversation": conversation}


def test_unknown_state_is_unknown() -> None:
    (event,) = read(body(statuses=[{"id": "wamid.9", "status": "teleported"}]))
    assert isinstance(event, UnknownEvent) and "teleported" in event.reason


def test_placeholder_of_a_young_history_file_waits_for_the_file() -> None:
    item = text(1, type="media_placeholder", timestamp=str(int(NOW.timestamp()) - 86_400))
    thread = {"id": "4915112340001", "messages": [item]}
    (event,) = read(body("history", history=[{"threads": [thread]}]))
    assert isinstance(event, Ignored) and event.key == "p:wamid.1"


def test_history_never_opens_the_window() -> None:
    thread = {"id": "4915112340001", "messages": [text(1), text(2, to="4915112340001")]}
    events = read(body("history", history=[{"threads": [thread]}]))
    assert [(e.history, str(e.direction)) for e in events if isinstance(e, MessageReceived)] == [
        (True, "incoming"),
        (True, "outgoing"),
    ]


def test_members_of_a_group() -> None:
    change = {
        "group_id": "Z3JvdXA",
        "type": "group_participants_add",
        "timestamp": "1787000001",
        "added_participants": [{"input": "+49 151", "wa_id": "49151"}, {"wa_id": 5}],
    }
    (event,) = read(body("group_participants_update", groups=[change]))
    assert isinstance(event, GroupChanged) and str(event.action) == "join"
    assert [party.identities[0].value for party in event.members] == ["49151", "5"]
    assert event.chat.identities == (Identity("group", "Z3JvdXA@g.us"),)


def test_template_event_is_told_by_its_content_and_its_language_normalised() -> None:
    value = body(
        "message_template_status_update",
        metadata={},
        message_template_id=1689000000123456,
        message_template_name="hello",
        message_template_language="en-US",
        new_quality_score="RED",
    )
    (event,) = read(value)
    assert isinstance(event, TemplateChanged)
    assert (event.name, event.language) == ("hello", "en_US")
    assert event.changes == {"quality_score": {"score": "RED"}}


def test_account_alarm_is_a_warning() -> None:
    value = body("account_update", metadata={}, event="ACCOUNT_RESTRICTION", restriction_info=[])
    (event,) = read(value)
    assert isinstance(event, ChannelNotice)
    assert event.kind == "account_update.account_restriction"
    assert event.warning.startswith("WhatsApp restricts the account.")
    assert event.addressees == ("business_account_id:22",)


def test_fact_of_a_number_names_the_number() -> None:
    value = body(
        "phone_number_quality_update",
        metadata={},
        display_phone_number="+1 555-700-1234",
        event="FLAGGED",
    )
    (event,) = read(value)
    assert event.addressees == ("number:15557001234",)
    assert isinstance(event, ChannelNotice) and event.warning


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("TxLwEHR5x4UswA7ECUWEAGMH5Jer7j1EIx5/6/ihg3M=", "4f12f0107479c785"),
        ("AA" * 32, "aa" * 8),
        ("aa11bb22cc33", ""),
        ("", ""),
        ("…", ""),
    ],
)
def test_sha256_hex_reads_both_forms(value: str, wanted: str) -> None:
    assert sha256_hex(value)[:16] == wanted


def _account_update(event: str, **more: Any) -> ChannelNotice:
    (found,) = read(body("account_update", {}, event=event, **more))
    assert isinstance(found, ChannelNotice)
    return found


@pytest.mark.parametrize(
    ("alarm", "end"),
    [
        ("ACCOUNT_OFFBOARDED", "ACCOUNT_RECONNECTED"),
        ("PARTNER_REMOVED", "PARTNER_ADDED"),
        ("PARTNER_APP_UNINSTALLED", "PARTNER_APP_INSTALLED"),
    ],
)
def test_end_of_an_alarm_takes_its_place(alarm: str, end: str) -> None:
    """Of each kind the channel's health shows the latest fact, so both must be of one kind."""
    first, last = _account_update(alarm), _account_update(end)
    assert first.kind == last.kind
    assert first.warning and not last.warning


@pytest.mark.parametrize(("state", "alarms"), [("DISABLE", True), ("REINSTATE", False)])
def test_lifted_ban_is_no_alarm(state: str, alarms: bool) -> None:
    found = _account_update("DISABLED_UPDATE", ban_info={"waba_ban_state": state})
    assert bool(found.warning) is alarms


def test_message_that_failed_on_the_phone_is_failed_in_the_history() -> None:
    sent = text(1, **{"from": "15557001234"}, to="491", history_context={"status": "ERROR"})
    threads = [{"id": "491", "messages": [sent]}]
    message, state = read(body("history", history=[{"threads": threads}]))
    assert isinstance(message, MessageReceived)
    assert isinstance(state, StatusChanged)
    assert state.status == "failed" and state.error_message and state.error_action


def test_copy_of_our_own_buttons_shows_what_was_asked() -> None:
    interactive = {
        "type": "button",
        "body": {"text": "Shall we come on Tuesday?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
    }
    echo = text(1, **{"from": "15557001234"}, to="4915112340001", type="interactive")
    (event,) = read(body("message_echoes", message_echoes=[{**echo, "interactive": interactive}]))
    assert isinstance(event, MessageReceived) and event.direction == "outgoing"
    assert event.parts == (TextPart("Shall we come on Tuesday?"),)
