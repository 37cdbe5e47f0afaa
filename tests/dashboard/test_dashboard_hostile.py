"""Hostile content in every field: nothing a stranger writes becomes markup, on any page."""

from __future__ import annotations

from typing import Any

import pytest

from chatport.db import tables as t
from chatport.db import utcnow

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "{{ 7*7 }}{% raw %}<b>",
    "</textarea></title><iframe src=javascript:alert(1)>",
]
#: Pieces that no page of ours holds itself.
FORBIDDEN = ["<script>alert", "<img src=x", "<svg/onload", "<iframe", "<b>"]


def fill(site: Any, bad: str) -> Any:
    """A conversation in which every text that others can write is hostile."""
    chat = site.chat(bad)
    site.set(t.Contact, username=bad, email=bad, identifier=bad)
    site.set(t.Inbox, name=bad)
    site.set(t.Channel, connection="unreachable", connection_reason=bad, connection_action=bad)
    site.set(t.User, t.User.id == site.agent_id, name=bad)
    site.set(t.Account, name=bad)
    site.add(t.ContactIdentity, account_id=1, contact_id=chat.contact_id, kind=bad[:16], value=bad)
    site.add(t.ConversationLabel, account_id=1, conversation_id=chat.id, label=bad[:64])
    site.set(t.Conversation, assignee_id=site.agent_id)
    first = chat.message(bad)
    chat.message(
        f"*{bad}* _{bad}_ `{bad}` ```{bad}``` > {bad}\n> {bad}\nhttps://x.test/{bad}",
        reply_to_id=first,
    )
    chat.message("", reply_to_source_id=bad, content_attributes={"quoted_text": bad})
    chat.message(bad, message_type="activity")
    chat.ours(
        bad,
        status="failed",
        external_error=bad,
        error_code=bad[:64],
        error_action=bad,
        content_attributes={"operation_error": {"message": bad, "action": bad}},
    )
    chat.ours(bad, content_attributes={"delivery_note": bad})
    chat.ours(bad, private=True, sender_user_id=site.agent_id)
    chat.message("", content_type="unsupported", content_attributes={"unsupported_reason": bad})
    chat.message(
        bad,
        content_attributes={
            "referral": {"headline": bad, "body": bad, "source_url": "javascript:alert(1)"}
        },
    )
    chat.message(bad, content_attributes={"referral": {"source_url": f"https://x.test/{bad}"}})
    poll = {
        "kind": "poll",
        "data": {"question": bad, "options": [bad, {"title": bad, "description": bad}]},
    }
    chat.message(bad, content_type="structured", content_attributes={"structured": poll})
    listed = {"kind": bad, "data": {"title": bad, "button": bad, "rows": [{"title": bad}]}}
    chat.message(bad, content_type="structured", content_attributes={"structured": listed})
    chat.ours(
        bad,
        content_type="input_select",
        content_attributes={"items": [{"title": bad, "value": bad}]},
    )
    chat.ours(bad, content_type="template", content_attributes={"template_params": {"name": bad}})
    chat.message(bad, content_type=bad[:32])
    for kind in (
        "image",
        "video",
        "audio",
        "voice",
        "document",
        "sticker",
        "location",
        "contact",
        bad[:16],
    ):
        for state in ("pending", "ready", "gone", "failed", "none"):
            message = chat.message(bad, content_type="media")
            site.add(
                t.Attachment,
                account_id=1,
                message_id=message,
                kind=kind,
                state=state,
                filename=bad,
                content_type=bad[:127] if state == "ready" else "image/png",
                error=bad,
                error_action=bad,
                meta={
                    "latitude": 1,
                    "longitude": 2,
                    "name": bad,
                    "address": bad,
                    "url": bad,
                    "phones": [bad],
                    "emails": [bad],
                    "organization": bad,
                },
            )
    site.add(
        t.ReactionRow,
        message_id=first,
        reactor="x",
        contact_id=chat.contact_id,
        emoji=bad[:64],
        at=utcnow(),
    )
    site.set(t.Message, t.Message.id == first, edited_at=utcnow())
    site.add(t.MessageRevision, message_id=first, item_key="original", content=bad, at=utcnow())
    site.add(
        t.MessageStatusRow,
        message_id=first,
        recipient=bad,
        status="failed",
        error_message=bad,
        error_code=bad[:64],
    )
    site.set(
        t.Channel,
        message_templates=[
            {
                "name": bad,
                "language": bad,
                "status": "approved",
                "category": bad,
                "components": [
                    {"type": "HEADER", "format": "TEXT", "text": bad},
                    {"type": "BODY", "text": bad + " {{1}}"},
                    {"type": "FOOTER", "text": bad},
                    {
                        "type": "BUTTONS",
                        "buttons": [{"type": "URL", "text": bad, "url": "https://x/{{1}}"}],
                    },
                ],
            }
        ],
    )
    chat.first = first
    return chat


@pytest.mark.parametrize("bad", PAYLOADS)
def test_no_page_runs_what_others_wrote(site: Any, bad: str) -> None:
    site.features(templates=True)
    browser = site.admin
    chat = fill(site, bad)
    lists = "/app/accounts/1/conversations"
    contact = f"/app/accounts/1/contacts/{chat.contact_id}"

    for path in (
        "/app/accounts/1",
        lists,
        f"{lists}?q={bad}&label={bad}&tab={bad}&status={bad}&inbox={bad}",
        f"{lists}/rows?ids={chat.id}",
        f"{lists}/new?q={bad}",
        f"{lists}/new?results=1&q={bad[:3]}",
        chat.path,
        f"{chat.path}?q={bad}",
        f"{chat.path}/log",
        f"{chat.path}/state",
        f"{chat.path}/templates",
        f"{chat.path}/templates?q={bad}",
        f"{chat.path}/messages/{chat.first}/details",
        f"{contact}/panel",
        f"{contact}/merge?q={bad}",
        "/app/profile",
        f"/login?next={bad}",
    ):
        answer = browser.get(path)
        assert answer.status_code in (200, 302), (path, answer.status_code)
        for piece in FORBIDDEN:
            assert piece not in answer.text, (path, piece)
        assert 'href="javascript' not in answer.text


@pytest.mark.parametrize("bad", PAYLOADS)
def test_problems_repeat_input_only_escaped(site: Any, bad: str, stranger: Any) -> None:
    chat, browser = site.chat(), site.admin
    answers = [
        stranger.post("/login", email=bad, password=bad, next=bad),
        browser.post("/app/profile/password", current=bad, password=bad, repeated=bad),
        browser.post(
            f"{chat.path}/messages", fragment=True, content="x", reply_to=bad, draft_key=bad
        ),
        browser.post(f"{chat.path}/templates", fragment=True, name=bad, language=bad),
        browser.post("/app/accounts/1/conversations/new", fragment=True, inbox_id=1, number=bad),
        browser.post(
            f"/app/accounts/1/contacts/{chat.contact_id}", fragment=True, name=bad, email=bad
        ),
    ]

    for answer in answers:
        assert answer.status_code == 422
        for piece in FORBIDDEN:
            assert piece not in answer.text


def test_template_braces_in_messages_are_text(site: Any) -> None:
    chat = site.chat()
    chat.message("{{ 7*7 }} {0} %(name)s %s")

    assert "{{ 7*7 }} {0} %(name)s %s" in site.admin.get(chat.path).text


def test_text_of_any_script_and_direction_is_kept(site: Any) -> None:
    words = "שלום مرحبا \u202eevil\u202c 👩‍👩‍👧 \ufffd"
    chat = site.chat()
    chat.message(words)

    assert words in site.admin.get(chat.path).text
