"""A message is worth more than what is told beside it: no odd value costs it, and none costs its neighbours."""

from __future__ import annotations

import copy
import importlib.resources
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent, Event, MessageReceived, StatusChanged, UnknownEvent
from chatport.reader import load_json
from chatport_meta.inbound import read_envelope

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_cloud"
BODIES: dict[str, dict[str, Any]] = {
    entry.name.removesuffix(".json"): json.loads(entry.read_bytes())
    for entry in sorted(CORPUS.iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".json") and not entry.name.startswith("_")
}
OWN = frozenset({"phone_number_id:109870000333444", "business_account_id:214700000111222"})
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
    "x" * 20_000,
    "\ud800",
    "a\0b",
    10**60,
    [None, 7, {}],
)
#: Without these a body does not say which message it is, whose, or what it is at all.
NEEDED = {"object", "entry", "changes", "field", "value", "messages", "statuses", "message_echoes"}
NEEDED |= {"id", "type", "from", "from_user_id", "to", "to_user_id", "history", "threads", "status"}
NEEDED |= {"history_context"}
#: Another value of these is another fact, not a broken one: who and where.
PARTIES = {"contacts", "group_id", "wa_id", "user_id", "parent_user_id", "from_parent_user_id"}
PARTIES |= {"recipient_id", "recipient_user_id", "recipient_parent_user_id", "recipient_type"}
PARTIES |= {"recipient_participant_id", "recipient_participant_user_id", "to_parent_user_id"}
#: What the customer wrote: of a wrong type it is kept and told as not understood, never taken for empty.
CONTENT = {"text", "location", "latitude", "longitude", "reaction", "emoji", "message_id"}


def _read(body: Any) -> list[AnyEvent]:
    return read_envelope(load_json(json.dumps(body)), datetime(2026, 9, 1, tzinfo=UTC), OWN)


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


def _sources(events: list[AnyEvent]) -> list[str]:
    return [e.source_id for e in events if isinstance(e, MessageReceived | StatusChanged)]


@pytest.mark.parametrize("name", sorted(BODIES))
def test_read_envelope_raises_nothing_for_any_odd_value(name: str) -> None:
    for path in _paths(BODIES[name]):
        for odd in ODD:
            try:
                found = _read(_with(BODIES[name], path, odd))
            except AnomalousPayload:
                assert path in (("object",), ("entry",)), path
                continue
            assert found, path
            for event in found:
                assert isinstance(event, Event)
                assert 1 <= len(event.key) <= 200 and event.key.isascii()
                assert not isinstance(event, UnknownEvent) or event.reason


@pytest.mark.parametrize("name", sorted(n for n, body in BODIES.items() if _sources(_read(body))))
def test_read_envelope_keeps_messages_and_statuses_whatever_stands_beside_them(name: str) -> None:
    whole = _sources(_read(BODIES[name]))
    for path in _paths(BODIES[name]):
        words = {key for key in path if isinstance(key, str)}
        content = words & CONTENT and "context" not in words
        if path[-1] in NEEDED | PARTIES or isinstance(path[-1], int) or content:
            continue
        for odd in ODD:
            assert _sources(_read(_with(BODIES[name], path, odd))) == whole, (path, odd)


def test_read_envelope_tells_content_of_a_wrong_type_as_not_understood() -> None:
    body = BODIES["message_text"]
    path = ("entry", 0, "changes", 0, "value", "messages", 0, "text", "body")
    (event,) = _read(_with(body, path, ["hello"]))
    assert isinstance(event, UnknownEvent) and "text.body" in event.reason


def test_read_envelope_takes_no_reaction_of_a_wrong_type_for_its_removal() -> None:
    path = ("entry", 0, "changes", 0, "value", "messages", 0, "reaction", "emoji")
    (event,) = _read(_with(BODIES["message_reaction"], path, {"code": 1}))
    assert isinstance(event, UnknownEvent)


@pytest.mark.parametrize("odd", [5, [], {"a": 1}, True])
def test_read_envelope_keeps_a_changes_messages_beside_an_odd_number(odd: Any) -> None:
    path = ("entry", 0, "changes", 0, "value", "metadata", "display_phone_number")
    (event,) = _read(_with(BODIES["message_text"], path, odd))
    assert isinstance(event, MessageReceived)
    assert event.addressees == ("phone_number_id:109870000333444",)


def test_read_envelope_keeps_a_historys_threads_beside_errors() -> None:
    body = BODIES["history_threads"]
    path = ("entry", 0, "changes", 0, "value", "history", 0, "errors")
    found = _read(_with(body, path, [{"code": 2593109, "title": "declined"}]))
    assert _sources(found) == _sources(_read(body))
    assert any(type(event).__name__ == "ChannelNotice" for event in found)


@pytest.mark.parametrize(
    "raw", [b'{"entry": ' + b"9" * 5000 + b"}", b'{"object": ' + b"[" * 500 + b"]" * 500 + b"}"]
)
def test_read_envelope_refuses_endless_numbers_and_nesting_by_name(raw: bytes) -> None:
    with pytest.raises(AnomalousPayload):
        read_envelope(load_json(raw), None, OWN)


@pytest.mark.parametrize("word", ["NaN", "1e999", "Infinity", "9" * 5000])
def test_read_envelope_keeps_a_flows_answer_storable(word: str) -> None:
    path = ("entry", 0, "changes", 0, "value", "messages", 0, "interactive", "nfm_reply")
    given = f'{{"a": {word}}}'
    (event,) = _read(
        _with(BODIES["message_interactive_nfm_reply"], (*path, "response_json"), given)
    )
    assert isinstance(event, MessageReceived)
    json.dumps(dict(event.parts[0].data), allow_nan=False)  # type: ignore[union-attr]
