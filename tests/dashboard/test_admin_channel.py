"""A channel's pages: evidence, behaviour, agents, configuration with rotation, templates, deletion."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from wide_provider import widened

from chatport.channels import Connection
from chatport.db import tables as t
from chatport.db import utcnow
from chatport.errors import AuthenticationFailed, ServiceUnreachable
from chatport.schema import MASK
from chatport.services import accounts


@pytest.fixture
def wide(site: Any) -> Any:
    """The site with a provider that has every kind of field."""
    return widened(site)


def at(site: Any, part: str = "") -> str:
    return f"/app/accounts/{site.account_id}/channels/{site.inbox_id}{part}"


def row(site: Any) -> Any:
    return site.one(t.Channel, t.Channel.id == site.channel_id)


def test_health_shows_evidence(site: Any) -> None:
    now = utcnow()
    site.set(
        t.Channel,
        t.Channel.id == site.channel_id,
        last_event_at=now - timedelta(minutes=14),
        refused_count=3,
        last_refused_at=now,
        connection="unauthorised",
        connection_reason="The key is wrong.",
        connection_action="Make a new key.",
        templates_error="nope",
        facts={
            "health": [{"title": "Quality", "value": "RED", "level": "error", "action": "Less"}]
        },
    )
    site.features(templates=True)
    chat = site.chat()
    message = chat.ours(status="failed")
    site.add(
        t.Send,
        account_id=site.account_id,
        channel_id=site.channel_id,
        conversation_id=chat.id,
        message_id=message,
        delivery_id="d1",
        state="failed",
        error="The number is not on WhatsApp.",
        finished_at=now,
    )

    page = site.admin.get(at(site)).text

    for words in ("14 minutes ago", "The key is wrong.", "Make a new key.", "Quality", "RED"):
        assert words in page
    assert "The number is not on WhatsApp." in page
    assert f"/conversations/{chat.number}?message={message}" in page


def test_stored_configuration_is_tested_without_being_shown(site: Any) -> None:
    site.provider.answers["validate_config"] = AuthenticationFailed("Refused.", action="Renew.")

    told = site.admin.post(at(site, "/test"), fragment=True).text

    assert "Refused." in told and "Renew." in told
    assert site.provider.calls[-1][1].config["webhook_verify_token"] == "s"


def test_checking_keeps_what_the_service_says(site: Any) -> None:
    site.provider.answers["connection_status"] = Connection(
        False, reason="Gone.", action="Link it.", login_required=True
    )

    told = site.admin.post(at(site, "/check"), fragment=True).text

    assert "Gone." in told or "Linking the phone" in told
    assert row(site).connection == "login_required"
    assert site.one(t.Task, t.Task.kind == "check_health")


def test_logout_leads_to_linking_again(site: Any) -> None:
    answer = site.admin.post(at(site, "/logout"))

    assert answer.headers["Location"] == at(site, "/login")
    assert row(site).connection == "login_required"


def test_behaviour_is_saved(site: Any) -> None:
    answer = site.admin.post(
        at(site, "/behaviour"),
        name="Renamed",
        lock_to_single_conversation="1",
        agent_signature="1",
        read_receipts="never",
    )

    inbox = site.one(t.Inbox)
    assert answer.status_code == 303
    assert (inbox.name, inbox.lock_to_single_conversation, inbox.agent_signature) == (
        "Renamed",
        True,
        True,
    )
    assert (inbox.read_receipts, inbox.group_activity) == ("never", False)


def test_refused_behaviour_keeps_what_was_chosen(site: Any) -> None:
    page = site.admin.post(
        at(site, "/behaviour"),
        name="Renamed",
        agent_signature="1",
        greeting_enabled="1",
        greeting_message=" ",
        read_receipts="never",
    ).text

    assert re.search(r'name="agent_signature" value="1" checked', page)
    assert re.search(r'name="read_receipts" value="never" checked', page)
    assert not re.search(r'name="group_activity" value="1" checked', page)
    assert site.one(t.Inbox).agent_signature is False


def test_inbox_needs_a_name(site: Any) -> None:
    answer = site.admin.post(at(site, "/behaviour"), name="  ")

    assert answer.status_code == 422 and "An inbox needs a name." in answer.text
    assert site.one(t.Inbox).name == "Sales"


def test_channel_is_switched_off_and_on(site: Any) -> None:
    admin = site.admin
    admin.post(at(site, "/active"), active="0")
    assert row(site).active is False
    assert "Switched off" in admin.get(at(site, "/behaviour")).text

    admin.post(at(site, "/active"), active="1")
    assert row(site).active is True


def test_agents_are_exactly_those_chosen_and_of_the_account(site: Any) -> None:
    other = accounts.create_account(site.core, "Other")
    stranger = accounts.create_user(
        site.core, account_id=other, email="eve@other.test", name="Eve", role="agent"
    )

    site.admin.post(at(site, "/agents"), user_id=[str(site.admin_id), str(stranger), "x"])

    assert [m.user_id for m in site.rows(t.InboxMember)] == [site.admin_id]
    assert "eve@other.test" not in site.admin.get(at(site, "/agents")).text


def configured(site: Any, **config: Any) -> None:
    """Give the channel a stored configuration of the wide schema."""
    values = {"address": "http://old:1", "region": "eu", "fast": False, "tries": 3} | config
    site.set(
        t.Channel,
        t.Channel.id == site.channel_id,
        provider_config={**values, "phone_number": ""},
        provider_secrets=site.core.vault.seal(
            {"key": "old-key-123", "webhook_verify_token": "old-hook-123"}
        ),
        auth_secrets=site.core.vault.seal({"webhook": ["old-hook-123"], "challenge": []}),
    )


TYPED = {"phone_number": "+6281100000009", "config-address": "http://new:1", "config-tries": "4"}


@pytest.mark.usefixtures("wide")
def test_configuration_keeps_secrets_that_are_left_empty(site: Any) -> None:
    configured(site)
    admin = site.admin

    page = admin.get(at(site, "/configuration")).text
    answer = admin.post(at(site, "/configuration"), **TYPED)

    assert "old-key-123" not in page and MASK not in page
    assert "Stored. Leave empty to keep it." in page
    assert answer.status_code == 303, answer.text
    assert row(site).provider_config["address"] == "http://new:1"
    assert row(site).provider_config["tries"] == 4
    assert site.core.vault.open(row(site).provider_secrets)["key"] == "old-key-123"


@pytest.mark.usefixtures("wide")
def test_refused_configuration_changes_nothing_and_says_why(site: Any) -> None:
    configured(site)
    site.provider.answers["validate_config"] = AuthenticationFailed("Refused.", action="Renew.")

    answer = site.admin.post(at(site, "/configuration"), **{**TYPED, "config-key": "fresh-key-999"})

    assert answer.status_code == 422
    assert "Refused." in answer.text and "Renew." in answer.text
    assert "fresh-key-999" not in answer.text
    # Saving again with the emptied field would keep the stored secret: that is said.
    assert answer.text.count("Please type this again") == 1
    assert row(site).provider_config["address"] == "http://old:1"


def test_evidence_is_asked_for_alone_while_somebody_looks(site: Any) -> None:
    answer = site.admin.get(at(site, "/evidence"))

    assert answer.status_code == 200
    assert "<html" not in answer.text and "<dl" in answer.text


@pytest.mark.usefixtures("wide")
def test_rotated_secret_is_shown_once_and_the_old_one_works_beside_it(site: Any) -> None:
    configured(site)
    admin = site.admin

    answer = admin.post(at(site, "/configuration/rotate"))

    vault = site.core.vault
    fresh = vault.open(row(site).auth_secrets)["webhook"]
    assert fresh != ["old-hook-123"]
    assert vault.open(row(site).previous_secrets)["webhook"] == ["old-hook-123"]
    first, second = (admin.get(answer.headers["Location"]).text for _ in range(2))
    assert fresh[0] in first and fresh[0] not in second
    assert "works until" in second
    assert '<span class="name">Webhook secret</span>' in first


@pytest.mark.usefixtures("wide")
def test_rotation_while_the_service_is_away_is_told_on_the_page(site: Any) -> None:
    configured(site)
    before = row(site).auth_secrets
    site.provider.answers["validate_config"] = ServiceUnreachable("Nobody.", action="Start it.")

    answer = site.admin.post(at(site, "/configuration/rotate"))

    assert answer.status_code == 422
    assert "Nobody." in answer.text and "Start it." in answer.text
    assert 'id="h-rotate"' in answer.text and 'id="h-config"' in answer.text
    assert row(site).auth_secrets == before


def test_provider_that_is_gone_is_told_on_every_page(site: Any) -> None:
    site.set(t.Channel, t.Channel.id == site.channel_id, provider="vanished")
    admin = site.admin

    for part in ("", "/behaviour", "/agents", "/configuration", "/setup"):
        answer = admin.get(at(site, part))
        assert answer.status_code == 200, part
        assert "vanished" in answer.text or part == "/setup"


def test_templates_are_listed_and_fetched_again(site: Any) -> None:
    site.features(templates=True)
    body = {"type": "BODY", "text": "Hello {{1}} <b>"}
    template = {"name": "hello", "language": "en", "status": "APPROVED", "components": [body]}
    site.set(t.Channel, t.Channel.id == site.channel_id, message_templates=[template])
    admin = site.admin

    page = admin.get(at(site, "/templates")).text
    admin.post(at(site, "/templates/sync"))

    assert "hello" in page and "approved" in page and "Hello {{1}} &lt;b&gt;" in page
    assert site.one(t.Task, t.Task.kind == "sync_templates")


def test_page_follows_a_sync_until_it_has_ended(site: Any) -> None:
    site.features(templates=True)
    admin = site.admin
    page = at(site, "/templates")
    where = t.Channel.id == site.channel_id
    site.set(t.Channel, where, message_templates_last_updated=utcnow() - timedelta(hours=1))

    asked = admin.post(at(site, "/templates/sync")).headers["Location"]
    waiting = admin.get(asked).text
    in_vain = admin.get(page, asked=int(time.time()) - 90).text
    site.set(t.Channel, where, message_templates_last_updated=utcnow() + timedelta(seconds=1))

    assert "Asking the service…" in waiting and 'hx-trigger="every 2s"' in waiting
    for ended in (in_vain, admin.get(asked).text, admin.get(page).text):
        assert "Asking the service…" not in ended and "every 2s" not in ended


def test_what_a_service_said_stands_once(site: Any) -> None:
    site.provider.answers["validate_config"] = AuthenticationFailed(
        "The service says: Bad key", action="Renew.", detail="Bad key"
    )

    assert site.admin.post(at(site, "/test"), fragment=True).text.count("Bad key") == 1


def test_deleting_ends_the_channel(site: Any) -> None:
    answer = site.admin.post(at(site, "/delete"))

    assert answer.status_code == 303
    assert row(site).deleted_at is not None
    assert site.admin.get(at(site)).status_code == 404
    assert site.one(t.Task, t.Task.kind == "unprovision")


def test_greeting_is_set_in_the_behaviour_of_a_channel(site: Any) -> None:
    path = f"/app/accounts/1/channels/{site.inbox_id}/behaviour"
    admin = site.admin

    answer = admin.post(
        path, name="Sales", greeting_enabled="1", greeting_message=" Welcome!\r\nBye "
    )

    assert answer.status_code == 303
    inbox = site.one(t.Inbox)
    assert (inbox.greeting_enabled, inbox.greeting_message) == (True, "Welcome!\nBye")
    assert ">Welcome!\nBye</textarea>" in admin.get(path).text


def test_greeting_without_a_text_is_refused_beside_the_field(site: Any) -> None:
    answer = site.admin.post(
        f"/app/accounts/1/channels/{site.inbox_id}/behaviour",
        name="Sales",
        greeting_enabled="1",
        greeting_message="  ",
    )

    assert answer.status_code == 422
    assert "Write what the greeting says" in answer.text
    assert site.one(t.Inbox).greeting_enabled is False
