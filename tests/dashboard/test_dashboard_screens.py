"""The screens as a browser renders them: no script refused, nothing wider than the screen, and pictures on request.

``CHATPORT_TEST_SCREENSHOTS`` names a folder for the pictures; ``CHATPORT_TEST_AXE`` a copy of axe.min.js to check with.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chatport.db import tables as t
from chatport.db import utcnow

PICTURES = os.environ.get("CHATPORT_TEST_SCREENSHOTS", "")
AXE = os.environ.get("CHATPORT_TEST_AXE", "")


def png(width: int, height: int, colour: Callable[[int, int], tuple[int, int, int]]) -> bytes:
    """A picture, computed."""
    lines = b"".join(
        b"\0" + bytes(c for x in range(width) for c in colour(x, y)) for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def dusk(x: int, y: int) -> tuple[int, int, int]:
    """A landscape: sky over hills."""
    hill = 150 + int(24 * ((x // 3) % 40) / 40) - abs(x - 160) // 6
    return (38, 84 + y % 7, 78) if y > hill else (250 - y // 2, 190 - y // 3, 150 + y // 3)


def story(site: Any) -> Any:
    """A shop on a busy day; answers the conversation in which everything happens."""
    now = utcnow()

    def ago(**much: float) -> Any:
        return now - timedelta(**much)

    others = [
        ("Mateo García", "¿Tienen envío a Valparaíso?", 3, 2, {}),
        ("أحمد الخطيب", "شكرًا جزيلًا، وصل الطلب 🌹", 12, 1, {}),
        (
            "João Pereira",
            "Pode me mandar a *nota fiscal*, por favor?",
            45,
            0,
            {"assignee_id": site.agent_id},
        ),
        ("+62 812 9000 4411", "Stock 42 masih ada?", 95, 3, {}),
        ("Lena Müller", "Perfekt, danke!", 60 * 26, 0, {}),
    ]
    for name, text, minutes, unread, more in others:
        at = ago(minutes=minutes)
        chat = site.chat(name, unread_count=unread, last_activity_at=at, **more)
        chat.message(text, sent_at=at)
    group = site.chat(
        "Wholesale partners", kind="group", last_activity_at=ago(minutes=8), unread_count=120
    )
    member = site.contact("Dewi Lestari", "628129000777")
    group.message(
        "Who brings the *price list* on Friday?", sender_contact_id=member, sent_at=ago(minutes=8)
    )
    voiced = site.chat("Chloe Tan", last_activity_at=ago(minutes=30))
    message = voiced.message("", content_type="media", sent_at=ago(minutes=30))
    site.add(t.Attachment, account_id=1, message_id=message, kind="voice", state="pending")
    failed = site.chat("Yusuf Demir", last_activity_at=ago(minutes=75), assignee_id=site.admin_id)
    failed.ours("Your parcel left today.", status="failed", sent_at=ago(minutes=75))

    rina = site.chat(
        "Rina Wijaya", "6281290001122", last_activity_at=ago(minutes=1), assignee_id=site.admin_id
    )
    for label in ("vip", "refund"):
        site.add(t.ConversationLabel, account_id=1, conversation_id=rina.id, label=label)
    yesterday = ago(days=1, hours=2)
    rina.message("Good morning! Is the *walnut* table still available?", sent_at=yesterday)
    photo = rina.message("This one", content_type="media", sent_at=yesterday + timedelta(minutes=1))
    rina.file(photo, "image", png(320, 220, dusk), "table.png", "image/png")
    site.set(t.Attachment, t.Attachment.message_id == photo, width=320, height=220)
    answer = rina.ours(
        "Yes, two are left. Delivery takes _three days_:\n- Monday to Friday\n- between 9 and 17\nhttps://shop.example/tables/walnut",
        status="read",
        reply_to_id=photo,
        sent_at=yesterday + timedelta(minutes=4),
    )
    site.add(
        t.ReactionRow,
        message_id=answer,
        reactor=f"contact:{rina.contact_id}",
        contact_id=rina.contact_id,
        emoji="👍",
        at=now,
    )
    rina.message(
        "Ana resolved the conversation",
        message_type="activity",
        sender_contact_id=None,
        sent_at=yesterday + timedelta(minutes=9),
    )
    today = ago(minutes=50)
    place = rina.message("", content_type="location", sent_at=today)
    site.add(
        t.Attachment,
        account_id=1,
        message_id=place,
        kind="location",
        state="none",
        meta={
            "latitude": -6.2088,
            "longitude": 106.8456,
            "name": "Warehouse gate 3",
            "address": "Jl. Sudirman 12, Jakarta",
        },
    )
    card = rina.message("Pak Hadi", content_type="contact", sent_at=today + timedelta(seconds=20))
    site.add(
        t.Attachment,
        account_id=1,
        message_id=card,
        kind="contact",
        state="none",
        meta={"name": "Pak Hadi", "phones": ["+6281290005566"], "organization": "Driver"},
    )
    rina.ours(
        "She asked for a refund last month. Be kind 🙂",
        private=True,
        sender_user_id=site.agent_id,
        source_id=None,
        sent_at=today + timedelta(minutes=1),
    )
    rina.ours(
        "Which day suits you?",
        content_type="structured",
        content_attributes={
            "structured": {
                "kind": "poll",
                "data": {
                    "question": "Which day suits you?",
                    "options": ["Tuesday", "Wednesday", "Thursday"],
                    "max_answers": 1,
                },
            }
        },
        status="delivered",
        sent_at=today + timedelta(minutes=3),
    )
    pdf = rina.ours(
        "The invoice",
        content_type="media",
        status="delivered",
        sent_at=today + timedelta(minutes=5),
    )
    rina.file(
        pdf, "document", b"%PDF-1.4 invoice" * 9000, "Invoice 2026-0314.pdf", "application/pdf"
    )
    rina.message(
        None,
        content_type="unsupported",
        content_attributes={
            "is_unsupported": True,
            "unsupported_reason": "A payment request. Open WhatsApp on the phone to see it.",
        },
        sent_at=today + timedelta(minutes=7),
    )
    rina.message(None, deleted_at=now, deleted_by="contact", sent_at=today + timedelta(minutes=8))
    edited = rina.message(
        "Wednesday then, at 10", edited_at=now, sent_at=today + timedelta(minutes=9)
    )
    site.add(
        t.MessageRevision, message_id=edited, item_key="original", content="Tuesday then", at=today
    )
    rina.ours(
        "Booked. The driver calls before he comes.",
        external_echo=True,
        sender_user_id=None,
        status="sent",
        sent_at=today + timedelta(minutes=10),
    )
    rina.ours(
        "Here is the tracking link.",
        status="failed",
        external_error="WhatsApp says that this number cannot be reached.",
        error_action="Check the number, or call the customer.",
        error_code="131026",
        sent_at=today + timedelta(minutes=20),
    )
    rina.ours(
        "Is somebody at home at ten?",
        status="unknown",
        external_error="The service did not answer in time.",
        error_action="Look into WhatsApp on the phone before you send it again.",
        sent_at=today + timedelta(minutes=30),
    )
    rina.message(
        "Yes 😊",
        sent_at=ago(minutes=1),
        reply_to_source_id="gone",
        content_attributes={"forwarded": True},
    )
    return rina


def sign_in(page: Any, url: str) -> None:
    page.goto(f"{url}/login")
    page.fill("[name=email]", "ana@shop.test")
    page.fill("[name=password]", "correct horse battery")
    page.click("text=Sign in >> nth=-1")
    page.wait_for_url("**/app/**")


def shot(page: Any, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def check(page: Any, name: str) -> None:
    """Nothing wider than the screen, nothing that axe finds."""
    shot(page, name)
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0, f"{name} is {over} pixels too wide"
    if AXE:
        page.evaluate(Path(AXE).read_text())
        found = page.evaluate(
            """axe.run(document, {
                runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
            }).then(r => r.violations.map(v => [v.id, ...v.nodes.slice(0, 4).map(
                n => n.target + ' ' + (n.any[0]?.message ?? '')
            )].join(' | ')))"""
        )
        assert found == [], f"{name}: {found}"


@pytest.mark.processes
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1360, 860), (390, 844)], ids=["desktop", "phone"])
def test_screens_fit_and_run_no_refused_script(
    server: Any, chromium: Any, theme: str, size: tuple[int, int]
) -> None:
    chat = story(server.site)
    width, height = size
    wide = width > 800
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, timezone_id="Asia/Jakarta"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    mark = f"{theme}-{'desktop' if wide else 'phone'}"

    page.goto(f"{server.url}/login")
    check(page, f"login-{mark}")
    sign_in(page, server.url)
    page.wait_for_selector("a.row")
    check(page, f"list-{mark}")
    page.goto(f"{server.url}{chat.path}")
    page.wait_for_function("document.querySelector('.picture img').complete")
    page.wait_for_timeout(300)
    check(page, f"thread-{mark}")
    page.locator("#m12").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('scroller').scrollTop = 0")
    check(page, f"thread-top-{mark}")
    page.click(".who")
    page.wait_for_selector(".side-name")
    check(page, f"contact-{mark}")
    page.click(".side-head [data-side]")
    page.click(".thread-head .menu summary")
    check(page, f"menu-{mark}")
    page.keyboard.press("Escape")
    page.click("#emoji")
    shot(page, f"emoji-{mark}")
    page.keyboard.press("Escape")
    page.goto(f"{server.url}{chat.path}")
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.wait_for_timeout(200)
    check(page, f"rtl-{mark}")
    page.goto(f"{server.url}/app/profile")
    check(page, f"profile-{mark}")

    assert complaints == []
    context.close()
