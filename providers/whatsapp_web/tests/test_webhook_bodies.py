"""Every recorded webhook body, of every GoWA version, gives the events that it should."""

from __future__ import annotations

import hashlib
import hmac
import importlib.resources
import json
from pathlib import Path
from typing import Any

import pytest

from chatport import Channel, events
from chatport.identities import Identity
from chatport_whatsapp_web.inbound import read_body

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_web"
EXPECTED: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "expected_events.json").read_text(encoding="utf-8")
)
CHANNEL = Channel(1, 1, "whatsapp_web", "+6281100000009", config={}, state={})


def _names(folder: Any) -> set[str]:
    return {entry.name for entry in folder.iterdir() if entry.name.endswith(".json")}


def test_corpus_has_an_expectation_for_each_body() -> None:
    assert _names(CORPUS) == set(EXPECTED)
    assert _names(CORPUS / "wire") == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_read_body_gives_the_expected_events(name: str) -> None:
    found = read_body(CHANNEL, (CORPUS / name).read_bytes())
    assert [digest(event) for event in found] == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_read_body_gives_equal_keys_for_the_bytes_on_the_wire(name: str) -> None:
    pretty = read_body(CHANNEL, (CORPUS / name).read_bytes())
    wire = read_body(CHANNEL, (CORPUS / "wire" / name).read_bytes())
    assert pretty == wire


def test_declared_signature_fits_the_recorded_ones() -> None:
    body = (CORPUS / "wire" / "v9_text.json").read_bytes()
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert signature == "93f7ee626aaf0baa5517201d0924669541dbe7e4573e95dfd3d8e469034bab44"


def digest(event: events.AnyEvent) -> str:
    """What matters of an event, in a fixed order."""
    words = [type(event).__name__, event.key if not event.key.startswith("h:") else "h:…"]
    words.append(event.time.strftime("%Y-%m-%dT%H:%M:%SZ") if event.time else "no time")
    words += [f"to={','.join(event.addressees)}"] if event.addressees else []
    for name in ("direction", "status", "action", "state", "emoji", "target", "call_id", "reason"):
        if hasattr(event, name):
            words.append(f"{name}={getattr(event, name)}")
    chat = getattr(event, "chat", None)
    if chat is not None:
        words.append(
            f"chat={_people(chat.identities)}{'(group)' if chat.is_group else ''}{chat.name}"
        )
    for name in ("sender", "caller"):
        party = getattr(event, name, None)
        if party is not None:
            words.append(f"{name}={_people(party.identities)}|{party.name}")
    words += [f"recipient={_people(event.recipient)}"] if hasattr(event, "recipient") else []
    for name in (
        "body",
        "reply_to",
        "quoted_text",
        "forwarded",
        "view_once",
        "referral",
        "source_ids",
    ):
        value = getattr(event, name, None)
        if value or (name == "body" and hasattr(event, "body")):
            words.append(f"{name}={value!r}")
    for member in getattr(event, "members", ()):
        words.append(f"member={_people(member.identities)}")
    words += [_part(part) for part in getattr(event, "parts", ())]
    return " ".join(words)


def _people(identities: tuple[Identity, ...]) -> str:
    return "+".join(f"{identity.kind}:{identity.value}" for identity in identities)


def _part(part: Any) -> str:
    match part:
        case events.TextPart(body=body):
            return f"text({body!r})"
        case events.MediaPart(media=media, caption=caption):
            return f"media({_media(media)} {caption!r})"
        case events.LocationPart(location=place):
            live = "live " if part.live else ""
            words = (place.name, place.address, part.url, part.caption)
            return f"location({live}{place.latitude},{place.longitude} {words})"
        case events.ContactPart(card=card):
            return f"contact({card.name!r} {card.phones} {card.emails} {card.organization!r})"
        case events.StructuredPart(kind=kind, body=body, data=data):
            return f"{kind}({body!r} {sorted(data)})"
        case events.UnsupportedPart(media=media):
            return f"unsupported({_media(media)})"
    raise TypeError(type(part).__name__)


def _media(media: Any) -> str:
    locator = dict(media.locator)
    shown = (
        [f"path={locator['path'].rsplit('/', 1)[0]}/…{locator['path'][-6:]}"]
        if "path" in locator
        else []
    )
    shown += [f"download={locator['download']}@{locator['chat']}"]
    return " ".join([str(media.kind), *shown, media.filename, media.content_type]).strip()
