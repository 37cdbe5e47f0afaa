"""Who may see and do what: accounts, roles, membership of inboxes, on every route."""

from __future__ import annotations

from typing import Any

import pytest

from chatport.db import tables as t
from chatport.services import accounts

PASSWORD = "correct horse battery"


def addresses(site: Any, **values: int) -> list[tuple[str, str]]:
    """Every route inside accounts: method and address."""
    found = []
    for rule in site.app.url_map.iter_rules():
        if "account_id" not in rule.arguments:
            continue
        method = "POST" if "POST" in rule.methods else "GET"
        given = {name: values.get(name, 1) for name in rule.arguments}
        found.append(
            (method, site.app.url_map.bind("x").build(rule.endpoint, given, method=method))
        )
    assert len(found) > 25
    return found


def call(browser: Any, method: str, path: str) -> Any:
    return browser.post(path) if method == "POST" else browser.get(path)


def world(site: Any, inbox_id: int) -> dict[str, int]:
    """A conversation in an inbox, with a file, a picture and a merge."""
    chat = site.chat("Secret", inbox_id=inbox_id)
    message_id = chat.message("secret words", content_type="media")
    attachment_id = chat.file(
        message_id, "document", b"%PDF-1.4 secret", "s.pdf", "application/pdf"
    )
    stored = site.core.storage.save([b"\x89PNG\r\n\x1a\n" + b"0" * 64], max_bytes=1000)
    site.set(t.Contact, t.Contact.id == chat.contact_id, avatar_key=stored.key)
    return {
        "number": chat.number,
        "message_id": message_id,
        "attachment_id": attachment_id,
        "contact_id": chat.contact_id,
    }


def test_every_route_wants_a_login(site: Any, stranger: Any) -> None:
    ids = world(site, site.inbox_id)

    for method, path in addresses(site, **ids):
        answer = call(stranger, method, path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/login"), path


def test_every_route_hides_other_accounts(site: Any) -> None:
    ids = world(site, site.inbox_id)
    other = accounts.create_account(site.core, "Other")
    accounts.create_user(
        site.core,
        account_id=other,
        email="eve@other.test",
        name="Eve",
        role="administrator",
        password=PASSWORD,
    )
    eve = site.sign_in("eve@other.test")

    for method, path in addresses(site, **ids):
        answer = call(eve, method, path)
        assert answer.status_code == 404, path
        assert "secret" not in answer.text.lower(), path


def test_every_route_of_another_account_finds_nothing_of_ours(site: Any) -> None:
    ids = world(site, site.inbox_id)
    other = accounts.create_account(site.core, "Other")
    accounts.create_user(
        site.core,
        account_id=other,
        email="eve@other.test",
        name="Eve",
        role="administrator",
        password=PASSWORD,
    )
    eve = site.sign_in("eve@other.test")

    for method, path in addresses(site, account_id=other, **ids):
        if "/settings" in path:
            continue  # of one's own account and tokens: see test_admin_settings
        answer = call(eve, method, path)
        assert "secret" not in answer.text.lower(), path
        if any(f"/{part}/" in f"{path}/" for part in ("files", "contacts", str(ids["number"]))):
            assert answer.status_code == 404, path


def test_every_route_hides_inboxes_of_others_from_agents(site: Any) -> None:
    hidden, _ = site.inbox("Board", "+6281100000010")
    ids = world(site, hidden)
    agent = site.agent

    for method, path in addresses(site, **ids):
        answer = call(agent, method, path)
        assert "secret" not in answer.text.lower(), path
        if f"/conversations/{ids['number']}" in path or "/files/" in path or "/contacts/" in path:
            assert answer.status_code == 404, path
    assert [m.content for m in site.rows(t.Message)] == ["secret words"]


def test_agent_sees_the_own_inbox(site: Any) -> None:
    ids = world(site, site.inbox_id)

    page = site.agent.get(f"/app/accounts/1/conversations/{ids['number']}")

    assert page.status_code == 200
    assert "secret words" in page.text


def test_membership_that_ends_hides_the_inbox_at_once(site: Any) -> None:
    ids = world(site, site.inbox_id)
    agent = site.agent
    path = f"/app/accounts/1/conversations/{ids['number']}"
    assert agent.get(path).status_code == 200

    with site.core.db.write("end membership") as connection:
        connection.execute(t.InboxMember.__table__.delete())

    assert agent.get(path).status_code == 404


def test_suspended_account_is_closed(site: Any) -> None:
    accounts.set_account_active(site.core, 1, False)

    assert site.admin.get("/app/accounts/1/conversations").status_code == 403


def test_agent_cannot_start_a_conversation_from_a_hidden_inbox(site: Any) -> None:
    hidden, _ = site.inbox("Board", "+6281100000010")

    answer = site.agent.post(
        "/app/accounts/1/conversations/new", inbox_id=hidden, number="+6281234567890"
    )

    assert answer.status_code == 404
    assert site.rows(t.Conversation) == []


def test_nobody_outside_the_inbox_can_be_assigned(site: Any) -> None:
    hidden, _ = site.inbox("Board", "+6281100000010")
    chat = site.chat(inbox_id=hidden)

    answer = site.admin.post(f"{chat.path}/assignee", fragment=True, user_id=site.agent_id)

    assert answer.status_code == 422
    assert chat.row.assignee_id is None


def test_message_of_another_conversation_cannot_be_reached_through_ours(site: Any) -> None:
    hidden, _ = site.inbox("Board", "+6281100000010")
    theirs = world(site, hidden)
    ours = site.chat()

    for action in ("retry", "react", "edit", "revoke"):
        answer = site.agent.post(
            f"{ours.path}/messages/{theirs['message_id']}/{action}", emoji="👍"
        )
        assert answer.status_code == 404, action
    log = site.agent.get(f"{ours.path}/log", ids=theirs["message_id"])
    assert "secret" not in log.text


def test_files_come_with_headers_that_keep_them_harmless(site: Any) -> None:
    chat = site.chat()
    message_id = chat.message("", content_type="media")
    page = chat.file(message_id, "document", b"<script>alert(1)</script>", "a.html", "text/html")

    answer = site.admin.get(f"/app/accounts/1/files/{page}")

    assert answer.data == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_file_of_a_deleted_message_is_gone(site: Any) -> None:
    chat = site.chat()
    message_id = chat.message("", content_type="media")
    file_id = chat.file(message_id, "document", b"%PDF-1.4", "a.pdf", "application/pdf")
    site.set(t.Message, t.Message.id == message_id, deleted_at=chat.row.created_at)

    assert site.admin.get(f"/app/accounts/1/files/{file_id}").status_code == 404


@pytest.mark.parametrize("number", [0, 10**18, 2**63 - 1, 2**63, 10**40])
def test_numbers_that_do_not_exist_are_not_found(site: Any, number: int) -> None:
    browser = site.admin

    assert browser.get(f"/app/accounts/1/conversations/{number}").status_code == 404
    assert browser.get(f"/app/accounts/{number}/conversations").status_code == 404
    assert browser.get(f"/app/accounts/1/files/{number}").status_code == 404
