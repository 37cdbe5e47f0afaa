"""Each kind of message that GoWA took is found again in its chat store, against the simulated service."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatport import Channel, MediaKind, OutboundMessage, Recipient, SentLookup
from chatport.errors import OutcomeUnknown
from chatport.identities import phone
from chatport.messages import (
    ContactCard,
    Contacts,
    Content,
    Link,
    Location,
    Media,
    Poll,
    Text,
)
from chatport_testkit.gowa import GowaSimulator
from chatport_whatsapp_web import history, outbound

CUSTOMER = phone("6281290001122")
DELIVERY = "0" * 32


@pytest.fixture
def gowa(simulate: Any) -> GowaSimulator:
    made: GowaSimulator = simulate()
    return made


@pytest.fixture
def channel(gowa: GowaSimulator, make_channel: Any) -> Channel:
    state = {"device_id": "device-1", "jid": "6281100000009@s.whatsapp.net"}
    made: Channel = make_channel(api_base_url=gowa.url, state=state)
    return made


def _send(channel: Channel, content: Content) -> str:
    message = OutboundMessage(DELIVERY, Recipient((CUSTOMER,)), content)
    return outbound.send(channel, message).source_id


def _find(channel: Channel, text: str, media_kind: str = "", **more: Any) -> list[str]:
    lookup = SentLookup(
        recipient=(CUSTOMER,),
        is_group=False,
        text=text,
        media_kind=media_kind,
        started_at=datetime.now(UTC) - timedelta(seconds=5),
        delivery_id=DELIVERY,
        **more,
    )
    return [sent.source_id for sent in history.find_sent(channel, lookup)]


def _media(kind: MediaKind, content_type: str, caption: str = "") -> Media:
    data = b"\xff\xd8\xff\xe0" + b"0" * 64
    return Media(kind, "a.bin", content_type, len(data), lambda: io.BytesIO(data), caption)


KINDS: dict[str, tuple[Content, str, str]] = {
    "text": (Text("Halo *you*"), "Halo *you*", ""),
    "poll": (Poll("Lunch?", ("yes", "no"), 1), "Lunch?", ""),
    "link": (Link("https://shop.example/a", "Our prices"), "Our prices", ""),
    "link alone": (Link("https://shop.example/b", ""), "https://shop.example/b", ""),
    "image": (_media(MediaKind.IMAGE, "image/jpeg"), "", "image"),
    "image with caption": (_media(MediaKind.IMAGE, "image/jpeg", "new"), "new", "image"),
    "document": (_media(MediaKind.DOCUMENT, "application/pdf", "new"), "new", "document"),
    "video": (_media(MediaKind.VIDEO, "video/mp4"), "", "video"),
    "voice": (_media(MediaKind.VOICE, "audio/ogg"), "", "voice"),
    "sticker": (_media(MediaKind.STICKER, "image/webp"), "", "sticker"),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_find_sent_finds_what_was_sent_and_nothing_else(channel: Channel, kind: str) -> None:
    ids = {name: _send(channel, content) for name, (content, _, _) in KINDS.items()}
    _, text, media_kind = KINDS[kind]

    assert _find(channel, text, media_kind) == [ids[kind]]
    assert _find(channel, text, media_kind, exclude=(ids[kind],)) == []


def test_find_sent_finds_a_send_whose_answer_was_lost(
    channel: Channel, gowa: GowaSimulator
) -> None:
    gowa.faults.set("/send/poll", "cut_after_accept")
    with pytest.raises(OutcomeUnknown):
        _send(channel, KINDS["poll"][0])

    assert _find(channel, "Lunch?") == [gowa.sent[-1].source_id]


def test_find_sent_takes_no_place_or_contact_for_a_text(channel: Channel) -> None:
    _send(channel, Contacts((ContactCard("Budi", ("+6281355501234",)),)))
    _send(channel, Location(-6.25, 106.5))

    assert _find(channel, "Budi") == _find(channel, "-6.25, 106.5") == _find(channel, "") == []


def test_find_sent_finds_places_and_contacts_by_what_was_sent(channel: Channel) -> None:
    cards = [ContactCard("Budi", ("+6281355501234",)), ContactCard("Rina", ("+6281290001122",))]
    ids = [_send(channel, Contacts((card,))) for card in cards]
    places = [_send(channel, Location(-6.25, 106.5)), _send(channel, Location(-6.25, 106.75))]

    told: dict[str, Any] = {"kind": "contacts", "cards": [{"name": "Rina"}]}
    assert _find(channel, "", content=told) == [ids[1]]
    told = {"kind": "location", "latitude": -6.25, "longitude": 106.5}
    assert _find(channel, "", content=told) == [places[0]]
