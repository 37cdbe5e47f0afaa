"""Canned answers: the settings screen, and the picker while writing."""

from __future__ import annotations

from typing import Any

import pytest

from chatport.db import tables as t

SCREEN = "/app/accounts/1/settings/answers"


def keep(site: Any, code: str, content: str) -> int:
    return site.add(t.CannedResponse, account_id=1, short_code=code, content=content)


def test_answers_are_kept_changed_and_deleted_by_agents(site: Any) -> None:
    browser = site.agent

    assert browser.post(SCREEN, short_code="/Hi", content="Hello").status_code == 303
    row = site.one(t.CannedResponse)
    assert "/hi" in browser.get(SCREEN).text

    assert browser.post(f"{SCREEN}/{row.id}", short_code="hey", content="Hi!").status_code == 303
    row = site.one(t.CannedResponse)
    assert (row.short_code, row.content) == ("hey", "Hi!")

    assert browser.post(f"{SCREEN}/{row.id}/delete").status_code == 303
    assert site.rows(t.CannedResponse) == []


def test_a_refused_answer_stays_in_its_form_with_the_reason(site: Any) -> None:
    keep(site, "hi", "Hello")
    second = keep(site, "bye", "Good bye")
    browser = site.admin

    new = browser.post(SCREEN, short_code="hi", content="Twice")
    changed = browser.post(f"{SCREEN}/{second}", short_code="a b", content="x")

    assert new.status_code == changed.status_code == 422
    assert "Another answer has the short code hi." in new.text
    assert ">Twice</textarea>" in new.text
    assert "A short code has no spaces." in changed.text
    assert f'id="f-code-{second}" name="short_code" value="a b"' in changed.text


def test_answers_of_other_accounts_are_out_of_reach(site: Any) -> None:
    other = site.add(t.Account, name="Other", active=True, last_display_id=0)
    key = site.add(t.CannedResponse, account_id=other, short_code="x", content="theirs")
    browser = site.admin

    assert "theirs" not in browser.get(SCREEN).text
    assert browser.post(f"{SCREEN}/{key}", short_code="y", content="z").status_code == 404
    assert browser.post(f"{SCREEN}/{key}/delete").status_code == 404


def test_the_picker_finds_by_code_and_fills_variables_in(site: Any) -> None:
    chat = site.chat("Rina Putri")
    keep(site, "hours", "We are open.")
    keep(site, "hi", 'Hello {{contact.first_name}}, "{{agent.name}}" <{{contact.email}}>')

    page = site.agent.get(f"{chat.path}/answers", q="hi", fragment=True).text

    assert "hours" not in page
    assert 'data-text="Hello Rina, &#34;Budi&#34; &lt;{{contact.email}}&gt;"' in page


def test_the_picker_is_for_conversations_that_one_may_see(site: Any) -> None:
    hidden, _ = site.inbox("Hidden", "+6281100000001")
    chat = site.chat("Rina", inbox_id=hidden)

    assert site.agent.get(f"{chat.path}/answers", fragment=True).status_code == 404


@pytest.mark.processes
def test_slash_opens_the_picker_and_the_keyboard_chooses(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    keep(live_site, "hi", "Hello {{contact.name}}")
    keep(live_site, "hours", "We are open\nfrom nine.")
    desk = desks()
    desk.open(chat.path)
    page = desk.page

    page.focus("#text")
    page.keyboard.type("Well, /h")
    page.wait_for_selector("#canned-list [role=option] >> nth=1")
    assert page.get_attribute("#text", "aria-activedescendant") == page.get_attribute(
        '#canned-list [aria-selected="true"]', "id"
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    assert page.input_value("#text") == "Well, We are open\nfrom nine."
    assert page.is_hidden("#canned-panel")
    assert live_site.rows(t.Message) == []  # Enter chose, and sent nothing


@pytest.mark.processes
def test_the_picker_closes_by_escape_and_for_addresses(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    keep(live_site, "hi", "Hello")
    desk = desks()
    desk.open(chat.path)
    page = desk.page

    page.click("#canned")
    page.wait_for_selector("#canned-list [role=option]")
    page.keyboard.press("Escape")
    assert page.is_hidden("#canned-panel")
    assert page.evaluate("document.activeElement.id") == "text"

    page.fill("#text", "")
    page.keyboard.type("see https://example.com/hi")
    page.wait_for_timeout(400)
    assert page.is_hidden("#canned-panel")
