"""Lines between messages, in the reader's language."""

from __future__ import annotations

from typing import Any

import pytest

from chatport.db import tables as t
from chatport.events import GroupAction
from chatport.services import conversation_actions as actions


def spanish(site: Any) -> None:
    site.set(t.User, t.User.id == site.admin_id, locale="es")


def test_what_agents_did_is_told_in_the_readers_language(site: Any) -> None:
    chat = site.chat("Rina")
    place = {"account_id": site.account_id, "conversation_id": chat.id, "user_id": site.admin_id}
    actions.set_status(site.core, **place, status="resolved")
    actions.assign(site.core, **place, assignee_id=site.admin_id)
    name = site.one(t.User, t.User.id == site.admin_id).name

    english = site.admin.get(chat.path).text
    spanish(site)
    thread = site.admin.get(chat.path).text

    assert f"Conversation was resolved · {name}" in english
    assert f"La conversación se resolvió · {name}" in thread
    assert f"Asignada a {name} · {name}" in thread
    stored = site.one(t.Message, t.Message.content.like("%resolved%"))
    assert stored.content == f"Conversation was resolved by {name}"


def test_a_line_of_another_kind_is_shown_as_stored(site: Any) -> None:
    chat = site.chat("Rina")
    chat.message("Somebody did something", message_type="activity", sender_contact_id=None)
    spanish(site)

    assert "Somebody did something" in site.admin.get(chat.path).text


@pytest.mark.parametrize("kind", [f"group_{action}" for action in GroupAction])
def test_every_change_of_a_group_has_its_words(site: Any, kind: str) -> None:
    chat = site.chat("Rina")
    told = {"kind": kind, "who": "Wulan"}
    line = {"message_type": "activity", "content_attributes": {"activity": told}}
    chat.message("as it was stored", sender_contact_id=None, **line)

    thread = site.admin.get(chat.path).text

    assert "as it was stored" not in thread
    assert ("Wulan" in thread) == (kind != "group_added_us")
