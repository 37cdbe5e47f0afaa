"""People and roles, tokens, audit log, plugins, about, and the gallery of providers."""

from __future__ import annotations

import re
from typing import Any

from chatport.db import tables as t
from chatport.errors import PluginLoadError
from chatport.services import accounts, auth


def base(site: Any) -> str:
    return f"/app/accounts/{site.account_id}"


ADMIN_PAGES = (
    "/providers",
    "/channels",
    "/channels/add",
    "/channels/1",
    "/channels/1/setup",
    "/channels/1/login",
    "/channels/1/configuration",
    "/failures",
    "/failures/alerts",
    "/events",
    "/settings",
    "/settings/audit",
    "/settings/plugins",
    "/settings/about",
)


def test_pages_are_for_administrators(site: Any) -> None:
    admin, agent = site.admin, site.agent

    for path in ADMIN_PAGES:
        assert admin.get(base(site) + path).status_code == 200, path
        assert agent.get(base(site) + path).status_code == 403, path


def test_pages_have_no_inline_script_or_style_and_name_all_fields(site: Any) -> None:
    admin = site.admin

    for path in (*ADMIN_PAGES, "/settings/tokens", "/settings/answers", "/channels/1/behaviour"):
        page = admin.get(base(site) + path).text
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", page), path
        assert unnamed_fields(page) == [], path


def unnamed_fields(page: str) -> list[str]:
    """Inputs that no label names."""
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
    found = []
    for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", page):
        if 'type="hidden"' in field or "aria-label=" in field:
            continue
        known = re.search(r'\sid="([^"]+)"', field)
        wrapped = f'<label class="check">{field}' in page or f"<label>{field}" in page
        if not wrapped and not (known and known[1] in labelled):
            found.append(field)
    return found


def test_posts_need_our_token(site: Any) -> None:
    client = site.admin.client

    for path in ("/channels/1/delete", "/failures/replay", "/settings/tokens", "/settings/people"):
        assert client.post(base(site) + path, data={"all": "1"}).status_code == 400
    assert site.rows(t.AccessToken) == [] and site.one(t.Inbox).deleted_at is None


# --- people -----------------------------------------------------------------------------------------------------------


def test_person_is_added_and_can_sign_in(site: Any) -> None:
    site.admin.post(
        f"{base(site)}/settings/people",
        name="Cira",
        email="cira@shop.test",
        role="agent",
        password="correct horse battery",
    )

    assert site.sign_in("cira@shop.test").get(f"{base(site)}/conversations").status_code == 200
    assert "cira@shop.test" in site.admin.get(f"{base(site)}/settings").text


def test_person_with_bad_values_is_refused_beside_the_fields(site: Any) -> None:
    answer = site.admin.post(
        f"{base(site)}/settings/people", name="X", email="no", role="agent", password="short"
    )

    assert answer.status_code == 422
    assert "This is not a mail address." in answer.text and "at least 8" in answer.text
    assert 'value="X"' in answer.text and 'value="short"' not in answer.text


def test_adding_somebody_who_is_there_changes_no_role(site: Any) -> None:
    mine = site.one(t.User, t.User.id == site.admin_id).email

    answer = site.admin.post(
        f"{base(site)}/settings/people", name="Me", email=f" {mine.upper()} ", role="agent"
    )

    assert answer.status_code == 422 and "belongs to the account already" in answer.text
    assert site.one(t.Membership, t.Membership.user_id == site.admin_id).role == "administrator"


def test_new_person_needs_a_first_password(site: Any) -> None:
    other = accounts.create_account(site.core, "Other")
    accounts.create_user(
        site.core, account_id=other, email="eve@other.test", name="Eve", role="agent"
    )
    path, admin = f"{base(site)}/settings/people", site.admin

    stranger = admin.post(path, name="Cira", email="cira@shop.test", role="agent", password="")
    known = admin.post(path, name="Eve", email="eve@other.test", role="agent", password="")

    assert stranger.status_code == 422 and "Please give a first password" in stranger.text
    assert site.rows(t.User, t.User.email == "cira@shop.test") == []
    assert known.status_code == 303


def test_role_is_changed_and_noted(site: Any) -> None:
    admin = site.admin

    admin.post(f"{base(site)}/settings/people/{site.agent_id}/role", role="administrator")

    member = site.one(t.Membership, t.Membership.user_id == site.agent_id)
    assert member.role == "administrator"
    noted = site.one(t.AuditEntry, t.AuditEntry.action == "user.role_changed")
    assert noted.user_id == site.admin_id
    assert "user.role_changed" in admin.get(f"{base(site)}/settings/audit", action="user").text
    assert "user.role_changed" not in admin.get(f"{base(site)}/settings/audit", action="inbox").text


def test_administrators_cannot_lower_or_remove_themselves(site: Any) -> None:
    admin, mine = site.admin, f"{base(site)}/settings/people/{site.admin_id}"

    assert admin.post(f"{mine}/role", role="agent").status_code == 422
    assert admin.post(f"{mine}/remove").status_code == 422
    assert site.one(t.Membership, t.Membership.user_id == site.admin_id).role == "administrator"


def test_removed_person_loses_the_account(site: Any) -> None:
    chat = site.chat(assignee_id=site.agent_id)
    agent = site.agent

    site.admin.post(f"{base(site)}/settings/people/{site.agent_id}/remove")

    assert agent.get(f"{base(site)}/conversations").status_code == 404
    assert chat.row.assignee_id is None
    assert site.rows(t.InboxMember) == []


