"""Adding a channel: form from the schema, validation, test of the connection, creation, webhook, phone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from wide_provider import widened

from chatport.channels import Connection, PairingPrompt
from chatport.db import tables as t
from chatport.db import utcnow
from chatport.errors import NotConnected, ServiceUnreachable


@pytest.fixture
def wide(site: Any) -> Any:
    """The site with a provider that has every kind of field, and both ways to link."""
    return widened(site)


FILLED = {
    "name": "Second",
    "phone_number": "+6281100000077",
    "config-address": "http://service:1",
    "config-key": "k-123456789",
}


def base(site: Any) -> str:
    return f"/app/accounts/{site.account_id}/channels"


def test_form_is_made_from_the_schema(wide: Any) -> None:
    page = wide.admin.get(f"{base(wide)}/add", provider="fake").text

    assert 'name="config-address" type="url"' in page
    assert 'placeholder="http://service:1"' in page
    assert "Where it is." in page
    assert 'name="config-key" type="password"' in page
    assert "Key &lt;b&gt;" in page
    assert '<option value="us" >America</option>' in page
    assert 'type="checkbox" id="f-config-fast"' in page
    assert 'name="config-tries" type="number" value="3"' in page
    assert "<legend>The service</legend>" in page
    assert 'name="phone_number" type="tel"' in page and 'name="config-phone_number"' in page


def test_addresses_and_numbers_are_written_from_left_to_right(wide: Any) -> None:
    page = wide.admin.get(f"{base(wide)}/add", provider="fake").text

    for name in ("phone_number", "callback_base_url", "config-address", "config-phone_number"):
        field = re.search(rf'<input[^>]* name="{name}"[^>]*>', page)
        assert field and 'dir="ltr"' in field[0], name


def test_choice_leaves_out_providers_that_the_account_may_not_use(wide: Any) -> None:
    admin = wide.admin
    assert "provider=fake" in admin.get(f"{base(wide)}/add").text

    wide.set(t.Account, t.Account.id == wide.account_id, providers_allowed=["other"])

    assert "provider=fake" not in admin.get(f"{base(wide)}/add").text
    assert admin.get(f"{base(wide)}/add", provider="fake").status_code == 404
    assert admin.post(f"{base(wide)}/add/fake", **FILLED).status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("config-address", "abc", "Shorter than minimum length 5."),
        ("config-address", "", "Please fill this in."),
        ("config-tries", "many", "This is no whole number."),
        ("phone_number", "12", "Give the number with + and country code"),
        ("name", " ", "Please write a name."),
    ],
)
def test_field_is_checked_while_the_form_is_filled_in(
    wide: Any, field: str, value: str, told: str
) -> None:
    admin, path = wide.admin, f"{base(wide)}/add/fake/check?field={field}"

    wrong = admin.post(path, fragment=True, **{**FILLED, field: value}).text
    right = admin.post(path, fragment=True, **FILLED).text

    assert told in wrong and "field-problem" in wrong
    assert "field-problem" not in right
    assert "k-123456789" not in wrong + right


def test_connection_test_shows_cause_and_fix_and_stores_nothing(wide: Any) -> None:
    wide.provider.answers["validate_config"] = ServiceUnreachable(
        "The service does not answer.", action="Start it."
    )

    told = wide.admin.post(f"{base(wide)}/add/fake/test", fragment=True, **FILLED).text

    assert "The service does not answer." in told and "Start it." in told
    assert len(wide.rows(t.Channel)) == 1
    called = wide.provider.calls[-1][1]
    assert called.config["key"] == "k-123456789" and called.phone_number == "+6281100000077"


def test_connection_test_works_without_a_name_and_without_scripts(wide: Any) -> None:
    page = wide.admin.post(f"{base(wide)}/add/fake/test", **{**FILLED, "name": ""})

    assert page.status_code == 200
    assert "It works: messages can be sent" in page.text
    assert 'value="http://service:1"' in page.text
    assert "k-123456789" not in page.text


def test_connection_test_tells_that_linking_is_next(wide: Any) -> None:
    wide.provider.answers["validate_config"] = Connection(connected=False, login_required=True)

    told = wide.admin.post(f"{base(wide)}/add/fake/test", fragment=True, **FILLED).text

    assert "Linking the phone is the next step." in told


def test_creating_goes_on_to_setup_with_made_secrets_shown_once(wide: Any) -> None:
    admin = wide.admin

    answer = admin.post(f"{base(wide)}/add/fake", **FILLED)

    inbox = wide.one(t.Inbox, t.Inbox.name == "Second")
    channel = wide.one(t.Channel, t.Channel.id == inbox.channel_id)
    secrets = wide.core.vault.open(channel.provider_secrets)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{base(wide)}/{inbox.id}/setup"
    assert secrets["webhook_verify_token"] not in "".join(answer.headers.getlist("Set-Cookie"))
    first, second = (admin.get(answer.headers["Location"]).text for _ in range(2))
    assert secrets["webhook_verify_token"] in first
    assert "/webhooks/whatsapp/6281100000077" in first
    assert secrets["webhook_verify_token"] not in second
    assert "k-123456789" not in first + second


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"phone_number": "+6281100000009"}, "There is already an inbox"),
        ({"config-key": ""}, "Please fill this in."),
        ({"callback_base_url": "nowhere"}, "Give an address such as https://chat.example.com."),
    ],
)
def test_refused_form_comes_back_with_what_was_typed_but_no_secret(
    wide: Any, change: dict[str, str], told: str
) -> None:
    answer = wide.admin.post(f"{base(wide)}/add/fake", **{**FILLED, **change})

    assert answer.status_code == 422
    assert told in answer.text
    assert 'value="Second"' in answer.text
    assert "k-123456789" not in answer.text
    assert len(wide.rows(t.Channel)) == 1


def test_hostile_values_are_escaped(wide: Any) -> None:
    nasty = '"><script>x</script>'
    answer = wide.admin.post(
        f"{base(wide)}/add/fake", **{**FILLED, "name": nasty, "config-address": nasty, "x": nasty}
    )
    shown = wide.admin.get(answer.headers["Location"]).text

    assert "<script>x" not in answer.text + shown
    assert "&lt;script&gt;x" in shown


# --- the webhook ------------------------------------------------------------------------------------------------------


def setup(site: Any, part: str = "") -> str:
    return f"{base(site)}/{site.inbox_id}/setup{part}"


def channel(site: Any, **values: Any) -> None:
    site.set(t.Channel, t.Channel.id == site.channel_id, **values)


def test_secret_steps_are_shown_on_request_and_once(site: Any) -> None:
    admin = site.admin
    channel(
        site,
        provisioning={
            "state": "done",
            "done": ["Device made"],
            "steps": [
                {"title": "Paste", "instruction": "Put it there.", "secret": False}
                | {"values": {"URL": "https://here"}},
                {"title": "Token", "instruction": "And this.", "secret": True, "values": {}}
                | {"sealed": site.core.vault.seal({"Verify token": "v-secret-1"})},
            ],
        },
    )

    before = admin.get(setup(site)).text
    taken = admin.post(setup(site, "/steps"), fragment=True).text
    again = admin.post(setup(site, "/steps"), fragment=True).text

    assert "Device made" in before and "https://here" in before
    assert "Show the values, once" in before and "v-secret-1" not in before
    assert "v-secret-1" in taken and "https://here" in taken
    assert "v-secret-1" not in again and "The values were shown already" in again


def test_progress_asks_again_until_it_is_known(site: Any) -> None:
    admin = site.admin
    assert "every 2s" in admin.get(setup(site, "/progress")).text

    failed = {"state": "failed", "done": [], "steps": [], "error": "No.", "action": "Do so."}
    channel(site, provisioning=failed)

    told = admin.get(setup(site, "/progress")).text
    assert "No." in told and "Do so." in told and "every 2s" not in told


def test_setting_up_again_asks_for_the_task(site: Any) -> None:
    answer = site.admin.post(setup(site, "/again"))

    assert answer.status_code == 303
    assert site.one(t.Task, t.Task.kind == "provision").channel_id == site.channel_id


def test_listening_line_tells_first_hit_verified_or_refused(site: Any) -> None:
    admin, now = site.admin, utcnow()
    assert "Listening for the first delivery" in admin.get(setup(site, "/listening")).text

    channel(site, refused_count=2, last_refused_at=now)
    refused = admin.get(setup(site, "/listening")).text
    assert "was refused" in refused and "2 refused until now" in refused

    site.add(
        t.RawRequest,
        account_id=site.account_id,
        channel_id=site.channel_id,
        received_at=now,
        body=b"{}",
        state="done",
        items=[{"key": "m:1", "kind": "message", "state": "applied"}],
    )
    channel(site, last_event_at=now + timedelta(seconds=1))
    verified = admin.get(setup(site, "/listening")).text
    assert "was verified" in verified and "message: applied" in verified


# --- the phone --------------------------------------------------------------------------------------------------------


def login(site: Any, part: str = "") -> str:
    return f"{base(site)}/{site.inbox_id}/login{part}"


def test_code_is_shown_with_its_time_and_fetched_again_before_it_ends(wide: Any) -> None:
    channel(wide, connection="login_required")
    wide.provider.answers["start_pairing"] = PairingPrompt("qr", 30, image=b"PNGDATA")

    shown = wide.admin.post(login(wide), fragment=True, method="qr").text

    assert "data:image/png;base64,UE5HREFUQQ==" in shown
    assert 'data-expires-in="30"' in shown and "load delay:28s" in shown
    assert '"round": "1"' in shown
    assert "Type a code instead" in shown


def test_pairing_code_is_shown_as_text(wide: Any) -> None:
    channel(wide, connection="login_required")
    wide.provider.answers["start_pairing"] = PairingPrompt("code", 60, text="ABCD-1234")

    assert "ABCD-1234" in wide.admin.post(login(wide), fragment=True, method="code").text
    assert ("start_pairing", ("code", "+6281100000009")) in wide.provider.calls


def test_codes_are_not_fetched_for_ever(wide: Any) -> None:
    channel(wide, connection="login_required")

    told = wide.admin.post(login(wide), fragment=True, method="qr", round="8").text

    assert "No phone was linked" in told and "load delay" not in told
    assert not wide.provider.calls


def test_refused_pairing_shows_ways_out(wide: Any) -> None:
    channel(wide, connection="login_required")
    wide.provider.answers["start_pairing"] = NotConnected("Busy.", action="Wait.")
    wide.provider.answers["connection_status"] = Connection(connected=False)

    told = wide.admin.post(login(wide), fragment=True, method="qr").text

    for words in ("Busy.", "Wait.", "Try again", "Use a code to type", "Log out and begin anew"):
        assert words in told


def test_phone_that_was_linked_meanwhile_is_connected_and_no_error(wide: Any) -> None:
    channel(wide, connection="login_required")
    wide.provider.answers["start_pairing"] = NotConnected("Already logged in.")

    told = wide.admin.post(login(wide), fragment=True, method="qr").text

    assert "Already logged in." not in told and "To the conversations" in told


def test_state_line_replaces_the_code_once_the_phone_is_linked(wide: Any) -> None:
    admin = wide.admin
    channel(wide, connection="login_required")
    waiting = admin.get(login(wide, "/state"))
    channel(wide, connection="connected")
    linked = admin.get(login(wide, "/state"))

    assert "Waiting for the phone" in waiting.text and "HX-Retarget" not in waiting.headers
    assert linked.headers["HX-Retarget"] == "#login"
    assert "To the conversations" in linked.text


def test_provider_without_pairing_has_no_login_page(site: Any) -> None:
    site.features(pairing=())

    assert site.admin.get(login(site)).status_code == 404
