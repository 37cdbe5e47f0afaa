"""Every recorded webhook body of Meta gives the events that it should."""

from __future__ import annotations

import importlib.resources
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chatport import Channel, InboundRequest, events
from chatport.identities import Identity
from chatport_whatsapp_cloud import plugin

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_cloud"
EXPECTED: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "expected_events.json").read_text(encoding="utf-8")
)
CONFIG = {"phone_number_id": "109870000333444", "business_account_id": "214700000111222"}
CHANNEL = Channel(1, 1, "whatsapp_cloud", "+15557001234", config=CONFIG)
WORDS = ("direction", "status", "emoji", "target", "call_id", "reason", "kind", "warning", "name")
MORE = ("language", "reply_to", "forwarded", "history", "referral", "changes", "error_code")


def names() -> set[str]:
    return {e.name for e in CORPUS.iterdir() if e.name.endswith(".json") and e.name[0] != "_"}


def read(name: str) -> list[events.AnyEvent]:
    body = (CORPUS / name).read_bytes()
    received = datetime(2026, 9, 1, tzinfo=UTC)
    return plugin.handle_event(CHANNEL, InboundRequest(body, {}, received))


def test_corpus_has_an_expectation_for_each_body() -> None:
    assert names() == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_handle_event_gives_the_expected_events(name: str) -> None:
    assert [digest(event) for event in read(name)] == EXPECTED[name]


def digest(event: Any) -> str:
    """What matters of an event, in a fixed order."""
    key = event.key.rsplit("wamid.", 1)
    words = [type(event).__name__, key[0][:2] + (f"…{key[1][-8:]}" if len(key) > 1 else "")]
    words.append(event.time.strftime("%Y-%m-%dT%H:%M:%SZ") if event.time else "no time")
    words.append(f"to={','.join(event.addressees)}")
    for name in (*WORDS, *MORE):
        value = getattr(event, name, None)
        if value:
            shown = f"…{value[-8:]}" if str(value).startswith("wamid.") else value
            words.append(f"{name}={shown}")
    for name in ("chat", "sender", "caller"):
        words += _party(name, getattr(event, name, None))
    for name in ("recipient", "old", "new"):
        if getattr(event, name, ()):
            words.append(f"{name}={_people(getattr(event, name))}")
    if hasattr(event, "body"):
        words.append(f"body={event.body!r}")
    words += [f"details={sorted(event.details)}"] if getattr(event, "details", None) else []
    words += [f"facts={sorted(event.facts)}"] if hasattr(event, "facts") else []
    words += [_part(part) for part in getattr(event, "parts", ())]
    return " ".join(words)


def _party(name: str, party: Any) -> list[str]:
    if party is None:
        return []
    told = [getattr(party, "name", ""), getattr(party, "username", "")]
    group = "(group)" if getattr(party, "is_group", False) else ""
    return [f"{name}={_people(party.identities)}{group}|{'|'.join(filter(None, told))}"]


def _people(identities: tuple[Identity, ...]) -> str:
    return "+".join(f"{identity.kind}:{identity.value}" for identity in identities)


def _part(part: Any) -> str:
    match part:
        case events.TextPart(body=body):
            return f"text({body!r})"
        case events.MediaPart(media=media, caption=caption):
            return (
                f"media({media.kind} {media.locator['id']} {media.content_type} {media.filename!r}"
                f" {media.sha256[:8]} {caption!r})"
            )
        case events.LocationPart(location=place):
            return f"location({place.latitude},{place.longitude} {place.name!r} {place.address!r})"
        case events.ContactPart(card=card):
            return f"contact({card.name!r} {card.phones} {card.emails} {card.organization!r})"
        case events.StructuredPart(kind=kind, body=body, data=data):
            return f"{kind}({body!r} {json.dumps(data, sort_keys=True)})"
        case events.UnsupportedPart(reason=reason):
            return f"unsupported({reason!r})"
    raise TypeError(type(part).__name__)
