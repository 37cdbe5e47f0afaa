"""The page in a real browser, with the real event stream: what happens is on the screen without a reload."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.notices import NoticeKind
from support import eventually

pytestmark = pytest.mark.processes


def test_message_tick_edit_and_reaction_appear_by_themselves(live_site: Any, desks: Any) -> None:
    chat, other = (
        live_site.chat("Rina"),
        live_site.chat("Budi", last_activity_at=utcnow() - timedelta(hours=1)),
    )
    ours = chat.ours("on its way", status="sent")
    desk = desks()
    desk.open(chat.path)

    asked = chat.message("where is it?")
    live_site.tell(NoticeKind.MESSAGE_CREATED, chat, asked)
    desk.expect(".msg.in .text", "where is it")
    live_site.set(t.Message, t.Message.id == ours, status="read")
    live_site.tell(NoticeKind.MESSAGE_UPDATED, chat, ours)
    desk.expect(f"#m{ours} .state.read")
    live_site.set(t.Message, t.Message.id == asked, content="where is it now?", edited_at=utcnow())
    live_site.add(t.ReactionRow, message_id=asked, reactor="us", emoji="👍", at=utcnow())
    live_site.tell(NoticeKind.MESSAGE_UPDATED, chat, asked)
    desk.expect(f"#m{asked} .text", "now")
    desk.expect(f"#m{asked} .reactions")
    elsewhere = other.message("hello?")
    live_site.set(
        t.Conversation,
        t.Conversation.id == other.id,
        unread_count=2,
        last_activity_at=utcnow() + timedelta(seconds=5),
    )
    live_site.tell(NoticeKind.MESSAGE_CREATED, other, elsewhere)
    desk.expect("#rows li:first-child .row-name", "Budi")
    desk.expect("#rows li:first-child .unread-badge")

    eventually(lambda: desk.page.title().startswith("(1) Rina"))
    assert desk.page.locator("[data-message]").count() == 2
    assert desk.was_not_reloaded()


def test_change_while_a_thread_is_opened_is_not_missed(live_site: Any, desks: Any) -> None:
    """The page asks for a thread, the answer is made, a tick comes, the answer arrives."""
    chat, other = live_site.chat("Rina"), live_site.chat("Budi")
    ours = chat.ours("on its way", status="sent")
    desk = desks()
    desk.open(other.path)

    def late(route: Any) -> None:
        answer = route.fetch()
        live_site.set(t.Message, t.Message.id == ours, status="read")
        live_site.tell(NoticeKind.MESSAGE_UPDATED, chat, ours)
        time.sleep(1)
        route.fulfill(response=answer)

    desk.page.route(f"**{chat.path}", late)
    desk.page.click("a.row:has-text('Rina')")

    desk.expect(f"#m{ours} .state.read")
    assert desk.was_not_reloaded()


def test_what_grows_while_scrolling_leaves_the_newest_message_in_sight(
    live_site: Any, desks: Any
) -> None:
    """Pictures arrive whenever they like; only scrolling up says that somebody wants to stay there."""
    chat = live_site.chat("Rina")
    for number in range(30):
        chat.message(f"line {number}", sent_at=utcnow() - timedelta(minutes=60 - number))
    newest = chat.message("the newest")
    desk = desks()
    desk.open(chat.path)

    def grow(*, scrolled_by: int) -> None:
        """Scroll, and grow before the page hears of it."""
        desk.page.evaluate("document.getElementById('scroller').scrollTop -= 20")
        desk.page.wait_for_timeout(200)
        desk.page.evaluate(
            """by => {
                document.getElementById("scroller").scrollTop += by;
                document.querySelector(".msg").style.paddingBlockStart = "900px";
            }""",
            scrolled_by,
        )
        desk.page.wait_for_timeout(300)

    def bottom() -> float:
        box = desk.page.locator(f"#m{newest}").bounding_box()
        return float(box["y"] + box["height"])

    grow(scrolled_by=20)
    assert bottom() < 800

    desk.open(chat.path)
    grow(scrolled_by=-300)
    assert bottom() > 1000


def test_reading_a_message_marks_it_seen(live_site: Any, desks: Any) -> None:
    chat = live_site.chat(unread_count=3)
    chat.message("hello")
    desk = desks()

    desk.open(chat.path)

    eventually(lambda: chat.row.unread_count == 0)


def test_composer_sends_by_enter_and_clears(live_site: Any, desks: Any) -> None:
    chat = live_site.chat()
    desk = desks()
    desk.open(chat.path)

    desk.page.fill("#text", "first line")
    desk.page.press("#text", "Shift+Enter")
    desk.page.keyboard.type("second *line*")
    desk.page.press("#text", "Enter")

    desk.expect(".msg.out .text", "first line\\s+second line")
    assert desk.page.input_value("#text") == ""
    assert live_site.one(t.Message).content == "first line\nsecond *line*"
    desk.page.fill("#text", "and more")
    desk.page.click("#send")
    desk.expect(".msg.out .text", "and more")
    assert [row.content for row in live_site.rows(t.Message)][1] == "and more"
    assert desk.page.locator("[data-message]").count() == 2


def test_composer_shows_a_refusal_and_keeps_the_text(live_site: Any, desks: Any) -> None:
    chat = live_site.chat()
    desk = desks()
    desk.open(chat.path)
    live_site.set(t.Channel, active=False)

    desk.page.fill("#text", "hello")
    desk.page.click("#send")

    desk.expect("#composer-problem", "switched off")
    assert desk.page.input_value("#text") == "hello"


def test_composer_attaches_pasted_and_picked_files_and_refuses_large_ones(
    live_site: Any, desks: Any
) -> None:
    chat = live_site.chat()
    desk = desks()
    desk.open(chat.path)

    desk.page.set_input_files(
        "#files", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 a"}
    )
    desk.page.evaluate(
        """() => {
          const t = new DataTransfer();
          t.items.add(new File(['%PDF-1.4 b'], 'b.pdf', {type: 'application/pdf'}));
          const paste = new ClipboardEvent('paste', {clipboardData: t, cancelable: true});
          document.getElementById('text').dispatchEvent(paste);
        }"""
    )
    desk.expect("#attached li", count=2)
    desk.page.click("#attached li:first-child button")
    desk.expect("#attached li", "b.pdf", count=1)
    desk.page.click("#send")

    desk.expect(".msg.out .document", "b.pdf")
    assert live_site.one(t.Attachment).filename == "b.pdf"
    desk.expect("#attached li", count=0)
    desk.page.evaluate(
        """() => { const t = new DataTransfer(); t.items.add(new File([new Uint8Array(101e6)], 'big.bin'));
        const f = document.getElementById('files'); f.files = t.files; f.dispatchEvent(new Event('change')); }"""
    )
    desk.expect("#composer-problem", "big.bin is larger")
    desk.page.click("#send")
    assert len(live_site.rows(t.Message)) == 1


def test_note_reply_edit_and_draft(live_site: Any, desks: Any) -> None:
    live_site.features(window_hours=None)
    chat, other = live_site.chat("Rina"), live_site.chat("Budi")
    asked = chat.message("which one?")
    sent = chat.ours("teh blue one", status="delivered")
    desk = desks()
    desk.open(chat.path)

    desk.page.hover(f"#m{asked}")
    desk.page.click(f"#m{asked} .msg-more")
    desk.page.click("#message-menu [data-do=reply]")
    desk.page.fill("#text", "this one")
    desk.page.press("#text", "Enter")
    desk.expect(".msg.out .quote", "which one")
    desk.page.click("[data-mode=note]")
    desk.page.fill("#text", "be careful")
    desk.page.press("#text", "Enter")
    desk.expect(".msg.note .text", "be careful")
    desk.page.click("[data-mode=reply]")
    desk.page.hover(f"#m{sent}")
    desk.page.click(f"#m{sent} .msg-more")
    desk.page.click("#message-menu [data-do=edit]")
    eventually(lambda: desk.page.input_value("#text") == "teh blue one")
    desk.page.fill("#text", "the blue one")
    desk.page.press("#text", "Enter")
    eventually(
        lambda: [s.payload.get("text") for s in live_site.rows(t.Send)][-1] == "the blue one"
    )
    desk.page.fill("#text", "a draft")
    desk.page.click(f"#c{other.id} a")
    desk.expect(".who-text", "Budi")
    assert desk.page.input_value("#text") == ""
    desk.page.click(f"#c{chat.id} a")
    desk.expect(".who-text", "Rina")
    assert desk.page.input_value("#text") == "a draft"
    assert desk.was_not_reloaded()


def test_lost_connection_shows_a_banner_and_misses_nothing(live_site: Any, desks: Any) -> None:
    chat = live_site.chat()
    chat.message("before")
    desk = desks()
    desk.open(chat.path)

    desk.context.set_offline(True)
    desk.expect("#connection", "connection is lost")
    during = chat.message("during")
    live_site.tell(NoticeKind.MESSAGE_CREATED, chat, during)
    desk.context.set_offline(False)

    desk.expect(".msg .text", "during")
    eventually(lambda: not desk.page.is_visible("#connection"))
    after = chat.message("after")
    live_site.tell(NoticeKind.MESSAGE_CREATED, chat, after)
    desk.expect(".msg .text", "after")
    assert desk.was_not_reloaded()


def test_without_a_stream_the_page_asks_from_time_to_time(
    live_site: Any, desks: Any, server: Any
) -> None:
    chat = live_site.chat()
    desk = desks()
    server.stream_open = False
    desk.page.clock.install()
    desk.page.goto(server.url + chat.path)
    desk.page.wait_for_timeout(300)
    desk.page.clock.fast_forward(5000)
    desk.expect("#connection")

    chat.message("by asking")
    desk.page.clock.fast_forward(20_000)

    desk.expect(".msg .text", "by asking")


def test_two_agents_see_each_others_work(live_site: Any, desks: Any) -> None:
    chat, other = live_site.chat("Rina"), live_site.chat("Budi")
    ana, budi = desks("ana@shop.test"), desks("budi@shop.test")
    ana.open(chat.path)
    budi.open(chat.path)

    ana.page.fill("#text", "from Ana")
    ana.page.press("#text", "Enter")
    budi.expect(".msg.out .text", "from Ana")
    ana.page.click("#resolve")
    budi.expect("#thread-head .badge", "Resolved")
    budi.expect(".activity-line", "resolved · Ana")
    budi.expect("#rows [data-row]", count=1)

    assert budi.page.locator("#rows .row-name").inner_text() == "Budi"
    assert other.row.status == "open"
    assert budi.was_not_reloaded() and ana.was_not_reloaded()


def test_keyboard_moves_replies_resolves_and_searches(live_site: Any, desks: Any) -> None:
    now = utcnow()
    first = live_site.chat("First", last_activity_at=now)
    live_site.chat("Second", last_activity_at=now - timedelta(minutes=1))
    desk = desks()
    desk.open("/app/accounts/1/conversations")

    desk.page.keyboard.press("j")
    desk.expect(".who-text", "First")
    desk.page.keyboard.press("j")
    desk.expect(".who-text", "Second")
    desk.page.keyboard.press("k")
    desk.expect(".who-text", "First")
    desk.page.keyboard.press("r")
    assert desk.page.evaluate("document.activeElement.id") == "text"
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("e")
    eventually(lambda: first.row.status == "resolved")
    desk.page.keyboard.press("/")
    desk.page.keyboard.type("sec")
    desk.expect("#rows .row-name", "Second")
    desk.page.keyboard.press("Tab")
    desk.page.evaluate("document.activeElement.blur()")
    desk.page.keyboard.press("?")
    desk.expect("dialog", "Keyboard shortcuts")


def test_menu_labels_and_contact_panel(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina", "628111")
    live_site.contact("Rina twin", "628222")
    desk = desks()
    desk.open(chat.path)

    desk.page.click(".thread-head .menu summary")
    desk.page.fill("#add-label", "vip")
    desk.page.click(".inline-add button")
    desk.expect(f"#c{chat.id} .tag", "vip")
    desk.page.click(".who")
    desk.page.fill("#merge-search", "twin")
    desk.page.on("dialog", lambda dialog: dialog.accept())
    desk.page.click("#merge-results button")
    desk.expect("#side .merged", "Rina twin")
    desk.page.click("#side .merged button")
    eventually(lambda: live_site.one(t.ContactMerge).undone_at is not None)


def test_new_conversation_from_the_dialog(live_site: Any, desks: Any) -> None:
    desk = desks()
    desk.open("/app/accounts/1/conversations")

    desk.page.click("[title='New conversation']")
    desk.page.fill("#new-number", "0812")
    desk.page.click("dialog .button.primary")
    desk.expect("dialog .dialog-problem[role=alert]", "This is not a telephone number")
    desk.page.fill("#new-number", "+62 812 9000 1122")
    desk.page.click("dialog .button.primary")

    desk.expect(".who-text", r"\+62")
    assert live_site.one(t.Conversation).status == "open"


def test_hostile_message_runs_nothing(live_site: Any, desks: Any) -> None:
    bad = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    chat = live_site.chat(bad)
    desk = desks()
    desk.open(chat.path)

    message = chat.message(bad)
    live_site.tell(NoticeKind.MESSAGE_CREATED, chat, message)
    desk.expect(".msg .text", "onerror")
    desk.page.hover(f"#m{message}")
    desk.page.click(f"#m{message} .msg-more")
    desk.page.click("#message-menu [data-do=reply]")
    desk.page.click(".who")
    desk.expect("#side .side-name", "onerror")

    assert desk.page.evaluate("window.hacked") is None


def test_first_load_is_small(live_site: Any, desks: Any) -> None:
    chat = live_site.chat()
    for number in range(50):
        chat.message(f"Message number {number}, of the usual length that people write.")
    desk = desks()
    sizes: list[int] = []
    session = desk.context.new_cdp_session(desk.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))

    desk.open(chat.path)
    desk.page.wait_for_timeout(300)

    assert 20_000 < sum(sizes) < 150_000