def test_people_of_other_accounts_cannot_be_changed(site: Any) -> None:
    other = accounts.create_account(site.core, "Other")
    eve = accounts.create_user(
        site.core, account_id=other, email="eve@other.test", name="Eve", role="agent"
    )

    for action in ("role", "remove"):
        path = f"{base(site)}/settings/people/{eve}/{action}"
        assert site.admin.post(path, role="administrator").status_code == 404
    assert site.one(t.Membership, t.Membership.user_id == eve).role == "agent"


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_token_is_shown_once_and_works_until_it_is_revoked(site: Any) -> None:
    agent = site.agent
    page = f"{base(site)}/settings/tokens"

    agent.post(page, name="Shop system")
    first, second = (agent.get(page).text for _ in range(2))

    found = re.search(r'id="token">([^<]+)<', first)
    assert found is not None and found[1] not in second
    signed_in = auth.authenticate_token(site.core, found[1])
    assert signed_in is not None and signed_in.user_id == site.agent_id
    assert "Shop system" in second

    agent.post(f"{page}/{site.one(t.AccessToken).id}")
    assert auth.authenticate_token(site.core, found[1]) is None


def test_token_of_somebody_else_is_not_there(site: Any) -> None:
    accounts.create_token(site.core, site.admin_id, "mine")
    page = f"{base(site)}/settings/tokens"

    assert site.agent.post(f"{page}/{site.one(t.AccessToken).id}").status_code == 404
    assert "mine" not in site.agent.get(page).text
    assert site.one(t.AccessToken).revoked_at is None


# --- audit, plugins, about, providers ---------------------------------------------------------------------------------


def test_audit_log_is_the_accounts_own(site: Any) -> None:
    other = accounts.create_account(site.core, "Other")
    site.add(t.AuditEntry, account_id=other, action="inbox.theirs")
    site.add(t.AuditEntry, account_id=site.account_id, action="inbox.ours", data={"a": ["<b>"]})

    page = site.admin.get(f"{base(site)}/settings/audit").text

    assert "inbox.ours" in page and "inbox.theirs" not in page
    assert "&lt;b&gt;" in page


def test_about_shows_settings_without_secrets(site: Any) -> None:
    page = site.admin.get(f"{base(site)}/settings/about").text

    assert "CHATPORT_PUBLIC_URL" in page and "CHATPORT_SECRET_KEY" in page
    for key in site.core.settings.secret_keys:
        assert key not in page


def test_gallery_tells_features_and_what_failed_and_why(site: Any) -> None:
    site.core.plugins.failed.append(
        PluginLoadError("broken", "chatport-broken", "1.0", "ImportError: no module <x>")
    )
    admin = site.admin

    page = admin.get(f"{base(site)}/providers").text

    assert "Fake" in page and "Groups" in page and "Reactions" in page
    assert "ImportError: no module &lt;x&gt;" in page and "chatport-broken" in page
    assert "pip install" in page
    assert "ImportError" in admin.get(f"{base(site)}/settings/plugins").text


def test_gallery_names_a_provider_that_channels_miss(site: Any) -> None:
    site.set(t.Channel, t.Channel.id == site.channel_id, provider="vanished")

    page = site.admin.get(f"{base(site)}/providers").text

    assert "The provider vanished is missing, and 1 channel needs it" in page


# --- second factors of others -----------------------------------------------------------------------------------------


def give_factor(site: Any, user_id: int) -> None:
    site.set(t.User, t.User.id == user_id, totp_secret=site.core.vault.seal("A" * 32))


def test_an_administrator_resets_a_second_factor(site: Any) -> None:
    agent = site.agent
    give_factor(site, site.agent_id)
    admin = site.admin
    path = f"{base(site)}/settings/people/{site.agent_id}/factor"
    assert path in admin.get(f"{base(site)}/settings").text

    assert admin.post(path).status_code == 303

    assert site.one(t.User, t.User.id == site.agent_id).totp_secret is None
    entry = site.rows(t.AuditEntry)[-1]
    assert (entry.action, entry.subject, entry.user_id, entry.account_id) == (
        "user.totp_reset",
        f"user:{site.agent_id}",
        site.admin_id,
        site.account_id,
    )
    assert agent.get(f"{base(site)}/conversations").status_code == 302  # signed out
    assert path not in admin.get(f"{base(site)}/settings").text
    site.sign_in("budi@shop.test")


def test_a_second_factor_of_a_person_of_other_accounts_stays(site: Any) -> None:
    other = accounts.create_account(site.core, "Other")
    site.add(t.Membership, account_id=other, user_id=site.agent_id, role="agent")
    give_factor(site, site.agent_id)

    refused = site.admin.post(f"{base(site)}/settings/people/{site.agent_id}/factor")

    assert refused.status_code == 422
    assert site.one(t.User, t.User.id == site.agent_id).totp_secret is not None


def test_a_second_factor_is_reset_by_administrators_of_the_account_only(site: Any) -> None:
    stranger = accounts.create_user(
        site.core,
        account_id=accounts.create_account(site.core, "Other"),
        email="eve@other.test",
        name="Eve",
        role="agent",
    )
    for user_id in (site.admin_id, stranger):
        give_factor(site, user_id)
    path = f"{base(site)}/settings/people/%d/factor"

    assert site.agent.post(path % site.admin_id).status_code == 403
    site.set(t.User, t.User.id == site.admin_id, totp_secret=None)
    admin = site.admin
    give_factor(site, site.admin_id)
    assert admin.post(path % stranger).status_code == 404
    assert admin.post(path % site.admin_id).status_code == 422
    assert all(
        site.one(t.User, t.User.id == user_id).totp_secret for user_id in (site.admin_id, stranger)
    )
