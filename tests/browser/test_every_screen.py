"""Every screen in Chromium: axe finds nothing, nothing is wider than the screen, no script or style is refused.

``CHATPORT_TEST_SCREENSHOTS`` names a folder for pictures of all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from browser.busy_day import BusyDay, day
from browser.windows import SIZES, sign_in, window
from flask import Flask
from installation import installed

import chatport_dashboard
from support import eventually

pytestmark = pytest.mark.processes
PICTURES = os.environ.get("CHATPORT_TEST_SCREENSHOTS", "")
LOADED = "document.querySelector('.picture img')?.complete"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: Addresses that answer with a part of a page, a file, or a redirect.
PARTS = {
    "root",
    "home",
    "nowhere",
    "account",
    "static_file",
    "file",
    "picture",
    "conversations_canned",
    "conversations_more",
    "conversations_rows",
    "conversations_new",
    "conversations_log",
    "conversations_state",
    "messages_templates",
    "messages_details",
    "messages_text",
    "contact_panel",
    "contact_candidates",
    "channels_progress",
    "channels_listening",
    "channels_login_state",
    "channels_evidence",
}
#: Screens before the login; visited by the test of them.
OUTSIDE = {"login", "setup"}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusyDay]:
    with installed(tmp_path_factory.mktemp("screens") / "data") as chatport:
        yield from day(chatport)


class Examiner:
    """Looks at one screen after the other and notes what is wrong."""

    def __init__(self, page: Any, mark: str) -> None:
        self.page = page
        self.mark = mark
        self.found: list[str] = []
        self.axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
        page.on("console", lambda m: self.found.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.found.append(str(error)))

    def look(self, name: str) -> None:
        """Check what is on the screen now."""
        self.page.wait_for_timeout(150)
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}-{self.mark}.png"))
        over = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            self.found.append(f"{name} is {over} pixels too wide")
        # The policy forbids to insert a script; the debugger may.
        self.page.evaluate(f"window.axe || (() => {{ {self.axe} }})()")
        problems = self.page.evaluate(
            """async (rules) => (await axe.run(document, {runOnly: rules})).violations.map(
                v => [v.id, v.nodes.map(n => [n.target, n.any[0]?.message ?? n.all[0]?.message ?? ''].join(' '))])""",
            RULES,
        )
        for rule, places in problems:
            # What is scrolled half out of sight is not small for that reason.
            left = [place for place in places if "partially obscured" not in place]
            if left:
                self.found.append(f"{name}: {rule}: {' | '.join(left[:4])}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", sorted(SIZES))
def test_screens_are_accessible_and_fit(
    busy: BusyDay, chromium: Any, size: str, theme: str
) -> None:
    visit(busy, chromium, size, theme, "en")


@pytest.mark.timeout(300)
def test_screens_fit_from_right_to_left(busy: BusyDay, chromium: Any) -> None:
    visit(busy, chromium, "phone", "light", "ar")


def visit(busy: BusyDay, chromium: Any, size: str, theme: str, language: str) -> None:
    """Look at every screen and at what opens on them."""
    context = window(chromium, size, theme, language)
    page = context.new_page()
    examiner = Examiner(page, f"{language}-{theme}-{size}")
    url = busy.chatport.url
    page.goto(f"{url}/login")
    assert (page.get_attribute("html", "dir") == "rtl") == (language == "ar")
    examiner.look("login")
    page.goto(f"{url}/setup/used-or-wrong")
    examiner.look("setup")
    sign_in(page, url)
    for name, path in busy.screens().items():
        answer = page.goto(url + path)
        assert answer.status == (404 if name == "missing" else 200), path
        if name == "thread":
            eventually(lambda: page.evaluate(LOADED), 10)
        examiner.look(name)
    opened(page, examiner, url + busy.screens()["thread"])

    # The browser's own notes about pages that are not there.
    expected = ("404 (NOT FOUND)", "410 (GONE)")
    wrong = [one for one in examiner.found if not any(words in one.upper() for words in expected)]
    assert wrong == [], "\n".join(wrong)
    context.close()


def opened(page: Any, examiner: Examiner, thread: str) -> None:
    """What opens on the screen of a conversation."""
    page.goto(thread)
    page.evaluate("document.getElementById('scroller').scrollTop = 0")
    examiner.look("thread-top")
    page.click(".who")
    page.wait_for_selector(".side-name")
    examiner.look("contact")
    page.goto(thread)
    page.click(".thread-head .menu summary")
    examiner.look("menu")
    page.keyboard.press("Escape")
    page.click("#emoji")
    examiner.look("emoji")
    page.keyboard.press("Escape")
    page.click("#canned")
    page.wait_for_selector("#canned-list [role=option]")
    examiner.look("canned-answers")
    page.goto(thread.rpartition("/")[0])
    page.fill("#search", "walnut")
    page.wait_for_selector("mark")
    examiner.look("search")


def test_every_screen_is_visited(busy: BusyDay) -> None:
    app = Flask("dashboard's addresses")
    chatport_dashboard.register(app, lambda: None)  # type: ignore[arg-type, return-value]
    urls = app.url_map.bind("test")
    visited = {
        urls.match(path.partition("?")[0], method="GET")[0].removeprefix("dashboard.")
        for path in busy.screens().values()
    }

    screens = {
        rule.endpoint.removeprefix("dashboard.")
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and re.match(r"dashboard\.", rule.endpoint)
    }

    assert sorted(screens - visited - PARTS - OUTSIDE) == []
