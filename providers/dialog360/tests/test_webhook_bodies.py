"""Every recorded webhook body of 360dialog, of both shapes, gives the events that it should."""

from __future__ import annotations

import importlib.resources
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chatport import Channel, InboundRequest
from chatport.events import AnyEvent
from chatport_dialog360 import plugin

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "dialog360"
EXPECTED: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "expected_events.json").read_text(encoding="utf-8")
)
CHANNEL = Channel(1, 1, "dialog360", "+4930700001234", config={})
SHOWN = (
    *("status", "target", "emoji", "reason", "reply_to", "forwarded", "history", "referral"),
    *("error_code", "error_message", "direction", "call_id", "kind", "language", "changes"),
    *("old", "new"),
)


def names() -> set[str]:
    return {entry.name for entry in CORPUS.iterdir() if entry.name.endswith(".json")}


def read(name: str) -> list[AnyEvent]:
    request = InboundRequest((CORPUS / name).read_bytes(), {}, datetime(2026, 9, 1, tzinfo=UTC))
    return plugin.handle_event(CHANNEL, request)


def test_corpus_has_an_expectation_for_each_body() -> None:
    assert names() == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_handle_event_gives_the_expected_events(name: str) -> None:
    assert [digest(event) for event in read(name)] == EXPECTED[name]


def digest(event: Any) -> str:
    """What matters of an event, in a fixed order."""
    words = [type(event).__name__, event.key if event.key[0] != "h" else "h"]
    words.append(event.time.isoformat() if event.time else "no time")
    words += [f"{n}={_plain(getattr(event, n))}" for n in SHOWN if getattr(event, n, None)]
    for name in ("chat", "sender"):
        party = getattr(event, name, None)
        if party is not None:
            words.append(f"{name}={_plain(party.identities)}{party.name}")
    words += [_described(part) for part in getattr(event, "parts", ())]
    return " ".join(words)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "+".join(f"{one.kind}:{one.value}" for one in value)
    return str(value)


def _described(part: Any) -> str:
    """Fields of a part that are not empty, without a contact's raw form."""
    card, media = getattr(part, "card", None), getattr(part, "media", None)
    if card is not None:
        return f"contact({card.name!r} {card.phones})"
    if media is not None:
        sha = media.sha256[:8]
        return (
            f"{media.kind}({media.locator['id']} {media.content_type} {sha!r} {part.caption!r}"
            f" {media.filename!r})"
        )
    shown = [getattr(part, name, "") for name in ("kind", "location", "body", "data", "reason")]
    return f"{type(part).__name__}({', '.join(str(one) for one in shown if one)})"
