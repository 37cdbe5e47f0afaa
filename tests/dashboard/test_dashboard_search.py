"""Words of messages in the search of the list."""

from __future__ import annotations

from typing import Any

import pytest

LIST = "/app/accounts/1/conversations"


def test_search_shows_messages_with_their_words_marked(site: Any) -> None:
    chat = site.chat("Rina", status="resolved")
    found = chat.message("Where is my *parcel* <b>?")
    chat.message("something else")

    page = site.admin.get(LIST, q="parc").text

    assert "Where is my <mark>parc</mark>el &lt;b&gt;?" in page
    assert f"{chat.path}?message={found}&amp;q=parc" in page
    assert page.count("data-hit=") == 1
    assert 'id="rows-empty" data-swap hidden' in page


def test_search_finds_nothing_in_inboxes_of_others(site: Any) -> None:
    hidden, _ = site.inbox("Hidden", "+6281100000001")
    site.chat("Rina", inbox_id=hidden).message("secret parcel")
    site.chat("Budi").message("parcel")

    assert site.agent.get(LIST, q="parcel").text.count("data-hit=") == 1
    assert site.admin.get(LIST, q="parcel").text.count("data-hit=") == 2
    assert site.admin.get(LIST, q="parcel", inbox=hidden).text.count("data-hit=") == 1


def test_rows_have_messages_for_a_whole_list_only(site: Any) -> None:
    chat = site.chat("Parcel service")
    chat.message("parcel")
    browser = site.admin

    assert "data-hit=" in browser.get(f"{LIST}/rows", q="parcel").text
    assert "data-hit=" not in browser.get(f"{LIST}/rows", q="parcel", ids=chat.id).text
    assert "data-hit=" not in browser.get(LIST).text


@pytest.mark.processes
def test_a_found_message_is_opened_and_shown(live_site: Any, desks: Any) -> None:
    chat = live_site.chat("Rina")
    first = chat.message("the blue vase")
    for number in range(120):
        chat.message(f"line {number}")
    desk = desks()
    desk.open(LIST)

    desk.page.keyboard.press("/")
    desk.page.keyboard.type("nothing of it")
    desk.expect("#rows-empty", "Nothing matches")
    desk.page.fill("#search", "vase")
    desk.expect("a.hit mark", "vase").first.click()

    desk.expect(f"#m{first}.flash")
    desk.page.wait_for_function(f"""() => {{
      const box = document.getElementById("m{first}").getBoundingClientRect();
      return box.top > 0 && box.bottom < innerHeight;
    }}""")
    assert desk.was_not_reloaded()
