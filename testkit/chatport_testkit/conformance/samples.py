"""What the core would hand to hooks: messages of every kind, and arguments of every hook.

Owns: sample values. Must not know: any provider.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chatport import Features, Identity, IdentityKind, OutboundMessage, Recipient, SentLookup
from chatport.messages import (
    Choice,
    ContactCard,
    Contacts,
    Content,
    Edit,
    Interactive,
    Link,
    Location,
    Media,
    MediaKind,
    MessageRef,
    Poll,
    Reaction,
    Revoke,
    Template,
    Text,
)

RECEIVED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PERSON = Identity(IdentityKind.PHONE, "6281290001122")
GROUP = Identity(IdentityKind.GROUP, "120363000000000001@g.us")
DELIVERY_ID = "0123456789abcdef0123456789abcdef"
THEIRS = MessageRef("wamid.THEIRS0001", from_me=False, sender=(PERSON,))
OURS = MessageRef("wamid.OURS0001", from_me=True)

_FILES: Mapping[MediaKind, tuple[str, str, bytes]] = {
    MediaKind.IMAGE: ("photo.jpg", "image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 64),
    MediaKind.VIDEO: ("film.mp4", "video/mp4", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64),
    MediaKind.VIDEO_NOTE: ("note.mp4", "video/mp4", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64),
    MediaKind.AUDIO: ("song.mp3", "audio/mpeg", b"ID3\x04" + b"\x00" * 64),
    MediaKind.VOICE: (
        "voice.ogg",
        "audio/ogg",
        b"OggS" + b"\x00" * 24 + b"OpusHead" + b"\x00" * 64,
    ),
    MediaKind.DOCUMENT: ("offer.pdf", "application/pdf", b"%PDF-1.4\n" + b"0" * 64),
    MediaKind.STICKER: ("smile.webp", "image/webp", b"RIFF\x40\x00\x00\x00WEBPVP8 " + b"\x00" * 64),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message: whether a provider claims it, and a sample."""

    name: str
    claimed: Callable[[Features], bool]
    content: Callable[[], Content]


def _media(kind: MediaKind) -> Kind:
    return Kind(f"media-{kind}", lambda features: kind in features.media, lambda: media(kind))


def media(kind: MediaKind, data: bytes | None = None, caption: str = "") -> Media:
    """A file of a kind."""
    filename, content_type, usual = _FILES[kind]
    given = usual if data is None else data
    return Media(kind, filename, content_type, len(given), lambda: io.BytesIO(given), caption)


def _template() -> Template:
    body = {"type": "BODY", "text": "Your order {{1}} is ready."}
    return Template(
        "order_ready",
        "en_US",
        category="UTILITY",
        params={"body": {"1": "42"}},
        definition={
            "name": "order_ready",
            "language": "en_US",
            "status": "approved",
            "category": "UTILITY",
            "parameter_format": "POSITIONAL",
            "components": [body],
        },
    )


def _cards() -> Contacts:
    return Contacts((ContactCard("Budi Santoso", ("+6281290003344",), ("budi@shop.example",)),))


def _buttons() -> Interactive:
    return Interactive("buttons", "Is this right?", (Choice("yes", "Yes"), Choice("no", "No")))


def _list() -> Interactive:
    rows = (Choice("s", "Small", "up to 2 kg"), Choice("l", "Large"))
    return Interactive("list", "Which size?", rows, button="Sizes")


def _link_button() -> Interactive:
    return Interactive("cta_url", "Your invoice", button="Open", url="https://shop.example/i/42")


KINDS: tuple[Kind, ...] = (
    Kind("text", lambda features: True, lambda: Text("Selamat pagi ☕ – see *you*")),
    *(_media(kind) for kind in MediaKind),
    Kind("location", lambda f: f.location, lambda: Location(-6.2, 106.8, "Shop", "Jalan 1")),
    Kind("contacts", lambda f: f.contacts, _cards),
    Kind("reaction", lambda f: f.reactions, lambda: Reaction(THEIRS, "👍")),
    Kind("reaction-removed", lambda f: f.reactions, lambda: Reaction(THEIRS, "")),
    Kind("edit", lambda f: f.edit, lambda: Edit(OURS, "corrected")),
    Kind("revoke", lambda f: f.revoke, lambda: Revoke(OURS)),
    Kind("poll", lambda f: f.polls, lambda: Poll("Which day?", ("Mon", "Tue"))),
    Kind("link", lambda f: f.link, lambda: Link("https://shop.example/", "our shop")),
    Kind("buttons", lambda f: f.buttons > 0, _buttons),
    Kind("list", lambda f: f.list_rows > 0, _list),
    Kind("cta_url", lambda f: f.cta_url, _link_button),
    Kind("template", lambda f: f.templates, _template),
)
KIND_NAMES = tuple(kind.name for kind in KINDS)


def message(content: Content, *, group: bool = False, reply: bool = False) -> OutboundMessage:
    """A message to a person or a group."""
    return OutboundMessage(
        delivery_id=DELIVERY_ID,
        recipient=Recipient((GROUP,) if group else (PERSON,), is_group=group),
        content=content,
        reply_to=THEIRS if reply else None,
    )


def arguments(features: Features) -> dict[str, dict[str, Any]]:
    """Arguments besides the channel, for every optional hook that talks to a service."""
    recipient = Recipient((PERSON,))
    pairing = features.pairing[0] if features.pairing else "qr"
    return {
        "validate_config": {},
        "provision": {},
        "unprovision": {},
        "start_pairing": {"method": pairing, "phone_number": "+6281100000009"},
        "connection_status": {},
        "logout": {},
        "reconnect": {},
        "mark_read": {"recipient": recipient, "messages": (THEIRS,)},
        "send_typing": {"recipient": recipient, "state": "composing", "last_message": THEIRS},
        "group_info": {"group": GROUP},
        "contact_info": {"contact": (PERSON,)},
        "fetch_history": {"since": RECEIVED_AT, "cursor": None},
        "find_sent": {
            "lookup": SentLookup((PERSON,), False, "hello", "", RECEIVED_AT, DELIVERY_ID)
        },
        "fetch_templates": {},
        "check_health": {},
    }
