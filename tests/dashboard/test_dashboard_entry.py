"""Set-up link, login, sessions, password, and forged requests."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from chatport.db import tables as t
from chatport.services import accounts
from chatport_dashboard import limits, sessions

PASSWORD = "correct horse battery"


def new_link(site: Any) -> str:
    """A setup link, in an installation without any user."""
    with site.core.db.write("nobody yet") as connection:
        for model in (t.InboxMember, t.Membership, t.UserSession, t.AccessToken, t.User):
            connection.execute(sa.delete(model))
    return f"/setup/{accounts._setup_token(site.core)}"


def test_setup_makes_the_first_administrator_and_signs_in(site: Any, stranger: Any) -> None:
    link = new_link(site)

    answer = stranger.post(
        link, name="Chidi", email="Chidi@shop.test", password=PASSWORD, repeated=PASSWORD
    )

    assert answer.status_code == 303
    assert stranger.get("/app").status_code == 302
    user = site.one(t.User, t.User.email == "chidi@shop.test")
    member = site.one(t.Membership, t.Membership.user_id == user.id)
    assert (user.name, member.role, member.account_id) == ("Chidi", "administrator", 1)


def test_setup_link_works_once(site: Any, stranger: Any) -> None:
    link = new_link(site)
    form = {"name": "A", "email": "a@b.test", "password": PASSWORD, "repeated": PASSWORD}
    stranger.post(link, **form)

    assert stranger.post(link, **form).status_code == 410
    assert stranger.get(link).status_code == 410


def test_setup_keeps_the_link_when_the_form_is_wrong(site: Any, stranger: Any) -> None:
    link = new_link(site)

    short = stranger.post(link, name="A", email="a@b.test", password="short", repeated="short")
    differ = stranger.post(link, name="A", email="a@b.test", password=PASSWORD, repeated="other")

    assert short.status_code == differ.status_code == 422
    assert "at least 8 characters" in short.text
    assert "The two passwords differ." in differ.text
    assert 'value="a@b.test"' in short.text
    assert stranger.get(link).status_code == 200


def test_login_refuses_a_wrong_password_without_saying_which(stranger: Any) -> None:
    known = stranger.post("/login", email="ana@shop.test", password="wrong password")
    unknown = stranger.post("/login", email="nobody@shop.test", password="wrong password")

    assert known.status_code == unknown.status_code == 422
    assert "Mail address or password is wrong." in known.text
    assert "Mail address or password is wrong." in unknown.text


def test_login_cookie_is_out_of_reach_for_scripts(site: Any, stranger: Any) -> None:
    answer = stranger.post("/login", email="ana@shop.test", password=PASSWORD)

    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if "chatport_session=" in c)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_login_is_limited(stranger: Any) -> None:
    for _ in range(limits.PER_BOTH):
        assert stranger.post("/login", email="ana@shop.test", password="no").status_code == 422

    refused = stranger.post("/login", email="ana@shop.test", password=PASSWORD)

    assert refused.status_code == 429
    assert "Too many attempts" in refused.text


def test_login_limit_is_forgotten_after_a_right_password(stranger: Any, site: Any) -> None:
    for _ in range(limits.PER_BOTH - 1):
        stranger.post("/login", email="ana@shop.test", password="no")
    assert stranger.post("/login", email="ana@shop.test", password=PASSWORD).status_code == 303

    again = site.sign_in("ana@shop.test")

    assert again.get("/app/profile").status_code == 200


def test_login_limit_holds_over_processes_by_redis(live_site: Any) -> None:
    for _ in range(limits.PER_BOTH):
        assert limits.attempts_left(live_site.core, "10.0.0.1", "ana@shop.test")
    limits._local.clear()

    assert not limits.attempts_left(live_site.core, "10.0.0.1", "ana@shop.test")
    assert limits.attempts_left(live_site.core, "10.0.0.2", "ana@shop.test")


@pytest.mark.parametrize(
    "target",
    ["https://evil.test/", "//evil.test", "/app//evil.test", "/app\\evil.test", "javascript:x"],
)
def test_login_goes_nowhere_else(stranger: Any, target: str) -> None:
    answer = stranger.post("/login", email="ana@shop.test", password=PASSWORD, next=target)

    assert answer.headers["Location"] == "/app"


def test_login_returns_to_the_page_that_was_asked_for(site: Any, stranger: Any) -> None:
    chat = site.chat()

    asked = stranger.get(chat.path)
    answer = stranger.post("/login", email="ana@shop.test", password=PASSWORD, next=chat.path)

    assert asked.headers["Location"] == f"/login?next={chat.path}"
    assert answer.headers["Location"] == chat.path


def test_fragment_without_login_sends_the_page_to_login(site: Any, stranger: Any) -> None:
    answer = stranger.get(site.chat().path, fragment=True)

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"


def test_logout_ends_the_session_at_the_server(site: Any) -> None:
    browser = site.admin
    cookie = browser.client.get_cookie("chatport_session").value
    browser.post("/logout")

    browser.client.set_cookie("chatport_session", cookie)

    assert browser.get("/app/profile").headers["Location"].startswith("/login")


def test_profile_lists_browsers_and_signs_one_out(site: Any) -> None:
    here, other = site.admin, site.admin
    lines = sessions.open_sessions(site.core, site.admin_id, 0)
    assert len(lines) == 2

    newest = max(line.id for line in lines)
    here.post(f"/app/profile/sessions/{newest}")

    assert other.get("/app/profile").status_code == 302
    assert here.get("/app/profile").status_code == 200


def test_profile_cannot_sign_out_somebody_else(site: Any) -> None:
    agent = site.agent
    line = sessions.open_sessions(site.core, site.agent_id, 0)[0]

    site.admin.post(f"/app/profile/sessions/{line.id}")

    assert agent.get("/app/profile").status_code == 200


def test_password_change_signs_other_browsers_out(site: Any) -> None:
    here, other = site.admin, site.admin

    answer = here.post(
        "/app/profile/password",
        current=PASSWORD,
        password="a new password",
        repeated="a new password",
    )

    assert answer.status_code == 303
    assert here.get("/app/profile").status_code == 200
    assert other.get("/app/profile").status_code == 302
    assert site.sign_in("ana@shop.test", "a new password")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            {"current": "wrong", "password": "long enough", "repeated": "long enough"},
            "not your password",
        ),
        ({"current": PASSWORD, "password": "short", "repeated": "short"}, "at least 8"),
        ({"current": PASSWORD, "password": "long enough", "repeated": "different"}, "differ"),
    ],
)
def test_password_change_says_what_is_wrong(site: Any, form: dict[str, str], said: str) -> None:
    answer = site.admin.post("/app/profile/password", **form)

    assert answer.status_code == 422
    assert said in answer.text
    assert site.sign_in("ana@shop.test")


def test_profile_saves_language_zone_and_theme(site: Any) -> None:
    browser = site.admin

    browser.post("/app/profile", name="Ana María", timezone="Asia/Jakarta", theme="dark", locale="")

    row = site.one(t.User, t.User.id == site.admin_id)
    assert (row.name, row.timezone, row.preferences["theme"]) == (
        "Ana María",
        "Asia/Jakarta",
        "dark",
    )
    assert row.preferences["enter_sends"] is False
    assert 'data-theme="dark"' in browser.get("/app/profile").text


# --- forged requests --------------------------------------------------------------------------------------------------


def unsafe_routes(site: Any) -> list[str]:
    """Every address that takes a POST, filled with numbers."""
    found = []
    for rule in site.app.url_map.iter_rules():
        if "POST" in rule.methods and rule.endpoint.startswith("dashboard."):
            found.append(
                site.app.url_map.bind("x").build(
                    rule.endpoint, dict.fromkeys(rule.arguments, 1), method="POST"
                )
            )
    return found


def test_no_unsafe_request_without_the_token(site: Any) -> None:
    chat = site.chat()
    chat.message()
    browser = site.admin
    routes = unsafe_routes(site)
    assert len(routes) > 20

    for path in routes:
        assert browser.client.post(path).status_code == 400, path
        forged = browser.client.post(path, data={"csrf_token": "forged"})
        assert forged.status_code == 400, path


def test_token_of_another_session_is_refused(site: Any) -> None:
    browser, other = site.admin, site.agent

    answer = browser.client.post("/app/profile/theme", data={"csrf_token": other.token()})

    assert answer.status_code == 400


def test_request_from_another_site_is_refused_even_with_the_token(site: Any) -> None:
    browser = site.admin

    answer = browser.client.post(
        "/app/profile/theme",
        data={"csrf_token": browser.token(), "theme": "dark"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status_code == 400


def test_pages_forbid_inline_scripts_and_framing(site: Any) -> None:
    answer = site.admin.get(site.chat().path)

    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert " style=" not in answer.text
    assert "<script>" not in answer.text


def test_static_files_are_compressed_and_kept(site: Any, stranger: Any) -> None:
    answer = stranger.client.get("/app/static/htmx.js?v=1", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.data) < 20_000
    assert "immutable" in answer.headers["Cache-Control"]
    assert stranger.client.get("/app/static/../setup.py").status_code == 404


# --- the empty account ------------------------------------------------------------------------------------------------


def test_start_page_of_an_empty_account_says_what_to_do(site: Any) -> None:
    site.set(t.Inbox, t.Inbox.id == site.inbox_id, deleted_at=t.Inbox.created_at)

    page = site.admin.get("/app/accounts/1").text

    assert "Add a channel" in page
    assert "simulated phone" not in page


def test_start_page_leads_to_conversations_once_there_are_some(site: Any) -> None:
    site.chat()

    answer = site.admin.get("/app/accounts/1")

    assert answer.headers["Location"] == "/app/accounts/1/conversations"


def test_address_without_a_screen_says_so_in_our_words(site: Any) -> None:
    answer = site.admin.get("/app/1/conversations")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
