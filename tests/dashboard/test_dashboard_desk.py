"""What goes wrong at an agent's desk, in a real browser: drafts, menus, dialogs, recordings, lost rights."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from chatport.db import tables as t
from chatport.notices import NoticeKind
from support import eventually

pytestmark = pytest.mark.processes
FAKE_MICROPHONE = """() => { navigator.mediaDevices.getUserMedia = async () => {
    window.streams = (window.streams ?? 0) + 1;
    return new AudioContext().createMediaStreamDestination().stream;
}; }"""


def choose(page: Any, message_id: int, action: str) -> None:
    """Do something with a message through its menu."""
    page.evaluate(f"document.querySelector('#m{message_id} [data-menu]').click()")
    page.click(f"#message-menu [data-do={action}]")


def test_editing_a_message_gives_the_draft_back(live_site: Any, desks: Any) -> None:
    live_site.features(edit=True)
    chat = live_site.chat("Rina")
    ours = chat.ours("on its way", status="sent", source_id="3EB0A1")
    desk = desks()
    desk.open(chat.path)
    desk.page.click("[data-mode=note]")
    desk.page.fill("#text", "Be kind to her")

    choose(desk.page, ours, "edit")
    eventually(lambda: desk.page.input_value("#text") == "on its way")
    assert desk.page.input_value("[name=private]") == "0"
    desk.page.press("#text", "Escape")

    assert desk.page.input_value("#text") == "Be kind to her"
    assert desk.page.input_value("[name=private]") == "1"


def attach(page: Any, *names: str) -> None:
    page.set_input_files(
        "#files", [{"name": n, "mimeType": "text/plain", "buffer": n.encode()} for n in names]
    )


def test_chosen_files_wait_in_their_conversation(live_site: Any, desks: Any) -> None:
    one, other = live_site.chat("Rina"), live_site.chat("Budi", number="6281290003344")
    desk = desks()
    desk.open(one.path)
    attach(desk.page, "list.txt")
    desk.expect("#attached li", count=1)

    desk.page.click(f"a[href*='{other.path}']")
    desk.expect("#who >> text=Budi")
    desk.expect("#attached li", count=0)
    desk.page.click(f"a[href*='{one.path}']")

    desk.expect("#attached >> text=list.txt")


def test_file_added_while_another_is_on_its_way_stays(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    desk = desks()
    desk.open(chat.path)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    desk.page.route("**/messages", hold)
    attach(desk.page, "first.txt")
    desk.page.click("#send")
    eventually(lambda: desk.page.wait_for_timeout(50) or bool(held))

    attach(desk.page, "second.txt")
    held[0].continue_()

    desk.expect("#attached >> text=second.txt")
    desk.page.wait_for_timeout(500)
    assert desk.page.locator("#attached li").count() == 1


def test_refusal_goes_away_when_the_text_is_changed(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    desk = desks()
    desk.open(chat.path)
    desk.page.fill("#text", "x" * 70_000)
    desk.page.press("#text", "Control+Enter")
    desk.expect("#composer-problem .notice")

    desk.page.fill("#text", "short")

    desk.expect("#composer-problem .notice", count=0)


def test_one_recording_at_a_time(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    desk = desks()
    desk.open(chat.path)
    desk.page.evaluate(FAKE_MICROPHONE)

    desk.page.evaluate("document.getElementById('record').click()")
    desk.expect("#recording")
    assert not desk.page.is_visible("#record")
    desk.page.evaluate("document.getElementById('record').click()")
    desk.page.wait_for_timeout(200)
    assert desk.page.evaluate("window.streams") == 1
    desk.page.click("[data-record=cancel]")

    desk.expect("#record")
    assert not desk.page.is_visible("#recording")


def test_emoji_do_not_overlap_and_follow_the_arrow_keys(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    desk = desks()
    desk.open(chat.path)

    desk.page.click("#emoji")
    boxes = [desk.page.locator("#emoji-panel button").nth(n).bounding_box() for n in (0, 1, 8)]
    assert (
        boxes[2]["y"] >= boxes[0]["y"] + 24 and boxes[2]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    )
    assert boxes[1]["x"] >= boxes[0]["x"] + boxes[0]["width"]
    wanted = desk.page.locator("#emoji-panel button").nth(9).inner_text()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        desk.page.keyboard.press(key)

    eventually(lambda: desk.page.input_value("#text") == wanted)


def test_closed_window_leads_to_the_templates_and_takes_no_emoji(
    live_site: Any, desks: Any
) -> None:
    live_site.features(window_hours=24, templates=True)
    chat = live_site.chat("Rina", window_from=None)
    desk = desks()
    desk.open(chat.path)

    assert not desk.page.is_visible("#emoji")
    desk.page.click("#window button")

    desk.expect("#dialog h2", "Send a template")


def test_head_follows_once_its_menu_is_closed(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    desk = desks()
    desk.open(chat.path)
    desk.page.click("#more-actions")
    live_site.set(t.Conversation, t.Conversation.id == chat.id, assignee_id=live_site.agent_id)
    live_site.tell(NoticeKind.CONVERSATION_UPDATED, chat)
    desk.page.wait_for_timeout(600)
    assert desk.page.is_visible("#assignee")

    desk.page.keyboard.press("Escape")

    name = live_site.one(t.User, t.User.id == live_site.agent_id).name
    desk.expect(".who-sub", name)
    assert desk.page.evaluate("document.activeElement.id") == "more-actions"


def test_whoever_loses_the_inbox_loses_the_open_thread(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    chat.message("secret words")
    desk = desks("budi@shop.test")
    desk.open(chat.path)
    desk.expect(".msg.in .text", "secret words")

    members = t.InboxMember.__table__
    with live_site.core.db.write("leave") as connection:
        connection.execute(sa.delete(members).where(members.c.user_id == live_site.agent_id))
    desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    desk.page.wait_for_url("**/conversations")
    assert "secret words" not in desk.page.content()


def test_copying_works_without_a_secure_address(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    message = chat.message("where is it?")
    desk = desks()
    desk.open(chat.path)
    desk.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    desk.page.evaluate(
        "document.addEventListener('copy', () => { window.taken = String(document.activeElement.value) })"
    )

    choose(desk.page, message, "copy")

    desk.expect("#notices .notice", "Copied")
    assert desk.page.evaluate("window.taken") == "where is it?"
