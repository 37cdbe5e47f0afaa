"""List, thread, composer, and what agents change."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from chatport.db import tables as t
from chatport.db import utcnow
from chatport_dashboard.queries import conversations as lists

LIST = "/app/accounts/1/conversations"


def names(html: str) -> list[str]:
    return [part.split("<", 1)[0] for part in html.split('class="row-name"><bdi>')[1:]]


def counts(html: str) -> list[str]:
    return [part.split("<", 1)[0] for part in html.split('<span class="count">')[1:]]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_list_is_ordered_by_last_activity(site: Any) -> None:
    now = utcnow()
    site.chat("Old", last_activity_at=now - timedelta(hours=2))
    site.chat("New", last_activity_at=now)
    site.chat("Middle", last_activity_at=now - timedelta(hours=1))

    assert names(site.admin.get(LIST).text) == ["New", "Middle", "Old"]


def test_list_tabs_show_and_count(site: Any) -> None:
    site.chat("Mine", assignee_id=site.admin_id)
    site.chat("Budi's", assignee_id=site.agent_id)
    site.chat("Nobody's")
    browser = site.admin

    mine = browser.get(LIST, tab="mine").text

    assert names(mine) == ["Mine"]
    assert names(browser.get(LIST, tab="unassigned").text) == ["Nobody&#39;s"]
    assert len(names(browser.get(LIST, tab="all").text)) == 3
    assert counts(mine) == ["1", "1", "3"]


def test_list_counts_no_further_than_it_shows(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_COUNTED", 2)
    for name in ("One", "Two", "Three"):
        site.chat(name, unread_count=1)

    page = site.admin.get(LIST).text

    assert counts(page) == ["0", "2", "2"]
    assert 'id="unread-total" data-count="2"' in page
    assert len(names(page)) == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "resolved"}, ["Done"]),
        ({"status": "any", "q": "don"}, ["Done"]),
        ({"q": "812 555"}, ["Rina"]),
        ({"q": "#1"}, ["Rina"]),
        ({"q": "100%"}, ["100% off_er"]),
        ({"q": "_er"}, ["100% off_er"]),
        ({"label": "vip"}, ["Rina"]),
        ({"status": "nonsense", "tab": "x", "inbox": "y", "label": "unknown"}, []),
    ],
)
def test_list_filters(site: Any, query: dict[str, str], found: list[str]) -> None:
    rina = site.chat("Rina", "62812555000")
    site.chat("Done", status="resolved")
    site.chat("100% off_er")
    site.add(t.ConversationLabel, account_id=1, conversation_id=rina.id, label="vip")

    assert names(site.admin.get(LIST, **query).text) == found


def test_list_goes_on_with_older_conversations(site: Any) -> None:
    now = utcnow()
    for number in range(35):
        site.chat(f"N{number}", last_activity_at=now - timedelta(minutes=number // 2))
    browser = site.admin

    first = browser.get(LIST).text
    link = (
        first.split("data-more", 1)[1]
        .split('hx-get="', 1)[1]
        .split('"', 1)[0]
        .replace("&amp;", "&")
    )
    rest = browser.get(link).text

    shown = names(first) + names(rest)
    assert len(names(first)) == 30
    assert sorted(shown) == sorted(f"N{n}" for n in range(35))
    assert "data-more" not in rest


def test_list_shows_what_the_last_message_is(site: Any) -> None:
    chat = site.chat("Rina", unread_count=3)
    chat.message("see you", sent_at=utcnow() - timedelta(minutes=2))
    photo = chat.message("", content_type="media", sent_at=utcnow() - timedelta(minutes=1))
    site.add(t.Attachment, account_id=1, message_id=photo, kind="image", state="pending")
    chat.message("Ana resolved it", message_type="activity", sender_contact_id=None)

    page = site.admin.get(LIST).text

    assert "<em>Photo</em>" in page
    assert "3 unread messages" in page
    assert "<title>(1) Conversations" in page


def test_rows_answers_only_what_belongs_into_the_list(site: Any) -> None:
    mine, other = site.chat("Mine", assignee_id=site.admin_id), site.chat("Other")

    page = site.admin.get(f"{LIST}/rows", ids=f"{mine.id},{other.id},x,999", tab="mine").text

    assert names(page) == ["Mine"]
    assert 'id="unread-total"' in page


# --- the thread -------------------------------------------------------------------------------------------------------


def test_thread_shows_dates_authors_and_ticks_in_words(site: Any) -> None:
    chat = site.chat("Partners", kind="group")
    dewi = site.contact("Dewi", "62811")
    chat.message("hello all", sender_contact_id=dewi, sent_at=utcnow() - timedelta(days=1))
    chat.ours("welcome", status="read")

    page = site.admin.get(chat.path).text

    assert ">Yesterday<" in page and ">Today<" in page
    assert ">Dewi</p>" in page
    assert '<span class="unseen">Read</span>' in page


def test_thread_shows_failed_with_reason_action_and_retry(site: Any) -> None:
    chat = site.chat()
    chat.ours(
        "x",
        status="failed",
        external_error="No WhatsApp there.",
        error_action="Call.",
        error_code="131026",
    )

    page = site.admin.get(chat.path).text

    assert "No WhatsApp there." in page and "Call." in page and "131026" in page
    assert 'data-do="retry"' in page


def test_message_written_on_our_phone_can_be_deleted_where_the_provider_can(site: Any) -> None:
    chat = site.chat()
    chat.message("from the phone", message_type="outgoing", external_echo=True)

    for able in (True, False):
        site.features(revoke=able)
        _, offered = site.admin.get(f"{chat.path}/log").text.split('data-can="')
        assert ("revoke" in offered.split('"')[0]) is able


def test_list_shows_a_call_as_the_last_thing_that_came(site: Any) -> None:
    chat = site.chat()
    chat.message("earlier", sent_at=utcnow() - timedelta(hours=1))
    chat.message("Rosa called", message_type="activity", content_type="call")
    chat.message("Rosa joined", message_type="activity")

    rows = site.admin.get(LIST).text

    assert "<em>Call</em>" in rows
    assert "earlier" not in rows and "Rosa called" not in rows


def test_list_says_what_a_message_of_blanks_is(site: Any) -> None:
    site.chat().message(" \n ")

    assert "<em>Message</em>" in site.admin.get(LIST).text


@pytest.mark.parametrize(("status", "shown"), [("sent", True), ("delivered", False)])
def test_thread_says_what_the_service_does_with_a_message_until_it_arrives(
    site: Any, status: str, shown: bool
) -> None:
    chat = site.chat()
    note = {"delivery_note": "held back for a <check>"}
    chat.ours("x", status=status, content_attributes=note)

    page = site.admin.get(chat.path).text

    assert ("held back for a &lt;check&gt;" in page) is shown


def test_thread_shows_unknown_outcome_as_such(site: Any) -> None:
    chat = site.chat()
    chat.ours("x", status="unknown")

    assert "It is not known whether this arrived" in site.admin.get(chat.path).text


def test_thread_quotes_a_message_that_came_after_its_answer(site: Any) -> None:
    chat = site.chat()
    chat.message("and this answers", reply_to_source_id="WA-late")
    asked = chat.message("the question", source_id="WA-late")

    assert f'data-jump="{asked}"' in site.admin.get(chat.path).text


def test_thread_hides_the_text_of_deleted_messages_everywhere(site: Any) -> None:
    chat = site.chat()
    gone = chat.message("a secret", deleted_at=utcnow(), deleted_by="contact")
    chat.message("and this answers", reply_to_id=gone)
    site.add(
        t.MessageRevision, message_id=gone, item_key="original", content="a secret", at=utcnow()
    )
    browser = site.admin

    for path in (
        chat.path,
        f"{chat.path}/messages/{gone}/details",
        LIST,
        f"{chat.path}/log?ids={gone}",
    ):
        assert "a secret" not in browser.get(path).text, path
    assert "The customer deleted this message" in browser.get(chat.path).text


def test_thread_shows_former_texts_of_an_edited_message(site: Any) -> None:
    chat = site.chat()
    edited = chat.message("at *ten*", edited_at=utcnow())
    site.add(
        t.MessageRevision, message_id=edited, item_key="original", content="at nine", at=utcnow()
    )
    browser = site.admin

    assert ">Edited</button>" in browser.get(chat.path).text
    assert "at nine" in browser.get(f"{chat.path}/messages/{edited}/details").text


def test_thread_pages_back_without_gaps_or_doubles(site: Any) -> None:
    chat = site.chat()
    at = utcnow() - timedelta(hours=3)
    ids = [chat.message(str(n), sent_at=at + timedelta(seconds=n // 3)) for n in range(120)]
    browser = site.admin

    seen: list[int] = []
    page = browser.get(chat.path).text
    while True:
        found = [int(part.split('"', 1)[0]) for part in page.split('data-message="')[1:]]
        seen = found + seen
        place = page.split('data-place="', 1)[1].split('"', 1)[0]
        if 'id="log-older" data-older="1"' not in page:
            break
        page = browser.get(f"{chat.path}/log", before=place).text

    assert seen == ids


def test_thread_catches_up_from_a_place(site: Any) -> None:
    chat = site.chat()
    chat.message("one", sent_at=utcnow() - timedelta(minutes=3))
    second = chat.message("two", sent_at=utcnow() - timedelta(minutes=2))
    browser = site.admin
    log = browser.get(f"{chat.path}/log").text
    place = log.split('data-place="', 2)[2].split('"', 1)[0]
    chat.message("three")

    answer = browser.get(f"{chat.path}/log", **{"from": place}).text

    found = [int(part.split('"', 1)[0]) for part in answer.split('data-message="')[1:]]
    assert found == [second, second + 1]


def test_thread_sends_nothing_to_a_page_that_has_it_all(site: Any) -> None:
    chat = site.chat()
    chat.message("one")
    browser = site.admin
    page = browser.get(chat.path).text
    place = page.split('data-place="', 1)[1].split('"', 1)[0]
    known = page.split('data-digest="', 1)[1].split('"', 1)[0]

    same = browser.get(f"{chat.path}/log", known=known, **{"from": place})
    chat.message("two")
    more = browser.get(f"{chat.path}/log", known=known, **{"from": place})

    assert (same.status_code, more.status_code) == (204, 200)


@pytest.mark.parametrize(
    "place", ["x", "2026-01-01_1", "2026-01-01T00:00:00+00:00_x", "_", "0_" + "9" * 40]
)
def test_thread_refuses_a_place_that_is_none(site: Any, place: str) -> None:
    assert site.admin.get(f"{site.chat().path}/log", before=place).status_code == 404


def test_version_of_a_message_changes_with_everything_that_shows(site: Any) -> None:
    chat = site.chat()
    message = chat.ours("x", status="sent")
    browser = site.admin

    def version() -> str:
        return str(
            browser.get(f"{chat.path}/log", ids=message).text.split('data-version="', 1)[1][:16]
        )

    seen = {version()}
    site.set(t.Message, t.Message.id == message, status="delivered")
    seen.add(version())
    site.add(t.ReactionRow, message_id=message, reactor="us", emoji="👍", at=utcnow())
    seen.add(version())
    attachment = site.add(
        t.Attachment, account_id=1, message_id=message, kind="image", state="pending"
    )
    seen.add(version())
    site.set(t.Attachment, t.Attachment.id == attachment, state="gone")
    seen.add(version())

    assert len(seen) == 5


# --- writing ----------------------------------------------------------------------------------------------------------


def test_composer_sends_a_message(site: Any) -> None:
    chat = site.chat()

    answer = site.agent.post(
        f"{chat.path}/messages", fragment=True, content="hello *you*", draft_key="k"
    )

    row = site.one(t.Message)
    assert (row.content, row.status, row.sender_user_id) == ("hello *you*", "queued", site.agent_id)
    assert site.one(t.Send).payload["text"] == "hello _you_"
    assert f'data-message="{row.id}"' in answer.text
    assert "Waiting to be sent" in answer.text


def test_composer_form_works_without_scripts(site: Any) -> None:
    chat = site.chat()

    answer = site.admin.post(f"{chat.path}/messages", content="hello", draft_key="k")

    assert (answer.status_code, answer.headers["Location"]) == (303, chat.path)
    assert site.one(t.Message).content == "hello"


def test_composer_sends_a_double_click_once(site: Any) -> None:
    chat, browser = site.chat(), site.admin

    for _ in range(2):
        browser.post(f"{chat.path}/messages", fragment=True, content="once", draft_key="same")
    browser.post(f"{chat.path}/messages", fragment=True, content="twice", draft_key="other")

    assert [row.content for row in site.rows(t.Message)] == ["once", "twice"]


def test_composer_keeps_a_note_for_colleagues(site: Any) -> None:
    chat = site.chat()

    site.admin.post(
        f"{chat.path}/messages", fragment=True, content="careful", private="1", draft_key="k"
    )

    assert site.one(t.Message).private
    assert site.rows(t.Send) == []


def test_composer_sends_files_with_a_caption(site: Any) -> None:
    chat = site.chat()

    site.admin.post(
        f"{chat.path}/messages",
        fragment=True,
        content="both",
        draft_key="k",
        files=[(io.BytesIO(b"%PDF-1.4 a"), "a.pdf"), (io.BytesIO(b"%PDF-1.4 b"), "b.pdf")],
    )

    assert [row.content for row in site.rows(t.Message)] == ["both", ""]
    assert [row.filename for row in site.rows(t.Attachment)] == ["a.pdf", "b.pdf"]


def test_composer_replies_to_a_message(site: Any) -> None:
    chat = site.chat("Rina")
    asked = chat.message("which one?")

    answer = site.admin.post(
        f"{chat.path}/messages", fragment=True, content="this", reply_to=asked, draft_key="k"
    )

    assert site.rows(t.Message)[-1].reply_to_id == asked
    assert f'data-jump="{asked}"' in answer.text


@pytest.mark.parametrize(("content", "said"), [("", "empty"), ("x" * 4097, "at most 4096")])
def test_composer_says_why_a_message_is_refused(site: Any, content: str, said: str) -> None:
    chat = site.chat()

    answer = site.admin.post(f"{chat.path}/messages", fragment=True, content=content, draft_key="k")

    assert answer.status_code == 422
    assert said in answer.text
    assert answer.headers["HX-Retarget"] == "#notices"
    assert site.rows(t.Message) == []


def test_window_counts_down_closes_and_takes_templates(site: Any) -> None:
    site.features(window_hours=24, templates=True)
    chat = site.chat(window_from=utcnow() - timedelta(hours=23))
    browser = site.admin
    assert 'data-state="open"' in browser.get(f"{chat.path}/state").text
    assert "data-until=" in browser.get(f"{chat.path}/state").text

    site.set(
        t.ContactInbox,
        t.ContactInbox.contact_id == chat.contact_id,
        window_from=utcnow() - timedelta(hours=25),
    )

    page = browser.get(f"{chat.path}/state").text
    assert 'data-state="template_only"' in page
    assert "Only a template can be sent now." in page
    refused = browser.post(f"{chat.path}/messages", fragment=True, content="hi", draft_key="k")
    assert refused.status_code == 422
    note = browser.post(
        f"{chat.path}/messages", fragment=True, content="hi", private="1", draft_key="n"
    )
    assert note.status_code == 200


TEMPLATES = [
    {
        "name": "order_ready",
        "language": "en",
        "status": "APPROVED",
        "category": "UTILITY",
        "components": [
            {"type": "BODY", "text": "Hi {{1}}, order {{2}} is ready."},
            {
                "type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Track", "url": "https://x/{{1}}"}],
            },
        ],
    },
    {
        "name": "code",
        "language": "en",
        "status": "APPROVED",
        "category": "AUTHENTICATION",
        "components": [],
    },
    {
        "name": "later",
        "language": "en",
        "status": "PENDING",
        "category": "UTILITY",
        "components": [],
    },
]


def test_templates_are_offered_and_sent_with_their_values(site: Any) -> None:
    site.features(window_hours=24, templates=True)
    site.set(t.Channel, t.Channel.id == site.channel_id, message_templates=TEMPLATES)
    chat, browser = site.chat(window_from=None), site.admin

    page = browser.get(f"{chat.path}/templates").text
    form = {"name": "order_ready", "language": "en", "body.1": "Rina", "draft_key": "k"}
    missing = browser.post(f"{chat.path}/templates", fragment=True, **form)
    sent = browser.post(
        f"{chat.path}/templates", fragment=True, **form, **{"body.2": "42", "button.0": "t42"}
    )

    assert "order_ready" in page and ">code<" not in page and ">later<" not in page
    assert missing.status_code == 422 and "Fill in every field." in missing.text
    assert sent.status_code == 200
    row = site.one(t.Message)
    assert row.content == "Hi Rina, order 42 is ready."
    assert site.one(t.Send).payload["params"] == {
        "body": {"1": "Rina", "2": "42"},
        "buttons": [{"type": "url", "parameter": "t42"}],
    }


def test_missing_plugin_leaves_history_and_notes(site: Any) -> None:
    chat = site.chat()
    chat.message("still here")
    site.set(t.Channel, t.Channel.id == site.channel_id, provider="gone")
    browser = site.admin

    page = browser.get(chat.path).text

    assert "still here" in page
    assert "The provider gone is not installed." in page
    assert (
        browser.post(
            f"{chat.path}/messages", fragment=True, content="x", private="1", draft_key="k"
        ).status_code
        == 200
    )
    assert (
        browser.post(f"{chat.path}/messages", fragment=True, content="x", draft_key="j").status_code
        == 422
    )


# --- what can be done with a message ----------------------------------------------------------------------------------


def test_retry_react_edit_and_revoke_store_their_sends(site: Any) -> None:
    chat, browser = site.chat(), site.admin
    browser.post(f"{chat.path}/messages", fragment=True, content="hi", draft_key="k")
    sent = site.one(t.Message)
    site.set(t.Message, t.Message.id == sent.id, status="failed")
    site.set(t.Send, state="failed")
    asked = chat.message("?")

    answers = [browser.post(f"{chat.path}/messages/{sent.id}/retry", fragment=True)]
    site.set(t.Message, t.Message.id == sent.id, status="sent", source_id="WA-out")
    answers += [
        browser.post(f"{chat.path}/messages/{asked}/react", fragment=True, emoji="👍"),
        browser.post(f"{chat.path}/messages/{sent.id}/edit", fragment=True, content="hello"),
        browser.post(f"{chat.path}/messages/{sent.id}/revoke", fragment=True),
    ]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [row.operation for row in site.rows(t.Send)] == [
        "message",
        "message",
        "reaction",
        "edit",
        "revoke",
    ]


def test_actions_are_offered_as_the_provider_can(site: Any) -> None:
    chat, browser = site.chat(), site.admin
    chat.ours("hi", status="sent")

    with_all = browser.get(f"{chat.path}/log").text
    site.features(reply=False, reactions=False, edit=False, revoke=False)
    with_none = browser.get(f"{chat.path}/log").text

    assert 'data-can="reply react copy details edit revoke"' in with_all
    assert 'data-can="copy details"' in with_none


# --- the conversation as a whole --------------------------------------------------------------------------------------


def test_status_assignment_labels_and_muting(site: Any) -> None:
    chat, browser = site.chat(), site.admin

    browser.post(f"{chat.path}/status", fragment=True, status="snoozed", **{"for": "day"})
    assert chat.row.status == "snoozed"
    assert timedelta(hours=23) < chat.row.snoozed_until - utcnow() < timedelta(hours=25)
    browser.post(f"{chat.path}/status", fragment=True, status="open")
    assert (chat.row.status, chat.row.snoozed_until) == ("open", None)
    page = browser.post(f"{chat.path}/assignee", fragment=True, user_id=site.agent_id).text
    assert chat.row.assignee_id == site.agent_id
    assert "Budi" in page
    browser.post(f"{chat.path}/labels", fragment=True, add="  very   important ")
    browser.post(f"{chat.path}/labels", fragment=True, add="refund")
    browser.post(f"{chat.path}/labels", fragment=True, remove="refund")
    assert [row.label for row in site.rows(t.ConversationLabel)] == ["very important"]
    browser.post(f"{chat.path}/mute", fragment=True, muted="1")
    assert site.one(t.Contact).blocked
    assert chat.row.status == "resolved"
    assert browser.post(f"{chat.path}/status", fragment=True, status="nonsense").status_code == 422


def test_seen_clears_the_unread_count_and_asks_for_a_receipt(site: Any) -> None:
    chat = site.chat(unread_count=4)

    site.admin.post(f"{chat.path}/seen", fragment=True)

    assert chat.row.unread_count == 0
    assert site.one(t.Task).kind == "mark_read"


def test_typing_is_told_where_the_provider_can(site: Any) -> None:
    chat, browser = site.chat(), site.admin

    assert browser.post(f"{chat.path}/typing", fragment=True, state="on").status_code == 204
    assert browser.post(f"{chat.path}/typing", fragment=True, state="dancing").status_code == 400
    site.features(typing=False)
    other = site.chat()
    browser.post(f"{other.path}/typing", fragment=True, state="on")

    assert [row.payload["conversation_id"] for row in site.rows(t.Task)] == [chat.id]


# --- new conversations and contacts -----------------------------------------------------------------------------------


def test_new_conversation_makes_a_contact_once(site: Any) -> None:
    browser = site.agent
    form = {"inbox_id": site.inbox_id, "number": "+62 812-9000-1122"}

    first = browser.post(f"{LIST}/new", fragment=True, **form)
    second = browser.post(f"{LIST}/new", fragment=True, **form)

    assert first.headers["HX-Redirect"] == second.headers["HX-Redirect"] == f"{LIST}/1"
    assert site.one(t.Contact).phone_number == "+6281290001122"
    assert browser.get(f"{LIST}/1").status_code == 200


@pytest.mark.parametrize("number", ["", "0812", "abc", "+1", "+62 812<script>"])
def test_new_conversation_refuses_what_is_no_number(site: Any, number: str) -> None:
    answer = site.admin.post(f"{LIST}/new", fragment=True, inbox_id=site.inbox_id, number=number)

    assert answer.status_code == 422
    assert "This is not a telephone number." in answer.text


def test_contact_panel_edits_blocks_merges_and_undoes(site: Any) -> None:
    chat, browser = site.chat("Rina", "628111"), site.admin
    twin = site.contact("Rina W.", "628222")
    contact = f"/app/accounts/1/contacts/{chat.contact_id}"

    panel = browser.post(contact, fragment=True, name="Rina Wijaya", email="rina@x.test").text
    assert "Rina Wijaya" in panel and "rina@x.test" in panel
    assert browser.post(contact, fragment=True, name=" ", email="").status_code == 422
    assert "Blocked" in browser.post(f"{contact}/block", fragment=True, blocked="1").text
    assert "Rina W." in browser.get(f"{contact}/merge", q="rina w").text
    merged = browser.post(f"{contact}/merge", fragment=True, other_id=twin).text
    assert "628222" in merged and "Merged with Rina W." in merged
    merge = site.one(t.ContactMerge)
    undone = browser.post(f"{contact}/unmerge/{merge.id}", fragment=True).text
    assert "628222" not in undone
    assert (
        browser.post(f"{contact}/merge", fragment=True, other_id=chat.contact_id).status_code == 422
    )


# --- how much it asks -------------------------------------------------------------------------------------------------


def test_pages_ask_the_database_as_often_for_many_as_for_few(site: Any) -> None:
    def queries(path: str) -> int:
        asked: list[str] = []
        browser = site.admin
        listener = lambda *args: asked.append(args[2])  # noqa: E731
        sa.event.listen(site.core.db.engine, "before_cursor_execute", listener)
        assert browser.get(path).status_code == 200
        sa.event.remove(site.core.db.engine, "before_cursor_execute", listener)
        return len(asked)

    chat = site.chat()
    first = chat.message("x")
    chat.message("y", reply_to_id=first)
    few = queries(chat.path)
    for number in range(25):
        other = site.chat(f"N{number}")
        other.message("hello")
        chat.message(str(number), reply_to_id=first)

    assert queries(chat.path) == few
