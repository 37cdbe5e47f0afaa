"""No body, however mangled, makes the parser fail in a way that it may not."""

from __future__ import annotations

import copy
import importlib.resources
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from chatport import Channel
from chatport.errors import AnomalousPayload
from chatport.events import Event
from chatport_whatsapp_web.inbound import read_body

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_web"
BODIES = {
    entry.name: json.loads(entry.read_bytes())
    for entry in sorted(CORPUS.iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".json")
}
CHANNEL = Channel(1, 1, "whatsapp_web", "+6281100000009", config={}, state={})
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**400,
    1e308,
    "",
    " ",
    "\0",
    "a\0b",
    "\ud83d",
    "x" * 200_000,
    [],
    {},
    [None],
    [[]],
    {"x": None},
    ["\ud800", 1],
    "999999999999999999@lid",
    "@",
    "a in b in c",
    "../../x",
    "٣@s.whatsapp.net",
    "6281290001122@s.whatsapp.net",
    "0001-01-01T00:00:00Z",
    "9" * 5000,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in entries:
        yield from _paths(inner, (*path, key))


def _changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(body)
    target = changed
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return changed


def _check(body: Any) -> None:
    raw = json.dumps(body).encode()
    try:
        found = read_body(CHANNEL, raw)
    except AnomalousPayload:
        return
    assert found
    for event in found:
        assert isinstance(event, Event)
        assert 1 <= len(event.key) <= 200 and event.key.isascii() and event.key.isprintable()
        assert all(address.isprintable() and address.isascii() for address in event.addressees)
        assert event.time is None or event.time.utcoffset() is not None


@pytest.mark.parametrize("name", sorted(BODIES))
def test_read_body_survives_any_value_at_any_place(name: str) -> None:
    chance = random.Random(name)
    for path in _paths(BODIES[name]):
        for value in chance.sample(VALUES, 8):
            _check(_changed(BODIES[name], path, value))


def test_read_body_survives_every_value_in_the_places_that_matter() -> None:
    for name in (
        "v9_text.json",
        "v7_text.json",
        "v9_ack_read.json",
        "v7_image.json",
        "v9_contact.json",
    ):
        for path in _paths(BODIES[name]):
            for value in VALUES:
                _check(_changed(BODIES[name], path, value))


def test_read_body_survives_several_changes_at_once() -> None:
    chance = random.Random(20260822)
    names = sorted(BODIES)
    for _ in range(1500):
        body = copy.deepcopy(BODIES[chance.choice(names)])
        for _ in range(chance.randint(1, 5)):
            path = chance.choice(list(_paths(body)))
            value = chance.choice((*VALUES, BODIES[chance.choice(names)]))
            body = _changed(body, path, value)
            if not isinstance(body, dict) or not list(_paths(body)):
                break
        _check(body)


def test_read_body_survives_cut_and_flipped_bytes() -> None:
    chance = random.Random(7)
    for name in sorted(BODIES):
        raw = bytearray((CORPUS / "wire" / name).read_bytes())
        for _ in range(10):
            broken = bytearray(raw[: chance.randint(0, len(raw))])
            for _ in range(chance.randint(0, 4)):
                if broken:
                    broken[chance.randrange(len(broken))] = chance.randrange(256)
            try:
                read_body(CHANNEL, bytes(broken))
            except AnomalousPayload:
                continue
