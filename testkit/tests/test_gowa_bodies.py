"""Every recorded webhook body, rebuilt from the event behind it, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from chatport_testkit.gowa.bodies import render
from chatport_testkit.gowa.eras import version_of
from chatport_testkit.gowa.events import (
    Account,
    Deletion,
    Event,
    GroupChange,
    Media,
    Message,
    Notice,
    Original,
    Party,
    Receipt,
)
from chatport_testkit.gowa.wire import Struct, encode, sign

WIRE = resources.files("chatport_testkit") / "payloads" / "whatsapp_web" / "wire"
NAMES = sorted(
    path.name.removesuffix(".json") for path in WIRE.iterdir() if path.name.endswith(".json")
)

OLD = datetime(2025, 7, 5, 8, tzinfo=UTC)
NEW = datetime(2026, 8, 22, 10, tzinfo=UTC)
LID = "184620573190245@lid"
RINA = Party("6281290001122@s.whatsapp.net")
RINA_LID = Party("6281290001122@s.whatsapp.net", LID)
SECOND = Party("6285677700033@s.whatsapp.net")
GROUP = Party("120363041122334455@g.us")
OWN = Party("6281100000009@s.whatsapp.net")
QUOTED = "3EB0AA11BB22CC33DD44"
CDN = "https://mmg.whatsapp.net/v/"
TYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "audio": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "sticker": "image/webp",
}
EXTENSIONS = {"image": ".jpeg", "audio": ".ogg", "document": ".pdf", "sticker": ".webp"}
FILES = {
    "v5": "1751702400-ad21c0de-77aa-4f0b-9e31-2b5c8d9f0a11",
    "v7": "1760860800-c3b1f7a2-4d6e-4b8f-a1c0-9e8d7c6b5a43",
    "v9": "1787392800-5f0c7a1e-9d4b-4c53-8a2f-6b1d0e7c9a34",
}
VCARD = (
    "BEGIN:VCARD\nVERSION:3.0\nN:;Budi Santoso;;;\nFN:Budi Santoso\n"
    "TEL;type=CELL;waid=6281355501234:+62 813-5550-1234\nEND:VCARD"
)
BUDI = Struct(displayName="Budi Santoso", vcard=VCARD, phone_number="+62 813-5550-1234")
NOBODY = Struct(
    displayName="Tanpa Telepon", vcard="BEGIN:VCARD\nVERSION:3.0\nFN:Tanpa Telepon\nEND:VCARD"
)


def media(era: str, kind: str, **fields: Any) -> Media:
    file = FILES["v5" if era in {"v5", "v6"} else "v9" if era == "v9" else "v7"]
    extension = EXTENSIONS.get(kind, ".mp4")
    if era in {"v5", "v6"}:
        extension = {".jpeg": ".jpe", ".ogg": ".oga"}.get(extension, extension)
    return Media(kind, f"statics/media/{file}{extension}", TYPES[kind], **fields)


def message(era: str, number: str, **fields: Any) -> Message:
    """A message of Rina; ``number`` is the end of its id."""
    new = era == "v9"
    base = Message(
        id=f"3A7F1C2B9D4E5F60A1{number}" if new else f"3EB0D4C3B2A1908000{number}",
        at=NEW if new else OLD,
        account=Account(OWN.jid, "sales-1" if new else None),
        chat=RINA,
        sender=RINA,
        push_name="rina",
        display_name="Rina Wibowo",
    )
    return replace(base, **fields)


def texts(era: str) -> dict[str, Event]:
    own: dict[str, Any] = {
        "sender": OWN,
        "from_me": True,
        "push_name": "Toko Maju",
        "display_name": "Toko Maju",
    }
    v9 = era == "v9"
    lid_group = {"chat": GROUP, "sender": RINA_LID}
    text = 'Halo, apakah stok masih ada? <3 & "cepat" 😀' if v9 else "Halo, stok masih ada?"
    digits = "184620573190245" if era == "v5" else "6281290001122"
    reply = {
        "text": "Siap, saya ambil dua" if v9 else "Siap",
        "reply_to": QUOTED,
        "quoted": "Stok tinggal 5",
    }
    own_text = replace(message(era, "06", text="Balasan dari HP"), **own)
    unknown = Party("990011223344556@lid", "990011223344556@lid")
    anon = {"chat": unknown, "sender": unknown, "push_name": "Anon", "display_name": "Anon"}
    unnamed = {"chat": SECOND, "sender": SECOND, "push_name": "", "display_name": "6285677700033"}
    return {
        "text": message(era, "B2" if v9 else "01", text=text),
        "text_linked_device": message(era, "02", text="Dari WhatsApp Web", device=17),
        "text_group": message(era, "B5", text="Hai @6281290001122 semua", **lid_group)
        if v9
        else message(era, "03", text="Halo grup", chat=GROUP),
        "text_group_lid": message(era, "04", text=f"Hai @{digits}", **lid_group),
        "text_lid_dm": message(
            era, "B3" if v9 else "05", text="Via LID", chat=RINA_LID, sender=RINA_LID
        ),
        "text_lid_unresolved": message(era, "B4", text="Unknown LID", **anon),
        "text_no_pushname": message(era, "C6", text="tanpa nama", **unnamed),
        "text_no_session": message(
            era, "F9", text="tanpa session", account=Account(""), display_name="rina"
        ),
        "text_from_me": replace(own_text, id=QUOTED) if v9 else own_text,
        "reply": message(era, "B6" if v9 else "07", **reply),
        "forwarded": message(era, "B7" if v9 else "08", text="Promo besar", forwarded=True),
        "poll_creation": message(era, "E3" if v9 else "17"),
        "poll_vote": message(era, "E4"),
        "referral": message(era, "F2", text="Halo, info dong", parts={"referral": REFERRAL}),
        "interactive": message(era, "E6", parts=INTERACTIVE),
    }


REFERRAL = {
    "ctwa_clid": "ARAkLmN0d2EtY2xpZA",
    "source_url": "https://fb.me/abc123",
    "source_id": "120210000000000001",
    "source_app": "facebook",
    "source_type": "ad",
    "ref": "lp1",
    "ad_title": "Rumah Murah",
    "ad_body": "Cicilan ringan",
    "media_type": "IMAGE",
    "thumbnail_url": "https://scontent.example/t.jpg",
    "show_ad_attribution": True,
}
INTERACTIVE = {
    "interactive": "Promo\nDiskon 20%\nS&K berlaku\n🔗 Kunjungi: https://toko.example/promo\n"
    "[quick_reply] Berhenti",
    "interactive_media": [f"statics/media/{FILES['v9']}.jpeg"],
}


def files(era: str) -> dict[str, Event]:
    v9 = era == "v9"
    image_cdn = CDN + "t62.7118-24/123_enc?ccb=11-4&mms3=true"
    if v9:
        image_cdn = CDN + "t62.7118-24/123_enc?ccb=11-4&oh=01_Q5&oe=68&_nc_sid=5e03e0&mms3=true"
    invoice = {"caption": "Tagihan Agustus", "filename": "Invoice 0042.pdf"}

    def one(number: str, kind: str, **fields: Any) -> Message:
        return message(era, number, media=media(era, kind, **fields))

    return {
        "image": one("B8", "image") if v9 else one("09", "image", caption="Bukti transfer"),
        "image_nocaption": one("0A", "image"),
        "image_view_once": replace(one("0B", "image"), view_once=True),
        "image_noautodl": one(
            "C9" if v9 else "1D", "image", caption="Bukti transfer", cdn_url=image_cdn
        ),
        "image_noautodl_nocaption": one("D0", "image", cdn_url=image_cdn),
        "image_download_failed": one("C1", "image", failed=True),
        "video": one("0C", "video", caption="Video produk"),
        "video_noautodl": one(
            "1F", "video", caption="Video produk", cdn_url=CDN + "t62.7161-24/9_enc?mms3=true"
        ),
        "video_note": one("C3" if v9 else "0D", "video_note"),
        "audio_ptt": one("0E", "audio"),
        "audio_noautodl": one("1E", "audio", cdn_url=CDN + "t62.7117-24/7_enc?mms3=true"),
        "document": one("C5", "document") if v9 else one("0F", "document", **invoice),
        "document_caption": one("C7", "document", **invoice),
        "document_noautodl": one(
            "D3" if v9 else "20", "document", cdn_url=CDN + "t62.7119-24/5_enc?mms3=true", **invoice
        ),
        "sticker": one("C8" if v9 else "10", "sticker"),
        "sticker_noautodl": one(
            "D4" if v9 else "21", "sticker", cdn_url=CDN + "t62.15575-24/3_enc?mms3=true"
        ),
    }


def objects(era: str) -> dict[str, Event]:
    v9 = era == "v9"
    place = Struct(
        degreesLatitude=-6.2088,
        degreesLongitude=106.8456,
        name="Monas",
        address="Gambir, Jakarta Pusat",
        **({"URL": "https://maps.example/monas"} if v9 else {}),
        JPEGThumbnail="/9j/4A==",
    )
    bare = Struct(
        degreesLatitude=-6.0, degreesLongitude=106.5, contextInfo=Struct(isForwarded=True)
    )
    moving = Struct(degreesLatitude=-6.9175, degreesLongitude=107.6191, accuracyInMeters=12)
    if v9:
        moving |= Struct(speedInMps=1.5, degreesClockwiseFromMagneticNorth=90, caption="Otw")
        moving |= Struct(sequenceNumber=1787392800000000, timeOffset=0)
    else:
        moving |= Struct(sequenceNumber=1751702400000000)
    moving |= Struct(JPEGThumbnail="/9g=")
    row = Struct(title="CS", **({"description": "Bicara dengan CS"} if v9 else {}), rowID="cs")
    menu = Struct(
        title="Menu",
        description="Pilih layanan",
        buttonText="Buka",
        listType=1,
        sections=[Struct(title="Utama", rows=[row])],
        **({"footerText": "24 jam"} if v9 else {}),
    )
    order = Struct(
        orderID="738291046512345",
        itemCount=2,
        status=1,
        surface=1,
        **({"message": "Mau pesan ini"} if v9 else {}),
        orderTitle="Toko Maju",
        sellerJID="6281100000009@s.whatsapp.net",
        token="AR6xBKbXZn0Xwmu76Ksyd7rnxI==" if v9 else "AR6xBKbXZn0==",
        totalAmount1000=150000000,
        totalCurrencyCode="IDR",
        **({"messageVersion": 2} if v9 else {}),
    )
    return {
        "contact": message(era, "D6" if v9 else "11", parts={"contact": BUDI}),
        "contacts_array": message(
            era, "D7" if v9 else "12", parts={"contacts_array": [BUDI, NOBODY]}
        ),
        "location": message(era, "D8" if v9 else "13", parts={"location": place}),
        "location_bare": message(era, "D9", parts={"location": bare}, forwarded=True),
        "live_location": message(
            era, "E0" if v9 else "14", parts={"live_location": Struct(moving)}
        ),
        "list": message(era, "E1" if v9 else "15", parts={"list": menu}),
        "order": message(era, "E2" if v9 else "16", parts={"order": order}),
    }


def changes(era: str) -> dict[str, Event]:
    v9 = era == "v9"
    first = "3A7F1C2B9D4E5F60A1B2" if v9 else "3EB0D4C3B2A190800001"
    text = "Halo, stok masih ada?" if v9 else "Stok masih ada?"
    link = "Stok masih ada? https://toko.example"
    at = NEW if v9 else OLD
    account = Account(OWN.jid, "sales-1" if v9 else None)
    image = "3A7F1C2B9D4E5F60A1B9" if v9 else "3EB0D4C3B2A190800009"
    revoked = {"action": "revoked", "target_id": first, "revoked_chat": OWN.jid}
    halo = Original(chat=RINA.jid, sender=RINA.jid, content="Halo", at=at)
    group_image = Original(
        chat=GROUP.jid,
        sender=RINA.jid,
        content="Bukti transfer",
        at=at,
        media_type="image",
        filename="image_20250705_080000_Bukti_transfer.jpg",
    )
    later = at + timedelta(seconds=5)
    return {
        "reaction": message(
            era, "E7" if v9 else "18", action="reaction", target_id=QUOTED, emoji="👍"
        ),
        "reaction_removed": message(era, "E8" if v9 else "19", action="reaction", target_id=QUOTED),
        "message_edited": message(
            era, "E9" if v9 else "1B", action="edited", target_id=first, text=text
        ),
        "message_edited_extended": message(
            era, "1C", action="edited", target_id=first, text=link, extended=True
        ),
        "message_edited_caption": message(
            era, "F0", action="edited", target_id=image, text="Baru", caption_edit=True
        ),
        "message_revoked": message(era, "F1" if v9 else "1A", **revoked),
        "message_deleted": Deletion(first, later, account, original=halo),
        "message_deleted_group_media": Deletion(
            image, later, account, RINA, "Rina Wibowo", group_image
        ),
    }


def others(era: str) -> dict[str, Event]:
    v9 = era == "v9"
    at = NEW if v9 else OLD
    account = Account(OWN.jid, "sales-1" if v9 else None)
    receipt = Receipt((QUOTED,), "delivered", at, account, RINA, RINA, display_name="Rina Wibowo")
    both = (QUOTED, "3EB0AA11BB22CC33DD45")
    in_group = replace(receipt, chat=GROUP, ids=("3EB0AA11BB22CC33DD46",), kind="read")

    def group(kind: str, *people: Party) -> GroupChange:
        return GroupChange(GROUP.jid, kind, people, at, account)

    def notice(event: str, since: str, payload: dict[str, Any], **fields: Any) -> Notice:
        return Notice(event, fields.pop("at", at), account, payload, since, **fields)

    rina = {"party": RINA_LID, "display_name": "Rina Wibowo"}
    channel = "120363199887766554@newsletter"
    later = at + timedelta(seconds=5)
    call = {
        "call_id": "7C1D2E3F4A5B60718293A4B5C6D7E8F9",
        "auto_rejected": False,
        "remote_platform": "android",
        "remote_version": "2.26.30.77",
    }
    typing = {"state": "composing", "media": "audio", "is_group": True, "chat_id": GROUP.jid}
    paused = {"state": "paused", "media": "", "is_group": False, "chat_id": RINA.jid}
    label = {"label_id": "7", "name": "Prioritas", "color": 3, "predefined_id": 1, "deleted": False}
    label |= {"is_active": True, "order_index": 2, "type": "CUSTOM"}
    labelled = {"label_id": "7", "labeled": True, "chat_id": RINA.jid, "chat_lid": LID}
    posts = [
        {
            "message_id": "3AD0E1F2A3B4C5D6E7F8",
            "server_id": 345,
            "type": "media",
            "timestamp": "2026-08-22T10:00:00Z",
            "views_count": 1520,
            "reaction_counts": {"👍": 12},
        },
        {"message_id": "", "server_id": 346, "type": "text", "timestamp": "2026-08-22T10:00:00Z"},
    ]
    left = {"newsletter_id": channel, "role": "subscriber"}
    return {
        "ack_delivered": receipt,
        "ack_read": replace(receipt, ids=both, kind="read"),
        "ack_group": in_group,
        "group_join": group("join", RINA_LID, SECOND),
        "group_leave": group("leave", SECOND),
        "group_promote": group("promote", RINA_LID),
        "group_demote": group("demote", SECOND),
        "call_offer": notice("call.offer", "v8.3.0", call, lid_since="v9.0.1", **rina),
        "chat_presence_recording": notice("chat_presence", "v8.3.4", typing, at=later, **rina),
        "chat_presence_paused": notice(
            "chat_presence", "v8.3.4", paused, at=later, party=RINA, display_name="Rina Wibowo"
        ),
        "label_edit": notice("label.edit", "v8.6.0", label),
        "label_association": notice("label.association", "v8.6.0", labelled),
        "newsletter_left": notice("newsletter.left", "v8.2.0", left, at=later),
        "newsletter_mute": notice(
            "newsletter.mute", "v8.2.0", {"newsletter_id": channel, "mute": "on"}, at=later
        ),
        "newsletter_message": notice(
            "newsletter.message", "v8.2.0", {"newsletter_id": channel, "messages": posts}
        ),
    }


def event_behind(name: str) -> tuple[str, Event]:
    era, _, stem = name.partition("_")
    return era, (texts(era) | files(era) | objects(era) | changes(era) | others(era))[stem]


@pytest.mark.parametrize("name", NAMES)
def test_render_prints_the_recorded_bytes(name: str) -> None:
    era, event = event_behind(name)

    body = render(event, version_of(era))

    assert body is not None
    assert body.decode() == (WIRE / f"{name}.json").read_text()


def test_sign_gives_the_recorded_signatures() -> None:
    lines = (WIRE / "SIGNATURES.txt").read_text().splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    expected = {name: digest for digest, name in pairs}

    got = {
        name: sign((WIRE / name).read_bytes(), "secret").removeprefix("sha256=")
        for name in expected
    }

    assert got == expected
    assert set(expected) == {f"{name}.json" for name in NAMES}


@pytest.mark.parametrize(
    ("era", "version", "stem"),
    [
        ("v5", None, "text_from_me"),
        ("v8.0", None, "text_from_me"),
        ("v8.2", None, "text_from_me"),
        ("v8", "v8.7.0", "image_download_failed"),
        ("v7", "v7.2.1", "ack_read"),
        ("v7", "v7.3.0", "group_join"),
        ("v8", "v8.2.1", "call_offer"),
        ("v7", "v7.2.0", "message_deleted"),
    ],
)
def test_render_stays_silent_where_the_release_did(
    era: str, version: str | None, stem: str
) -> None:
    assert render(event_behind(f"{era}_{stem}")[1], version_of(era, version)) is None


def test_render_leaves_out_what_a_release_did_not_know() -> None:
    edit = event_behind("v7_message_edited")[1]
    image = event_behind("v9_image_noautodl")[1]

    older_edit = render(edit, version_of("v7", "v7.8.0")) or b""
    older_image = render(image, version_of("v9", "v9.0.0")) or b""

    assert (
        b"original_message_id" not in older_edit
        and b'"edited_text":"Stok masih ada?"' in older_edit
    )
    assert b"sender_display_name" not in older_image and b'"session_id":"sales-1"' in older_image


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": {"d": True, "c": None}}, b'{"a":{"c":null,"d":true},"b":1}'),
        (Struct(b=1, a=[1.5, -6.0, 0.0]), b'{"b":1,"a":[1.5,-6,0]}'),
        (
            "<&>\u2028\u2029\t\x01\x7fé",
            b'"\\u003c\\u0026\\u003e\\u2028\\u2029\\t\\u0001\x7f\xc3\xa9"',
        ),
        ("bad \ud800", b'"bad \\ufffd"'),
        (1e-7, b"1e-7"),
        (1.5e21, b"1.5e+21"),
        (0.00001234, b"0.00001234"),
    ],
)
def test_encode_spells_like_go(value: Any, expected: bytes) -> None:
    assert encode(value) == expected
